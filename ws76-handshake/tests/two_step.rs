//! The 101 head and the response: what is written, and when (R1 to R9, H11).

mod support;

use bytes::BytesMut;
use support::{edited, read_every_way};
use ws76_handshake::{
    Accept, AcceptError, FieldName, FieldValue, HeadLimits, Incoming, Location, Request, Response,
    Scheme, Status, Subprotocol, ValueError,
};

const HEAD: &str = "HTTP/1.1 101 WebSocket Protocol Handshake\r\n\
    Upgrade: WebSocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Origin: http://example.com\r\n\
    Sec-WebSocket-Location: ws://example.com/demo?room=1\r\n\
    \r\n";

const RESPONSE: &[u8] = b"8jKS'y:G*Co,Wxa-";

#[test]
fn r1_r2_r3_r4_r5_r8_accept_writes_the_head_before_key3_arrives() {
    let mut dst = BytesMut::new();
    let mut awaiting = request(&[]).accept(Accept::new(), &mut dst).unwrap();
    assert_eq!(dst, HEAD);
    let mut src = BytesMut::new();
    assert!(awaiting.read(&mut src, &mut dst).is_none());
    assert_eq!(dst, HEAD, "nothing more is written without key 3");

    src.extend_from_slice(b"^n:ds[4U");
    assert!(awaiting.read(&mut src, &mut dst).is_some());
    assert_eq!(&dst[..], [HEAD.as_bytes(), RESPONSE].concat());
}

#[test]
fn r8_head_and_response_are_together_when_key3_is_there() {
    let (Ok(Some(Incoming::WebSocket(request))), left) =
        read_every_way(HeadLimits::new(), &edited(&[]))
    else {
        panic!("not accepted");
    };
    let (mut src, mut dst) = (BytesMut::from(&left[..]), BytesMut::new());
    let mut awaiting = request.accept(Accept::new(), &mut dst).unwrap();
    assert!(awaiting.read(&mut src, &mut dst).is_some());
    assert_eq!(&dst[..], [HEAD.as_bytes(), RESPONSE].concat());
}

#[test]
fn h11_key3_may_come_in_any_pieces() {
    for cuts in [vec![3, 5], vec![1; 8], vec![7, 1], vec![0, 8]] {
        let mut awaiting = request(&[])
            .accept(Accept::new(), &mut BytesMut::new())
            .unwrap();
        let (mut src, mut dst) = (BytesMut::new(), BytesMut::new());
        let mut key3 = &b"^n:ds[4U"[..];
        for len in cuts {
            assert!(awaiting.read(&mut src, &mut dst).is_none());
            assert!(dst.is_empty());
            let (piece, rest) = key3.split_at(len);
            src.extend_from_slice(piece);
            key3 = rest;
        }
        assert!(awaiting.read(&mut src, &mut dst).is_some());
        assert_eq!(&dst[..], RESPONSE);
        assert!(src.is_empty());
    }
}

#[test]
fn h11_r8_frames_behind_key3_stay_and_nothing_is_written_twice() {
    let mut awaiting = request(&[])
        .accept(Accept::new(), &mut BytesMut::new())
        .unwrap();
    let mut src = BytesMut::from(&b"^n:ds[4U\x00hello\xff\xff\x00"[..]);
    let mut dst = Vec::new();
    assert!(awaiting.read(&mut src, &mut dst).is_some());
    assert_eq!(dst, RESPONSE);
    assert_eq!(&src[..], b"\x00hello\xff\xff\x00");
    assert!(awaiting.read(&mut src, &mut dst).is_none());
    assert_eq!((dst.len(), src.len()), (16, 9));
}

#[test]
fn h11_key3_may_be_any_bytes() {
    for key3 in [
        b"\0\0\0\0\0\0\0\0",
        b"\xff\0\xff\0\xff\0\xff\0",
        b"\r\n\r\n\r\n\r\n",
    ] {
        let mut awaiting = request(&[])
            .accept(Accept::new(), &mut BytesMut::new())
            .unwrap();
        let (mut src, mut dst) = (BytesMut::from(&key3[..]), BytesMut::new());
        assert!(awaiting.read(&mut src, &mut dst).is_some());
        assert_eq!(dst.len(), 16);
    }
}

