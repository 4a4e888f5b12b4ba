//! What a server tells `tracing`.

mod support;

use std::{
    io,
    sync::{Arc, Mutex},
};

use support::{Client, Echo, HEAD, KEY3, Obedient, Speaks, TestServer, edited};
use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};
use ws76_server::{CloseReason, Config, SlowReceiver};

/// The lines that a subscriber writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    /// Collects what happens on this thread.
    fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_writer(log.clone())
            .without_time()
            .finish();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Waits for a line that has all of these, and returns it.
    async fn expect(&self, parts: &[&str]) -> String {
        let find = || {
            let text = self.text();
            let mut lines = text.lines();
            let line = lines.find(|line| parts.iter().all(|part| line.contains(part)));
            line.map(str::to_owned)
        };
        let wait = async {
            loop {
                match find() {
                    Some(line) => return line,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        support::within(&format!("{parts:?} in\n{}", self.text()), wait).await
    }
}

#[tokio::test]
async fn opened_and_closed_are_told_in_the_span_of_their_connection() {
    let (log, _guard) = Log::start();
    let mut server = TestServer::start(Echo).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    let peer = server.opened(1).await.peer_addr().unwrap();
    client.send_closing().await;
    server.closed().await;
    let span = format!("connection{{peer={peer} path=\"/demo\" id=1 protocol=\"draft-76\"}}");
    log.expect(&["INFO", &span, "ws76_server: opened"]).await;
    log.expect(&["INFO", &span, "closed by the client", "reason=\"peer\""])
        .await;
}

#[tokio::test]
async fn refusal_is_told_with_status_and_path() {
    let (log, _guard) = Log::start();
    let config = Config::new().with_hosts(ws76_server::Hosts::list(["other.example"]));
    let server = TestServer::with(config, Echo).await;
    let mut client = Client::request(server.addr, HEAD).await;
    client.finish().await;
    client.read_to_end().await;
    log.expect(&["INFO", "path=\"/demo\"", "refused", "status=403"])
        .await;
    let mut client = Client::request(server.addr, "nonsense\r\n\r\n").await;
    client.finish().await;
    client.read_to_end().await;
    log.expect(&["DEBUG", "malformed request error="]).await;
    log.expect(&["INFO", "refused", "status=400"]).await;
}

#[tokio::test]
async fn stream_that_comes_to_nothing_is_told() {
    let (log, _guard) = Log::start();
    let server = TestServer::start(Echo).await;
    let client = Client::request(server.addr, HEAD).await;
    let peer = client.io.local_addr().unwrap();
    drop(client);
    let span = format!("peer={peer} path=\"/demo\"");
    log.expect(&["DEBUG", &span, "the client is gone", "reason=\"gone\""])
        .await;
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn bad_proxy_header_is_told() {
    let (log, _guard) = Log::start();
    let server = ws76_server::Server::new(support::listener().await)
        .with_proxy_protocol(ws76_server::ProxyProtocol::new());
    let server = TestServer::of(server, Echo);
    let _client = Client::request(server.addr, HEAD).await;
    log.expect(&["INFO", "no header of the PROXY", "reason=\"proxy_header\""])
        .await;
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn failed_tls_handshake_is_told() {
    let (log, _guard) = Log::start();
    let certified = support::wss::certificate();
    let tls = ws76_server::Tls::new(support::wss::tls(&certified));
    let server = ws76_server::Server::new(support::listener().await).with_tls(tls);
    let server = TestServer::of(server, Echo);
    let _client = Client::request(server.addr, HEAD).await;
    log.expect(&["INFO", "no TLS: ", "reason=\"tls\""]).await;
}

#[tokio::test]
async fn failures_are_told_at_their_levels() {
    let (log, _guard) = Log::start();
    let mut server = TestServer::start(Obedient).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client.send("panic").await;
    server.closed().await;
    log.expect(&["ERROR", "id=1", "reason=\"handler_panic\""])
        .await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    client.write(b"\x00\xc0\xff").await;
    server.closed().await;
    log.expect(&["INFO", "id=2", "UTF-8", "reason=\"protocol\""])
        .await;
}

#[tokio::test]
async fn slow_receiver_is_told() {
    let (log, _guard) = Log::start();
    let config = Config::new()
        .with_max_queued_messages(2)
        .with_slow_receiver(SlowReceiver::Disconnect);
    let mut server = TestServer::with(config, Echo).await;
    let _client = Client::open(server.addr, Speaks::Draft76).await;
    let connection = server.opened(1).await;
    for _ in 0..3 {
        connection.registry().send_all("text");
    }
    assert_eq!(server.closed().await, (1, CloseReason::SlowReceiver));
    log.expect(&["DEBUG", "outbound queue is full", "receiver=1"])
        .await;
    log.expect(&["WARN", "id=1", "reason=\"slow_receiver\""])
        .await;
}

#[tokio::test]
async fn shutdown_is_told() {
    let (log, _guard) = Log::start();
    let mut server = TestServer::start(Echo).await;
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    server.opened(1).await;
    server.shut_down();
    client.send_closing().await;
    server.closed().await;
    log.expect(&["INFO", "shutdown begins", "open=1"]).await;
    log.expect(&["INFO", "id=1", "reason=\"shutdown\""]).await;
}

#[tokio::test]
async fn neither_messages_nor_queries_nor_cookies_are_told() {
    let (log, _guard) = Log::start();
    let mut server = TestServer::start(Echo).await;
    let head = edited(
        HEAD,
        &[
            ("GET /demo ", "GET /demo?token=secret1 "),
            (
                "Origin:",
                "Cookie: id=secret2\r\nAuthorization: secret3\r\nOrigin:",
            ),
        ],
    );
    let mut client = Client::request(server.addr, format!("{head}{KEY3}")).await;
    server.opened(1).await;
    client.send("secret4").await;
    client.send_closing().await;
    server.closed().await;
    log.expect(&["closed by the client"]).await;
    let text = log.text();
    assert!(text.contains("path=\"/demo\""), "{text}");
    assert!(!text.contains("secret"), "{text}");
}
