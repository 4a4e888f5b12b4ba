//! The opening handshake over TCP, however it is cut, proxied and worded.

use ws76_server::{
    Config, Decision, FieldName, FieldValue, Handler, Request, Scheme, Status, Subprotocol,
};

use crate::support::{BOTH, Client, Echo, HEAD, KEY3, REPLY, TestServer, edited, settle};

/// Where the response of 16 bytes begins.
const RESPONSE: usize = REPLY.len() - 16;

#[tokio::test]
async fn head_is_answered_before_key3_came() {
    // R8: behind a proxy that holds key 3 back, anything else is a deadlock.
    let server = TestServer::start(Echo).await;
    let mut client = Client::request(server.addr, HEAD).await;
    client.expect(&REPLY[..RESPONSE]).await;
    assert!(server.registry.is_empty());
    client.write(KEY3).await;
    client.expect(&REPLY[RESPONSE..]).await;
    client.send("hello").await;
    client.expect_text("hello").await;
}

#[tokio::test]
async fn key3_split_3_and_5_gives_the_same_response() {
    // H11
    let server = TestServer::start(Echo).await;
    let mut client = Client::request(server.addr, format!("{HEAD}{}", &KEY3[..3])).await;
    client.expect(&REPLY[..RESPONSE]).await;
    client.write(&KEY3[3..]).await;
    client.expect(&REPLY[RESPONSE..]).await;
    client.send_closing().await;
    client.expect_end(b"\xff\x00").await;
}

#[tokio::test]
async fn key3_may_be_any_eight_bytes() {
    // H11, F10: 0x00 and 0xFF in key 3 are no frames.
    let server = TestServer::start(Echo).await;
    for key3 in [
        *b"\x00\xff\x00\xff\xff\x00\x00\xff",
        *b"\r\n\r\n\r\n\r\n",
        [0x80; 8],
    ] {
        let mut client = Client::request(server.addr, [HEAD.as_bytes(), &key3].concat()).await;
        assert_eq!(client.read_exact(REPLY.len()).await.len(), REPLY.len());
        client.send("hello").await;
        client.expect_text("hello").await;
    }
}

#[tokio::test]
async fn head_in_single_bytes_is_accepted() {
    // T5, T12
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let mut client = Client::connect(server.addr).await;
        let request = [speaks.request().as_bytes(), &speaks.text("hello")].concat();
        for byte in request {
            client.write([byte]).await;
            settle().await;
        }
        client.expect(speaks.reply()).await;
        client.expect(speaks.sent("hello")).await;
    }
}

#[tokio::test]
async fn every_two_way_cut_gives_the_same_bytes() {
    // F10, T12
    for &speaks in BOTH {
        let server = TestServer::start(Echo).await;
        let texts = ["one", "", "日本"];
        let mut request = speaks.request().into_bytes();
        let mut reply = speaks.reply().as_bytes().to_vec();
        for text in texts {
            request.extend(speaks.text(text));
            reply.extend(speaks.sent(text));
        }
        request.extend(speaks.closing());
        // X3: what follows the closing frame is ignored.
        request.extend(speaks.text("ignored"));
        // The answer to the closing frame has the code of the client.
        reply.extend(speaks.sent_closing(1000));
        for cut in 0..=request.len() {
            let mut client = Client::request(server.addr, &request[..cut]).await;
            settle().await;
            client.write(&request[cut..]).await;
            client.expect_end(&reply).await;
        }
    }
}

#[tokio::test]
async fn vectors_of_the_draft_hold_over_tcp() {
    // C1 to C6
    let vectors: [(&str, &str, [u8; 8], [u8; 16]); 4] = [
        (
            "4 @1  46546xW%0l 1 5",
            "12998 5 Y3 1  .P00",
            *b"^n:ds[4U",
            *b"8jKS'y:G*Co,Wxa-",
        ),
        (
            "18x 6]8vM;54 *(5:  {   U1]8  z [  8",
            "1_ tx7X d  <  nw  334J702) 7]o}` 0",
            *b"Tm[K T2u",
            *b"fQJ,fN/4F4!~K~MH",
        ),
        (
            "P388 O503D&ul7 {K%gX( %7  15",
            "1 N ?|k UT0or 3o  4 I97N 5-S3O 31",
            0x4730_222d_5a3f_4758_u64.to_be_bytes(),
            *b"0st3Rl&q-2ZU^weu",
        ),
        (
            "3e6b263  4 17 80",
            "17  9 G`ZD9   2 2b 7X 3 /r90",
            *b"WjN}|M(6",
            *b"n`9eBk9z$R8pOtVb",
        ),
    ];
    let server = TestServer::start(Echo).await;
    for (key1, key2, key3, response) in vectors {
        let edits = [("4 @1  46546xW%0l 1 5", key1), ("12998 5 Y3 1  .P00", key2)];
        let request = [edited(HEAD, &edits).as_bytes(), &key3].concat();
        let mut client = Client::request(server.addr, request).await;
        let reply = [&REPLY.as_bytes()[..RESPONSE], &response].concat();
        client.expect(reply).await;
        client.send("hello").await;
        client.expect_text("hello").await;
    }
}

