//! Policies: who may open a connection. Each for every protocol, before any 101 and any handler (T3).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use ws76_server::{
    CloseReason, Config, Decision, Handler, Hosts, Location, Origins, Request, Scheme, Server,
    Versions, WhenFull,
};

use crate::support::{
    self, BOTH, Client, Echo, HEAD, KEY3, Quiet, REPLY, Seen, Speaks, TestServer, edited,
};

/// Counts the requests that come as far as the handler.
#[derive(Clone, Default)]
struct Asked(Arc<AtomicUsize>);

impl Handler for Asked {
    async fn on_request(&self, _: &Request) -> Decision {
        self.0.fetch_add(1, Ordering::Relaxed);
        Decision::accept()
    }
}

/// What the status line of the answer to a request says.
async fn status(server: &TestServer, request: &str) -> u16 {
    let mut client = Client::request(server.addr, request).await;
    let line = client.read_exact(12).await;
    let line = String::from_utf8(line).unwrap();
    line.strip_prefix("HTTP/1.1 ").unwrap().parse().unwrap()
}

/// The request of a protocol with this origin, or none, and this host.
fn request(speaks: Speaks, origin: Option<&str>, host: &str) -> String {
    let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
    edited(
        &speaks.request(),
        &[
            ("Origin: http://example.com\r\n", &origin),
            ("Host: example.com", &format!("Host: {host}")),
        ],
    )
}

/// Asserts which of these origins are let in, and that the handler is asked about these only.
async fn let_in(origins: Origins, cases: &[(Option<&str>, bool)]) {
    for &speaks in BOTH {
        let asked = Asked::default();
        let config = Config::new().with_origins(origins.clone());
        let server = TestServer::with(config, asked.clone()).await;
        for &(origin, allowed) in cases {
            let before = asked.0.load(Ordering::Relaxed);
            let got = status(&server, &request(speaks, origin, "example.com:81")).await;
            let expected = if allowed { 101 } else { 403 };
            assert_eq!(got, expected, "{speaks:?}, {origin:?}, {origins:?}");
            let calls = asked.0.load(Ordering::Relaxed) - before;
            assert_eq!(calls, usize::from(allowed), "{speaks:?}, {origin:?}");
        }
    }
}

#[tokio::test]
async fn any_origin_is_let_in_by_default() {
    // H8, T13
    let all = [
        None,
        Some("null"),
        Some("file://"),
        Some("http://evil.example"),
    ];
    let_in(Origins::any(), &all.map(|origin| (origin, true))).await;
}

#[tokio::test]
async fn origins_of_a_list_are_let_in_and_compared_byte_for_byte() {
    // H8, T13
    let list = Origins::list(["http://example.com", "https://a.example:8443"]);
    let cases = [
        (Some("http://example.com"), true),
        (Some("https://a.example:8443"), true),
        (Some("https://example.com"), false),
        (Some("http://example.com:80"), false),
        (Some("http://EXAMPLE.com"), false),
        (Some("http://example.com.evil"), false),
        (Some("null"), false),
        (None, false),
    ];
    let_in(list.clone(), &cases).await;
    let_in(
        list.clone().with_null(),
        &[(Some("null"), true), (None, false)],
    )
    .await;
    let_in(list.with_missing(), &[(Some("null"), false), (None, true)]).await;
}

