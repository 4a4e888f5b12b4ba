//! What handlers send to others, over TCP: order, completeness and numbers, whoever writes it.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, OnceLock},
};

use tokio::sync::Notify;
use ws76_server::{CloseReason, Config, Connection, ConnectionError, Handler, SendError, Text};

use crate::support::{BOTH, Client, Quiet, Seen, Speaks, TestServer, settle, within};

/// Sends what comes to all others, three times.
struct Thrice;

impl Handler for Thrice {
    async fn on_message(&self, connection: &Connection, text: Text) {
        for time in 0..3 {
            let text = format!("{text}.{time}");
            connection.registry().broadcast(connection.id(), text);
        }
    }
}

/// So many clients, of the protocols in turns.
async fn clients(server: &TestServer, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for &speaks in BOTH.iter().cycle().take(count) {
        clients.push(Client::open(server.addr, speaks).await);
    }
    clients
}

/// Waits until the server has counted that many messages and bytes sent.
async fn assert_sent(server: &TestServer, messages: u64, len: u64) {
    let sent = || {
        let stats = server.stats();
        (stats.sent_messages, stats.sent_len)
    };
    within("the numbers", async {
        while sent() != (messages, len) {
            assert!(sent() <= (messages, len), "{:?}", sent());
            tokio::task::yield_now().await;
        }
    })
    .await;
    settle().await;
    assert_eq!(
        (sent(), server.stats().dropped_messages),
        ((messages, len), 0)
    );
}

