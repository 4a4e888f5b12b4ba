//! What only RFC 6455 has: binary messages, and closing frames that say why.

use bytes::Bytes;
use ws76_server::{
    BinaryMessages, CloseReason, CloseStatus, Config, Connection, ConnectionError, Event, Handler,
    Rfc6455Error, SendError, Server, Text,
};

use crate::support::{self, Client, Quiet, Seen, Speaks, TestServer, listener, masked};

/// Sends back binary messages; closes as a text says.
#[derive(Debug)]
struct EchoBinary;

impl Handler for EchoBinary {
    async fn on_message(&self, connection: &Connection, text: Text) {
        let status = CloseStatus::new(4001, text.as_str()).expect("the test's texts are short");
        connection.close_with(status);
    }

    async fn on_binary(&self, connection: &Connection, bytes: Bytes) {
        let _ = connection.send_binary(bytes).await;
    }
}

#[tokio::test]
async fn binary_message_closes_with_1003_by_default() {
    let mut server = TestServer::start(EchoBinary).await;
    let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
    client.write(masked(0x82, b"\x00\xff")).await;
    client.expect_end(Speaks::Rfc6455.sent_closing(1003)).await;
    let error = ConnectionError::from(Rfc6455Error::Binary);
    server
        .expect([
            Seen::Open(1),
            Seen::Error(1, error),
            Seen::Closed(1, CloseReason::Error(error)),
        ])
        .await;
}

#[tokio::test]
async fn binary_messages_are_delivered_and_sent_in_order_where_that_is_chosen() {
    // P1
    let config = Config::new()
        .with_binary(BinaryMessages::Deliver)
        .with_max_message_len(1000);
    let mut server = TestServer::with(config, EchoBinary).await;
    let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
    client.write(masked(0x82, b"\x00\xff")).await;
    client.expect(b"\x82\x02\x00\xff").await;
    client.write(masked(0x82, &[7; 1000])).await;
    client
        .expect([&b"\x82\x7e\x03\xe8"[..], &[7; 1000]].concat())
        .await;
    server
        .expect([
            Seen::Open(1),
            Seen::Binary(1, vec![0, 255]),
            Seen::Binary(1, vec![7; 1000]),
        ])
        .await;
    let connection = server.registry.connections().remove(0);
    assert_eq!(connection.try_send("a"), Ok(()));
    assert_eq!(connection.try_send_binary(&b"b"[..]), Ok(()));
    assert_eq!(connection.try_send("c"), Ok(()));
    let too_long = SendError::TooLong { max: 1000 };
    assert_eq!(connection.try_send_binary(vec![0; 1001]), Err(too_long));
    client.expect(b"\x81\x01a\x82\x01b\x81\x01c").await;
    client.write(masked(0x82, &[7; 1001])).await;
    client.expect_end(Speaks::Rfc6455.sent_closing(1009)).await;
}

#[tokio::test]
async fn binary_message_for_a_draft76_client_is_an_error_value() {
    let mut server = TestServer::start(Quiet).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    let connection = server.opened(1).await;
    assert_eq!(connection.try_send_binary("a"), Err(SendError::Unsupported));
    assert_eq!(
        connection.send_binary("a").await,
        Err(SendError::Unsupported)
    );
    assert_eq!(connection.try_send("b"), Ok(()));
    client.expect_text("b").await;
}

#[tokio::test]
async fn slow_receiver_of_binary_messages_has_a_bounded_queue() {
    // P2, P7: what waits counts as a frame.
    let config = Config::new().with_max_queued_len(30);
    let mut server = TestServer::on(support::narrow_listener(), config, Quiet);
    let _client = Client::connect_narrow(server.addr)
        .await
        .opened(Speaks::Rfc6455)
        .await;
    let connection = server.opened(1).await;
    // 30 bytes hold three times 8 + 2.
    for _ in 0..3 {
        assert_eq!(connection.try_send_binary(vec![0; 8]), Ok(()));
    }
    assert_eq!(connection.try_send_binary(vec![]), Err(SendError::Full));
    while connection.queued() > 0 {
        tokio::task::yield_now().await;
    }
    // One that is longer than the queue is taken while that is empty; the kernel never takes it all.
    assert_eq!(connection.try_send_binary(vec![0; 1 << 20]), Ok(()));
    support::settle().await;
    assert_eq!(connection.try_send_binary(vec![]), Err(SendError::Full));
}

