//! The demo over real sockets: a draft-76 client and an RFC 6455 client on one server.

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};
use ws76_codec::{Decoder, DecoderConfig, Frame, encode_text};
use ws76_handshake::{
    ClientHandshake, ClientRequest, HeadLimits, Incoming, Location, Origin, RequestReader,
};
use ws76_server::Server;

use super::*;
use crate::settings::MetricsFor;

/// A draft-76 client, by the client side of our own crates.
struct Draft76 {
    stream: TcpStream,
    src: BytesMut,
    decoder: Decoder,
}

impl Draft76 {
    async fn connect(addr: SocketAddr, path: &str) -> Self {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let location = Location::parse(&format!("ws://{addr}{path}")).unwrap();
        let request = ClientRequest::new(location, Origin::try_from("http://tv.example").unwrap());
        let (mut src, mut dst) = (BytesMut::new(), BytesMut::new());
        let mut handshake = ClientHandshake::start(request, &[7; 32], &mut dst);
        stream.write_all(&dst).await.unwrap();
        while handshake.read(&mut src).unwrap().is_none() {
            assert_ne!(
                stream.read_buf(&mut src).await.unwrap(),
                0,
                "refused: {src:?}"
            );
        }
        Self {
            stream,
            src,
            decoder: Decoder::new(DecoderConfig::new()),
        }
    }

    async fn send(&mut self, text: &str) {
        let mut dst = BytesMut::new();
        encode_text(text, &mut dst);
        self.stream.write_all(&dst).await.unwrap();
    }

    async fn next(&mut self) -> String {
        loop {
            match self.decoder.decode(&mut self.src).unwrap() {
                Some(Frame::Text(text)) => return text.to_string(),
                Some(frame) => panic!("{frame:?}"),
                None => assert_ne!(self.stream.read_buf(&mut self.src).await.unwrap(), 0),
            }
        }
    }
}

type Rfc6455 = WebSocketStream<TcpStream>;

async fn rfc6455(addr: SocketAddr, path: &str) -> Rfc6455 {
    let stream = TcpStream::connect(addr).await.unwrap();
    tokio_tungstenite::client_async(format!("ws://{addr}{path}"), stream)
        .await
        .unwrap()
        .0
}

async fn next(client: &mut Rfc6455) -> String {
    client
        .next()
        .await
        .unwrap()
        .unwrap()
        .into_text()
        .unwrap()
        .to_string()
}

async fn start() -> SocketAddr {
    let server = Server::bind("127.0.0.1", 0).await.unwrap();
    let addr = server.local_addrs().unwrap()[0];
    tokio::spawn(server.serve(Demo::default()).into_future());
    addr
}

async fn http(addr: SocketAddr, request_line: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("{request_line} HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn page_is_served_on_the_same_port() {
    let addr = start().await;
    let page = http(addr, "GET /").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("Content-Type: text/html; charset=utf-8\r\n"));
    assert!(page.ends_with(include_str!("page.html")));
    let head = http(addr, "HEAD /").await;
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    assert!(
        http(addr, "GET /nothing")
            .await
            .starts_with("HTTP/1.1 404 ")
    );
    assert!(http(addr, "GET /echo").await.starts_with("HTTP/1.1 426 "));
}

#[tokio::test]
async fn echo_echoes_both_protocols() {
    let addr = start().await;
    for path in ["/", "/echo"] {
        let mut old = Draft76::connect(addr, path).await;
        let mut new = rfc6455(addr, path).await;
        for text in ["hello", "", "日本語 🦀"] {
            old.send(text).await;
            assert_eq!(old.next().await, text);
            new.send(Message::text(text)).await.unwrap();
            assert_eq!(next(&mut new).await, text);
        }
    }
}

#[tokio::test]
async fn broadcast_reaches_the_other_protocol_and_not_the_source() {
    let addr = start().await;
    let mut old = Draft76::connect(addr, "/broadcast").await;
    let mut new = rfc6455(addr, "/broadcast").await;
    // Whether both are in by now is not known: the first to hear of the other says so.
    old.send("from the old").await;
    loop {
        tokio::select! {
            text = next(&mut new) => { assert_eq!(text, "from the old"); break }
            () = tokio::task::yield_now() => old.send("from the old").await,
        }
    }
    new.send(Message::text("from the new")).await.unwrap();
    assert_eq!(
        old.next().await,
        "from the new",
        "and nothing of its own before that"
    );
}

