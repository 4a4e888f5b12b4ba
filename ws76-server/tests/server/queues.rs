//! Bounded outbound queues, and what happens when they are full.

use ws76_server::{CloseReason, Config, Connection, Delivery, SendError, SlowReceiver};

use crate::support::{
    self, BOTH, Client, Quiet, Speaks, TestServer, narrow_listener, settle, within,
};

const fn counts(delivery: Delivery) -> (usize, usize, usize) {
    (delivery.queued, delivery.full, delivery.closed)
}

#[tokio::test]
async fn queue_takes_n_messages_and_not_one_more() {
    // P2, P7: without an await nothing is written between two sends.
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(3);
        let mut server = TestServer::with(config, Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        for text in ["1", "2", "3"] {
            assert_eq!(connection.try_send(text), Ok(()));
        }
        assert_eq!(connection.try_send("4"), Err(SendError::Full));
        assert_eq!(connection.queued(), 3);
        for text in ["1", "2", "3"] {
            client.expect_text(text).await;
        }
        assert_eq!(
            connection.try_send("5"),
            Ok(()),
            "`try_send` leaves a slow receiver alone"
        );
        client.expect_text("5").await;
    }
}

#[tokio::test]
async fn queue_takes_n_bytes_and_not_one_more() {
    // P2: counted as frames, for both protocols alike (T3).
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_len(12);
        let mut server = TestServer::with(config, Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        assert_eq!(connection.try_send("1234"), Ok(()));
        assert_eq!(connection.try_send("12345"), Err(SendError::Full));
        assert_eq!(connection.try_send("5678"), Ok(()));
        assert_eq!(connection.try_send(""), Err(SendError::Full));
        client.expect_text("1234").await;
        client.expect_text("5678").await;
    }
}

#[tokio::test]
async fn queue_counts_each_frame_as_long_as_it_is() {
    // P2: from 126 bytes on, RFC 6455 has a longer head.
    let text = "x".repeat(126);
    for &speaks in BOTH {
        let two = 2 * speaks.sent(&text).len();
        for (max, second) in [(two, Ok(())), (two - 1, Err(SendError::Full))] {
            let config = Config::new().with_max_queued_len(max);
            let mut server = TestServer::with(config, Quiet).await;
            let mut client = Client::open(server.addr, speaks).await;
            let connection = server.opened(1).await;
            assert_eq!(connection.try_send(&text), Ok(()));
            assert_eq!(connection.try_send(&text), second, "{max}");
            client.expect_text(&text).await;
        }
    }
}

#[tokio::test]
async fn full_queue_meets_the_policy_and_the_others_get_all() {
    // P7, P3
    for &speaks in BOTH {
        for policy in [
            SlowReceiver::Disconnect,
            SlowReceiver::DropNewest,
            SlowReceiver::DropOldest,
        ] {
            let config = Config::new()
                .with_max_queued_messages(2)
                .with_slow_receiver(policy);
            let mut server = TestServer::with(config, Quiet).await;
            let mut slow = Client::open(server.addr, speaks).await;
            let connection = server.opened(1).await;
            let mut other = Client::open(server.addr, speaks).await;
            server.opened(2).await;
            assert_eq!(connection.try_send("1"), Ok(()));
            assert_eq!(connection.try_send("2"), Ok(()));
            let delivery = counts(server.registry.send_all("3"));
            other.expect_text("3").await;
            match policy {
                SlowReceiver::Disconnect => {
                    assert_eq!(delivery, (1, 1, 0));
                    slow.expect_end(b"").await;
                    assert_eq!(server.closed().await, (1, CloseReason::SlowReceiver));
                }
                SlowReceiver::DropNewest => {
                    assert_eq!(delivery, (1, 1, 0));
                    slow.expect([speaks.sent("1"), speaks.sent("2")].concat())
                        .await;
                }
                _ => {
                    assert_eq!(delivery, (2, 0, 0));
                    slow.expect([speaks.sent("2"), speaks.sent("3")].concat())
                        .await;
                }
            }
            other.send_closing().await;
            other.expect_end(speaks.sent_closing(1000)).await;
        }
    }
}

#[tokio::test]
async fn unicast_to_a_full_queue_meets_the_same_policy() {
    // P7
    for &speaks in BOTH {
        for (policy, result) in [
            (SlowReceiver::Disconnect, Err(SendError::Full)),
            (SlowReceiver::DropNewest, Err(SendError::Full)),
            (SlowReceiver::DropOldest, Ok(())),
        ] {
            let config = Config::new()
                .with_max_queued_messages(1)
                .with_slow_receiver(policy);
            let mut server = TestServer::with(config, Quiet).await;
            let _client = Client::open(server.addr, speaks).await;
            let connection = server.opened(1).await;
            assert_eq!(connection.try_send("1"), Ok(()));
            assert_eq!(server.registry.unicast(connection.id(), "2"), result);
            let after = match policy {
                SlowReceiver::Disconnect => Err(SendError::Closing),
                _ => result,
            };
            assert_eq!(server.registry.unicast(connection.id(), "3"), after);
        }
    }
}

/// A server with a client that does not read, and little room anywhere for what it gets.
async fn with_slow_reader(config: Config, speaks: Speaks) -> (TestServer, Client, Connection) {
    let mut server = TestServer::on(narrow_listener(), config, Quiet);
    let client = Client::connect_narrow(server.addr)
        .await
        .opened(speaks)
        .await;
    let connection = server.opened(1).await;
    (server, client, connection)
}

/// A message of a KiB that begins with its number.
fn numbered(number: usize) -> String {
    format!("{number:01024}")
}

