//! Behind proxies: whom the server sees, what it makes of that, and whom it believes.

use std::net::SocketAddr;

use tokio::{io::AsyncReadExt, time::Instant};
use ws76_server::{
    Config, Connection, Handler, Head, Location, ProxyProtocol, Response, Scheme, Server, Status,
    Text, TrustedProxies,
};

use crate::support::{
    BOTH, Client, Echo, HEAD, KEY3, REPLY, Speaks, TestServer, edited, elapse, listener, settle,
    within,
};

const V1: &[u8] = b"PROXY TCP4 192.0.2.1 203.0.113.7 50000 443\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xcb\x00\x71\x07\xc3\x50\x01\xbb";
/// As `V2`, with the TLV of a client that came through TLS.
const V2_SSL: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x14\xc0\x00\x02\x01\xcb\x00\x71\x07\xc3\x50\x01\xbb\
    \x20\x00\x05\x01\x00\x00\x00\x00";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

/// Tells each client who it is.
struct Mirror;

impl Handler for Mirror {
    async fn on_message(&self, connection: &Connection, _: Text) {
        let request = connection.request();
        let (addr, scheme) = (request.peer_addr().unwrap(), request.scheme());
        let _ = connection.send(format!("{addr} {scheme:?}")).await;
    }

    async fn on_http(&self, _: &Head, peer_addr: Option<SocketAddr>) -> Response {
        Response::new(Status::OK).with_body(format!("{}", peer_addr.unwrap()))
    }
}

fn trusting(list: &[&str]) -> Config {
    Config::new().with_trusted_proxies(TrustedProxies::list(list).unwrap())
}

/// A server that expects the PROXY protocol.
async fn with_header(config: Config, handler: impl Handler) -> TestServer {
    let server = Server::new(listener().await)
        .with_config(config)
        .with_proxy_protocol(ProxyProtocol::new());
    TestServer::of(server, handler)
}

/// The request, with fields that a proxy adds.
fn forwarded(speaks: Speaks, fields: &str) -> String {
    let host = "Host: example.com\r\n";
    edited(&speaks.request(), &[(host, &format!("{host}{fields}"))])
}

/// The reply, with the location of that scheme.
fn reply(speaks: Speaks, scheme: &str) -> String {
    match speaks {
        Speaks::Draft76 => edited(REPLY, &[("ws://", &format!("{scheme}://"))]),
        Speaks::Rfc6455 => speaks.reply().to_owned(),
    }
}

/// Asks the server who the client is.
async fn assert_seen_as(client: &mut Client, seen: &str) {
    client.send("who am I?").await;
    client.expect_text(seen).await;
}

/// Waits for the end, which is a reset where not all was read; nothing may come before it.
async fn assert_dropped(client: &mut Client) {
    let mut got = Vec::new();
    let _ = within("the end", client.io.read_to_end(&mut got)).await;
    assert_eq!(got, b"", "dropped without a word");
}

#[tokio::test]
async fn fields_of_a_trusted_proxy_say_who_the_client_is() {
    // T4, R4
    let server = TestServer::with(trusting(&["127.0.0.1"]), Mirror).await;
    for &speaks in BOTH {
        let fields = "X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";
        let mut client = Client::request(server.addr, forwarded(speaks, fields)).await;
        client.speaks = speaks;
        client.expect(reply(speaks, "wss")).await;
        assert_seen_as(&mut client, "192.0.2.1:0 Some(Wss)").await;
    }
}

#[tokio::test]
async fn fields_of_anybody_else_say_nothing() {
    // T4
    for config in [Config::new(), trusting(&["10.0.0.0/8", "::1"])] {
        let server = TestServer::with(config, Mirror).await;
        for &speaks in BOTH {
            let fields = "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n";
            let mut client = Client::request(server.addr, forwarded(speaks, fields)).await;
            client.speaks = speaks;
            client.expect(reply(speaks, "ws")).await;
            let own = client.io.local_addr().unwrap();
            assert_seen_as(&mut client, &format!("{own} None")).await;
        }
    }
}

