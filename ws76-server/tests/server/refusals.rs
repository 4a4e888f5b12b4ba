//! What is no good request gets a whole HTTP error and a close; the server serves the next client.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ws76_server::{Connection, Handler, Head, Response, Text};

use crate::support::{Client, Echo, HEAD, KEY3, Obedient, Seen, Speaks, TestServer, edited};

/// Echoes, and counts the plain requests that come.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

impl Handler for Counting {
    async fn on_http(&self, _: &Head, _: Option<SocketAddr>) -> Response {
        self.0.fetch_add(1, Ordering::Relaxed);
        Response::upgrade_required()
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        Echo.on_message(connection, text).await;
    }
}

/// Sends each request with another, good one behind it, and asserts that there is one answer to
/// it, of that status, and no 101 (H13, T14). Then a good client is served.
async fn refused(cases: &[(String, &str)]) {
    for (request, status) in cases {
        let plain = Counting::default();
        let mut server = TestServer::start(plain.clone()).await;
        let following = format!("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n{HEAD}{KEY3}\x00a\u{7f}");
        let mut client = Client::request(server.addr, format!("{request}{following}")).await;
        let reply = String::from_utf8(client.read_to_end().await).unwrap();
        let start = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: ");
        let Some(rest) = reply.strip_prefix(&start) else {
            panic!("{request:?} got {reply:?}, not {status}");
        };
        let (head, body) = rest.split_once("\r\n\r\n").unwrap();
        let (len, _) = head.split_once("\r\n").unwrap_or((head, ""));
        assert_eq!(len.parse(), Ok(body.len()), "one answer, whole: {reply:?}");
        assert_eq!(
            plain.0.load(Ordering::Relaxed),
            0,
            "parsed after {request:?}"
        );

        let mut good = Client::open(server.addr, Speaks::Draft76).await;
        good.send("hello").await;
        good.expect_text("hello").await;
        server
            .expect([Seen::Open(1), Seen::Message(1, "hello".to_owned())])
            .await;
    }
}