#[tokio::test]
async fn broadcasts_of_a_packet_reach_all_in_order_and_are_counted() {
    // P1, P3, and the exact accounting: 20 messages in one packet, three broadcasts for each.
    for &speaks in BOTH {
        let server = TestServer::start(Thrice).await;
        let mut receivers = clients(&server, 50).await;
        let mut source = Client::open(server.addr, speaks).await;
        let before = server.stats();
        assert_eq!((before.sent_messages, before.sent_len), (0, 0));
        let packet: Vec<u8> = (0..20)
            .flat_map(|one| speaks.text(&one.to_string()))
            .collect();
        source.write(packet).await;
        let texts: Vec<String> = (0..60)
            .map(|one| format!("{}.{}", one / 3, one % 3))
            .collect();
        let mut len = 0;
        for receiver in &mut receivers {
            let all: Vec<u8> = texts
                .iter()
                .flat_map(|text| receiver.speaks.sent(text))
                .collect();
            len += all.len() as u64;
            receiver.expect(all).await;
        }
        assert_sent(&server, 50 * 60, len).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sources_on_several_threads_are_each_heard_in_order() {
    // P1, P3
    let server = TestServer::start(Thrice).await;
    let mut receivers = clients(&server, 8).await;
    let sources = clients(&server, 4).await;
    for (name, mut source) in sources.into_iter().enumerate() {
        tokio::spawn(async move {
            for one in 0..100 {
                source.send(&format!("{name}-{one}")).await;
            }
            // The others are still sending.
            source.read_exact(usize::MAX).await;
        });
    }
    for receiver in &mut receivers {
        let mut next = BTreeMap::new();
        for _ in 0..4 * 300 {
            let text = receiver.next_text().await.unwrap();
            let (name, number) = text.split_once('-').unwrap();
            let number: &mut u64 = {
                let next = next.entry(name.to_owned()).or_insert(0);
                assert_eq!(number, format!("{}.{}", *next / 3, *next % 3));
                next
            };
            *number += 1;
        }
    }
}

/// Sends `first` to all others, waits until it may go on, and sends `second`.
#[derive(Default)]
struct Pauses(Arc<Notify>);

impl Handler for Pauses {
    async fn on_message(&self, connection: &Connection, _: Text) {
        connection.registry().broadcast(connection.id(), "first");
        self.0.notified().await;
        connection.registry().broadcast(connection.id(), "second");
    }
}

#[tokio::test]
async fn broadcast_is_delivered_while_its_handler_waits() {
    // P3, P6: with more to be taken in, and without.
    for &speaks in BOTH {
        for packet in [1, 2] {
            let pauses = Pauses::default();
            let resume = Arc::clone(&pauses.0);
            let server = TestServer::start(pauses).await;
            let mut receivers = clients(&server, 4).await;
            let mut source = Client::open(server.addr, speaks).await;
            source.write(speaks.text("go").repeat(packet)).await;
            for _ in 0..packet {
                for receiver in &mut receivers {
                    receiver.expect_text("first").await;
                }
                resume.notify_one();
                for receiver in &mut receivers {
                    receiver.expect_text("second").await;
                }
            }
        }
    }
}

/// Sends to all others, and panics.
struct Panics;

impl Handler for Panics {
    async fn on_message(&self, connection: &Connection, _: Text) {
        for text in ["one", "two"] {
            connection.registry().broadcast(connection.id(), text);
        }
        panic!("as asked by the test");
    }

    async fn on_closed(&self, connection: &Connection, _: CloseReason) {
        connection
            .registry()
            .broadcast(connection.id(), "it is gone");
    }
}

#[tokio::test]
async fn broadcast_of_a_handler_that_panics_is_delivered() {
    // P6: also what its closed event sends, with which its task ends.
    for &speaks in BOTH {
        let server = TestServer::start(Panics).await;
        let mut receivers = clients(&server, 6).await;
        let mut source = Client::open(server.addr, speaks).await;
        source.write(speaks.text("go").repeat(2)).await;
        for receiver in &mut receivers {
            for text in ["one", "two"] {
                receiver.expect_text(text).await;
            }
        }
        drop(source);
        for receiver in &mut receivers {
            receiver.expect_text("it is gone").await;
        }
        settle().await;
        let stats = server.stats();
        assert_eq!((stats.received_messages, stats.sent_messages), (1, 6 * 3));
    }
}

/// Sends to the first connection that opened, waiting for room and then for the kernel.
#[derive(Default)]
struct Patient {
    first: OnceLock<Connection>,
}

impl Handler for Patient {
    async fn on_open(&self, connection: &Connection) {
        let _ = self.first.set(connection.clone());
    }

    async fn on_message(&self, connection: &Connection, _: Text) {
        let first = self.first.get().unwrap();
        for text in ["1", "2", "3", "4", "5"] {
            assert_eq!(first.send(text).await, Ok(()));
        }
        assert_eq!(first.flush().await, Ok(()));
        assert_eq!(first.queued(), 0);
        connection.send("done").await.unwrap();
    }
}

#[tokio::test]
async fn send_and_flush_that_wait_are_woken_by_who_writes() {
    // P2: the queue has room for one message, and the receiver's driver sleeps.
    for &speaks in BOTH {
        for &sender in BOTH {
            let config = Config::new().with_max_queued_messages(1);
            let server = TestServer::with(config, Patient::default()).await;
            let mut first = Client::open(server.addr, speaks).await;
            let mut source = Client::open(server.addr, sender).await;
            source.write(sender.text("go").repeat(3)).await;
            for _ in 0..3 {
                for text in ["1", "2", "3", "4", "5"] {
                    first.expect_text(text).await;
                }
                source.expect_text("done").await;
            }
        }
    }
}

/// Ends the TCP connection of a client with a RST in an event of another, then sends to it.
struct Resets(Arc<Mutex<Option<Client>>>);

impl Handler for Resets {
    async fn on_message(&self, connection: &Connection, _: Text) {
        self.0.lock().unwrap().take().unwrap().reset();
        connection
            .registry()
            .broadcast(connection.id(), "who is there?");
    }
}

#[tokio::test]
async fn reset_that_a_sender_meets_first_is_what_the_closed_event_says() {
    // P12, P13: the kernel says it once.
    let client = Arc::default();
    let mut server = TestServer::start(Resets(Arc::clone(&client))).await;
    let first = Client::open(server.addr, Speaks::Draft76).await;
    *client.lock().unwrap() = Some(first);
    let mut source = Client::open(server.addr, Speaks::Draft76).await;
    server.opened(2).await;
    source.send("go").await;
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let error = ConnectionError::Io(reset.into());
    server
        .expect([
            Seen::Message(2, "go".into()),
            Seen::Error(1, error),
            Seen::Closed(1, CloseReason::Error(error)),
        ])
        .await;
    let stats = server.stats();
    assert_eq!((stats.sent_messages, stats.dropped_messages), (0, 1));
}

#[tokio::test]
async fn client_of_a_handle_that_is_kept_sees_the_end() {
    // T16: the write side is given up, whoever still holds the connection.
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        let kept = server.opened(1).await;
        client.finish().await;
        server.closed().await;
        let end = client.read_to_end().await;
        assert!(
            end.is_empty() || end == speaks.sent_closing(1000),
            "{end:?}"
        );
        assert_eq!(kept.try_send("late"), Err(SendError::Closed));
        kept.close();
    }
}

#[tokio::test]
async fn what_is_sent_outside_of_handlers_is_counted_too() {
    // The drivers write it.
    let server = TestServer::start(Quiet).await;
    let mut receivers = clients(&server, 10).await;
    let mut len = 0;
    for text in ["one", "two"] {
        assert_eq!(server.registry.send_all(text).queued, 10);
    }
    for receiver in &mut receivers {
        for text in ["one", "two"] {
            len += receiver.speaks.sent(text).len() as u64;
            receiver.expect_text(text).await;
        }
    }
    assert_sent(&server, 20, len).await;
}
