//! Every server does what its mode says: an echo comes back to its source, a broadcast goes to all
//! others, and batches are answered whole and in order.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

const PEERS: [&str; 7] = [
    "ws76",
    "tokio-tungstenite",
    "tokio-tungstenite-4k",
    "fastwebsockets",
    "tokio-websockets",
    "sockudo-ws",
    "axum",
];

/// A server's process.
struct Server {
    child: Child,
    addr: String,
}

impl Server {
    fn start(name: &str, mode: &str, threads: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ws76-bench"))
            .args(["serve", name, "--mode", mode])
            .args(["--threads", &threads.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut addr = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut addr).unwrap();
        let addr = addr.trim().to_owned();
        Self { child, addr }
    }

    async fn connect(&self) -> WebSocketStream<TcpStream> {
        let stream = TcpStream::connect(&self.addr).await.unwrap();
        let url = format!("ws://{}/broadcast", self.addr);
        client_async(url, stream).await.unwrap().0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Short ones and long ones, ASCII and not: more than any buffer holds.
fn messages() -> Vec<Message> {
    let text = |index: usize| match index % 3 {
        0 => format!("{index}"),
        1 => "日本語".repeat(index * 7),
        _ => "x".repeat(index * 100),
    };
    (0..100).map(|index| Message::text(text(index))).collect()
}

async fn send(stream: &mut WebSocketStream<TcpStream>, messages: &[Message]) {
    for message in messages {
        stream.feed(message.clone()).await.unwrap();
    }
    stream.flush().await.unwrap();
}

async fn expect(stream: &mut WebSocketStream<TcpStream>, messages: &[Message], of: &str) {
    for message in messages {
        let received = loop {
            let next = timeout(PATIENCE, stream.next()).await.unwrap();
            match next.unwrap().unwrap() {
                Message::Text(text) if text.as_str() == ARE_YOU_THERE => {}
                other => break other,
            }
        };
        assert!(received == *message, "{of}");
    }
}

/// Nothing is on its way.
async fn expect_nothing(stream: &mut WebSocketStream<TcpStream>, of: &str) {
    assert!(
        timeout(Duration::from_millis(50), stream.next())
            .await
            .is_err(),
        "{of}"
    );
}

#[tokio::test]
async fn every_server_echoes_a_batch_to_its_source_alone() {
    for name in PEERS {
        let server = Server::start(name, "echo", 1);
        let mut source = server.connect().await;
        let mut other = server.connect().await;
        let messages = messages();
        send(&mut source, &messages).await;
        expect(&mut source, &messages, name).await;
        expect_nothing(&mut other, name).await;
    }
}

#[tokio::test]
async fn every_server_broadcasts_a_batch_to_all_but_its_source() {
    for (name, threads) in PEERS.iter().flat_map(|name| [(*name, 1), (*name, 2)]) {
        let server = Server::start(name, "broadcast", threads);
        let mut source = server.connect().await;
        let mut others = Vec::new();
        for _ in 0..3 {
            others.push(server.connect().await);
        }
        joined(&mut source, &mut others).await;
        let messages = messages();
        send(&mut source, &messages).await;
        for other in &mut others {
            expect(other, &messages, name).await;
        }
        expect_nothing(&mut source, name).await;
    }
}

/// Waits until `others` get what `source` sends: a connection is open to a client before it is to
/// the server.
async fn joined(
    source: &mut WebSocketStream<TcpStream>,
    others: &mut [WebSocketStream<TcpStream>],
) {
    for other in others {
        loop {
            send(source, &[Message::text(ARE_YOU_THERE)]).await;
            if timeout(Duration::from_millis(20), other.next())
                .await
                .is_ok()
            {
                break;
            }
        }
    }
}

#[tokio::test]
async fn bare_tcp_echoes_bytes() {
    let server = Server::start("tcp", "echo", 1);
    let mut stream = TcpStream::connect(&server.addr).await.unwrap();
    stream.write_all(b"\x00bytes\xff").await.unwrap();
    let mut bytes = [0; 7];
    timeout(PATIENCE, stream.read_exact(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&bytes, b"\x00bytes\xff");
}

#[tokio::test]
async fn the_floor_echoes_whole_frames_and_refuses_what_is_not_utf8() {
    let server = Server::start("floor", "echo", 1);
    let long = "日本語".repeat(20_000);
    let frames =
        ["\0bytes", &format!("\0{long}"), "\0"].map(|frame| [frame.as_bytes(), b"\xff"].concat());
    let sent = [&frames.concat(), &b"\0\xfe\xff"[..]].concat();
    // Frames with the end of the handshake, and behind it.
    for (early_len, late_key3) in [(0, true), (10, false)] {
        let mut stream = TcpStream::connect(&server.addr).await.unwrap();
        stream.write_all(REQUEST_HEAD).await.unwrap();
        let mut bytes = Vec::new();
        if late_key3 {
            read_until(&mut stream, &mut bytes, b"\r\n\r\n").await;
        }
        let (early, rest) = sent.split_at(early_len);
        stream.write_all(&[KEY3, early].concat()).await.unwrap();
        read_until(&mut stream, &mut bytes, RESPONSE).await;
        stream.write_all(rest).await.unwrap();
        let read = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
        assert!(read.unwrap().is_ok());
        let at = bytes.windows(16).position(|bytes| bytes == RESPONSE);
        let echoes = bytes.split_off(at.unwrap() + 16);
        assert!(echoes == frames.concat(), "{} bytes", echoes.len());
    }
}

async fn read_until(stream: &mut TcpStream, bytes: &mut Vec<u8>, end: &[u8]) {
    while !bytes.windows(end.len()).any(|bytes| bytes == end) {
        let read = timeout(PATIENCE, stream.read_buf(bytes)).await;
        assert!(read.unwrap().unwrap() > 0);
    }
}

#[tokio::test]
async fn the_floor_refuses_other_protocols() {
    let server = Server::start("floor", "echo", 1);
    let stream = TcpStream::connect(&server.addr).await.unwrap();
    let opening = client_async(format!("ws://{}/", server.addr), stream);
    assert!(timeout(PATIENCE, opening).await.unwrap().is_err());
}

#[tokio::test]
async fn bare_tcp_broadcasts_in_order_to_one_that_reads_late() {
    let server = Server::start("tcp", "broadcast", 2);
    let mut source = TcpStream::connect(&server.addr).await.unwrap();
    let mut late = TcpStream::connect(&server.addr).await.unwrap();
    // Whoever came first is known first.
    late.write_all(b"ready").await.unwrap();
    let mut ready = [0; 5];
    let read = source.read_exact(&mut ready);
    timeout(PATIENCE, read).await.unwrap().unwrap();

    // More than the sockets' buffers hold.
    let sent: Vec<u8> = (0..251).cycle().take(16 << 20).collect();
    source.write_all(&sent).await.unwrap();
    let mut received = vec![0; sent.len()];
    let read = late.read_exact(&mut received);
    timeout(PATIENCE, read).await.unwrap().unwrap();
    assert!(received == sent);
}

#[tokio::test]
async fn bare_tcp_only_reads_when_idle() {
    let server = Server::start("tcp", "idle", 1);
    let mut stream = TcpStream::connect(&server.addr).await.unwrap();
    stream.write_all(&[7; 10_000]).await.unwrap();
    stream.shutdown().await.unwrap();
    // It has read to the end, and closes.
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest);
    assert_eq!(timeout(PATIENCE, read).await.unwrap().unwrap(), 0);
}

/// The example of the draft.
const REQUEST_HEAD: &[u8] = b"GET /demo HTTP/1.1\r\nHost: example.com\r\nConnection: Upgrade\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nUpgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nOrigin: http://example.com\r\n\r\n";
const KEY3: &[u8] = b"^n:ds[4U";
const RESPONSE: &[u8] = b"8jKS'y:G*Co,Wxa-";

const ARE_YOU_THERE: &str = "?";
const PATIENCE: Duration = Duration::from_secs(20);
