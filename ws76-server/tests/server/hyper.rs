//! An endpoint in a hyper server: what it answers, and when.

use std::net::SocketAddr;

use http_body_util::Empty;
use hyper::{Request, Version, body::Bytes, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use ws76_server::{Config, Endpoint, Origins, Versions, WhenFull};

use crate::support::{BOTH, Client, Echo, HEAD, KEY3, Mount, Speaks, connected, edited, reply};

#[tokio::test]
async fn both_protocols_open_echo_and_close() {
    let mount = Mount::with(Config::new()).await;
    for &speaks in BOTH {
        let mut client = mount.open(speaks).await;
        client.send("hello").await;
        client.expect_text("hello").await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn reply_is_the_drafts_but_for_the_case_of_names() {
    // R1 to R5, R8
    let mount = Mount::with(Config::new()).await;
    let mut client = Client::request(mount.addr, [HEAD, KEY3].concat()).await;
    client.expect(reply()).await;
    client.send_closing().await;
    client.expect_end(b"\xff\x00").await;
}

#[tokio::test]
async fn key3_comes_in_any_pieces_and_frames_may_follow_in_its_packet() {
    // H11, R8: in the head's packet or later, and announced as a body or not.
    let mount = Mount::with(Config::new()).await;
    let reply = reply();
    let (head, response) = reply.split_at(reply.len() - 16);
    let announced = edited(HEAD, &[("\r\n\r\n", "\r\nContent-Length: 8\r\n\r\n")]);
    let key3_and_frame = [KEY3.as_bytes(), b"\0a\xff"].concat();
    for request in [HEAD, &announced] {
        for with_head in 0..=key3_and_frame.len() {
            for cut in with_head..=key3_and_frame.len() {
                let (first, rest) = key3_and_frame.split_at(cut);
                let (first, second) = first.split_at(with_head);
                let packet = [request.as_bytes(), first].concat();
                let mut client = Client::request(mount.addr, packet).await;
                client.expect(head).await;
                client.write(second).await;
                client.write(rest).await;
                client.expect(response).await;
                client.expect(b"\0a\xff").await;
            }
        }
    }
}

#[tokio::test]
async fn request_that_cannot_be_served_is_refused_and_the_connection_closed() {
    let config = Config::new().with_origins(Origins::list(["http://example.com"]));
    let endpoint = Endpoint::new(Echo, config);
    let mount = Mount::of(&endpoint).await;
    let origin = "Origin: http://example.com";
    for (status, edits) in [
        // C2, H10, H7, H9 and T14
        ("400", &[("4 @1  46546xW%0l 1 5", "4@146546xW%0l15")][..]),
        ("400", &[("Key2:", "Key1:")]),
        ("400", &[("Host: example.com", "Host: exam/ple")]),
        ("400", &[("Host: example.com\r\n", "")]),
        ("400", &[(origin, "Content-Length: 9")]),
        ("400", &[(origin, "Transfer-Encoding: chunked")]),
        (
            "400",
            &[(origin, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")],
        ),
        (
            "400",
            &[("/demo HTTP/1.1", "http://example.com/demo HTTP/1.1")],
        ),
        ("400", &[("HTTP/1.1", "HTTP/1.0")]),
        ("405", &[("GET", "POST")]),
        ("403", &[(origin, "Origin: http://example.org")]),
        ("426", &[("Upgrade: WebSocket\r\n", "")]),
    ] {
        // T14: key 3 and what follows is no second request.
        let request = edited(HEAD, edits) + KEY3 + "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
        assert_eq!(mount.refused(request).await, status, "{edits:?}");
    }
    let answered = [(400, 9), (403, 1), (405, 1), (426, 1)];
    assert_eq!(endpoint.stats().answered, answered.into());

    endpoint.set_config(Config::new().with_versions(Versions::new().with_draft76(false)));
    assert_eq!(mount.refused([HEAD, KEY3].concat()).await, "426");
    // T5: hyper takes more than the endpoint does.
    let long = edited(HEAD, &[("/demo", &["/", &"a".repeat(3000)].concat())]);
    assert_eq!(mount.refused(long).await, "414");
    let many = edited(
        HEAD,
        &[(
            "\r\n\r\n",
            &["\r\n", &"A: b\r\n".repeat(60), "\r\n"].concat(),
        )],
    );
    assert_eq!(mount.refused(many).await, "431");
    assert_eq!(endpoint.stats().opened, [].into());
}

#[tokio::test]
async fn http2_and_a_request_without_an_upgrade_are_refused() {
    let endpoint = Endpoint::new(Echo, Config::new());
    let addr: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let request = |version| {
        let mut request = Request::get("/demo").version(version);
        for line in HEAD.lines().skip(1).filter(|line| !line.is_empty()) {
            let (name, value) = line.split_once(": ").unwrap();
            request = request.header(name, value);
        }
        request.body(Empty::<Bytes>::new()).unwrap()
    };
    let response = endpoint.upgrade(request(Version::HTTP_2), addr).await;
    assert_eq!(response.status(), 400);
    for name in [header::CONNECTION, header::UPGRADE] {
        assert!(!response.headers().contains_key(name));
    }
    let response = endpoint.upgrade(request(Version::HTTP_11), addr).await;
    assert_eq!(response.status(), 500);
    assert_eq!(endpoint.stats().opened, [].into());
}

#[tokio::test]
async fn full_endpoint_answers_503_and_a_full_address_429() {
    for &speaks in BOTH {
        let config = Config::new().with_max_connections(1);
        let mount = Mount::with(config.with_when_full(WhenFull::Refuse)).await;
        let _open = mount.open(speaks).await;
        assert_eq!(mount.refused(speaks.request()).await, "503");

        let mount = Mount::with(Config::new().with_max_per_address(1)).await;
        let mut open = mount.open(speaks).await;
        assert_eq!(mount.refused(speaks.request()).await, "429");
        open.send_closing().await;
        open.expect_end(speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn client_of_a_full_endpoint_waits_for_a_place() {
    let mount = Mount::with(Config::new().with_max_connections(1)).await;
    let mut first = mount.open(Speaks::Draft76).await;
    let mut second = Client::request(mount.addr, [HEAD, KEY3].concat()).await;
    first.send("still here").await;
    first.expect_text("still here").await;
    first.send_closing().await;
    first.expect_end(b"\xff\x00").await;
    drop(first);
    second.expect(reply()).await;
}

#[tokio::test(start_paused = true)]
async fn client_of_a_full_endpoint_waits_no_longer_than_for_a_handshake() {
    let endpoint = Endpoint::new(Echo, Config::new().with_max_connections(0));
    let (mut client, _) = connected(&endpoint);
    client.write_all(HEAD.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn key3_that_does_not_come_ends_the_connection() {
    // T6: nothing but the 101 head is written, whether a body was announced or not.
    let announced = edited(HEAD, &[("\r\n\r\n", "\r\nContent-Length: 8\r\n\r\n")]);
    for request in [HEAD, &announced] {
        let endpoint = Endpoint::new(Echo, Config::new());
        let (mut client, _) = connected(&endpoint);
        client.write_all(request.as_bytes()).await.unwrap();
        let mut head = vec![0; reply().len() - 16];
        client.read_exact(&mut head).await.unwrap();
        assert_eq!(endpoint.stats().half_open, 1);
        client.write_all(&KEY3.as_bytes()[..7]).await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        assert_eq!(
            [head, rest].concat(),
            reply().as_bytes()[..reply().len() - 16]
        );
        assert_eq!(endpoint.stats().half_open, 0);
        assert_eq!(endpoint.stats().opened, [].into());
    }
}

#[tokio::test]
async fn oldest_half_open_connection_gives_way() {
    // T6
    let mount = Mount::with(Config::new().with_max_half_open(1)).await;
    let head = &reply()[..reply().len() - 16];
    let mut first = Client::request(mount.addr, HEAD).await;
    first.expect(head).await;
    let mut second = Client::request(mount.addr, HEAD).await;
    first.expect_end(b"").await;
    second.expect(head).await;
    second.write(KEY3).await;
    second.expect(&reply()[head.len()..]).await;
}
