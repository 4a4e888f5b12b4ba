//! What requests are delivered as, and what they say (H1 to H15).

mod support;

use bytes::BytesMut;
use support::{edited, read_every_way};
use ws76_handshake::{
    Draft75Request, Head, HeadLimits, HybiVersion, Incoming, Request, RequestReader,
};

#[test]
fn h1_to_h12_a_browsers_request_is_delivered_with_all_it_says() {
    let (request, left) = draft76(&[]);
    assert_eq!(request.head().method(), "GET");
    assert_eq!(request.resource_name(), "/demo?room=1");
    assert_eq!(request.head().path(), "/demo");
    assert_eq!(request.head().query(), Some("room=1"));
    assert_eq!(request.host(), "example.com");
    assert_eq!(request.origin(), Some("http://example.com"));
    assert_eq!(request.subprotocol(), None);
    assert_eq!(request.head().field("COOKIE"), Some(&b"id=7"[..]), "H12");
    assert_eq!(request.fields().count(), 7);
    assert_eq!(
        request.fields().next(),
        Some(("Upgrade", &b"WebSocket"[..]))
    );
    assert_eq!(left, b"^n:ds[4U", "H11: key 3 stays in the source");
}

#[test]
fn h2_every_visible_byte_of_a_resource_name_is_kept_verbatim() {
    let visible: String = ('!'..='~').collect();
    let line = format!("GET /{visible}?{visible} HTTP/1.1");
    let (request, _) = draft76(&[("GET /demo?room=1 HTTP/1.1", &line)]);
    assert_eq!(request.resource_name(), format!("/{visible}?{visible}"));
}

#[test]
fn h2_raw_spaces_belong_to_the_resource_name_up_to_the_last_version() {
    for name in ["/a b?q=a%20b", "/a HTTP/1.1 b", "/ HTTP/1.1", "/a  ", "/ "] {
        let line = format!("GET {name} HTTP/1.1");
        let (request, _) = draft76(&[("GET /demo?room=1 HTTP/1.1", &line)]);
        assert_eq!(request.resource_name(), name);
    }
}

#[test]
fn h3_an_unfinished_head_needs_more() {
    let bytes = edited(&[]);
    let head_len = bytes.len() - 8;
    for len in (0..head_len).step_by(if cfg!(miri) { 9 } else { 1 }) {
        let mut src = BytesMut::from(&bytes[..len]);
        let mut reader = RequestReader::new(HeadLimits::new());
        assert_eq!(reader.read(&mut src), Ok(None), "{len} bytes");
        assert_eq!(src.len(), len);
    }
    assert!(matches!(
        read_every_way(HeadLimits::new(), &bytes[..head_len]),
        (Ok(Some(Incoming::WebSocket(_))), left) if left.is_empty()
    ));
}

#[test]
fn h4_h5_h6_names_and_words_match_in_any_case_and_any_order() {
    let (request, _) = draft76(&[
        ("Upgrade: WebSocket\r\nConnection: Upgrade\r\n", ""),
        ("Host", "hOST"),
        ("Sec-WebSocket-Key1", "sec-websocket-key1"),
        ("Sec-WebSocket-Key2", "SEC-WEBSOCKET-KEY2"),
        (
            "Cookie: id=7\r\n",
            "connection:\tupgrade \r\nupgrade:  WEBSOCKET\t\r\n",
        ),
    ]);
    assert_eq!(request.host(), "example.com");
}

#[test]
fn h6_connection_may_be_a_list_or_several_fields() {
    for connection in [
        "Connection: keep-alive, Upgrade\r\n",
        "Connection: close, upgrade\r\n",
        "Connection: ,,UPGRADE,\r\n",
        "Connection: keep-alive\r\nConnection: x,upgrade\r\n",
    ] {
        draft76(&[("Connection: Upgrade\r\n", connection)]);
    }
}

#[test]
fn h7_hosts_with_ports_and_addresses_are_taken() {
    for host in ["localhost:8000", "[::1]:80", "192.168.0.7", "a_b.example"] {
        let (request, _) = draft76(&[("Host: example.com", &format!("Host: \t{host} "))]);
        assert_eq!(request.host(), host);
    }
}

