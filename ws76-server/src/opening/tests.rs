//! The deadline of the opening handshake, to the second, over streams in memory.

use std::{
    future::pending,
    io::IoSlice,
    pin::Pin,
    sync::{Arc, Mutex, atomic::AtomicBool},
    task::{Context, ready},
    time::Duration,
};

use tokio::{
    io::{DuplexStream, ReadBuf, duplex},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::sleep,
};

use super::*;
use crate::{Config, Endpoint, front::Front, stats::Counters};

const HEAD: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n";
const KEY3: &[u8] = b"^n:ds[4U";
const REPLY: &[u8] = b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Location: ws://a/\r\n\r\n8jKS'y:G*Co,Wxa-";
const TIMEOUT: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\
    Content-Length: 20\r\nContent-Type: text/plain\r\n\r\n408 Request Timeout\n";

/// A whole request of RFC 6455, and the reply to it.
#[cfg(feature = "rfc6455")]
const RFC6455: &[u8] =
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
#[cfg(feature = "rfc6455")]
const RFC6455_REPLY: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

struct Quiet;

impl Handler for Quiet {}

/// Never decides.
struct Undecided;

impl Handler for Undecided {
    async fn on_request(&self, _: &Request) -> Decision {
        pending().await
    }
}

/// What an opening came to, and after how many seconds.
struct Outcome {
    opened: Option<Opened<DuplexStream, ()>>,
    seconds: u64,
}

/// Opens one connection on a stream that holds `room` bytes.
fn start(handler: impl Handler, room: usize) -> (DuplexStream, JoinHandle<Outcome>) {
    let (client, io) = duplex(room);
    let task = tokio::spawn(async move {
        let start = Instant::now();
        let opened = opened(io, &handler).await;
        Outcome {
            opened,
            seconds: start.elapsed().as_secs(),
        }
    });
    (client, task)
}

/// Opens a connection under the default config.
async fn opened<T, H>(io: T, handler: &H) -> Option<Opened<T, ()>>
where
    T: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let config = Config::new();
    let terms = Terms {
        handler,
        config: &config,
        addresses: &Arc::default(),
        counters: &Counters::default(),
        clock: &Clock::default(),
        versions: config.versions,
        full: false,
        answered: AtomicBool::new(false),
        deadline: after(Instant::now(), config.handshake_timeout),
    };
    open(io, Peer::default(), &terms).await.ok().flatten()
}

async fn refused_after(task: JoinHandle<Outcome>, seconds: u64) {
    let outcome = task.await.unwrap();
    assert!(outcome.opened.is_none());
    assert_eq!(outcome.seconds, seconds);
}

