//! Limits, each at what it allows and one beyond, and what a client that breaks one costs others.
//!
//! Where each limit and timeout of `Config` is tested at n and n + 1. Those in the first two parts are
//! the same for draft-76 and RFC 6455, and so are their tests, unless one of them is named.
//!
//! | limit | tests |
//! | --- | --- |
//! | `head`: head, line, resource name, fields | here: `head_of_the_limit_…` |
//! | `frames.max_message_len` | here: `message_of_the_limit_…`; sent: `registry.rs`, `binary.rs` |
//! | `max_queued_messages`, `max_queued_len`, `slow_receiver` | `queues.rs`: `queue_takes_n_…`, `full_queue_meets_…` |
//! | `max_connections`, `when_full` | here: `connection_over_the_limit_…`; `policy.rs`: `…_is_answered_503_…` |
//! | `max_per_address` | `policy.rs`: `…_the_next_is_answered_429` |
//! | `max_half_open` | here: `half_open_connections_of_the_limit_…` |
//! | `frames.max_reserved_len`, length bytes (draft-76) | here: `reserved_frames_…`; `ws76-codec/tests/limits.rs` |
//! | `max_fragments` (RFC 6455) | `binary.rs`: `fragments_of_the_limit_…` |
//!
//! | timeout, with paused time | tests |
//! | --- | --- |
//! | `handshake_timeout` | `src/opening/tests.rs`: `deadline_…`, `…_in_the_last_moment_…` |
//! | `idle_timeout` | `src/driver/tests/in_time.rs`: `silent_client_…` |
//! | `write_timeout` | `src/driver/tests.rs`: `write_that_makes_no_progress_…`, `slow_progress_…` |
//! | `closing_timeout` | `in_time.rs`: `closing_frame_…`, `tcp_of_a_client_…`; `src/driver/tests.rs`: `closing_handshake_…` |
//! | `shutdown_timeout` | `in_time.rs`: `shutdown_aborts_…` |
//! | `max_lifetime` | `src/driver/tests/due.rs`: `lively_connection_…` |
//! | `heartbeat` (draft-76) | `due.rs`: `heartbeat_is_sent_…` |
//! | `ping_interval`, `pong_timeout` (RFC 6455) | `src/driver/tests.rs`: `rfc6455_client_that_answers_pings_stays` |
//!
//! `keepalive` and `user_timeout` are the kernel's: `src/socket.rs`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ws76_server::{
    CloseReason, Config, Connection, ConnectionError, DecodeError, DecoderConfig, Handler,
    HeadLimits, ReservedFrames, Rfc6455Error, SendError, Server, Text, Timeout,
};

use crate::support::{
    self, BOTH, Client, Echo, HEAD, KEY3, Quiet, REPLY, Seen, Speaks, TestServer, elapse,
    narrow_listener, settle, within,
};

