//! Timeouts to the second and turns to the message, over streams in memory and with paused time.

mod due;
mod fair;
mod in_time;

use std::{sync::Mutex, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::mpsc,
    task::coop::consume_budget,
};
use ws76_codec::Text;

use super::*;
use crate::Timeout;
use crate::{CloseReason, Endpoint, Peer, Protocol, SendError};

const REQUEST: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n";
const KEY3: &[u8] = b"^n:ds[4U";
const HEAD: &[u8] = b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Location: ws://a/\r\n\r\n";
const RESPONSE: &[u8] = b"8jKS'y:G*Co,Wxa-";

/// What happened, and how many seconds after the start.
#[derive(Debug, PartialEq)]
enum Seen {
    Sent(u64, Result<(), SendError>),
    Error(u64, ConnectionError),
    Closed(u64, CloseReason),
}

/// Sends back what comes, waiting for room; sleeps for so many seconds at a message `sleep`.
struct Log {
    start: Instant,
    seen: mpsc::UnboundedSender<Seen>,
    connection: Mutex<Option<Connection>>,
}

impl Log {
    fn note(&self, seen: impl FnOnce(u64) -> Seen) {
        let _ = self.seen.send(seen(self.start.elapsed().as_secs()));
    }
}

impl Handler for Log {
    async fn on_open(&self, connection: &Connection) {
        *self.connection.lock().unwrap() = Some(connection.clone());
        // Uses up what the task may do in this turn: what is due must be seen to none the less.
        poll_fn(|cx| {
            while pin!(consume_budget()).poll(cx).is_ready() {}
            Poll::Ready(())
        })
        .await;
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        if let Some(seconds) = text.as_str().strip_prefix("sleep ") {
            return sleep(Duration::from_secs(seconds.parse().unwrap())).await;
        }
        let sent = connection.send(text).await;
        if sent.is_err() {
            self.note(|at| Seen::Sent(at, sent));
        }
    }

    async fn on_error(&self, _: &Connection, error: ConnectionError) {
        self.note(|at| Seen::Error(at, error));
    }

    async fn on_closed(&self, _: &Connection, reason: CloseReason) {
        self.note(|at| Seen::Closed(at, reason));
    }
}

struct Harness {
    start: Instant,
    client: DuplexStream,
    seen: mpsc::UnboundedReceiver<Seen>,
    endpoint: Endpoint<Log>,
}

impl Harness {
    /// Serves one connection on a stream that holds `room` bytes in each direction.
    fn start(config: Config, room: usize) -> Self {
        let (client, io) = duplex(room);
        let (sender, seen) = mpsc::unbounded_channel();
        let start = Instant::now();
        let log = Log {
            start,
            seen: sender,
            connection: Mutex::default(),
        };
        let endpoint = Endpoint::new(log, config);
        let served = endpoint.clone();
        tokio::spawn(async move { served.serve_connection(io, Peer::default()).await });
        Self {
            start,
            client,
            seen,
            endpoint,
        }
    }

    /// As [`Self::start`], with an open connection of that protocol.
    async fn open(protocol: Protocol, config: Config, room: usize) -> Self {
        let mut harness = Self::start(config, room);
        if protocol == Protocol::Draft76 {
            harness.write(REQUEST).await;
            harness.write(KEY3).await;
            harness.expect(HEAD).await;
            harness.expect(RESPONSE).await;
        } else {
            let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\
                Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            harness.write(request.as_bytes()).await;
            let reply = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            harness.expect(reply.as_bytes()).await;
        }
        harness
    }

    async fn write(&mut self, bytes: &[u8]) {
        self.client.write_all(bytes).await.unwrap();
    }

    async fn expect(&mut self, bytes: &[u8]) {
        let mut got = vec![0; bytes.len()];
        self.client.read_exact(&mut got).await.unwrap();
        assert_eq!(
            got.escape_ascii().to_string(),
            bytes.escape_ascii().to_string()
        );
    }

    /// Reads up to the end, and says at which second that was.
    async fn expect_end(&mut self, bytes: &[u8]) -> u64 {
        let mut got = Vec::new();
        self.client.read_to_end(&mut got).await.unwrap();
        assert_eq!(
            got.escape_ascii().to_string(),
            bytes.escape_ascii().to_string()
        );
        self.start.elapsed().as_secs()
    }

    async fn next(&mut self) -> Seen {
        self.seen.recv().await.unwrap()
    }

    async fn expect_error(&mut self, at: u64, error: impl Into<ConnectionError>) {
        let error = error.into();
        assert_eq!(self.next().await, Seen::Error(at, error));
        assert_eq!(
            self.next().await,
            Seen::Closed(at, CloseReason::Error(error))
        );
    }