#[tokio::test]
async fn origin_of_the_same_host_and_port_is_let_in() {
    // H8, T13
    let cases = [
        (Some("http://example.com:81"), true),
        (Some("https://Example.com:81"), true),
        (Some("http://example.com"), false),
        (Some("http://example.com:82"), false),
        (Some("example.com:81"), false),
        (Some("null"), false),
        (None, false),
    ];
    let_in(Origins::same_host(), &cases).await;
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn origin_of_hybi_versions_is_checked_where_they_put_it() {
    // T3: `Sec-WebSocket-Origin` in versions 7 and 8.
    let config = Config::new().with_origins(Origins::list(["http://a.example"]));
    let server = TestServer::with(config, Quiet).await;
    for (origin, expected) in [("http://a.example", 101), ("http://b.example", 403)] {
        let request = edited(
            &Speaks::Rfc6455.request(),
            &[
                ("Version: 13", "Version: 8"),
                (
                    "Origin: http://example.com",
                    &format!("Sec-WebSocket-Origin: {origin}"),
                ),
            ],
        );
        assert_eq!(status(&server, &request).await, expected, "{origin}");
    }
}

#[tokio::test]
async fn hosts_of_a_list_are_answered_to() {
    // H7
    for &speaks in BOTH {
        let config = Config::new().with_hosts(Hosts::list(["example.com", "tv.example:9000"]));
        let server = TestServer::with(config, Quiet).await;
        for (host, expected) in [
            ("example.com", 101),
            ("EXAMPLE.COM:81", 101),
            ("tv.example:9000", 101),
            ("tv.example", 403),
            ("evil.example", 403),
        ] {
            let got = status(&server, &request(speaks, Some("null"), host)).await;
            assert_eq!(got, expected, "{speaks:?}, {host}");
        }
    }
}

#[tokio::test]
async fn version_that_is_switched_off_is_answered_426() {
    // T17
    for (versions, draft76, rfc6455) in [
        (Versions::new(), 101, 101),
        (Versions::new().with_draft76(false), 426, 101),
        (Versions::new().with_rfc6455(false), 101, 426),
    ] {
        let server = TestServer::with(Config::new().with_versions(versions), Quiet).await;
        for &speaks in BOTH {
            let expected = match speaks {
                Speaks::Draft76 => draft76,
                Speaks::Rfc6455 => rfc6455,
            };
            assert_eq!(
                status(&server, &speaks.request()).await,
                expected,
                "{versions:?}"
            );
        }
        assert_eq!(status(&server, DRAFT75).await, 426, "draft-75 is opt-in");
    }
}

#[tokio::test]
async fn listener_serves_versions_of_its_own() {
    // T17: those that have none follow the config, also when it is changed.
    let bind = async || Server::new(support::listener().await);
    let devices = Versions::new().with_draft75(true).with_rfc6455(false);
    let browsers = Versions::new().with_draft76(false);
    let server = bind()
        .await
        .and(bind().await.with_versions(devices))
        .and(bind().await.with_versions(browsers));
    let addrs = server.local_addrs().unwrap();
    let mut server = TestServer::of(server, Echo);
    let mut served = async |versions: [[u16; 3]; 3]| {
        for (&addr, [draft75, draft76, rfc6455]) in addrs.iter().zip(versions) {
            server.addr = addr;
            assert_eq!(status(&server, DRAFT75).await, draft75, "{addrs:?}, {addr}");
            for &speaks in BOTH {
                let expected = match speaks {
                    Speaks::Draft76 => draft76,
                    Speaks::Rfc6455 => rfc6455,
                };
                let got = status(&server, &speaks.request()).await;
                assert_eq!(got, expected, "{addrs:?}, {addr}, {speaks:?}");
            }
        }
        server.set_config(Config::new().with_versions(browsers));
    };
    served([[426, 101, 101], [101, 101, 426], [426, 426, 101]]).await;
    served([[426, 426, 101], [101, 101, 426], [426, 426, 101]]).await;
}

/// A request as Safari 5.0.0 sends it.
const DRAFT75: &str = "GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
    Host: example.com\r\nOrigin: http://example.com\r\n\r\n";

#[tokio::test]
async fn draft75_client_is_served_without_challenge_and_closing_frame_where_it_is_let_in() {
    let versions = Versions::new().with_draft75(true);
    let mut server = TestServer::with(Config::new().with_versions(versions), Echo).await;
    let mut client = Client::request(server.addr, format!("{DRAFT75}\x00early\u{7f}")).await;
    client
        .expect(
            "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
             Connection: Upgrade\r\nWebSocket-Origin: http://example.com\r\n\
             WebSocket-Location: ws://example.com/demo\r\n\r\n",
        )
        .await;
    client.write(b"\xff\x00hello\xff").await;
    client.expect(b"\x00early\x7f\xff\x00hello\xff").await;
    server.registry.connections()[0].close();
    client.expect_end(b"").await;
    client.finish().await;
    let (id, reason) = server.closed().await;
    assert_eq!((id, reason), (1, CloseReason::Local { clean: false }));
    assert_eq!(server.stats().opened.get("draft-75"), Some(&1));
}

#[tokio::test]
async fn connections_of_an_address_are_limited_and_the_next_is_answered_429() {
    // Tested at n and n + 1; a place comes back.
    for &speaks in BOTH {
        let mut server = TestServer::with(Config::new().with_max_per_address(2), Quiet).await;
        let first = Client::open(server.addr, speaks).await;
        let second = Client::open(server.addr, speaks).await;
        assert_eq!(status(&server, &speaks.request()).await, 429);
        first.reset();
        server.closed().await;
        // The place is back when the task has ended, which is soon after the event.
        let mut again = status(&server, &speaks.request()).await;
        while again == 429 {
            tokio::task::yield_now().await;
            again = status(&server, &speaks.request()).await;
        }
        assert_eq!(again, 101);
        drop(second);
    }
}

#[tokio::test]
async fn client_beyond_the_limit_is_answered_503_where_that_is_chosen() {
    // Tested at n and n + 1.
    for &speaks in BOTH {
        let config = Config::new()
            .with_max_connections(2)
            .with_when_full(WhenFull::Refuse);
        let asked = Asked::default();
        let server = TestServer::with(config, asked.clone()).await;
        let clients = [
            Client::open(server.addr, speaks).await,
            Client::open(server.addr, speaks).await,
        ];
        assert_eq!(status(&server, &speaks.request()).await, 503);
        assert_eq!(asked.0.load(Ordering::Relaxed), 2);
        assert_eq!(server.stats().answered.get(&503), Some(&1));
        drop(clients);
    }
}

#[tokio::test]
async fn location_follows_the_setting() {
    // R4
    let reply = |location: &str| edited(REPLY, &[("ws://example.com/demo", location)]);
    let wss = Config::new().with_scheme(Scheme::Wss);
    let public = Location::parse("wss://tv.example/live/").unwrap();
    let public = wss.clone().with_public_location(public);
    for (config, location) in [
        (Config::new(), "ws://example.com/demo"),
        (wss, "wss://example.com/demo"),
        (public, "wss://tv.example/live/demo"),
    ] {
        let server = TestServer::with(config, Quiet).await;
        let mut client = Client::request(server.addr, format!("{HEAD}{KEY3}")).await;
        client.expect(reply(location)).await;
    }
}

#[tokio::test]
async fn new_config_is_for_new_connections() {
    for &speaks in BOTH {
        let server = TestServer::with(Config::new(), Echo).await;
        let mut old = Client::open(server.addr, speaks).await;
        server.set_config(Config::new().with_max_message_len(3));
        let mut new = Client::open(server.addr, speaks).await;
        new.send("long").await;
        new.expect_end(speaks.sent_closing(1009)).await;
        old.send("long").await;
        old.expect_text("long").await;
    }
}

/// The state of a connection: the query of its request.
#[derive(Default)]
struct Query(String);

struct Stateful;

impl Handler<Query> for Stateful {
    async fn on_request(&self, request: &Request) -> Decision<Query> {
        Decision::accept_with(Query(request.query().unwrap_or_default().to_owned()))
    }

    async fn on_message(
        &self,
        connection: &ws76_server::Connection<Query>,
        text: ws76_server::Text,
    ) {
        let wanted = text.as_str();
        let registry = connection.registry();
        registry.send_where(&connection.state().0, |other| other.state().0 == wanted);
    }
}

#[tokio::test]
async fn state_set_at_accept_is_there_at_every_event_and_for_predicates() {
    let listener = support::listener().await;
    let addr = listener.local_addr().unwrap();
    let serve = Server::new(listener).serve(Stateful);
    let registry = serve.registry();
    let task = tokio::spawn(serve.into_future());
    let mut clients = Vec::new();
    for (&speaks, query) in BOTH.iter().chain(BOTH).zip(["a", "b", "a", "c"]) {
        let path = format!("/demo?{query}");
        let request = edited(&speaks.request(), &[("/demo", &path)]);
        let mut client = Client::request(addr, request).await;
        client.speaks = speaks;
        client
            .expect(edited(speaks.reply(), &[]).replace("/demo", &path))
            .await;
        clients.push((client, query));
    }
    assert_eq!(registry.len(), clients.len());
    clients[1].0.send("a").await;
    for (client, _) in clients.iter_mut().filter(|(_, query)| *query == "a") {
        client.expect_text("b").await;
    }
    let states: usize = registry
        .connections()
        .iter()
        .map(|one| one.state().0.len())
        .sum();
    assert_eq!(states, clients.len());
    task.abort();
}

#[tokio::test]
async fn refused_clients_see_no_event() {
    let config = Config::new().with_origins(Origins::same_host());
    let mut server = TestServer::with(config, Quiet).await;
    for &speaks in BOTH {
        assert_eq!(
            status(&server, &request(speaks, Some("null"), "a")).await,
            403
        );
    }
    assert_eq!(
        server.stats().answered.get(&403),
        Some(&(BOTH.len() as u64))
    );
    let _client = Client::open(server.addr, Speaks::Draft76).await;
    server.expect([Seen::Open(1)]).await;
}