#[tokio::test]
async fn message_of_the_limit_is_taken_and_one_byte_more_is_not() {
    // F7, T3
    for &speaks in BOTH {
        let mut server = TestServer::with(Config::new().with_max_message_len(10), Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send("0123456789").await;
        client.expect_text("0123456789").await;
        client.send("0123456789a").await;
        client.expect_end(speaks.sent_closing(1009)).await;
        let error = match speaks {
            Speaks::Draft76 => DecodeError::MessageTooLong { max: 10 }.into(),
            Speaks::Rfc6455 => ConnectionError::from(Rfc6455Error::MessageTooLong { max: 10 }),
        };
        server
            .expect([Seen::Open(1), Seen::Message(1, "0123456789".to_owned())])
            .await;
        server
            .expect([
                Seen::Error(1, error),
                Seen::Closed(1, CloseReason::Error(error)),
            ])
            .await;
    }
}

#[tokio::test]
async fn message_limit_bites_while_the_message_arrives() {
    // F7, T2: there is no end of the frame.
    let server = TestServer::with(Config::new().with_max_message_len(10), Echo).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client.write(b"\x000123456789a").await;
    client.expect_end(b"\xff\x00").await;
}

#[tokio::test]
async fn default_limit_is_one_mib_for_both() {
    for &speaks in BOTH {
        let mut server = TestServer::start(Quiet).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.send(&"x".repeat(1 << 20)).await;
        client.send(&"x".repeat((1 << 20) + 1)).await;
        client.expect_end(speaks.sent_closing(1009)).await;
        assert_eq!(server.next().await, Seen::Open(1));
        assert!(matches!(server.next().await, Seen::Message(1, text) if text.len() == 1 << 20));
        assert!(matches!(server.next().await, Seen::Error(1, _)));
    }
}

#[tokio::test]
async fn reserved_frames_may_be_skipped_within_their_own_limits() {
    // F2, F3, F4, T1
    let frames = DecoderConfig::new()
        .with_reserved_frames(ReservedFrames::Skip)
        .with_max_reserved_len(1000);
    let server = TestServer::with(Config::new().with_frames(frames), Echo).await;
    let skipped = [&b"\x80\x87\x68"[..], &[0xff; 1000], b"\x05\x00\x80\xff"].concat();
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client
        .write([&skipped, &b"\x00a\xff"[..], &skipped, b"\x00b\xff"].concat())
        .await;
    client.expect(b"\x00a\xff\x00b\xff").await;
    client.write(b"\x80\x87\x69").await; // announces 1,001 bytes
    client.expect_end(b"\xff\x00").await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client.write([0x80; 10]).await;
    client.expect_end(b"\xff\x00").await;
}

/// Whether the request of that protocol is accepted within these limits.
async fn accepts(speaks: Speaks, limits: HeadLimits) -> bool {
    let server = TestServer::with(Config::new().with_head(limits), Echo).await;
    let mut client = Client::request(server.addr, speaks.request()).await;
    client.finish().await;
    let reply = client.read_to_end().await;
    let status = &reply[..13];
    assert!(matches!(
        status,
        b"HTTP/1.1 101 " | b"HTTP/1.1 431 " | b"HTTP/1.1 414 "
    ));
    status == b"HTTP/1.1 101 "
}

#[tokio::test]
async fn head_of_the_limit_is_taken_and_one_more_is_not() {
    // H3, T3
    let limits = HeadLimits::new();
    for &speaks in BOTH {
        let request = speaks.request();
        let head = request.trim_end_matches(KEY3);
        let longest_line = head.lines().map(str::len).max().unwrap();
        for (len, accepted) in [(head.len(), true), (head.len() - 1, false)] {
            let limits = limits.with_max_head_len(len);
            assert_eq!(accepts(speaks, limits).await, accepted, "{speaks:?}");
        }
        for (fields, accepted) in [(6, true), (5, false)] {
            let limits = limits.with_max_fields(fields);
            assert_eq!(accepts(speaks, limits).await, accepted, "{speaks:?}");
        }
        for (len, accepted) in [(longest_line, true), (longest_line - 1, false)] {
            let limits = limits.with_max_line_len(len);
            assert_eq!(accepts(speaks, limits).await, accepted, "{speaks:?}");
        }
        for (len, accepted) in [(5, true), (4, false)] {
            let limits = limits.with_max_resource_name_len(len);
            assert_eq!(accepts(speaks, limits).await, accepted, "{speaks:?}");
        }
    }
}

#[tokio::test]
async fn handshake_timeout_before_the_101_is_a_408() {
    // T6
    for bytes in ["", "GET /demo HTTP/1.1\r\nHost: exam"] {
        let server = TestServer::start(Echo).await;
        let mut client = Client::request(server.addr, bytes).await;
        let mut reply = [0; 200];
        let read = tokio::io::AsyncReadExt::read(&mut client.io, &mut reply);
        let len = elapse(read).await.unwrap();
        support::assert_same(
            &reply[..len],
            b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 20\r\n\
              Content-Type: text/plain\r\n\r\n408 Request Timeout\n",
        );
        client.expect_end(b"").await;
    }
}

#[tokio::test]
async fn handshake_timeout_after_the_101_is_a_plain_close() {
    // H13, T6, T10: a 408 would be read as frames.
    for part in ["", &KEY3[..7]] {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::request(server.addr, format!("{HEAD}{part}")).await;
        client.expect(&REPLY[..REPLY.len() - 16]).await;
        let mut rest = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut client.io, &mut rest);
        assert_eq!((elapse(read).await.unwrap(), &rest[..]), (0, &b""[..]));
        assert_eq!(server.stats().unopened, [("timeout", 1)].into());
        server.shut_down();
        assert_eq!(server.ended().await, [], "never open");
    }
}