#[tokio::test]
async fn heads_as_real_clients_and_proxies_send_them_are_accepted() {
    // H4, H6, H12: the reply has one `Connection` of one word whatever the request has (R3).
    let edits: [&[(&str, &str)]; 9] = [
        &[("Connection: Upgrade", "Connection: keep-alive, Upgrade")], // Firefox 4
        &[("Connection: Upgrade", "Connection: close, upgrade")],      // lighttpd
        &[("Connection: Upgrade", "connection:Keep-Alive,UPGRADE")],
        &[(
            "Connection: Upgrade",
            "Connection: upgrade\r\nX-Forwarded-For: 192.0.2.7",
        )], // nginx
        &[("Upgrade: WebSocket", "upgrade: websocket")], // Netty
        &[("Origin: ", "Content-Length: 8\r\nOrigin: ")],
        &[("Origin: ", "Sec-WebSocket-Draft: 0\r\nOrigin: ")], // pywebsocket
        &[("Origin: ", "Cookie: \r\nOrigin: ")],               // web-socket-js
        &[
            ("Sec-WebSocket-Key1", "Sec-Websocket-Key1"), // Caddy
            ("Sec-WebSocket-Key2", "SEC-WEBSOCKET-KEY2"),
        ],
    ];
    let server = TestServer::start(Echo).await;
    for edits in edits {
        let request = edited(HEAD, edits) + KEY3;
        let mut client = Client::request(server.addr, request).await;
        client.expect(REPLY).await;
    }
}

#[tokio::test]
async fn location_and_origin_are_the_clients_own_words() {
    // R4, R5, H2, H8: the client compares both byte for byte.
    let server = TestServer::start(Echo).await;
    let visible = "/a?b=c%20d&e=\"<>\\^{}`|";
    for (from, to) in [
        ("/demo", visible),
        ("/demo", "/a b?q=a%20b"), // PhantomJS
        ("example.com", "Example.COM:8080"),
        ("example.com", "[::1]:9000"),
    ] {
        let mut client = Client::request(server.addr, edited(HEAD, &[(from, to)]) + KEY3).await;
        let location = format!("ws://{}\r\n", "example.com/demo".replacen(from, to, 1));
        client
            .expect(edited(REPLY, &[("ws://example.com/demo\r\n", &location)]))
            .await;
    }
    for origin in [
        "null",
        "file://",
        "127.0.0.1:9000",
        "https://a.example:8443",
    ] {
        let edits = [("http://example.com", origin)];
        let mut client = Client::request(server.addr, edited(HEAD, &edits) + KEY3).await;
        client.expect(edited(REPLY, &edits)).await;
    }
    let none = edited(HEAD, &[("Origin: http://example.com\r\n", "")]) + KEY3;
    let mut client = Client::request(server.addr, none).await;
    client
        .expect(edited(
            REPLY,
            &[("Sec-WebSocket-Origin: http://example.com\r\n", "")],
        ))
        .await;
}

#[tokio::test]
async fn scheme_of_the_location_is_a_setting() {
    // R4
    let config = Config::new().with_scheme(Scheme::Wss);
    let server = TestServer::with(config, Echo).await;
    let mut client = Client::request(server.addr, format!("{HEAD}{KEY3}")).await;
    client.expect(edited(REPLY, &[("ws://", "wss://")])).await;
}

/// Speaks `sample` to those who ask for it and `chat` to all others, as `answer` says.
struct Speaker {
    answer: Option<&'static str>,
}

impl Handler for Speaker {
    async fn on_request(&self, _: &Request) -> Decision {
        match self.answer {
            Some(name) => Decision::accept().with_subprotocol(Subprotocol::try_from(name).unwrap()),
            None => Decision::accept(),
        }
    }
}

#[tokio::test]
async fn subprotocol_is_echoed_when_it_is_accepted() {
    // H9, R6: the reply of §1.2, whole. A comma is no list in this draft.
    for name in ["sample", "a, b"] {
        let server = TestServer::start(Speaker { answer: Some(name) }).await;
        let asked = format!("Sec-WebSocket-Protocol: {name}\r\nOrigin: ");
        let mut client =
            Client::request(server.addr, edited(HEAD, &[("Origin: ", &asked)]) + KEY3).await;
        let named = format!("demo\r\nSec-WebSocket-Protocol: {name}\r\n\r\n");
        client
            .expect(edited(REPLY, &[("demo\r\n\r\n", &named)]))
            .await;
    }
}