#[test]
fn h8_origins_of_all_kinds_are_taken_and_none_is_fine() {
    for origin in [
        "null",
        "file://",
        "127.0.0.1:9000",
        "word",
        "http://a.example:81",
    ] {
        let field = format!("Origin:{origin}\t ");
        let (request, _) = draft76(&[("Origin: http://example.com", &field)]);
        assert_eq!(request.origin(), Some(origin));
    }
    let (request, _) = draft76(&[("Origin: http://example.com\r\n", "")]);
    assert_eq!(request.origin(), None);
}

#[test]
fn h9_the_subprotocol_is_one_string_verbatim_and_empty_is_not_absent() {
    for (field, subprotocol) in [
        ("chat", "chat"),
        ("", ""),
        (" ", ""),
        (" a, b ", "a, b "),
        ("  x", " x"),
        (" ~!\"", "~!\""),
    ] {
        let field = format!("Sec-WebSocket-Protocol:{field}");
        let (request, _) = draft76(&[("Cookie: id=7", &field)]);
        assert_eq!(request.subprotocol(), Some(subprotocol), "{field:?}");
    }
}

#[test]
fn h10_a_key_is_everything_after_one_space() {
    // Two spaces at the front and one at the end of the value count: 4 of them, 12 / 4.
    draft76(&[("4 @1  46546xW%0l 1 5", "  1 2 ")]);
    draft76(&[("Key1: 4 @1  46546xW%0l 1 5", "Key1:1 2")]);
    // Of this one only three count: 9 / 3.
    draft76(&[("4 @1  46546xW%0l 1 5", "  9 ")]);
    // Chrome's: the value begins with a space.
    draft76(&[("4 @1  46546xW%0l 1 5", " !0 6")]);
}

#[test]
fn h11_content_length_0_or_8_leaves_key3_where_it_is() {
    for length in [
        "Content-Length: 8",
        "content-length:0",
        "Content-Length: \t8 ",
    ] {
        let (_, left) = draft76(&[("Cookie: id=7", length)]);
        assert_eq!(left, b"^n:ds[4U");
    }
}

#[test]
fn h12_unknown_fields_are_kept_and_mean_nothing() {
    let (request, _) = draft76(&[(
        "Cookie: id=7",
        "Sec-WebSocket-Draft: 0\r\nSec-WebSocket-Location: ws://a/\r\nCookie:\r\nX: 1\r\nx:2",
    )]);
    assert_eq!(request.head().field("cookie"), Some(&b""[..]));
    let values: Vec<_> = request.head().fields_named("X").collect();
    assert_eq!(values, [b"1", b"2"]);
    assert_eq!(request.head().field("y"), None);
}

#[test]
fn h12_a_value_ends_at_its_crlf_whatever_its_length_and_bytes() {
    for byte in ["y", "\t", "\u{1}", "\u{7f}"] {
        for len in (0..40).step_by(if cfg!(miri) { 13 } else { 1 }) {
            let value = byte.repeat(len);
            let bytes = edited(&[("Cookie: id=7", &format!("Cookie:{value}\r\nNext: 1"))]);
            let mut reader = RequestReader::new(HeadLimits::new());
            let Ok(Some(Incoming::WebSocket(request))) =
                reader.read(&mut BytesMut::from(&bytes[..]))
            else {
                panic!("{value:?} is not taken");
            };
            assert_eq!(request.head().field("Cookie"), Some(value.as_bytes()));
            assert_eq!(request.head().field("Next"), Some(&b"1"[..]));
        }
    }
}

#[test]
fn h14_values_that_are_no_utf8_are_kept_as_bytes() {
    let mut bytes = edited(&[]);
    let at = bytes
        .windows(4)
        .position(|window| window == b"id=7")
        .unwrap();
    bytes[at] = 0xFF;
    let (Ok(Some(Incoming::WebSocket(request))), _) = read_every_way(HeadLimits::new(), &bytes)
    else {
        panic!("not accepted");
    };
    assert_eq!(request.head().field("Cookie"), Some(&b"\xffd=7"[..]));
}

