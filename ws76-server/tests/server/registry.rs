//! Sending: to one, to all but one, and to all, of either protocol.

use ws76_server::{CloseReason, Config, Connection, Delivery, Handler, SendError, Text};

use crate::support::{self, BOTH, Client, Echo, Quiet, Seen, TestServer, settle};

const fn counts(delivery: Delivery) -> (usize, usize, usize) {
    (delivery.queued, delivery.full, delivery.closed)
}

/// One open client of each protocol twice, with their connections.
async fn crowd(server: &mut TestServer) -> Vec<(Client, Connection)> {
    let mut crowd = Vec::new();
    for (id, &speaks) in (1..).zip(BOTH.iter().chain(BOTH)) {
        let client = Client::open(server.addr, speaks).await;
        crowd.push((client, server.opened(id).await));
    }
    crowd
}

#[tokio::test]
async fn unicast_reaches_its_connection_only() {
    let mut server = TestServer::start(Quiet).await;
    let mut crowd = crowd(&mut server).await;
    for (_, connection) in &crowd {
        let text = format!("for {}", connection.id());
        assert_eq!(server.registry.unicast(connection.id(), text), Ok(()));
    }
    for (client, connection) in &mut crowd {
        client
            .expect_text(&format!("for {}", connection.id()))
            .await;
        connection.close();
        client.expect(client.speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn broadcast_skips_source_and_reaches_both_protocols() {
    // P3
    let mut server = TestServer::start(Quiet).await;
    let mut crowd = crowd(&mut server).await;
    let count = crowd.len();
    for source in 0..count {
        let delivery = server.registry.broadcast(crowd[source].1.id(), "日本語");
        assert_eq!(counts(delivery), (count - 1, 0, 0));
        for (at, (client, _)) in crowd.iter_mut().enumerate() {
            if at != source {
                client.expect_text("日本語").await;
            }
        }
    }
    for (client, connection) in &mut crowd {
        connection.close();
        client.expect(client.speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn send_all_reaches_everybody_whole_and_in_order() {
    // P1, P3
    let mut server = TestServer::start(Quiet).await;
    let mut crowd = crowd(&mut server).await;
    let texts: Vec<String> = (0..100)
        .map(|n| format!("{n}:{}", "x".repeat(n * 7)))
        .collect();
    for (at, text) in texts.iter().enumerate() {
        // Copied and shared entries of a queue keep their order.
        match at % 3 {
            0 => crowd
                .iter()
                .for_each(|(_, one)| assert_eq!(one.try_send(text), Ok(()))),
            _ => assert_eq!(counts(server.registry.send_all(text)), (crowd.len(), 0, 0)),
        }
    }
    for (client, _) in &mut crowd {
        let all: Vec<u8> = texts
            .iter()
            .flat_map(|text| client.speaks.sent(text))
            .collect();
        client.expect(all).await;
    }
}

#[tokio::test]
async fn ids_are_never_reused_and_gone_ids_are_error_values() {
    // P5
    let mut server = TestServer::start(Echo).await;
    let mut gone = Vec::new();
    for id in 1..=6 {
        let mut client = Client::open(server.addr, BOTH[0]).await;
        let connection = server.opened(id).await;
        assert_eq!(
            server
                .registry
                .get(connection.id())
                .map(|one| one.id().get()),
            Some(id)
        );
        client.send_closing().await;
        client.read_to_end().await;
        server.closed().await;
        gone.push(connection);
    }
    for connection in gone {
        let id = connection.id();
        assert_eq!(
            server.registry.unicast(id, "too late"),
            Err(SendError::Closed)
        );
        assert_eq!(connection.try_send("too late"), Err(SendError::Closed));
        assert_eq!(connection.send("too late").await, Err(SendError::Closed));
        assert_eq!(connection.flush().await, Err(SendError::Closed));
        assert!(server.registry.get(id).is_none());
        connection.close();
    }
    assert_eq!(counts(server.registry.send_all("nobody")), (0, 0, 0));
}

#[tokio::test]
async fn closing_connection_takes_nothing_more() {
    // X2: nothing is written behind the closing frame.
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        assert_eq!(connection.try_send("before"), Ok(()));
        connection.close();
        for _ in 0..2 {
            assert_eq!(connection.try_send("after"), Err(SendError::Closing));
            assert_eq!(connection.send("after").await, Err(SendError::Closing));
            let unicast = server.registry.unicast(connection.id(), "after");
            assert_eq!(unicast, Err(SendError::Closing));
            assert_eq!(counts(server.registry.send_all("after")), (0, 0, 1));
            assert_eq!(connection.flush().await, Ok(()));
            settle().await;
        }
        client
            .expect([speaks.sent("before"), speaks.sent_closing(1000)].concat())
            .await;
        client.send_closing().await;
        client.expect_end(b"").await;
        server
            .expect([Seen::Closed(1, CloseReason::Local { clean: true })])
            .await;
        assert_eq!(connection.try_send("after"), Err(SendError::Closed));
    }
}

#[tokio::test]
async fn message_over_the_limit_is_never_sent() {
    // P2: the limit holds in both directions.
    for &speaks in BOTH {
        let config = Config::new().with_max_message_len(5);
        let mut server = TestServer::with(config, Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        let too_long = Err(SendError::TooLong { max: 5 });
        assert_eq!(connection.try_send("123456"), too_long);
        assert_eq!(connection.send("12345é").await, too_long);
        assert_eq!(server.registry.unicast(connection.id(), "123456"), too_long);
        assert_eq!(counts(server.registry.send_all("123456")), (0, 1, 0));
        assert_eq!(connection.send("12345").await, Ok(()));
        client.expect_text("12345").await;
    }
}

/// Broadcasts what comes.
struct Relay;

impl Handler for Relay {
    async fn on_message(&self, connection: &Connection, text: Text) {
        let delivery = connection.registry().broadcast(connection.id(), text);
        assert_eq!((delivery.full, delivery.closed), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn broadcasts_of_all_arrive_everywhere_in_the_order_of_their_senders() {
    // P1, P3, and the exact accounting: everything queued is received, once.
    const EACH: usize = 50;
    let mut server = TestServer::start(Relay).await;
    let mut clients = Vec::new();
    for (id, &speaks) in (1..=12).zip(BOTH.iter().cycle()) {
        clients.push(Client::open(server.addr, speaks).await);
        server.expect([Seen::Open(id)]).await;
    }
    let others = clients.len() - 1;
    let tasks: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(sender, mut client)| {
            tokio::spawn(async move {
                for number in 0..EACH {
                    client.send(&format!("{sender:02}:{number:02}")).await;
                }
                let len = client.speaks.sent("00:00").len();
                let mut next = vec![0; others + 1];
                for _ in 0..others * EACH {
                    let frame = client.read_exact(len).await;
                    let digit = |at: usize| usize::from(frame[at] - b'0');
                    let at = frame.iter().position(u8::is_ascii_digit).unwrap();
                    let from = digit(at) * 10 + digit(at + 1);
                    assert_ne!(from, sender, "broadcast skips its source");
                    let text = format!("{from:02}:{:02}", next[from]);
                    support::assert_same(&frame, &client.speaks.sent(&text));
                    next[from] += 1;
                }
                client.send_closing().await;
                client.expect_end(client.speaks.sent_closing(1000)).await;
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
