//! wss for both protocols: the location, closing, certificates that change, and what a handshake of
//! TLS may cost others.

use std::{fs, path::PathBuf};

use tokio::{net::TcpStream, time::Instant};
use ws76_server::{
    CloseReason, Config, Connection, Handler, Scheme, SendError, Server, SlowReceiver, Text, Tls,
    TlsError, Versions, rustls::pki_types::CertificateDer,
};

use crate::support::{
    BOTH, Client, Echo, HEAD, KEY3, Obedient, Quiet, REPLY, Seen, Speaks, TestServer, elapse,
    listener, narrow_listener, settle, within,
    wss::{certificate, connect, connect_over, open, reply, tls, wss},
};

/// A server, and what a client needs to trust it.
async fn start(config: Config, handler: impl Handler) -> (TestServer, CertificateDer<'static>) {
    let certified = certificate();
    let tls = Tls::new(tls(&certified));
    let server = Server::new(listener().await)
        .with_config(config)
        .with_tls(tls);
    let certificate = certified.cert.der().clone();
    (TestServer::of(server, handler), certificate)
}

#[tokio::test]
async fn wss_has_its_location_and_echoes_large_messages_and_closes() {
    // R4, F1, X1: the end of the stream is one of TLS too, or `expect_end` fails.
    for &speaks in BOTH {
        let (mut server, certificate) = start(Config::new(), Echo).await;
        let mut client = open(server.addr, &certificate, speaks).await;
        for text in ["", "hello", &"x".repeat(1 << 20)] {
            client.send(text).await;
            client.expect_text(text).await;
        }
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
        drop(client);
        for _ in 0..4 {
            server.next().await;
        }
        let reason = CloseReason::Peer { clean: true };
        server.expect([Seen::Closed(1, reason)]).await;
        server.shut_down();
        assert_eq!(server.ended().await, []);
    }
}

#[tokio::test]
async fn close_of_the_server_ends_tls_in_order() {
    // X2
    for &speaks in BOTH {
        let (mut server, certificate) = start(Config::new(), Obedient).await;
        let mut client = open(server.addr, &certificate, speaks).await;
        client.send("close").await;
        client.expect(speaks.sent_closing(1000)).await;
        client.send_closing().await;
        client.expect_end("").await;
        let reason = CloseReason::Local { clean: true };
        assert_eq!(server.closed().await, (1, reason));
    }
}

#[tokio::test]
async fn key3_may_come_late_and_in_bytes_over_tls() {
    // H11, R8, T12
    let (server, certificate) = start(Config::new(), Echo).await;
    let mut client = wss(server.addr, &certificate, Speaks::Draft76).await;
    for byte in HEAD.as_bytes() {
        client.write([*byte]).await;
    }
    let reply = reply(Speaks::Draft76);
    let (head, response) = reply.split_at(reply.len() - 16);
    client.expect(head).await;
    for byte in KEY3.as_bytes() {
        client.write([*byte]).await;
    }
    client.expect(response).await;
    client.send("hello").await;
    client.expect_text("hello").await;
}

#[tokio::test]
async fn end_of_tcp_without_a_word_of_tls_is_an_unclean_close_and_no_error() {
    // X6, P12: as without TLS.
    for &speaks in BOTH {
        let (mut server, certificate) = start(Config::new(), Quiet).await;
        let mut client = open(server.addr, &certificate, speaks).await;
        let (tcp, _) = client.io.get_mut();
        tokio::io::AsyncWriteExt::shutdown(tcp).await.unwrap();
        let reason = CloseReason::Peer { clean: false };
        server
            .expect([Seen::Open(1), Seen::Closed(1, reason)])
            .await;
        client.expect_end("").await;
    }
}

#[tokio::test]
async fn plain_http_over_tls_is_answered() {
    // H15
    let (server, certificate) = start(Config::new(), Quiet).await;
    let mut client = wss(server.addr, &certificate, Speaks::Draft76).await;
    client
        .write("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n")
        .await;
    let answer = String::from_utf8(client.read_to_end().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
}

#[tokio::test]
async fn scheme_of_the_config_goes_before_what_is_found() {
    // R4
    let config = Config::new().with_scheme(Scheme::Ws);
    let (server, certificate) = start(config, Quiet).await;
    let mut client = wss(server.addr, &certificate, Speaks::Draft76).await;
    client.write(Speaks::Draft76.request()).await;
    client.expect(REPLY).await;
}

#[tokio::test]
async fn failed_handshakes_leave_others_alone() {
    // P6: garbage, plain HTTP, a client that does not trust us, one that goes away.
    let (mut server, certificate) = start(Config::new(), Echo).await;
    let mut client = open(server.addr, &certificate, Speaks::Draft76).await;
    assert_eq!(server.next().await, Seen::Open(1));
    for bytes in [&[0x16; 2000][..], b"\x16\x03\x01\xff\xff", HEAD.as_bytes()] {
        let mut other = Client::request(server.addr, bytes).await;
        other.finish().await;
        // An alert, at most, and then the end, which is a reset where not all was read.
        let mut sink = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut other.io, &mut sink);
        let _ = within("the end", read).await;
        assert!(!sink.starts_with(b"HTTP"), "nothing is answered in plain");
    }
    let stranger = strange_certificate();
    assert!(connect(server.addr, &stranger).await.is_err());
    Client::connect(server.addr).await.reset();
    client.send("hello").await;
    client.expect_text("hello").await;
    server.expect([Seen::Message(1, "hello".to_owned())]).await;
    // All but the client that went away.
    assert_eq!(server.stats().unopened.get("tls"), Some(&4));
    server.shut_down();
    client.expect(b"\xff\x00").await;
    client.send_closing().await;
    drop(client);
    server.ended().await;
}