#[test]
fn r4_scheme_and_location_are_what_the_client_sees() {
    let head = accepted(&[], Accept::new().with_scheme(Scheme::Wss));
    assert_eq!(head, HEAD.replace("ws://", "wss://"));

    let location = Location::new(Scheme::Wss, "public.example:8443", "/x y").unwrap();
    let head = accepted(&[], Accept::new().with_location(location));
    assert_eq!(
        head,
        HEAD.replace(
            "ws://example.com/demo?room=1",
            "wss://public.example:8443/x y"
        )
    );

    let head = accepted(&[("/demo?room=1", "/a b?q=a%20b")], Accept::new());
    assert_eq!(head, HEAD.replace("/demo?room=1", "/a b?q=a%20b"));
}

#[test]
fn r5_origin_is_echoed_verbatim_and_left_out_if_there_is_none() {
    let head = accepted(&[("http://example.com", "null")], Accept::new());
    assert_eq!(head, HEAD.replace("http://example.com", "null"));
    let head = accepted(&[("Origin: http://example.com\r\n", "")], Accept::new());
    assert_eq!(
        head,
        HEAD.replace("Sec-WebSocket-Origin: http://example.com\r\n", "")
    );
}

#[test]
fn h9_r6_subprotocol_is_echoed_if_and_only_if_asked() {
    for subprotocol in ["chat", "", "a, b "] {
        let asked = format!("Sec-WebSocket-Protocol: {subprotocol}");
        let accept = Accept::new().with_subprotocol(Subprotocol::try_from(subprotocol).unwrap());
        let line = format!("{asked}\r\n\r\n");
        let head = accepted(&[("Cookie: id=7", &asked)], accept);
        assert_eq!(head, [HEAD.trim_end_matches("\r\n"), &line].join("\r\n"));
    }
}

#[test]
fn h9_r6_accept_that_contradicts_the_request_writes_nothing() {
    let chat = || Accept::new().with_subprotocol(Subprotocol::try_from("chat").unwrap());
    for (asked, accept, error, status) in [
        (
            "A: b",
            chat(),
            AcceptError::SubprotocolUnasked,
            Status::INTERNAL_SERVER_ERROR,
        ),
        (
            "Sec-WebSocket-Protocol: Chat",
            chat(),
            AcceptError::SubprotocolDiffers,
            Status::BAD_REQUEST,
        ),
        (
            "Sec-WebSocket-Protocol:",
            Accept::new(),
            AcceptError::SubprotocolUnanswered,
            Status::BAD_REQUEST,
        ),
    ] {
        let mut dst = Vec::new();
        let result = request(&[("Cookie: id=7", asked)]).accept(accept, &mut dst);
        assert_eq!(result.unwrap_err(), error);
        assert!(dst.is_empty());
        assert_eq!(error.status(), status);
        assert_eq!(Response::from(&error).status(), status);
    }
}

#[test]
fn r7_cookies_are_sent() {
    let field = |value: &str| {
        (
            FieldName::try_from("Set-Cookie").unwrap(),
            FieldValue::try_from(value).unwrap(),
        )
    };
    let ((name1, value1), (name2, value2)) = (field("a=1; Path=/"), field("b=2"));
    let head = accepted(
        &[],
        Accept::new()
            .with_field(name1, value1)
            .with_field(name2, value2),
    );
    let cookies = "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n\r\n";
    assert_eq!(head, [HEAD.trim_end_matches("\r\n"), cookies].join("\r\n"));
}

#[test]
fn r2_r3_r4_r5_r6_fields_of_the_handshake_cannot_be_added() {
    for name in [
        "Upgrade",
        "connection",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "Host",
        "Origin",
        "Sec-WebSocket-Origin",
        "sec-websocket-location",
        "Sec-WebSocket-Accept",
        "Sec-WebSocket-",
        "WebSocket-Location",
    ] {
        assert_eq!(
            FieldName::try_from(name),
            Err(ValueError::ReservedName),
            "{name}"
        );
    }
    assert_eq!(FieldName::try_from(""), Err(ValueError::Empty));
    for name in ["a b", "a:", "a\r\n", "é", "\0"] {
        assert!(FieldName::try_from(name).is_err(), "{name:?}");
    }
    assert!(FieldName::try_from("Sec-WebSocke").is_ok());
}