#[tokio::test]
async fn subprotocol_that_is_not_the_one_asked_for_is_refused() {
    // H9, T13: refused before any 101.
    let cases = [
        (
            Some("chat"),
            "Sec-WebSocket-Protocol: sample\r\nOrigin: ",
            "400 Bad Request",
        ),
        (
            None,
            "Sec-WebSocket-Protocol: sample\r\nOrigin: ",
            "400 Bad Request",
        ),
        (Some("sample"), "Origin: ", "500 Internal Server Error"),
    ];
    for (answer, asked, status) in cases {
        let server = TestServer::start(Speaker { answer }).await;
        let request = edited(HEAD, &[("Origin: ", asked)]) + KEY3;
        let mut client = Client::request(server.addr, request).await;
        let reply = String::from_utf8(client.read_to_end().await).unwrap();
        let start = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        assert!(reply.starts_with(&start), "{reply}");
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn subprotocol_of_an_rfc6455_list_is_named_or_left_out() {
    use crate::support::Speaks;

    let speaks = Speaks::Rfc6455;
    let asked =
        "\r\nSec-WebSocket-Protocol: other, sample\r\nSec-WebSocket-Protocol: third\r\n\r\n";
    let request = edited(&speaks.request(), &[("\r\n\r\n", asked)]);
    for answer in [Some("sample"), Some("third"), None] {
        let server = TestServer::start(Speaker { answer }).await;
        let mut client = Client::request(server.addr, &request).await;
        let named = answer.map_or(String::new(), |name| {
            format!("Sec-WebSocket-Protocol: {name}\r\n")
        });
        let named = format!("xOo=\r\n{named}\r\n");
        client
            .expect(edited(speaks.reply(), &[("xOo=\r\n\r\n", &named)]))
            .await;
    }
    let server = TestServer::start(Speaker {
        answer: Some("chat"),
    })
    .await;
    let mut client = Client::request(server.addr, &request).await;
    let reply = client.read_to_end().await;
    assert!(reply.starts_with(b"HTTP/1.1 500 Internal Server Error\r\n"));
}

/// Lets in who has the cookie `id=7`, with a new one.
struct Cookies;

impl Handler for Cookies {
    async fn on_request(&self, request: &Request) -> Decision {
        if request.field("cookie") != Some(b"id=7") {
            return Decision::refuse(Status::UNAUTHORIZED);
        }
        let field = |name| FieldName::try_from(name).unwrap();
        let value = |value| FieldValue::try_from(value).unwrap();
        Decision::accept()
            .with_field(field("Set-Cookie"), value("id=8; Path=/"))
            .with_field(field("Set-Cookie"), value("seen=yes"))
    }
}

#[tokio::test]
async fn cookies_come_to_the_handler_and_go_with_the_reply() {
    // H12, R7, T13
    for &speaks in BOTH {
        let server = TestServer::start(Cookies).await;
        let request = edited(&speaks.request(), &[("Origin", "Cookie: id=7\r\nOrigin")]);
        let mut client = Client::request(server.addr, request).await;
        let set = "\r\nSet-Cookie: id=8; Path=/\r\nSet-Cookie: seen=yes\r\n\r\n";
        client
            .expect(edited(speaks.reply(), &[("\r\n\r\n", set)]))
            .await;

        let mut client = Client::request(server.addr, speaks.request()).await;
        client
            .expect_end(
                "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 17\r\n\
                 Content-Type: text/plain\r\n\r\n401 Unauthorized\n",
            )
            .await;
    }
}

#[cfg(feature = "rfc6455")]
#[tokio::test]
async fn versions_7_and_8_are_served_and_their_origin_is_the_one_of_their_own_field() {
    use crate::support::Speaks;
    use ws76_server::Protocol;

    for version in [7, 8] {
        let mut server = TestServer::start(Echo).await;
        let number = format!("Version: {version}");
        let request = edited(
            &Speaks::Rfc6455.request(),
            &[
                ("Version: 13", &number),
                ("Origin:", "Sec-WebSocket-Origin:"),
            ],
        );
        let mut client = Client::request(server.addr, request).await;
        client.expect(Speaks::Rfc6455.reply()).await;
        let connection = server.opened(1).await;
        assert_eq!(connection.protocol(), Protocol::Hybi { version });
        assert!(connection.request().origin().is_some());
        client.write(Speaks::Rfc6455.text("hello")).await;
        client.expect(Speaks::Rfc6455.sent("hello")).await;
    }
}