#[tokio::test]
async fn canvas_shows_both_protocols_the_same_drawing() {
    let addr = start().await;
    let mut old = Draft76::connect(addr, "/canvas").await;
    let welcome = json(&old.next().await);
    assert_eq!(
        (&welcome["type"], &welcome["count"]),
        (&"welcome".into(), &1.into())
    );
    assert_eq!(welcome["people"][0]["protocol"], "draft-76");

    let line = r#"{"type":"draw","points":[1,2,3,4]}"#;
    old.send(line).await;
    let echo = json(&old.next().await);
    assert_eq!(
        (&echo["type"], &echo["id"]),
        (&"draw".into(), &welcome["id"])
    );

    // A newcomer first gets its id, who is here, and the drawing so far.
    let mut new = rfc6455(addr, "/canvas").await;
    let late = json(&next(&mut new).await);
    assert_eq!(
        (&late["type"], &late["count"]),
        (&"welcome".into(), &2.into())
    );
    assert_eq!(late["people"][0]["protocol"], "RFC 6455");
    assert_eq!(
        late["strokes"][0]["points"],
        serde_json::json!([1, 2, 3, 4])
    );
    assert_eq!(json(&old.next().await)["type"], "joined");

    new.send(Message::text(line)).await.unwrap();
    assert_eq!(next(&mut new).await, old.next().await);
    new.send(Message::text(r#"{"type":"here"}"#)).await.unwrap(); // no answer
    new.send(Message::text("nonsense")).await.unwrap();
    assert_eq!(json(&next(&mut new).await)["type"], "error");

    drop(new);
    assert_eq!(json(&old.next().await)["type"], "left");
}

#[tokio::test]
async fn subprotocol_is_the_first_that_was_asked_for() {
    let addr = start().await;
    let request = "GET /echo HTTP/1.1\r\nHost: tv.example\r\nUpgrade: WebSocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
        Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nSec-WebSocket-Protocol: chat\r\n\r\n";
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = BytesMut::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert_ne!(stream.read_buf(&mut head).await.unwrap(), 0);
    }
    let head = String::from_utf8(head.to_vec()).unwrap();
    assert!(head.contains("Sec-WebSocket-Protocol: chat\r\n"), "{head}");
}

#[tokio::test]
async fn health_says_when_the_server_drains() {
    let watch = Arc::new(Watch::default());
    let server = Server::bind("127.0.0.1", 0).await.unwrap();
    let addr = server.local_addrs().unwrap()[0];
    tokio::spawn(server.serve(Demo::new(Arc::clone(&watch))).into_future());
    let health = http(addr, "GET /health").await;
    assert!(health.starts_with("HTTP/1.1 200 ") && health.ends_with("\r\n\r\nok\n"));
    watch.drain();
    let health = http(addr, "GET /health").await;
    assert!(health.starts_with("HTTP/1.1 503 ") && health.ends_with("draining\n"));
    let none = http(addr, "GET /metrics").await;
    assert!(
        none.starts_with("HTTP/1.1 404 "),
        "nothing is measured: {none}"
    );
}

#[tokio::test]
async fn metrics_are_for_those_who_may_see_them() {
    let head = |fields: &str| {
        let text = format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let mut src = BytesMut::from(text.as_bytes());
        match RequestReader::new(HeadLimits::new()).read(&mut src) {
            Ok(Some(Incoming::Http(head))) => head,
            other => panic!("{other:?}"),
        }
    };
    let (plain, proxied) = (head(""), head("x-forwarded-for: 127.0.0.1\r\n"));
    let local = Some("127.0.0.1:1".parse().unwrap());
    let mapped = Some("[::ffff:127.0.0.1]:1".parse().unwrap());
    let remote = Some("192.0.2.1:1".parse().unwrap());
    // The recorder is one for the process.
    let mut watch = Watch::new(MetricsFor::Loopback).unwrap();
    assert!(watch.metrics(&plain, local).is_some() && watch.metrics(&plain, mapped).is_some());
    assert!(watch.metrics(&plain, remote).is_none() && watch.metrics(&plain, None).is_none());
    assert!(watch.metrics(&proxied, local).is_none());
    watch.show_to(MetricsFor::Anybody);
    assert!(watch.metrics(&proxied, remote).is_some());
}