/// A certificate that no server here has.
fn strange_certificate() -> CertificateDer<'static> {
    certificate().cert.der().clone()
}

#[tokio::test]
async fn tls_handshake_counts_against_the_time_for_opening() {
    // T6: half a record of TLS, then nothing.
    let (server, _) = start(Config::new(), Quiet).await;
    let start = Instant::now();
    let mut client = Client::request(server.addr, b"\x16\x03\x01\x02\x00\x01").await;
    elapse(client.expect_end("")).await;
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn time_for_opening_is_one_for_tls_and_the_request() {
    // T6: six seconds each are too much.
    let (server, certificate) = start(Config::new(), Quiet).await;
    let start = Instant::now();
    let tcp = TcpStream::connect(server.addr).await.unwrap();
    settle().await;
    elapse(tokio::time::sleep(std::time::Duration::from_secs(6))).await;
    let io = connect_over(tcp, &certificate).await.unwrap();
    let mut client = Client {
        io,
        speaks: Speaks::Draft76,
    };
    client.write(&HEAD[..HEAD.len() - 1]).await;
    let answer = elapse(client.read_to_end()).await;
    assert!(answer.starts_with(b"HTTP/1.1 408 "));
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn oldest_is_shed_while_it_is_in_the_tls_handshake() {
    // T6
    let config = Config::new().with_max_half_open(2);
    let (server, certificate) = start(config, Echo).await;
    let mut established = open(server.addr, &certificate, Speaks::Draft76).await;
    let mut first = Client::request(server.addr, b"\x16").await;
    settle().await;
    let mut second = Client::request(server.addr, b"\x16").await;
    settle().await;
    let mut third = open(server.addr, &certificate, Speaks::Draft76).await;
    within("the end of the first", async {
        let mut sink = [0];
        let read = tokio::io::AsyncReadExt::read(&mut first.io, &mut sink).await;
        assert!(!matches!(read, Ok(1..)), "shed without a word");
    })
    .await;
    for client in [&mut established, &mut third] {
        client.send("hello").await;
        client.expect_text("hello").await;
    }
    second.write(b"\x03").await;
}

#[tokio::test]
async fn new_connections_take_the_new_certificate_and_open_ones_stay() {
    let (first, second) = (certificate(), certificate());
    let tls = Tls::new(tls(&first));
    let server = Server::new(listener().await).with_tls(tls.clone());
    let server = TestServer::of(server, Echo);
    for &speaks in BOTH {
        tls.replace(self::tls(&first));
        let mut old = open(server.addr, first.cert.der(), speaks).await;
        assert!(connect(server.addr, second.cert.der()).await.is_err());
        tls.replace(self::tls(&second));
        let mut new = open(server.addr, second.cert.der(), speaks).await;
        assert!(connect(server.addr, first.cert.der()).await.is_err());
        for client in [&mut old, &mut new] {
            client.send("hello").await;
            client.expect_text("hello").await;
        }
    }
}

/// Files of a test, which writes them.
fn files(test: &str) -> (PathBuf, PathBuf) {
    let file = |name| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{name}.pem"));
    (file("chain"), file("key"))
}

#[tokio::test]
async fn files_are_read_again_and_what_was_there_stays_when_they_are_bad() {
    let (first, second) = (certificate(), certificate());
    let (chain, key) = files("reload");
    fs::write(&chain, first.cert.pem()).unwrap();
    fs::write(&key, first.signing_key.serialize_pem()).unwrap();
    let tls = Tls::from_pem_files(&chain, &key).unwrap();
    let server = Server::new(listener().await).with_tls(tls.clone());
    let server = TestServer::of(server, Echo);
    connect(server.addr, first.cert.der()).await.unwrap();

    fs::write(&chain, second.cert.pem()).unwrap();
    assert!(
        matches!(tls.reload(), Err(TlsError::Unusable(_))),
        "the key is the first one's"
    );
    connect(server.addr, first.cert.der()).await.unwrap();
    fs::write(&key, second.signing_key.serialize_pem()).unwrap();
    tls.reload().unwrap();
    connect(server.addr, second.cert.der()).await.unwrap();

    fs::write(&chain, "no certificate").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Certificates(_))));
    fs::remove_file(&chain).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Certificates(_))));
    fs::write(&chain, second.cert.pem()).unwrap();
    fs::write(&key, second.cert.pem()).unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::Key(_))));
    connect(server.addr, second.cert.der()).await.unwrap();
    let tls = Tls::new(self::tls(&first));
    assert!(matches!(tls.reload(), Err(TlsError::NoFiles)));
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn header_of_the_proxy_protocol_comes_before_tls() {
    // R4: a proxy that passes TLS on as it is.
    let certified = certificate();
    let server = Server::new(listener().await)
        .with_proxy_protocol(ws76_server::ProxyProtocol::new())
        .with_tls(Tls::new(tls(&certified)));
    let server = TestServer::of(server, Echo);
    let headers = [
        &b"PROXY TCP4 192.0.2.1 203.0.113.7 50000 443\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00",
    ];
    for &speaks in BOTH {
        for header in headers {
            let tcp = Client::request(server.addr, header).await.io;
            let io = connect_over(tcp, certified.cert.der()).await.unwrap();
            let mut client = Client { io, speaks };
            client.write(speaks.request()).await;
            client.expect(reply(speaks)).await;
            let connections = server.registry.connections();
            let addr = connections.last().unwrap().peer_addr().unwrap();
            let is_named = addr.to_string() == "192.0.2.1:50000";
            assert_eq!(is_named, header == headers[0], "{addr}");
            client.send_closing().await;
            client.expect_end(speaks.sent_closing(1000)).await;
        }
    }
    assert!(connect(server.addr, certified.cert.der()).await.is_err());
}