#[test]
fn h5_h15_a_request_without_upgrade_to_websocket_is_plain_http() {
    for upgrade in [
        "",
        "Upgrade: h2c\r\n",
        "Upgrade: WebSockets\r\n",
        "Upgrade: a, WebSocket\r\n",
    ] {
        let head = http(&[("Upgrade: WebSocket\r\n", upgrade)]);
        assert_eq!(head.resource_name(), "/demo?room=1");
        assert_eq!(head.subprotocol(), None);
    }
    http(&[("Upgrade: WebSocket\r\n", "Upgrade: h2c\r\nUpgrade: x\r\n")]);
    // One of a list is enough for RFC 6455 alone: neither is this draft-75, nor draft-76 below.
    http(&[
        ("Upgrade: WebSocket", "Upgrade: h2c, WebSocket"),
        ("Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n", ""),
        ("Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n", ""),
    ]);
    http(&[
        ("Upgrade: WebSocket", "Upgrade: h2c, WebSocket"),
        ("Cookie: id=7", "Sec-WebSocket-Version: 13"),
    ]);
    let head = http(&[("Upgrade: WebSocket\r\n", ""), ("GET", "HEAD")]);
    assert_eq!(head.method(), "HEAD");
}

#[test]
fn section_8_draft75_has_neither_key_nor_version() {
    let edits = [
        ("Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n", ""),
        (
            "Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n",
            "WebSocket-Protocol: chat\r\n",
        ),
        ("/demo?room=1", "/a b"),
    ];
    let request: Draft75Request = match read_every_way(HeadLimits::new(), &edited(&edits)) {
        (Ok(Some(Incoming::Draft75(request))), _) => request,
        other => panic!("{other:?}"),
    };
    assert_eq!(request.head().resource_name(), "/a b");
    assert_eq!(request.head().subprotocol(), Some("chat"));
}

#[test]
fn section_8_later_versions_are_told_apart_by_key_and_number() {
    for (number, expected) in [
        ("7", HybiVersion::V7),
        ("8", HybiVersion::V8),
        ("13", HybiVersion::V13),
        ("\t13 ", HybiVersion::V13),
    ] {
        for upgrade in ["websocket", "h2c, WebSocket"] {
            let (head, version) = hybi(number, upgrade, "Origin: http://a.example");
            assert_eq!(version, expected);
            assert_eq!(head.origin(), Some("http://a.example"));
            assert_eq!(number.trim().parse(), Ok(version.number()));
        }
    }
}

#[test]
fn section_8_versions_7_and_8_name_their_origin_differently() {
    for number in ["7", "8"] {
        let (head, _) = hybi(
            number,
            "websocket",
            "Sec-WebSocket-Origin: http://b.example",
        );
        assert_eq!(head.origin(), Some("http://b.example"));
        let both = "Sec-WebSocket-Origin: null\r\nOrigin: null";
        assert_eq!(hybi(number, "websocket", both).0.origin(), Some("null"));
    }
    let (head, _) = hybi("13", "websocket", "Sec-WebSocket-Origin: http://b.example");
    assert_eq!(head.origin(), None);
}

#[test]
fn a_compact_head_is_equal_and_debug_shows_no_cookie() {
    let (request, _) = draft76(&[]);
    assert_eq!(&request.head().compact(), request.head());
    assert!(request.head().as_bytes().ends_with(b"\r\n\r\n"));
    let debug = format!("{request:?}");
    assert!(
        debug.contains("example.com") && !debug.contains("id=7"),
        "{debug}"
    );
}

#[test]
fn a_head_crosses_threads() {
    fn assert_shared<T: Clone + Send + Sync + 'static>() {}
    assert_shared::<Head>();
    assert_shared::<Incoming>();
    assert_shared::<Request>();
}

fn draft76(edits: &[(&str, &str)]) -> (Request, Vec<u8>) {
    match read_every_way(HeadLimits::new(), &edited(edits)) {
        (Ok(Some(Incoming::WebSocket(request))), left) => (request, left),
        other => panic!("{edits:?}: {other:?}"),
    }
}

fn http(edits: &[(&str, &str)]) -> Head {
    match read_every_way(HeadLimits::new(), &edited(edits)) {
        (Ok(Some(Incoming::Http(head))), _) => head,
        other => panic!("{edits:?}: {other:?}"),
    }
}

fn hybi(number: &str, upgrade: &str, origin: &str) -> (Head, HybiVersion) {
    let version = format!("Sec-WebSocket-Version: {number}");
    let upgrade = format!("Upgrade: {upgrade}\r\n");
    let bytes = edited(&[
        (
            "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ),
        ("Sec-WebSocket-Key2: 12998 5 Y3 1  .P00", &version),
        ("Upgrade: WebSocket\r\n", &upgrade),
        ("Origin: http://example.com", origin),
    ]);
    match read_every_way(HeadLimits::new(), &bytes) {
        (Ok(Some(Incoming::Hybi { head, version })), _) => (head, version),
        other => panic!("{other:?}"),
    }
}
