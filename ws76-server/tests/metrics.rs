//! What a server tells the `metrics` facade.

mod support;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex},
};

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use support::{BOTH, Client, Echo, HEAD, KEY3, Quiet, Speaks, TestServer, edited};
use ws76_server::{CloseReason, Config, Connection, ConnectionError, Handler, SlowReceiver, Text};

/// Every counter and gauge by name and label, and how often each histogram was told something.
struct Numbers {
    snapshotter: Snapshotter,
    /// A snapshot has what came since the one before it: these are their sums.
    sums: Mutex<BTreeMap<String, i64>>,
}

impl Numbers {
    /// All that is counted, as of now.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the gauges are counts of a few"
    )]
    fn all(&self) -> BTreeMap<String, i64> {
        let mut sums = self.sums.lock().unwrap();
        for (key, _, described, value) in self.snapshotter.snapshot().into_vec() {
            let labels = key.key().labels().map(|label| label.value());
            let labels = labels.collect::<Vec<_>>().join(",");
            let name = format!("{}{{{labels}}}", key.key().name());
            assert!(described.is_some(), "{name} is described");
            *sums.entry(name).or_default() += match value {
                DebugValue::Gauge(value) => *value as i64,
                DebugValue::Counter(value) => value as i64,
                DebugValue::Histogram(values) => {
                    assert!(values.iter().all(|value| (0.0..60.0).contains(&**value)));
                    values.len() as i64
                }
            };
        }
        assert!(sums.values().all(|value| *value >= 0), "{sums:?}");
        sums.clone()
    }

    fn get(&self, name: &str) -> i64 {
        self.all().get(name).copied().unwrap_or_default()
    }

    /// Waits until a number is what it should be.
    async fn expect(&self, name: &str, value: i64) {
        let wait = async {
            while self.get(name) != value {
                tokio::task::yield_now().await;
            }
        };
        support::within(&format!("{name} = {value}, of {:?}", self.all()), wait).await;
    }
}

/// Runs a test on one thread, which has a recorder of its own.
fn recorded<F: Future<Output = ()>>(test: impl FnOnce(Arc<Numbers>) -> F) {
    let recorder = DebuggingRecorder::new();
    let numbers = Arc::new(Numbers {
        snapshotter: recorder.snapshotter(),
        sums: Mutex::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(test(numbers)));
}

#[test]
fn connections_are_counted_by_protocol_while_they_are_open() {
    recorded(|numbers| async move {
        let mut server = TestServer::start(Quiet).await;
        let mut clients = Vec::new();
        for (count, speaks) in BOTH.iter().enumerate() {
            let kind = match speaks {
                Speaks::Draft76 => "draft-76",
                Speaks::Rfc6455 => "rfc6455",
            };
            clients.push(Client::open(server.addr, *speaks).await);
            server.opened(count as u64 + 1).await;
            for name in ["connections", "opened_total", "handshake_seconds"] {
                assert_eq!(numbers.get(&format!("ws76_{name}{{{kind}}}")), 1, "{name}");
            }
        }
        assert_eq!(numbers.get("ws76_streams_total{}"), BOTH.len() as i64);
        assert_eq!(numbers.get("ws76_half_open{}"), 0);
        for mut client in clients {
            client.send_closing().await;
            let (_, reason) = server.closed().await;
            assert_eq!(reason, CloseReason::Peer { clean: true });
        }
        assert_eq!(numbers.get("ws76_connections{draft-76}"), 0);
        assert_eq!(numbers.get("ws76_connections{rfc6455}"), 0);
        assert_eq!(numbers.get("ws76_closed_total{peer}"), BOTH.len() as i64);
    });
}

#[test]
fn half_open_connections_are_counted_until_they_open_or_end() {
    recorded(|numbers| async move {
        let mut server = TestServer::start(Quiet).await;
        let mut client = Client::request(server.addr, HEAD).await;
        client.read_exact(10).await;
        numbers.expect("ws76_half_open{}", 1).await;
        client.write(KEY3).await;
        server.opened(1).await;
        numbers.expect("ws76_half_open{}", 0).await;
        let gone = Client::request(server.addr, "GET").await;
        numbers.expect("ws76_half_open{}", 1).await;
        drop(gone);
        numbers.expect("ws76_half_open{}", 0).await;
        assert_eq!(numbers.get("ws76_streams_total{}"), 2);
    });
}

#[test]
fn answers_are_counted_by_status() {
    recorded(|numbers| async move {
        let server = TestServer::start(Quiet).await;
        let http = edited(HEAD, &[("Upgrade: WebSocket\r\n", "")]);
        let http = edited(&http, &[("Connection: Upgrade", "Accept: */*")]);
        let http = edited(
            &http,
            &[("Sec-WebSocket-Key1", "X-1"), ("Sec-WebSocket-Key2", "X-2")],
        );
        for (request, status) in [(http.as_str(), 426), ("nonsense\r\n\r\n", 400)] {
            for count in 1..=2 {
                let mut client = Client::request(server.addr, request).await;
                client.finish().await;
                client.read_to_end().await;
                let name = format!("ws76_answered_total{{{status}}}");
                assert_eq!(numbers.get(&name), count, "{:?}", numbers.all());
            }
        }
        assert_eq!(numbers.get("ws76_opened_total{draft-76}"), 0);
    });
}

#[test]
fn streams_that_come_to_nothing_are_counted_by_why() {
    recorded(|numbers| async move {
        let server = TestServer::with(Config::new().with_max_half_open(1), Quiet).await;
        drop(Client::request(server.addr, "GET").await);
        numbers.expect("ws76_unopened_total{gone}", 1).await;
        let mut old = Client::request(server.addr, HEAD).await;
        old.read_exact(10).await;
        drop(Client::connect(server.addr).await);
        numbers.expect("ws76_unopened_total{shed}", 1).await;
        numbers.expect("ws76_unopened_total{gone}", 2).await;
    });
}

#[test]
fn messages_and_bytes_are_counted_both_ways() {
    recorded(|numbers| async move {
        let server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, Speaks::Draft76).await;
        for text in ["one", "two", "three"] {
            client.send(text).await;
            client.expect_text(text).await;
        }
        for way in ["received", "sent"] {
            numbers
                .expect(&format!("ws76_{way}_messages_total{{}}"), 3)
                .await;
            numbers
                .expect(&format!("ws76_{way}_bytes_total{{}}"), 3 + 3 + 5 + 6)
                .await;
        }
        assert_eq!(numbers.get("ws76_dropped_messages_total{}"), 0);
    });
}