#[tokio::test]
async fn close_says_why_to_those_who_have_words_for_it() {
    let mut server = TestServer::start(EchoBinary).await;
    for (id, speaks) in [(1, Speaks::Draft76), (2, Speaks::Rfc6455)] {
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(id).await;
        client.send("signed in elsewhere").await;
        match speaks {
            Speaks::Draft76 => client.expect(b"\xff\x00").await,
            Speaks::Rfc6455 => {
                client.expect(b"\x88\x15\x0f\xa1signed in elsewhere").await;
            }
        }
        assert_eq!(connection.try_send("late"), Err(SendError::Closing));
        client.send_closing().await;
        let reason = CloseReason::Local { clean: true };
        assert_eq!(server.closed().await, (id, reason));
    }
}

#[tokio::test]
async fn second_close_does_not_change_what_the_first_says() {
    let mut server = TestServer::start(Quiet).await;
    let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
    let connection = server.opened(1).await;
    connection.close();
    connection.close_with(CloseStatus::new(4001, "late").unwrap());
    client.expect(Speaks::Rfc6455.sent_closing(1000)).await;
}

#[tokio::test]
async fn what_the_client_says_in_its_closing_frame_can_be_read() {
    // P13
    let mut server = TestServer::start(Quiet).await;
    for (id, frame, status) in [
        (1, masked(0x88, b"\x0f\xa1bye"), Some((4001, "bye"))),
        (2, masked(0x88, b""), None),
    ] {
        let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
        let connection = server.opened(id).await;
        assert_eq!(connection.peer_status(), None);
        client.write(frame).await;
        let reason = CloseReason::Peer { clean: true };
        assert_eq!(server.closed().await, (id, reason));
        let said = connection.peer_status();
        assert_eq!(said.map(|said| (said.code(), said.reason())), status);
    }
}

#[tokio::test]
async fn loop_over_events_gets_binary_messages() {
    let server = Server::new(listener().await)
        .with_config(Config::new().with_binary(BinaryMessages::Deliver));
    let addr = server.local_addrs().unwrap()[0];
    let (mut events, _) = server.into_events();
    let mut client = Client::open(addr, Speaks::Rfc6455).await;
    client.write(masked(0x82, b"\x00\xff")).await;
    assert!(matches!(events.recv().await, Some(Event::Open(_))));
    match events.recv().await {
        Some(Event::Binary(connection, bytes)) => {
            assert_eq!((connection.id().get(), &bytes[..]), (1, &b"\x00\xff"[..]));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn fragments_of_the_limit_are_one_message_and_one_more_closes_with_1008() {
    // T3, T12: whole and cut; what came before is delivered.
    for max in [3, 4096] {
        let config = Config::new().with_max_fragments(max);
        assert_eq!(Config::new().max_fragments, 4096);
        let fragments = |count: usize| {
            let mut bytes = masked(0x01, b"a");
            for _ in 2..count {
                bytes.extend(masked(0x00, b"b"));
            }
            bytes.extend(masked(0x80, b"c"));
            bytes
        };
        let text = format!("a{}c", "b".repeat(max - 2));
        let error = ConnectionError::from(Rfc6455Error::TooManyFragments { max });
        let bytes = [masked(0x81, b"before"), fragments(max), fragments(max + 1)].concat();
        for size in [bytes.len(), 1000, 7] {
            let mut server = TestServer::with(config.clone(), Quiet).await;
            let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
            for chunk in bytes.chunks(size) {
                client.write(chunk).await;
            }
            client.expect_end(Speaks::Rfc6455.sent_closing(1008)).await;
            server
                .expect([
                    Seen::Open(1),
                    Seen::Message(1, "before".to_owned()),
                    Seen::Message(1, text.clone()),
                    Seen::Error(1, error),
                    Seen::Closed(1, CloseReason::Error(error)),
                ])
                .await;
        }
    }
}