/// Sends numbered messages until the kernel has taken all it takes and the queue is full.
/// Returns how many were queued.
async fn fill(connection: &Connection) -> usize {
    let mut count = 0;
    let mut refusals = 0;
    while refusals < 5 {
        match connection.try_send(numbered(count)) {
            Ok(()) => (count, refusals) = (count + 1, 0),
            Err(error) => {
                assert_eq!(error, SendError::Full);
                refusals += 1;
                settle().await;
            }
        }
    }
    count
}

#[tokio::test]
async fn what_was_queued_for_a_slow_reader_is_what_it_gets() {
    // P2, and the exact accounting: Ok = received, as nothing was dropped.
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(8);
        let (_server, mut client, connection) = with_slow_reader(config, speaks).await;
        let mut count = fill(&connection).await;
        assert!(connection.queued() <= 8);
        for number in 0..count {
            client.expect_text(&numbered(number)).await;
        }
        settle().await;
        assert_eq!(
            connection.try_send(numbered(count)),
            Ok(()),
            "there is room again"
        );
        count += 1;
        connection.close();
        client.expect(speaks.sent(&numbered(count - 1))).await;
        client.expect(speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn send_waits_for_room_and_flush_for_the_kernel() {
    // P2
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(8);
        let (_server, mut client, connection) = with_slow_reader(config, speaks).await;
        let count = fill(&connection).await;
        let sender = connection.clone();
        let send = tokio::spawn(async move {
            let sent = sender.send("waited").await;
            (sent, sender.flush().await)
        });
        let flusher = connection.clone();
        let flush = tokio::spawn(async move { flusher.flush().await });
        settle().await;
        assert!(!send.is_finished() && !flush.is_finished());
        for number in 0..count {
            client.expect_text(&numbered(number)).await;
        }
        client.expect_text("waited").await;
        assert_eq!(within("send", send).await.unwrap(), (Ok(()), Ok(())));
        assert_eq!(within("flush", flush).await.unwrap(), Ok(()));
    }
}

#[tokio::test]
async fn senders_that_wait_hear_of_the_close() {
    // P2: a send that failed was never sent.
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(4);
        let (_server, mut client, connection) = with_slow_reader(config, speaks).await;
        let count = fill(&connection).await;
        let sender = connection.clone();
        let send = tokio::spawn(async move { sender.send("never").await });
        settle().await;
        connection.close();
        assert_eq!(within("send", send).await.unwrap(), Err(SendError::Closing));
        for number in 0..count {
            client.expect_text(&numbered(number)).await;
        }
        client.expect(speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn drop_newest_loses_only_what_was_refused() {
    // P7: Ok = received.
    for &speaks in BOTH {
        let config = Config::new()
            .with_max_queued_messages(8)
            .with_slow_receiver(SlowReceiver::DropNewest);
        let (server, mut client, connection) = with_slow_reader(config, speaks).await;
        let mut expected = Vec::new();
        for number in 0..400 {
            match server.registry.unicast(connection.id(), numbered(number)) {
                Ok(()) => expected.extend(speaks.sent(&numbered(number))),
                Err(error) => assert_eq!(error, SendError::Full),
            }
            settle().await;
        }
        connection.close();
        expected.extend(speaks.sent_closing(1000));
        assert!(expected.len() < 400 << 10, "the client was not slow");
        client.expect(expected).await;
    }
}

#[tokio::test]
async fn drop_oldest_delivers_whole_messages_in_order_up_to_the_newest() {
    // P7, P1
    for &speaks in BOTH {
        let config = Config::new()
            .with_max_queued_messages(8)
            .with_slow_receiver(SlowReceiver::DropOldest);
        let (server, mut client, connection) = with_slow_reader(config, speaks).await;
        for number in 0..400 {
            assert_eq!(
                server.registry.unicast(connection.id(), numbered(number)),
                Ok(())
            );
            settle().await;
        }
        let len = speaks.sent(&numbered(0)).len();
        let mut numbers = Vec::new();
        while numbers.last() != Some(&399) {
            let frame = client.read_exact(len).await;
            let digits = frame.iter().copied().filter(u8::is_ascii_digit).collect();
            let number = String::from_utf8(digits).unwrap().parse().unwrap();
            support::assert_same(&frame, &speaks.sent(&numbered(number)));
            numbers.push(number);
        }
        assert!(numbers.is_sorted() && numbers.len() < 400, "{numbers:?}");
    }
}

#[tokio::test]
async fn disconnected_slow_reader_gets_no_message_twice_and_no_closing_frame() {
    // P7, P13
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(8);
        let (mut server, mut client, connection) = with_slow_reader(config, speaks).await;
        let count = fill(&connection).await;
        let refused = server.registry.unicast(connection.id(), "one too many");
        assert_eq!(refused, Err(SendError::Full));
        assert_eq!(server.closed().await, (1, CloseReason::SlowReceiver));
        let got = client.read_to_end().await;
        let all: Vec<u8> = (0..count)
            .flat_map(|one| speaks.sent(&numbered(one)))
            .collect();
        assert!(got.len() < all.len());
        support::assert_same(&got, &all[..got.len()]);
    }
}

/// P2: what an RFC 6455 connection writes while it takes in its queue makes
/// room, too.
#[tokio::test]
async fn send_hears_of_room_made_while_the_queue_is_taken_in() {
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_messages(3);
        let mut server = TestServer::with(config, Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let connection = server.opened(1).await;
        let texts = ["a".repeat(2500), "b".repeat(500), "c".repeat(2500)];
        for text in &texts {
            assert_eq!(connection.try_send(text), Ok(()));
        }
        // Waits before the driver has a turn.
        let send = within("room", connection.send("last"));
        let (sent, ()) = tokio::join!(send, async {
            for text in &texts {
                client.expect_text(text).await;
            }
        });
        assert_eq!(sent, Ok(()));
        client.expect_text("last").await;
    }
}