/// Sends what comes to all others.
struct Relay;

impl Handler for Relay {
    async fn on_message(&self, connection: &Connection, text: Text) {
        connection.registry().broadcast(connection.id(), text);
    }
}

#[tokio::test]
async fn listener_with_tls_may_stand_beside_one_without() {
    // T17, P3: draft-76 through TLS only; the handler and the registry are one.
    let certified = certificate();
    let plain = Server::new(listener().await).with_versions(Versions::new().with_draft76(false));
    let secure = Server::new(listener().await).with_tls(Tls::new(tls(&certified)));
    let server = plain.and(secure);
    let addrs = server.local_addrs().unwrap();
    let _server = TestServer::of(server, Relay);
    let mut refused = Client::request(addrs[0], Speaks::Draft76.request()).await;
    assert_eq!(refused.read_exact(13).await, b"HTTP/1.1 426 ");
    for &speaks in BOTH {
        let mut secure = open(addrs[1], certified.cert.der(), speaks).await;
        let mut other = open(addrs[1], certified.cert.der(), Speaks::Draft76).await;
        secure.send("hello").await;
        other.expect_text("hello").await;
        if speaks == Speaks::Rfc6455 {
            let mut plain = Client::open(addrs[0], speaks).await;
            plain.send("plain").await;
            secure.expect_text("plain").await;
            other.expect_text("plain").await;
        }
        for client in [&mut secure, &mut other] {
            client.send_closing().await;
            client.expect_end(client.speaks.sent_closing(1000)).await;
        }
    }
}

#[tokio::test]
async fn slow_reader_behind_tls_has_a_bounded_queue_and_meets_the_policy() {
    // P7: what TLS has encrypted and not written is bounded too.
    for &speaks in BOTH {
        for policy in [SlowReceiver::Disconnect, SlowReceiver::DropNewest] {
            let certified = certificate();
            let config = Config::new()
                .with_max_queued_messages(8)
                .with_slow_receiver(policy);
            let server = Server::new(narrow_listener())
                .with_config(config)
                .with_tls(Tls::new(tls(&certified)));
            let mut server = TestServer::of(server, Quiet);
            let tcp = Client::connect_narrow(server.addr).await.io;
            let io = connect_over(tcp, certified.cert.der()).await.unwrap();
            let mut client = Client { io, speaks };
            client.write(speaks.request()).await;
            client.expect(reply(speaks)).await;
            let connection = server.opened(1).await;
            // A KiB each, up to the point where neither kernel nor TLS takes any more.
            let numbered = |number: usize| format!("{number:01024}");
            let (mut count, mut refusals) = (0, 0);
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
            assert!(count < 400, "the client was not slow");
            let refused = server.registry.unicast(connection.id(), "one too many");
            assert_eq!(refused, Err(SendError::Full));
            match policy {
                SlowReceiver::Disconnect => {
                    assert_eq!(server.closed().await, (1, CloseReason::SlowReceiver));
                    assert_eq!(connection.dropped(), 8);
                }
                _ => {
                    for number in 0..count {
                        client.expect_text(&numbered(number)).await;
                    }
                    assert_eq!(connection.dropped(), 0);
                    assert_eq!(connection.try_send("room again"), Ok(()));
                    client.expect_text("room again").await;
                }
            }
        }
    }
}