#[tokio::test]
async fn places_of_an_address_are_those_of_the_client_behind_the_proxy() {
    let config = trusting(&["127.0.0.1"]).with_max_per_address(1);
    let server = TestServer::with(config, Echo).await;
    for &speaks in BOTH {
        let request = |addr: &str| forwarded(speaks, &format!("X-Forwarded-For: {addr}\r\n"));
        let mut first = Client::request(server.addr, request("192.0.2.1")).await;
        first.expect(speaks.reply()).await;
        let mut again = Client::request(server.addr, request("192.0.2.1")).await;
        assert!(again.read_to_end().await.starts_with(b"HTTP/1.1 429 "));
        let mut other = Client::request(server.addr, request("192.0.2.2")).await;
        other.expect(speaks.reply()).await;
        first.speaks = speaks;
        first.send_closing().await;
        first.read_to_end().await;
        other.speaks = speaks;
        other.send_closing().await;
        other.read_to_end().await;
    }
}

#[tokio::test]
async fn plain_http_too_comes_from_the_client_behind_the_proxy() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n";
    let server = TestServer::with(trusting(&["127.0.0.1"]), Mirror).await;
    let mut client = Client::request(server.addr, request).await;
    assert!(client.read_to_end().await.ends_with(b"\r\n\r\n192.0.2.1:0"));
    let server = with_header(trusting(&["192.0.2.0/24", "127.0.0.1"]), Mirror).await;
    let request = request.replace("For: 192.0.2.1", "For: 198.51.100.1");
    let mut client = Client::request(server.addr, [V1, request.as_bytes()].concat()).await;
    assert!(
        client
            .read_to_end()
            .await
            .ends_with(b"\r\n\r\n198.51.100.1:0")
    );
}

#[tokio::test]
async fn proxy_header_says_who_the_client_is() {
    // R4
    let server = with_header(Config::new(), Mirror).await;
    for &speaks in BOTH {
        for (header, scheme, seen) in [
            (V1, "ws", "192.0.2.1:50000 None"),
            (V2, "ws", "192.0.2.1:50000 None"),
            (V2_SSL, "wss", "192.0.2.1:50000 Some(Wss)"),
        ] {
            let bytes = [header, speaks.request().as_bytes(), &speaks.text("who?")].concat();
            let mut client = Client::request(server.addr, bytes).await;
            client.speaks = speaks;
            client.expect(reply(speaks, scheme)).await;
            client.expect_text(seen).await;
            assert_seen_as(&mut client, seen).await;
        }
        for header in [LOCAL, b"PROXY UNKNOWN\r\n"] {
            let mut client = Client::request(server.addr, header).await;
            let own = client.io.local_addr().unwrap();
            client = client.opened(speaks).await;
            assert_seen_as(&mut client, &format!("{own} None")).await;
        }
    }
}

#[tokio::test]
async fn proxy_header_and_request_may_come_in_bytes() {
    // T12, R8
    let server = with_header(Config::new(), Mirror).await;
    for header in [V1, V2, V2_SSL] {
        let mut client = Client::connect(server.addr).await;
        for byte in [header, HEAD.as_bytes()].concat() {
            client.write([byte]).await;
            settle().await;
        }
        let scheme = if header == V2_SSL { "wss" } else { "ws" };
        let reply = reply(Speaks::Draft76, scheme);
        let (head, response) = reply.split_at(reply.len() - 16);
        client.expect(head).await;
        client.write(KEY3).await;
        client.expect(response).await;
    }
}

#[tokio::test]
async fn settings_go_before_what_a_proxy_says() {
    // R4
    let request = [V2_SSL, Speaks::Draft76.request().as_bytes()].concat();
    let server = with_header(Config::new().with_scheme(Scheme::Ws), Mirror).await;
    let mut client = Client::request(server.addr, &request).await;
    client.expect(REPLY).await;
    let public = Location::new(Scheme::Ws, "public.example:81", "/live").unwrap();
    let server = with_header(Config::new().with_public_location(public), Mirror).await;
    let mut client = Client::request(server.addr, &request).await;
    let location = ("ws://example.com/", "ws://public.example:81/live/");
    client.expect(edited(REPLY, &[location])).await;
}