#[test]
fn broadcast_is_timed_and_full_queues_are_counted() {
    recorded(|numbers| async move {
        let config = Config::new()
            .with_max_queued_messages(2)
            .with_slow_receiver(SlowReceiver::DropNewest);
        let mut server = TestServer::with(config, Quiet).await;
        let _client = Client::open(server.addr, Speaks::Draft76).await;
        let connection = server.opened(1).await;
        let registry = connection.registry();
        // No task runs meanwhile.
        let queued: usize = (0..5).map(|_| registry.send_all("text").queued).sum();
        assert_eq!(queued, 2);
        assert_eq!(numbers.get("ws76_broadcast_seconds{}"), 5);
        assert_eq!(numbers.get("ws76_full_total{}"), 3);
        numbers.expect("ws76_sent_messages_total{}", 2).await;
    });
}

/// Queues more than the kernel takes, and then hangs on.
struct Flood;

impl Handler for Flood {
    async fn on_message(&self, connection: &Connection, _: Text) {
        let text = "x".repeat(64 << 10);
        while connection.try_send(&text).is_ok() {}
        std::future::pending().await
    }
}

#[test]
fn queue_depth_is_seen_while_the_handler_is_busy_and_is_zero_behind_the_end() {
    recorded(|numbers| async move {
        let config = Config::new().with_max_queued_len(8 << 20);
        let server = TestServer::on(support::narrow_listener(), config, Flood);
        let mut client = Client::open(server.addr, Speaks::Draft76).await;
        client.send("go").await;
        let wait = async {
            while numbers.get("ws76_queued_messages{}") == 0 {
                tokio::task::yield_now().await;
            }
        };
        support::within("a queue", wait).await;
        let depth = numbers.get("ws76_queued_messages{}");
        assert!(depth > 10, "{depth}");
        server.dropped().await;
        assert_eq!(numbers.get("ws76_queued_messages{}"), 0);
        assert!(numbers.get("ws76_dropped_messages_total{}") >= depth);
        assert_eq!(numbers.get("ws76_closed_total{shutdown}"), 1);
        assert_eq!(numbers.get("ws76_connections{draft-76}"), 0);
    });
}

/// Panics at a message, and is stuck when it hears of an error.
struct Fragile;

impl Handler for Fragile {
    async fn on_message(&self, _: &Connection, _: Text) {
        panic!("as asked by the test");
    }

    async fn on_error(&self, _: &Connection, _: ConnectionError) {
        std::future::pending().await
    }
}

#[test]
fn close_is_counted_by_reason_though_the_handler_is_stuck() {
    recorded(|numbers| async move {
        let mut server = TestServer::start(Fragile).await;
        let mut client = Client::open(server.addr, Speaks::Draft76).await;
        client.send("x").await;
        assert_eq!(server.closed().await, (1, CloseReason::HandlerPanic));
        let mut client = Client::open(server.addr, Speaks::Draft76).await;
        client.write(b"\x00\xc0\xff").await;
        numbers.expect("ws76_closed_total{protocol}", 1).await;
        assert_eq!(numbers.get("ws76_closed_total{handler_panic}"), 1);
        assert_eq!(numbers.get("ws76_connections{draft-76}"), 0);
        assert_eq!(numbers.get("ws76_opened_total{draft-76}"), 2);
    });
}
