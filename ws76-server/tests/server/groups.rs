//! Groups: sending to those who joined.

use ws76_server::{Connection, Delivery};

use crate::support::{BOTH, Client, Quiet, TestServer};

/// Four open clients, of each protocol two where there are two, with their connections.
async fn four(server: &mut TestServer) -> Vec<(Client, Connection)> {
    let mut four = Vec::new();
    for (id, &speaks) in (1..=4).zip(BOTH.iter().cycle()) {
        let client = Client::open(server.addr, speaks).await;
        four.push((client, server.opened(id).await));
    }
    four
}

const fn queued(delivery: Delivery) -> usize {
    delivery.queued
}

#[tokio::test]
async fn group_is_sent_to_whole_or_but_for_one() {
    let mut server = TestServer::start(Quiet).await;
    let mut four = four(&mut server).await;
    let registry = server.registry.clone();
    let ids: Vec<_> = four.iter().map(|(_, one)| one.id()).collect();
    for id in &ids[..3] {
        assert!(registry.join("room", *id));
    }
    assert!(!registry.join("room", ids[0]), "it is in it already");
    assert!(registry.join("other", ids[0]));
    assert_eq!(registry.group_len("room"), 3);

    assert_eq!(queued(registry.send_group("room", "日本語")), 3);
    assert_eq!(queued(registry.broadcast_group("room", ids[1], "not 2")), 2);
    assert_eq!(
        queued(registry.broadcast_group("room", ids[3], "from outside")),
        3
    );
    assert_eq!(queued(registry.send_group("other", "other")), 1);
    assert_eq!(registry.send_group("nobody", "x"), Delivery::default());
    let expected: [&[&str]; 4] = [
        &["日本語", "not 2", "from outside", "other"],
        &["日本語", "from outside"],
        &["日本語", "not 2", "from outside"],
        &[],
    ];
    for ((client, connection), texts) in four.iter_mut().zip(expected) {
        for text in texts {
            client.expect_text(text).await;
        }
        connection.close();
        client.expect(client.speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn connection_leaves_by_itself_and_when_it_closes() {
    // P5, T16: nothing stays of a connection or of an empty group.
    let mut server = TestServer::start(Quiet).await;
    let mut four = four(&mut server).await;
    let registry = server.registry.clone();
    let ids: Vec<_> = four.iter().map(|(_, one)| one.id()).collect();
    for id in &ids {
        assert!(registry.join("a", *id) && registry.join("b", *id));
    }
    assert!(registry.leave("a", ids[0]));
    assert!(!registry.leave("a", ids[0]) && !registry.leave("nobody", ids[0]));
    assert_eq!((registry.group_len("a"), registry.group_len("b")), (3, 4));

    let (client, _) = four.remove(1);
    client.reset();
    assert_eq!(server.closed().await.0, 2);
    assert_eq!((registry.group_len("a"), registry.group_len("b")), (2, 3));
    assert!(!registry.join("a", ids[1]), "it is closed");
    assert!(!registry.leave("b", ids[1]));
    for (client, _) in four {
        client.reset();
        server.closed().await;
    }
    assert_eq!((registry.group_len("a"), registry.group_len("b")), (0, 0));
}
