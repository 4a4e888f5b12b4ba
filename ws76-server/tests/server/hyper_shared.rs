//! What an endpoint in a hyper server shares with its other connections: handler, registry, shutdown.

use std::{future::IntoFuture, net::SocketAddr};

use tokio::{
    io::AsyncWriteExt,
    sync::{Notify, mpsc, oneshot},
};
use ws76_server::{
    CloseReason, Config, Connection, Decision, Endpoint, FieldName, FieldValue, Handler, Head,
    Request, Response, Server, Status, Subprotocol, Text,
};

use crate::support::{
    BOTH, Client, Echo, HEAD, KEY3, Mount, connected, edited, listener, lower_names, reply, within,
};

/// Takes `chat` and sets a cookie, answers 401 at `/secret`, and says what happens.
struct Strict {
    events: mpsc::UnboundedSender<String>,
}

impl Handler for Strict {
    async fn on_request(&self, request: &Request) -> Decision {
        if request.path() == "/secret" {
            return Decision::refuse(Status::UNAUTHORIZED);
        }
        let name = FieldName::try_from("Set-Cookie").unwrap();
        Decision::accept()
            .with_subprotocol(Subprotocol::try_from("chat").unwrap())
            .with_field(name, FieldValue::try_from("id=7").unwrap())
    }

    async fn on_http(&self, head: &Head, addr: Option<SocketAddr>) -> Response {
        assert!(addr.is_some());
        Response::new(Status::OK).with_body(format!("page of {}", head.resource_name()))
    }

    async fn on_open(&self, connection: &Connection) {
        let addr = connection.request().peer_addr();
        self.say(format!("open {}", addr.is_some()));
    }

    async fn on_message(&self, _: &Connection, text: Text) {
        self.say(text.to_string());
    }

    async fn on_closed(&self, _: &Connection, reason: CloseReason) {
        self.say(reason.to_string());
    }
}

impl Strict {
    fn say(&self, event: String) {
        self.events.send(event).unwrap();
    }
}