#[tokio::test]
async fn without_its_header_a_connection_is_dropped_and_others_stay() {
    // P6
    let server = with_header(Config::new(), Mirror).await;
    let mut established = Client::request(server.addr, V1).await;
    established = established.opened(Speaks::Draft76).await;
    for &speaks in BOTH {
        for bytes in [
            speaks.request().as_bytes(),
            b"PROXY TCP4 192.0.2.1 203.0.113.7 50000 99999\r\n",
            &V2[..V2.len() - 1],
            b"P",
            b"",
        ] {
            let mut client = Client::request(server.addr, bytes).await;
            client.finish().await;
            assert_dropped(&mut client).await;
        }
    }
    assert_seen_as(&mut established, "192.0.2.1:50000 None").await;
    assert_eq!(server.registry.len(), 1);
    let (malformed, cut) = (2 * BOTH.len() as u64, 3 * BOTH.len() as u64);
    let expected = [("proxy_header", malformed), ("gone", cut)];
    assert_eq!(server.stats().unopened, expected.into());
}

#[tokio::test]
async fn only_trusted_proxies_may_send_the_header_where_there_is_a_list() {
    // T4
    let server = with_header(trusting(&["10.0.0.0/8"]), Mirror).await;
    for header in [V1, V2, LOCAL] {
        let mut client = Client::request(server.addr, header).await;
        assert_dropped(&mut client).await;
    }
    assert_eq!(server.stats().unopened, [("proxy_header", 3)].into());
    let server = with_header(trusting(&["127.0.0.0/8"]), Mirror).await;
    let mut client = Client::request(server.addr, V2)
        .await
        .opened(Speaks::Draft76)
        .await;
    assert_seen_as(&mut client, "192.0.2.1:50000 None").await;
}

#[tokio::test]
async fn fields_count_when_the_header_names_a_trusted_proxy() {
    // T4: another proxy in front of the one that sends the header.
    let fields = "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-Proto: https\r\n";
    for (trusted, scheme, seen) in [
        (
            &["127.0.0.1", "192.0.2.1"][..],
            "wss",
            "198.51.100.1:0 Some(Wss)",
        ),
        (&["127.0.0.1"], "ws", "192.0.2.1:50000 None"),
    ] {
        let server = with_header(trusting(trusted), Mirror).await;
        let request = forwarded(Speaks::Draft76, fields);
        let mut client = Client::request(server.addr, [V1, request.as_bytes()].concat()).await;
        client.expect(reply(Speaks::Draft76, scheme)).await;
        assert_seen_as(&mut client, seen).await;
    }
}

#[tokio::test]
async fn proxy_header_counts_against_the_time_for_opening() {
    // T6
    let server = with_header(Config::new(), Echo).await;
    for part in [&b"PROXY TCP4 192.0.2.1"[..], &V2[..20], b""] {
        let start = Instant::now();
        let mut client = Client::request(server.addr, part).await;
        elapse(client.expect_end("")).await;
        assert_eq!(start.elapsed().as_secs(), 10);
    }
}

#[tokio::test]
async fn oldest_is_shed_while_it_has_sent_half_a_header() {
    // T6
    let server = with_header(Config::new().with_max_half_open(2), Echo).await;
    let mut half_open = Vec::new();
    for _ in 0..3 {
        half_open.push(Client::request(server.addr, b"PROXY").await);
        settle().await;
    }
    assert_dropped(&mut half_open[0]).await;
    for client in &mut half_open[1..] {
        client.write(&V1[5..]).await;
        client.write(Speaks::Draft76.request()).await;
        client.expect(REPLY).await;
    }
}