    fn connection(&self) -> Connection {
        self.endpoint
            .handler()
            .connection
            .lock()
            .unwrap()
            .clone()
            .unwrap()
    }
}

const ROOM: usize = 64 << 10;
#[cfg(feature = "rfc6455")]
const BOTH: &[Protocol] = &[Protocol::Draft76, Protocol::Rfc6455];
#[cfg(not(feature = "rfc6455"))]
const BOTH: &[Protocol] = &[Protocol::Draft76];

#[tokio::test(start_paused = true)]
async fn client_is_idle_when_no_byte_came_for_the_idle_timeout() {
    // P13, T15: any byte counts, also of a frame that is not whole.
    let mut harness = Harness::open(Protocol::Draft76, Config::new(), ROOM).await;
    sleep(Duration::from_secs(100)).await;
    harness.write(b"\x00drip").await;
    harness.expect_error(220, Timeout::Idle).await;
    assert_eq!(harness.expect_end(b"\xff\x00").await, 220);
}

#[tokio::test(start_paused = true)]
async fn what_the_server_sends_keeps_no_client_alive() {
    // T15
    let mut harness = Harness::open(Protocol::Draft76, Config::new(), ROOM).await;
    for _ in 0..11 {
        sleep(Duration::from_secs(10)).await;
        assert_eq!(harness.connection().try_send("news"), Ok(()));
        harness.expect(b"\x00news\xff").await;
    }
    harness.expect_error(120, Timeout::Idle).await;
}

#[tokio::test(start_paused = true)]
async fn time_that_the_handler_takes_is_not_idle_time() {
    // P6
    let mut harness = Harness::open(Protocol::Draft76, Config::new(), ROOM).await;
    harness.write(b"\x00sleep 300\xff").await;
    harness.expect_error(420, Timeout::Idle).await;
}

#[cfg(feature = "rfc6455")]
#[tokio::test(start_paused = true)]
async fn rfc6455_client_that_answers_pings_stays() {
    let mut harness = Harness::open(Protocol::Rfc6455, Config::new(), ROOM).await;
    for _ in 0..20 {
        harness.expect(b"\x89\x00").await;
        sleep(Duration::from_secs(9)).await;
        harness.write(b"\x8a\x80mask").await;
    }
    assert_eq!(harness.start.elapsed().as_secs(), 20 * 34);
    harness.expect(b"\x89\x00").await;
    harness.expect_error(20 * 34 + 35, Timeout::Pong).await;
    assert_eq!(harness.expect_end(b"").await, 20 * 34 + 35);
}

#[tokio::test(start_paused = true)]
async fn write_that_makes_no_progress_ends_the_connection() {
    // P7, P13: also while a handler waits for room in the queue.
    for &protocol in BOTH {
        let config = Config::new().with_max_queued_messages(2);
        let mut harness = Harness::open(protocol, config, 256).await;
        let connection = harness.connection();
        let sender = tokio::spawn(async move {
            while connection.send("x".repeat(100)).await.is_ok() {}
            connection.send("more").await
        });
        harness.expect_error(10, Timeout::Write).await;
        assert_eq!(sender.await.unwrap(), Err(SendError::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn handler_that_waits_for_room_hears_of_the_write_timeout() {
    // P6, P7
    let config = Config::new().with_max_queued_messages(1);
    let mut harness = Harness::open(Protocol::Draft76, config, 256).await;
    for _ in 0..20 {
        let frame = [b"\x00", &[b'x'; 100][..], b"\xff"].concat();
        let write = harness.client.write_all(&frame);
        if tokio::time::timeout(Duration::from_secs(1), write)
            .await
            .is_err()
        {
            break;
        }
    }
    let seen = harness.next().await;
    assert!(matches!(seen, Seen::Sent(10, Err(_))), "{seen:?}");
    harness.expect_error(10, Timeout::Write).await;
}

#[tokio::test(start_paused = true)]
async fn slow_progress_is_progress() {
    // P7: a byte every nine seconds.
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), 256).await;
        assert_eq!(harness.connection().try_send("x".repeat(300)), Ok(()));
        let mut byte = [0];
        for _ in 0..30 {
            sleep(Duration::from_secs(9)).await;
            harness.client.read_exact(&mut byte).await.unwrap();
        }
        harness.expect_error(280, Timeout::Write).await;
    }
}

#[tokio::test(start_paused = true)]
async fn closing_handshake_and_tcp_end_after_the_closing_timeout() {
    // X5
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), ROOM).await;
        harness.connection().close();
        match protocol {
            Protocol::Draft76 => assert_eq!(harness.expect_end(b"\xff\x00").await, 0),
            _ => assert_eq!(harness.expect_end(b"\x88\x02\x03\xe8").await, 5),
        }
        let unclean = CloseReason::Local { clean: false };
        assert_eq!(harness.next().await, Seen::Closed(5, unclean));
    }
}

