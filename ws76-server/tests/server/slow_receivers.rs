//! Receivers that are slow to read what handlers send to them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use ws76_server::{
    CloseReason, Config, Connection, ConnectionError, Handler, SlowReceiver, Text, Timeout,
};

use crate::support::{BOTH, Client, Seen, Speaks, TestServer, narrow_listener, settle};

/// Sends messages of the numbers that come to all others.
#[derive(Default)]
struct Flood {
    /// Counts what was queued.
    queued: Arc<AtomicUsize>,
}

impl Handler for Flood {
    async fn on_message(&self, connection: &Connection, text: Text) {
        let (from, to) = text.as_str().split_once("..").unwrap();
        for number in from.parse().unwrap()..to.parse::<usize>().unwrap() {
            let registry = connection.registry();
            let delivery = registry.broadcast(connection.id(), numbered(number));
            self.queued.fetch_add(delivery.queued, Relaxed);
        }
    }
}

/// A message of a KiB that begins with its number.
fn numbered(number: usize) -> String {
    format!("{number:01024}")
}

#[tokio::test]
async fn receiver_that_reads_late_gets_all_that_was_queued_in_order() {
    // P1, P2, P7: the kernel takes some of what a handler sends, the queue the rest.
    for &speaks in BOTH {
        let config = Config::new().with_max_queued_len(1 << 20);
        let server = TestServer::on(narrow_listener(), config, Flood::default());
        let mut slow = Client::connect_narrow(server.addr)
            .await
            .opened(Speaks::Draft76)
            .await;
        let mut source = Client::open(server.addr, speaks).await;
        source.send("0..400").await;
        settle().await;
        source.send("400..401").await;
        settle().await;
        for number in 0..401 {
            slow.expect_text(&numbered(number)).await;
        }
        let stats = server.stats();
        assert_eq!((stats.sent_messages, stats.sent_len), (401, 401 * 1026));
    }
}

#[tokio::test]
async fn slow_receiver_of_a_handler_meets_the_policy_and_the_numbers_are_exact() {
    // P7: Ok = received + dropped.
    for policy in [
        SlowReceiver::Disconnect,
        SlowReceiver::DropNewest,
        SlowReceiver::DropOldest,
    ] {
        let config = Config::new()
            .with_max_queued_messages(8)
            .with_slow_receiver(policy);
        let flood = Flood::default();
        let queued = Arc::clone(&flood.queued);
        let mut server = TestServer::on(narrow_listener(), config, flood);
        let mut slow = Client::connect_narrow(server.addr)
            .await
            .opened(Speaks::Draft76)
            .await;
        let connection = server.opened(1).await;
        let mut fast = Client::open(server.addr, Speaks::Draft76).await;
        let mut source = Client::open(server.addr, Speaks::Draft76).await;
        for number in 0..400 {
            source.send(&format!("{number}..{}", number + 1)).await;
            fast.expect_text(&numbered(number)).await;
        }
        let dropped = usize::try_from(connection.dropped()).unwrap();
        let queued = queued.load(Relaxed) - 400;
        if policy == SlowReceiver::Disconnect {
            assert_eq!(server.closed().await, (1, CloseReason::SlowReceiver));
            assert_eq!(dropped, 8, "the whole queue");
            let whole = slow.read_to_end().await.len() / 1026;
            assert_eq!(queued, whole + dropped);
            assert_eq!(server.stats().sent_messages, 400 + whole as u64);
            continue;
        }
        assert_eq!(connection.queued(), 8);
        connection.close();
        let mut got = Vec::new();
        while let Some(text) = slow.next_text().await {
            got.push(text.parse::<usize>().unwrap());
        }
        assert!(got.is_sorted() && got.len() < 400);
        assert_eq!(queued, got.len() + dropped);
        match policy {
            SlowReceiver::DropNewest => assert_eq!(dropped, 0),
            _ => assert_eq!((queued, got.last()), (400, Some(&399))),
        }
    }
}

#[tokio::test]
async fn write_timeout_comes_though_others_send() {
    // P7: the receiver never reads.
    let config = Config::new()
        .with_max_queued_messages(8)
        .with_slow_receiver(SlowReceiver::DropNewest);
    let mut server = TestServer::on(narrow_listener(), config, Flood::default());
    let _slow = Client::connect_narrow(server.addr)
        .await
        .opened(Speaks::Draft76)
        .await;
    server.opened(1).await;
    let mut source = Client::open(server.addr, Speaks::Draft76).await;
    for _ in 0..3 {
        source.send("0..400").await;
        settle().await;
    }
    loop {
        match server.next_due().await {
            Seen::Closed(id, reason) => {
                let timeout = ConnectionError::Timeout(Timeout::Write);
                assert_eq!((id, reason), (1, CloseReason::Error(timeout)));
                break;
            }
            Seen::Forbidden(id, what) => panic!("connection {id}: {what}"),
            _ => {}
        }
    }
}
