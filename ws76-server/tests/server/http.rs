//! Plain HTTP on the same port, and the answers that a handler decides on.

use std::net::SocketAddr;

use ws76_server::{Decision, Event, FieldValue, Handler, Head, Request, Response, Server, Status};

use crate::support::{BOTH, Client, Echo, HEAD, Speaks, TestServer, edited, listener, within};

#[tokio::test]
async fn requests_of_other_versions_get_426_with_those_that_are_spoken() {
    // H15; draft-75 proves nothing and is not spoken.
    let server = TestServer::start(Echo).await;
    let keys = "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n";
    let draft75 = edited(
        HEAD,
        &[
            (keys, ""),
            ("Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n", ""),
        ],
    );
    let mut requests = vec![draft75, "GET / HTTP/1.1\r\nHost: a\r\n\r\n".to_owned()];
    if BOTH.len() == 1 {
        requests.push(Speaks::Rfc6455.request());
    }
    for request in requests {
        let mut client = Client::request(server.addr, request).await;
        let versions = match BOTH.len() {
            1 => "",
            _ => "Sec-WebSocket-Version: 13, 8, 7\r\n",
        };
        client
            .expect_end(format!(
                "HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\nContent-Length: 21\r\n\
                 Upgrade: WebSocket\r\n{versions}Content-Type: text/plain\r\n\r\n\
                 426 Upgrade Required\n"
            ))
            .await;
    }
}

#[tokio::test]
async fn method_not_allowed_names_the_allowed_one() {
    let server = TestServer::start(Echo).await;
    let request = "PUT / HTTP/1.1\r\nHost: a\r\n\r\n";
    let mut client = Client::request(server.addr, request).await;
    client
        .expect_end(
            "HTTP/1.1 405 Method Not Allowed\r\nConnection: close\r\nContent-Length: 43\r\n\
             Allow: GET\r\nContent-Type: text/plain\r\n\r\n\
             405 Method Not Allowed: method not allowed\n",
        )
        .await;
}

/// Answers plain HTTP with its resource name, and refuses WebSockets with a page.
struct Page;

impl Handler for Page {
    async fn on_request(&self, request: &Request) -> Decision {
        let body = format!("not {}\n", request.path());
        Decision::respond(Response::new(Status::FORBIDDEN).with_body(body))
    }

    async fn on_http(&self, head: &Head, peer_addr: Option<SocketAddr>) -> Response {
        assert!(peer_addr.is_some());
        Response::new(Status::OK)
            .with_content_type(FieldValue::try_from("text/plain").unwrap())
            .with_body(head.resource_name().to_owned())
    }
}

#[tokio::test]
async fn plain_http_is_answered_by_the_handler() {
    // H15, §1.3: a HEAD has the same answer without its body; one request for each connection.
    let server = TestServer::start(Page).await;
    let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\
                Content-Type: text/plain\r\n\r\n";
    let get = "GET /a?b HTTP/1.1\r\nHost: example.com\r\n\r\n";
    let mut client = Client::request(server.addr, get.repeat(2)).await;
    client.expect_end(format!("{head}/a?b")).await;
    let mut client = Client::request(server.addr, edited(get, &[("GET", "HEAD")])).await;
    client.expect_end(head).await;
}

#[tokio::test]
async fn refusal_of_the_handler_is_sent_as_it_is() {
    // T13: before any 101.
    let mut server = TestServer::start(Page).await;
    for &speaks in BOTH {
        let mut client = Client::request(server.addr, speaks.request()).await;
        client
            .expect_end(
                "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 10\r\n\r\n\
                 not /demo\n",
            )
            .await;
    }
    server.shut_down();
    assert_eq!(server.ended().await, [], "no event for what was never open");
}

/// Panics at every request.
struct Panics;

impl Handler for Panics {
    async fn on_request(&self, _: &Request) -> Decision {
        panic!("as asked by the test")
    }

    async fn on_http(&self, _: &Head, _: Option<SocketAddr>) -> Response {
        panic!("as asked by the test")
    }
}

#[tokio::test]
async fn panic_while_deciding_is_a_500_and_harms_nobody_else() {
    // P6, T16
    let mut server = TestServer::start(Panics).await;
    let mut requests = vec!["GET / HTTP/1.1\r\nHost: example.com\r\n\r\n".to_owned()];
    requests.extend(BOTH.iter().map(|speaks| speaks.request()));
    for request in requests.iter().chain(&requests) {
        let mut client = Client::request(server.addr, request).await;
        let reply = String::from_utf8(client.read_to_end().await).unwrap();
        let start = "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n";
        assert!(reply.starts_with(start), "{reply}");
    }
    server.shut_down();
    assert_eq!(server.ended().await, []);
}

#[tokio::test]
async fn loop_over_events_may_decide_on_requests() {
    // T13
    let server = Server::new(listener().await);
    let addr = server.local_addrs().unwrap()[0];
    let (mut events, _) = server.into_events_deciding(|request| -> Decision {
        match request.origin() {
            Some("http://example.com") => Decision::accept(),
            _ => Decision::refuse(Status::FORBIDDEN),
        }
    });
    let request = edited(HEAD, &[("http://example.com", "null")]);
    let mut client = Client::request(addr, request).await;
    assert!(
        client
            .read_to_end()
            .await
            .starts_with(b"HTTP/1.1 403 Forbidden\r\n")
    );
    let _client = Client::open(addr, Speaks::Draft76).await;
    assert!(matches!(
        within("open", events.recv()).await,
        Some(Event::Open(_))
    ));
}