#[tokio::test(start_paused = true)]
async fn close_of_a_client_that_does_not_read_ends_in_time() {
    // X5: what was queued before the close goes out first, or the write times out.
    for &protocol in BOTH {
        let mut harness = Harness::open(protocol, Config::new(), 256).await;
        let connection = harness.connection();
        assert_eq!(connection.try_send("x".repeat(1000)), Ok(()));
        connection.close();
        let closed = match harness.next().await {
            Seen::Error(..) => harness.next().await,
            seen => seen,
        };
        let Seen::Closed(at, reason) = closed else {
            panic!("not closed");
        };
        assert!(at <= 10 && !reason.is_clean(), "{at} {reason}");
        assert_eq!(connection.try_send("late"), Err(SendError::Closed));
    }
}

#[tokio::test(start_paused = true)]
async fn abort_ends_the_linger_within_a_second() {
    // P8: the client does not close TCP, and nobody waits for it.
    let mut harness = Harness::open(Protocol::Draft76, Config::new(), ROOM).await;
    harness.write(b"\xff\x00").await;
    harness.expect(b"\xff\x00").await;
    assert_eq!(
        harness.next().await,
        Seen::Closed(0, CloseReason::Peer { clean: true })
    );
    harness.endpoint.abort_all();
    sleep(Duration::from_millis(1500)).await;
    assert!(harness.client.write_all(b"gone").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn flush_means_that_the_messages_before_it_have_left() {
    // P2: what `DropOldest` drops behind a message that is half written counts for nothing.
    let config = Config::new()
        .with_max_queued_messages(2)
        .with_slow_receiver(crate::SlowReceiver::DropOldest);
    let mut harness = Harness::open(Protocol::Draft76, config, 256).await;
    let connection = harness.connection();
    assert_eq!(connection.try_send("x".repeat(1000)), Ok(()));
    let flusher = connection.clone();
    let flush = tokio::spawn(async move { flusher.flush().await });
    sleep(Duration::from_secs(1)).await;
    for _ in 0..3 {
        assert_eq!(connection.registry().unicast(connection.id(), "y"), Ok(()));
    }
    let mut some = [0; 100];
    harness.client.read_exact(&mut some).await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(!flush.is_finished(), "only 356 bytes of 1,002 have left");
    let mut rest = [0; 1002 - 100 + 3];
    harness.client.read_exact(&mut rest).await.unwrap();
    assert_eq!(flush.await.unwrap(), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn connection_that_opens_while_the_server_aborts_is_dropped() {
    // P8: nobody aborts a second time.
    let mut harness = Harness::start(Config::new(), ROOM);
    harness.endpoint.registry().close_all();
    harness.endpoint.registry().abort_all();
    harness.write(&[REQUEST, KEY3].concat()).await;
    let reply = [HEAD, RESPONSE].concat();
    assert_eq!(harness.expect_end(&reply).await, 0, "no closing frame");
    let aborted = CloseReason::Shutdown { clean: false };
    assert_eq!(harness.next().await, Seen::Closed(0, aborted));
}

#[tokio::test(start_paused = true)]
async fn drop_of_the_oldest_is_heard_by_those_who_wait() {
    // P2, P7: for the message to leave, or for the room; the client reads nothing.
    let config = Config::new()
        .with_max_queued_len(12)
        .with_slow_receiver(crate::SlowReceiver::DropOldest);
    let harness = Harness::open(Protocol::Draft76, config, 256).await;
    let connection = harness.connection();
    // As much as the stream takes, and the queue is empty again.
    assert_eq!(connection.try_send("x".repeat(254)), Ok(()));
    assert_eq!(connection.flush().await, Ok(()));
    assert_eq!(connection.try_send("0123456789"), Ok(()));
    let (flushing, sending) = (connection.clone(), connection.clone());
    let flush = tokio::spawn(async move { flushing.flush().await });
    let send = tokio::spawn(async move { sending.send("b").await });
    sleep(Duration::from_secs(1)).await;
    assert!(!flush.is_finished() && !send.is_finished());
    assert_eq!(connection.registry().unicast(connection.id(), "a"), Ok(()));
    sleep(Duration::from_secs(1)).await;
    assert!(flush.is_finished() && send.is_finished());
    assert_eq!(
        (flush.await.unwrap(), send.await.unwrap()),
        (Ok(()), Ok(()))
    );
    assert_eq!((connection.queued(), connection.dropped()), (2, 1));
}