#[tokio::test]
async fn client_that_is_idle_is_closed() {
    // P13, T15: an RFC 6455 client that does not answer a ping is found out earlier.
    for &speaks in BOTH {
        let mut server = TestServer::start(Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        server.expect([Seen::Open(1)]).await;
        let (timeout, end) = match speaks {
            Speaks::Draft76 => (Timeout::Idle, &b"\xff\x00"[..]),
            Speaks::Rfc6455 => (Timeout::Pong, &b"\x89\x00"[..]),
        };
        let error = ConnectionError::from(timeout);
        assert_eq!(server.next_due().await, Seen::Error(1, error));
        server
            .expect([Seen::Closed(1, CloseReason::Error(error))])
            .await;
        client.expect_end(end).await;
    }
}

#[cfg(feature = "timerfd")]
#[tokio::test]
async fn timers_of_the_kernel_close_who_is_idle_or_late_too() {
    // P13: in real time, as that of the kernel cannot be paused.
    use std::time::Duration;
    use ws76_server::Timers;

    let soon = Duration::from_millis(30);
    let config = Config::new().with_timers(Timers::Kernel);
    let server = TestServer::with(config.clone().with_handshake_timeout(soon), Quiet).await;
    let late = Client::connect(server.addr).await.read_to_end().await;
    assert!(late.starts_with(b"HTTP/1.1 408 "));
    let mut server = TestServer::with(config.with_idle_timeout(soon), Quiet).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    let error = ConnectionError::from(Timeout::Idle);
    let closed = Seen::Closed(1, CloseReason::Error(error));
    server
        .expect([Seen::Open(1), Seen::Error(1, error), closed])
        .await;
    client.expect_end(b"\xff\x00").await;
}

#[tokio::test]
async fn client_that_does_not_read_is_closed_after_the_write_timeout() {
    // P7, P13
    for &speaks in BOTH {
        let mut server = TestServer::on(narrow_listener(), Config::new(), Quiet);
        let _client = Client::connect_narrow(server.addr)
            .await
            .opened(speaks)
            .await;
        let connection = server.opened(1).await;
        while connection.try_send("x".repeat(10_000)) != Err(SendError::Full) {
            settle().await;
        }
        let error = ConnectionError::from(Timeout::Write);
        assert_eq!(server.next_due().await, Seen::Error(1, error));
        server
            .expect([Seen::Closed(1, CloseReason::Error(error))])
            .await;
        assert_eq!(connection.try_send("more"), Err(SendError::Closed));
    }
}

#[tokio::test]
async fn connection_over_the_limit_waits_for_a_place() {
    for &speaks in BOTH {
        let mut server = TestServer::with(Config::new().with_max_connections(2), Echo).await;
        let mut first = Client::open(server.addr, speaks).await;
        let mut second = Client::open(server.addr, speaks).await;
        let mut third = Client::request(server.addr, speaks.request()).await;
        server.expect([Seen::Open(1), Seen::Open(2)]).await;
        for _ in 0..20 {
            second.send("hello").await;
            second.expect_text("hello").await;
            server.expect([Seen::Message(2, "hello".to_owned())]).await;
        }
        assert_eq!(server.registry.len(), 2);
        first.send_closing().await;
        first.expect_end(speaks.sent_closing(1000)).await;
        drop(first);
        server
            .expect([Seen::Closed(1, CloseReason::Peer { clean: true })])
            .await;
        third.expect(speaks.reply()).await;
        server.expect([Seen::Open(3)]).await;
    }
}

#[tokio::test]
async fn connection_limit_is_one_for_all_addresses() {
    // `localhost` is two listeners on most machines; neither may keep a place from the other.
    let other = Server::bind("127.0.0.1", 0).await.unwrap();
    let server = Server::bind("localhost", 0).await.unwrap().and(other);
    let addrs = server.local_addrs().unwrap();
    assert!(addrs.len() >= 2, "{addrs:?}");
    let serve = server
        .with_config(Config::new().with_max_connections(1))
        .serve(Echo);
    let serve = tokio::spawn(serve.into_future());
    for addr in addrs.iter().chain(&addrs) {
        let open = Client::open(*addr, Speaks::Draft76);
        let mut client = within("a place for the only client", open).await;
        client.send_closing().await;
        client.expect_end(b"\xff\x00").await;
    }
    serve.abort();
}

#[tokio::test]
async fn half_open_connections_of_the_limit_stay_and_one_more_sheds_the_oldest() {
    // T6, T3: draft-76 without its key 3, RFC 6455 without the last line of its head.
    for &speaks in BOTH {
        let request = speaks.request();
        let (most, rest) = request.split_at(request.len() - 8);
        let (head, response) = match speaks {
            Speaks::Draft76 => REPLY.split_at(REPLY.len() - 16),
            Speaks::Rfc6455 => ("", speaks.reply()),
        };
        let server = TestServer::with(Config::new().with_max_half_open(2), Echo).await;
        let mut established = Client::open(server.addr, speaks).await;
        let mut half_open = Vec::new();
        for count in 1..=3 {
            let mut client = Client::request(server.addr, most).await;
            client.speaks = speaks;
            client.expect(head).await;
            while server.stats().streams < 1 + count {
                settle().await;
            }
            assert_eq!(server.stats().half_open as u64, count.min(2));
            half_open.push(client);
        }
        half_open[0].expect_end(b"").await;
        assert_eq!(server.stats().unopened, [("shed", 1)].into());
        for client in &mut half_open[1..] {
            client.write(rest).await;
            client.expect(response).await;
            client.send("hello").await;
            client.expect_text("hello").await;
        }
        established.send("hello").await;
        established.expect_text("hello").await;
        assert_eq!(server.registry.len(), 3);
    }
}

/// Echoes to connection 1, and counts the messages of all others.
#[derive(Clone, Default)]
struct CountingOthers(Arc<AtomicUsize>);

impl Handler for CountingOthers {
    async fn on_message(&self, connection: &Connection, text: Text) {
        if connection.id().get() == 1 {
            return Echo.on_message(connection, text).await;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn flood_of_tiny_frames_leaves_a_neighbour_its_turn() {
    // T9: `00 FF` 524,288 times in a MiB. Counted, not timed.
    const FLOOD: usize = 1 << 19;
    for &speaks in BOTH {
        let counting = CountingOthers::default();
        let count = || counting.0.load(Ordering::Relaxed);
        let server = TestServer::start(counting.clone()).await;
        let mut neighbour = Client::open(server.addr, speaks).await;
        let mut flood = Client::open(server.addr, speaks).await;
        let frames = speaks.text("").repeat(FLOOD);
        let flood = tokio::spawn(async move {
            flood.write(frames).await;
            flood
        });
        while count() == 0 {
            tokio::task::yield_now().await;
        }
        let mut longest = 0;
        for _ in 0..10 {
            let before = count();
            neighbour.send("hello").await;
            neighbour.expect_text("hello").await;
            longest = longest.max(count() - before);
        }
        assert!(
            longest < FLOOD / 10,
            "waited for {longest} messages of the flood"
        );
        let _flood = within("the flood", flood).await.unwrap();
    }
}

#[tokio::test]
async fn smallest_queue_still_serves() {
    // The queue's limit also bounds a turn of the driver.
    for &speaks in BOTH {
        let config = Config::new()
            .with_max_queued_len(0)
            .with_max_queued_messages(0);
        let server = TestServer::with(config, Echo).await;
        let mut client = Client::open(server.addr, speaks).await;
        client.write(speaks.text("hello").repeat(10)).await;
        client.expect(speaks.sent("hello").repeat(10)).await;
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn control_frames_are_not_bound_by_the_limit_on_messages() {
    // RFC 6455 §5.5: 125 bytes are always allowed.
    use crate::support::masked;

    let server = TestServer::with(Config::new().with_max_message_len(10), Echo).await;
    let mut client = Client::open(server.addr, Speaks::Rfc6455).await;
    client.write(masked(0x89, &[b'x'; 125])).await;
    client
        .expect([&b"\x8a\x7d"[..], &[b'x'; 125]].concat())
        .await;
    client
        .write(masked(0x88, b"\x03\xe8a reason of its own"))
        .await;
    client
        .expect_end(b"\x88\x15\x03\xe8a reason of its own")
        .await;
}