#[test]
fn r9_outgoing_values_cannot_hold_a_line_break() {
    for bad in ["\r", "\n", "a\r\nb", "\0", "\u{7f}", "\t", "\u{560a}", "é"] {
        let text = format!("/x{bad}");
        assert!(Subprotocol::try_from(&text[..]).is_err(), "{bad:?}");
        assert!(FieldValue::try_from(&text[..]).is_err(), "{bad:?}");
        assert!(
            ws76_handshake::Origin::try_from(&text[..]).is_err(),
            "{bad:?}"
        );
        assert!(Location::new(Scheme::Ws, "a", &text).is_err(), "{bad:?}");
        assert!(
            Location::new(Scheme::Ws, &text[1..], "/").is_err(),
            "{bad:?}"
        );
        assert!(
            Location::parse(&format!("ws://a{text}")).is_err(),
            "{bad:?}"
        );
    }
}

#[test]
fn locations_are_taken_apart() {
    let location = Location::parse("wss://example.com:8443").unwrap();
    assert_eq!(location.as_str(), "wss://example.com:8443/");
    assert_eq!(
        (location.host(), location.resource_name()),
        ("example.com:8443", "/")
    );
    for (text, error) in [
        ("ws:///x", ValueError::Empty),
        ("ws://a?b", ValueError::ForbiddenByte { at: 1 }),
        ("http://a/", ValueError::UnknownScheme),
    ] {
        assert_eq!(Location::parse(text), Err(error), "{text}");
    }
    assert_eq!(
        Location::new(Scheme::Ws, "a", "x"),
        Err(ValueError::MissingSlash)
    );
}

#[test]
fn h8_h13_reject_writes_one_final_response() {
    let mut dst = Vec::new();
    request(&[]).reject(&Response::new(Status::FORBIDDEN), &mut dst);
    assert_eq!(
        dst,
        b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    );
}

#[test]
fn h15_responses_say_their_length_and_keep_to_it() {
    let page = Response::new(Status::OK)
        .with_content_type(FieldValue::try_from("text/html").unwrap())
        .with_body(vec![b'x'; 1_024]);
    let (mut whole, mut head) = (Vec::new(), Vec::new());
    page.write(&mut whole);
    page.write_head_only(&mut head);
    assert_eq!(
        head,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1024\r\n\
          Content-Type: text/html\r\n\r\n"
    );
    assert_eq!(whole.len(), head.len() + 1_024);
    assert_eq!(page.body().len(), 1_024);

    let mut dst = Vec::new();
    Response::new(Status::NO_CONTENT)
        .with_body("never sent")
        .write(&mut dst);
    assert_eq!(dst, b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
}

#[test]
fn statuses_are_final_ones_only() {
    for code in [0, 100, 101, 199, 600, u16::MAX] {
        assert_eq!(Status::new(code), None);
    }
    for code in 200..=599 {
        let status = Status::new(code).unwrap();
        assert_eq!(status.code(), code);
        assert!(!status.reason().is_empty());
    }
    assert_eq!(Status::new(299).unwrap().reason(), "Success");
    assert_eq!(
        Status::HEAD_TOO_LARGE.to_string(),
        "431 Request Header Fields Too Large"
    );
}

#[test]
fn section_8_draft75_is_answered_in_its_own_words() {
    let bytes = edited(&[
        ("Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n", ""),
        (
            "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n",
            "WebSocket-Protocol: chat\r\n",
        ),
        ("^n:ds[4U", "\x00frame"),
    ]);
    let (Ok(Some(Incoming::Draft75(request))), left) = read_every_way(HeadLimits::new(), &bytes)
    else {
        panic!("not accepted");
    };
    assert_eq!(left, b"\x00frame");
    let mut dst = Vec::new();
    assert_eq!(
        request.clone().accept(Accept::new(), &mut dst),
        Err(AcceptError::SubprotocolUnanswered)
    );
    let accept = Accept::new().with_subprotocol(Subprotocol::try_from("chat").unwrap());
    assert!(request.accept(accept, &mut dst).is_ok());
    assert_eq!(
        String::from_utf8(dst).unwrap(),
        "HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
         Connection: Upgrade\r\nWebSocket-Origin: http://example.com\r\n\
         WebSocket-Location: ws://example.com/demo?room=1\r\nWebSocket-Protocol: chat\r\n\r\n"
    );
}

fn request(edits: &[(&str, &str)]) -> Request {
    match read_every_way(HeadLimits::new(), &edited(edits)) {
        (Ok(Some(Incoming::WebSocket(request))), _) => request,
        other => panic!("{edits:?}: {other:?}"),
    }
}

fn accepted(edits: &[(&str, &str)], accept: Accept) -> String {
    let mut dst = Vec::new();
    let _awaiting = request(edits).accept(accept, &mut dst).unwrap();
    String::from_utf8(dst).unwrap()
}