#[tokio::test(start_paused = true)]
async fn deadline_is_absolute_however_the_head_drips() {
    // T6: a byte each second; it is answered after ten.
    for head in [
        HEAD,
        #[cfg(feature = "rfc6455")]
        RFC6455,
    ] {
        let (mut client, task) = start(Quiet, 4096);
        let (mut read, mut write) = tokio::io::split(&mut client);
        let drip = async {
            for byte in head {
                write.write_all(&[*byte]).await.unwrap();
                sleep(Duration::from_secs(1)).await;
            }
        };
        let mut reply = vec![0; TIMEOUT.len()];
        let start = Instant::now();
        tokio::select! {
            () = drip => panic!("not answered"),
            read = read.read_exact(&mut reply) => assert_eq!(read.unwrap(), TIMEOUT.len()),
        }
        assert_eq!(reply, TIMEOUT);
        assert_eq!(start.elapsed().as_secs(), 10);
        drop(client);
        refused_after(task, 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn deadline_after_the_101_is_a_plain_end() {
    // T6, T10: seven bytes of key 3, one each second.
    let (mut client, task) = start(Quiet, 4096);
    client.write_all(HEAD).await.unwrap();
    for byte in &KEY3[..7] {
        sleep(Duration::from_secs(1)).await;
        client.write_all(&[*byte]).await.unwrap();
    }
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, REPLY[..REPLY.len() - 16]);
    refused_after(task, 10).await;
}

#[tokio::test(start_paused = true)]
async fn key3_in_the_last_moment_is_in_time() {
    let (mut client, task) = start(Quiet, 4096);
    client.write_all(HEAD).await.unwrap();
    sleep(Duration::from_millis(9_990)).await;
    client.write_all(&[KEY3, b"\x00a"].concat()).await.unwrap();
    let mut got = vec![0; REPLY.len()];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(got, REPLY);
    let Outcome { opened, seconds } = task.await.unwrap();
    assert_eq!((&opened.unwrap().src[..], seconds), (&b"\x00a"[..], 9));
}

#[cfg(feature = "rfc6455")]
#[tokio::test(start_paused = true)]
async fn end_of_an_rfc6455_head_in_the_last_moment_is_in_time() {
    // T3
    let (mut client, task) = start(Quiet, 4096);
    let (most, last) = RFC6455.split_at(RFC6455.len() - 1);
    client.write_all(most).await.unwrap();
    sleep(Duration::from_millis(9_990)).await;
    client.write_all(&[last, b"\x81"].concat()).await.unwrap();
    let mut got = vec![0; RFC6455_REPLY.len()];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(got, RFC6455_REPLY);
    let Outcome { opened, seconds } = task.await.unwrap();
    assert_eq!((&opened.unwrap().src[..], seconds), (&b"\x81"[..], 9));
}

#[tokio::test(start_paused = true)]
async fn handler_that_never_decides_is_a_408() {
    // P6, T3: the time of a decision counts against the handshake.
    for request in [
        &[HEAD, KEY3].concat()[..],
        #[cfg(feature = "rfc6455")]
        RFC6455,
    ] {
        let (mut client, task) = start(Undecided, 4096);
        client.write_all(request).await.unwrap();
        let mut got = vec![0; TIMEOUT.len()];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(got, TIMEOUT);
        drop(client);
        refused_after(task, 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_does_not_read_its_refusal_is_not_waited_for() {
    // T6, T7
    for request in [&b"GET"[..], b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let (mut client, task) = start(Quiet, 32);
        client.write_all(request).await.unwrap();
        let Outcome { opened, seconds } = task.await.unwrap();
        assert!(opened.is_none());
        assert!((10..=15).contains(&seconds), "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn client_that_goes_on_sending_after_its_refusal_is_heard_for_the_closing_timeout_only() {
    // T14
    let (mut client, task) = start(Quiet, 4096);
    let flood = async {
        while client
            .write_all(b"PUT / HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .is_ok()
        {
            sleep(Duration::from_millis(100)).await;
        }
    };
    flood.await;
    refused_after(task, 5).await;
}

#[tokio::test]
async fn every_cut_of_request_and_key3_opens_with_the_same_bytes_left() {
    // F10, T12, H11
    let bytes = [HEAD, KEY3, b"\x00one\xff\x00t"].concat();
    for cut in 0..=bytes.len() {
        let (mut client, task) = start(Quiet, 4096);
        client.write_all(&bytes[..cut]).await.unwrap();
        for _ in 0..5 {
            tokio::task::yield_now().await;
        }
        client.write_all(&bytes[cut..]).await.unwrap();
        let mut got = vec![0; REPLY.len()];
        client.read_exact(&mut got).await.unwrap();
        assert_eq!(got, REPLY, "cut at {cut}");
        let mut opened = task.await.unwrap().opened.unwrap();
        drop(client);
        // What was not read yet is still in the stream.
        let mut frames = opened.src.to_vec();
        opened.io.read_to_end(&mut frames).await.unwrap();
        assert_eq!(frames, b"\x00one\xff\x00t", "cut at {cut}");
    }
}

#[tokio::test]
async fn no_frame_is_in_the_write_of_the_response() {
    // R8: head and response are one write when key 3 came with the head, and two when it is late.
    let (head, response) = REPLY.split_at(REPLY.len() - 16);
    for (packets, expected) in [
        (vec![[HEAD, KEY3, b"\x00a\xff"].concat()], vec![REPLY]),
        (
            vec![HEAD.to_vec(), [KEY3, b"\x00a\xff"].concat()],
            vec![head, response],
        ),
    ] {
        let (mut client, io) = duplex(4096);
        let writes = Arc::default();
        let io = Recorded {
            io,
            writes: Arc::clone(&writes),
        };
        let task = tokio::spawn(async move { opened(io, &Quiet).await });
        for (packet, write) in packets.iter().zip(&expected) {
            client.write_all(packet).await.unwrap();
            let mut got = vec![0; write.len()];
            client.read_exact(&mut got).await.unwrap();
            assert_eq!(got, *write);
        }
        assert_eq!(&task.await.unwrap().unwrap().src[..], b"\x00a\xff");
        assert_eq!(writes.lock().unwrap()[..], expected);
    }
}

/// A stream that keeps its writes apart.
#[derive(Debug)]
struct Recorded {
    io: DuplexStream,
    writes: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl AsyncRead for Recorded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.writes.lock().unwrap().push(buf[..count].to_vec());
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let all: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
        self.poll_write(cx, &all)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn place_of_the_only_connection_is_not_kept_by_a_listener_that_waits() {
    // Two listeners share the limit, as those of `localhost` do.
    let listeners = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let addrs = listeners.each_ref().map(|one| one.local_addr().unwrap());
    let config = Config::new().with_max_connections(1);
    let endpoint = Endpoint::new(Quiet, config);
    for listener in listeners {
        endpoint.track(endpoint.clone().accept(listener, Front::default()));
    }
    for addr in [addrs[0], addrs[1], addrs[1], addrs[0]] {
        let mut client = TcpStream::connect(addr).await.unwrap();
        client
            .write_all(&[HEAD, KEY3, b"\xff\x00"].concat())
            .await
            .unwrap();
        let mut got = Vec::new();
        // Turns a wait for ever into a failure.
        let read = tokio::time::timeout(Duration::from_secs(20), client.read_to_end(&mut got));
        assert!(read.await.is_ok(), "{addr} is never served");
        assert_eq!(got, [REPLY, b"\xff\x00"].concat());
    }
    endpoint.shutdown().await;
}