/// The draft's request with some pieces replaced, each to be refused with that status.
fn draft76(cases: &[(&str, &str, &'static str)]) -> Vec<(String, &'static str)> {
    let case = |&(from, to, status): &(_, _, _)| (edited(HEAD, &[(from, to)]) + KEY3, status);
    cases.iter().map(case).collect()
}

#[tokio::test]
async fn keys_that_are_no_keys_are_refused() {
    // C1 to C4, T11
    let long = format!("7 {}", "7".repeat(400));
    let cases = [
        ("4 @1  46546xW%0l 1 5", "4@146546xW%0l15", "400 Bad Request"), // no space
        ("4 @1  46546xW%0l 1 5", "a b c", "400 Bad Request"),           // no digit
        ("4 @1  46546xW%0l 1 5", "", "400 Bad Request"),
        (
            "4 @1  46546xW%0l 1 5",
            "4 @1  46546xW%0l 1 6",
            "400 Bad Request",
        ), // no multiple
        ("12998 5 Y3 1  .P00", "1 3 1 ", "400 Bad Request"),
        ("12998 5 Y3 1  .P00", &long, "400 Bad Request"),
        ("12998 5 Y3 1  .P00", "4294967296 ", "400 Bad Request"), // the part is 2^32
    ];
    refused(&draft76(&cases)).await;
}

#[tokio::test]
async fn part_of_32_bits_is_accepted() {
    // C4: one below what is refused.
    let server = TestServer::start(Echo).await;
    for key in ["4294967295 ", " 8589934590 ", "0 0"] {
        let request = edited(HEAD, &[("12998 5 Y3 1  .P00", key)]) + KEY3;
        let mut client = Client::request(server.addr, request).await;
        assert!(client.read_exact(13).await == b"HTTP/1.1 101 ", "{key:?}");
    }
}

#[tokio::test]
async fn line_breaks_in_an_origin_are_refused() {
    // R9, T4, T14
    let cases = [
        "\r",
        "\n",
        "\r\n ",
        "\r\n\t",
        "\0",
        "%0d%0a",
        "%0D%0ASet-Cookie:a=b",
        "\u{560a}",
    ]
    .map(|bad| format!("http://example.com{bad}Set-Cookie: a=b"));
    for bad in &cases {
        refused(&draft76(&[("http://example.com", bad, "400 Bad Request")])).await;
    }
}

#[tokio::test]
async fn line_breaks_in_other_echoed_values_are_refused() {
    // R9, T4
    refused(&draft76(&[
        ("/demo", "/de\rmo", "400 Bad Request"),
        ("/demo", "/de\nmo", "400 Bad Request"),
        ("/demo", "/dé", "400 Bad Request"),
        (
            "Host: example.com",
            "Host: example.com\rX: y",
            "400 Bad Request",
        ),
        (
            "Host: example.com",
            "Host: example.com/evil",
            "400 Bad Request",
        ),
        ("Host: example.com", "Host: a b", "400 Bad Request"),
        (
            "Origin: ",
            "Sec-WebSocket-Protocol: a\rb\r\nOrigin: ",
            "400 Bad Request",
        ),
        (
            "Origin: ",
            "Sec-WebSocket-Protocol: \u{560a}\r\nOrigin: ",
            "400 Bad Request",
        ),
    ]))
    .await;
}

#[tokio::test]
async fn ambiguous_heads_are_refused() {
    // H10, H13, T14
    refused(&draft76(&[
        (
            "Upgrade\r\n",
            "Upgrade\r\nSec-WebSocket-Key1: 1 \r\n",
            "400 Bad Request",
        ),
        (
            "Upgrade\r\n",
            "Upgrade\r\nsec-websocket-key2: 1 \r\n",
            "400 Bad Request",
        ),
        (
            "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n",
            "",
            "400 Bad Request",
        ),
        (
            "Upgrade\r\n",
            "Upgrade\r\nHost: example.com\r\n",
            "400 Bad Request",
        ),
        ("Host: example.com\r\n", "", "400 Bad Request"),
        (
            "Upgrade\r\n",
            "Upgrade\r\nOrigin: null\r\n",
            "400 Bad Request",
        ),
        (
            "Upgrade\r\n",
            "Upgrade\r\nUpgrade: WebSocket\r\n",
            "400 Bad Request",
        ),
        (
            "Upgrade\r\n",
            "Upgrade\r\nTransfer-Encoding: chunked\r\n",
            "400 Bad Request",
        ),
        (
            "Upgrade\r\n",
            "Upgrade\r\nContent-Length: 9\r\n",
            "400 Bad Request",
        ),
        (
            "Upgrade\r\n",
            "Upgrade\r\nContent-Length: 8\r\nContent-Length: 8\r\n",
            "400 Bad Request",
        ),
        // The keys of both protocols.
        (
            "Upgrade\r\n",
            "Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
            "400 Bad Request",
        ),
        ("Connection: Upgrade\r\n", "", "400 Bad Request"),
        (
            "Connection: Upgrade",
            "Connection: keep-alive",
            "400 Bad Request",
        ),
        ("Host: ", "Host : ", "400 Bad Request"),
        ("Host: ", ": ", "400 Bad Request"),
        ("Origin: ", "no colon\r\nOrigin: ", "400 Bad Request"),
    ]))
    .await;
}

#[tokio::test]
async fn request_lines_that_are_none_are_refused() {
    // H1, H2
    refused(&draft76(&[
        ("GET ", "POST ", "405 Method Not Allowed"),
        ("GET ", "get ", "405 Method Not Allowed"),
        ("GET ", "HEAD ", "405 Method Not Allowed"),
        ("HTTP/1.1", "HTTP/1.0", "400 Bad Request"),
        ("HTTP/1.1", "HTTP/2.0", "400 Bad Request"),
        ("/demo", "demo", "400 Bad Request"),
        ("/demo", "http://example.com/demo", "400 Bad Request"),
        ("GET /demo HTTP/1.1", "\x16\x03\x01\x02", "400 Bad Request"),
    ]))
    .await;
}

#[tokio::test]
async fn heads_over_the_limits_are_refused() {
    // H3, T5: a head of 20 KiB, a line over 8 KiB, a resource name over 2 KiB, a 65th field.
    let lines = "X-Filler: 0123456789012345678901234567890123456789\r\n".repeat(20);
    let head = format!("X: {0}\r\nX: {0}\r\nX: {0}\r\n", "x".repeat(6_900));
    let line = format!("X: {}\r\n", "x".repeat(9_000));
    let fields = lines.repeat(4);
    let name = format!("/{}", "x".repeat(2_048));
    let mut cases = Vec::new();
    for field in [&head, &line, &fields] {
        let field = format!("{field}Origin: ");
        cases.push((
            edited(HEAD, &[("Origin: ", &field)]),
            "431 Request Header Fields Too Large",
        ));
    }
    cases.push((edited(HEAD, &[("/demo", &name)]), "414 URI Too Long"));
    refused(&cases).await;
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn rfc6455_requests_that_are_none_are_refused() {
    // T3: both protocols refuse the same.
    let request = Speaks::Rfc6455.request();
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let twice = format!("{key}{key}");
    let both = format!("{key}Sec-WebSocket-Key1: 1 \r\nSec-WebSocket-Key2: 1 \r\n");
    let cases = [
        (key, "", "400 Bad Request"),
        (key, &twice, "400 Bad Request"),
        (key, &both, "400 Bad Request"),
        (key, "Sec-WebSocket-Key: short==\r\n", "400 Bad Request"),
        ("Version: 13", "Version: 12", "426 Upgrade Required"),
        (
            "Version: 13",
            "Version: 99999999999999999999",
            "426 Upgrade Required",
        ),
        ("Sec-WebSocket-Version: 13\r\n", "", "426 Upgrade Required"),
        (
            "http://example.com",
            "http://example.com\rX: y",
            "400 Bad Request",
        ),
        ("http://example.com", "%0d%0aX:y", "400 Bad Request"),
        ("Connection: Upgrade\r\n", "", "400 Bad Request"),
        ("Host: example.com\r\n", "", "400 Bad Request"),
        (
            "Host: ",
            "Transfer-Encoding: chunked\r\nHost: ",
            "400 Bad Request",
        ),
        ("GET", "POST", "405 Method Not Allowed"),
        ("/demo", "/de mo", "400 Bad Request"),
    ];
    let case = |&(from, to, status): &(_, _, _)| (edited(&request, &[(from, to)]), status);
    refused(&cases.iter().map(case).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn client_that_vanishes_while_opening_is_no_event() {
    // P4: closed only where open was called.
    let mut server = TestServer::start(Obedient).await;
    for bytes in ["", "GET /demo HT", HEAD] {
        let mut client = Client::request(server.addr, bytes).await;
        client.finish().await;
        client.read_to_end().await;
        Client::request(server.addr, bytes).await.reset();
    }
    let mut client = Client::open(server.addr, Speaks::Draft76).await;
    server.expect([Seen::Open(1)]).await;
    client.send("close").await;
    client.expect_end(b"\xff\x00").await;
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn compression_that_is_offered_is_not_taken() {
    use crate::support::masked;

    // T18: the reply names no extension, and a frame that is marked compressed is a protocol error.
    let server = TestServer::start(Echo).await;
    let speaks = Speaks::Rfc6455;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\nOrigin";
    let request = edited(&speaks.request(), &[("Origin", offer)]);
    let mut client = Client::request(server.addr, request).await;
    client.expect(speaks.reply()).await;
    client
        .write(masked(0xc1, b"\xca\x48\xcd\xc9\xc9\x07\x00"))
        .await;
    client.expect_end(speaks.sent_closing(1002)).await;
}