#[tokio::test]
async fn handler_decides_and_hears_as_on_a_port_of_its_own() {
    // R6, R7, P4
    let (events, mut said) = mpsc::unbounded_channel();
    let mount = Mount::of(&Endpoint::new(Strict { events }, Config::new())).await;
    for &speaks in BOTH {
        let end = "\r\n\r\n";
        let asks = edited(
            &speaks.request(),
            &[(end, "\r\nSec-WebSocket-Protocol: chat\r\n\r\n")],
        );
        let gets = "\r\nSec-WebSocket-Protocol: chat\r\nSet-Cookie: id=7\r\n\r\n";
        let mut client = Client::request(mount.addr, &asks).await;
        client.speaks = speaks;
        client
            .expect(lower_names(&edited(speaks.reply(), &[(end, gets)])))
            .await;
        client.send("hello").await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
        for event in ["open true", "hello", "closed by the client"] {
            assert_eq!(within("an event", said.recv()).await.unwrap(), event);
        }
        assert_eq!(
            mount.refused(edited(&asks, &[("/demo", "/secret")])).await,
            "401"
        );
    }
    // H15
    let mut client = Client::request(mount.addr, "GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let page = "connection: close\r\ncontent-length: 12\r\n\r\n";
    client
        .expect_end(format!("HTTP/1.1 200 OK\r\n{page}page of /a?b"))
        .await;
    let mut client = Client::request(mount.addr, "HEAD /a?b HTTP/1.1\r\nHost: a\r\n\r\n").await;
    client
        .expect_end(format!("HTTP/1.1 200 OK\r\n{page}"))
        .await;
}

/// Says who a client is.
#[cfg(feature = "proxy")]
struct Mirror;

#[cfg(feature = "proxy")]
impl Handler for Mirror {
    async fn on_message(&self, connection: &Connection, _: Text) {
        let request = connection.request();
        let (addr, scheme) = (request.peer_addr().unwrap(), request.scheme());
        let _ = connection.send(format!("{addr} {scheme:?}")).await;
    }
}

#[cfg(feature = "proxy")]
#[tokio::test]
async fn fields_of_trusted_proxies_count_behind_the_mount_too() {
    // T4, R4: hyper hands on what a proxy in front of the application has added.
    use ws76_server::TrustedProxies;

    for (trusted, seen) in [("127.0.0.1", true), ("10.0.0.0/8", false)] {
        let trusted = TrustedProxies::list([trusted]).unwrap();
        let config = Config::new().with_trusted_proxies(trusted);
        let mount = Mount::of(&Endpoint::new(Mirror, config)).await;
        for &speaks in BOTH {
            let end = "\r\n\r\n";
            let fields = "\r\nX-Forwarded-For: 198.51.100.1, 192.0.2.1\r\n\
                X-Forwarded-Proto: https\r\n\r\n";
            let request = edited(&speaks.request(), &[(end, fields)]);
            let mut client = Client::request(mount.addr, request).await;
            client.speaks = speaks;
            let reply = lower_names(speaks.reply());
            let scheme = if seen { "wss://" } else { "ws://" };
            client.expect(reply.replace("ws://", scheme)).await;
            let own = client.io.local_addr().unwrap();
            client.send("who am I?").await;
            let answer = match seen {
                true => "192.0.2.1:0 Some(Wss)".to_owned(),
                false => format!("{own} None"),
            };
            client.expect_text(&answer).await;
        }
    }
}

#[tokio::test]
async fn broadcast_reaches_connections_of_the_mount_and_of_a_listener() {
    // P3
    let server = Server::new(listener().await);
    let addr = server.local_addrs().unwrap()[0];
    let (done, asked) = oneshot::channel::<()>();
    let serve = server
        .serve(Echo)
        .with_shutdown(async { drop(asked.await) });
    let endpoint = serve.endpoint().clone();
    let mount = Mount::of(&endpoint).await;
    let serve = tokio::spawn(serve.into_future());
    let mut clients = Vec::new();
    for &speaks in BOTH {
        clients.push(mount.open(speaks).await);
        clients.push(Client::open(addr, speaks).await);
    }
    for client in &mut clients {
        // Its answer tells that it is registered.
        client.send("here").await;
        client.expect_text("here").await;
    }
    assert_eq!(endpoint.registry().send_all("tea").queued, clients.len());
    let source = endpoint.registry().connections()[0].id();
    let delivery = endpoint.registry().broadcast(source, "more");
    assert_eq!(delivery.queued, clients.len() - 1);
    let mut got = 0;
    for client in &mut clients {
        client.expect_text("tea").await;
    }
    drop(done);
    for mut client in clients {
        let speaks = client.speaks;
        client.send_closing().await;
        let rest = client.read_to_end().await;
        let both = [speaks.sent("more"), speaks.sent_closing(1001)].concat();
        got += usize::from(rest == both);
        assert!(
            rest == both || rest == speaks.sent_closing(1001),
            "{rest:?}"
        );
    }
    assert_eq!(got, delivery.queued, "all but the source");
    within("the end", serve).await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_closes_connections_of_the_mount_and_refuses_new_ones() {
    // P8: also those that are still opening; the web application itself goes on.
    for &speaks in BOTH {
        let endpoint = Endpoint::new(Echo, Config::new());
        let mount = Mount::of(&endpoint).await;
        let mut half_open = Client::request(mount.addr, HEAD).await;
        half_open.expect(&reply()[..reply().len() - 16]).await;
        let mut client = mount.open(speaks).await;
        client.send("here").await;
        client.expect_text("here").await;
        assert_eq!(endpoint.registry().send_all("queued").queued, 1);

        let shutdown = endpoint.clone();
        let shutdown = tokio::spawn(async move { shutdown.shutdown().await });
        half_open.expect_end(b"").await;
        let last = [speaks.sent("queued"), speaks.sent_closing(1001)].concat();
        client.expect(last).await;
        assert_eq!(mount.refused(speaks.request()).await, "503");
        client.send_closing().await;
        client.expect_end(b"").await;
        drop(client);
        within("the shutdown", shutdown).await.unwrap();
        assert_eq!(endpoint.stats().closed, [("shutdown", 1)].into());
    }
}

/// Accepts when it is told to.
#[derive(Default)]
struct Slow {
    asked: Notify,
    go: Notify,
}

impl Handler for Slow {
    async fn on_request(&self, _: &Request) -> Decision {
        self.asked.notify_one();
        self.go.notified().await;
        Decision::accept()
    }
}

#[tokio::test]
async fn client_that_leaves_before_the_answer_opens_nothing() {
    for &speaks in BOTH {
        let endpoint = Endpoint::new(Slow::default(), Config::new());
        let (mut client, serve) = connected(&endpoint);
        // With key 3 in hand hyper does not look whether the client is still there.
        let request = speaks.request().replace(KEY3, "");
        client.write_all(request.as_bytes()).await.unwrap();
        endpoint.handler().asked.notified().await;
        drop(client);
        within("hyper to notice", serve).await.unwrap();
        endpoint.handler().go.notify_one();
        while endpoint.stats().half_open > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(endpoint.stats().opened, [].into());
    }
}
