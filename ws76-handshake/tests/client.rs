//! The client's side: what it sends, and that it checks all of section 7 (draft-76 §4.1).

use std::sync::LazyLock;

use bytes::BytesMut;
use proptest::prelude::*;
use ws76_handshake::{
    Accept, ClientHandshake, ClientRequest, FieldName, FieldValue, HeadError, HeadLimits, Incoming,
    KnownField, Location, Origin, Reply, ReplyError, RequestReader, Subprotocol,
};

proptest! {
    #[test]
    fn section_7_our_server_passes_our_client_for_any_random_bytes(
        random in any::<[u8; 32]>(),
        with_subprotocol in any::<bool>(),
        name in "/[!-~]{0,20}",
    ) {
        let location = Location::parse(&format!("ws://example.com:81{name}")).unwrap();
        let mut request = ClientRequest::new(location, Origin::try_from("null").unwrap())
            .with_field(FieldName::try_from("Cookie").unwrap(), FieldValue::try_from("a=b").unwrap());
        let mut accept = Accept::new()
            .with_field(FieldName::try_from("Set-Cookie").unwrap(), FieldValue::try_from("c=d").unwrap());
        if with_subprotocol {
            request = request.with_subprotocol(Subprotocol::try_from("chat v1").unwrap());
            accept = accept.with_subprotocol(Subprotocol::try_from("chat v1").unwrap());
        }

        let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
        let mut client = ClientHandshake::start(request, &random, &mut to_server);
        let incoming = RequestReader::new(HeadLimits::new()).read(&mut to_server).unwrap();
        let Some(Incoming::WebSocket(request)) = incoming else {
            panic!("{incoming:?}");
        };
        prop_assert_eq!(request.resource_name(), &name[..]);
        prop_assert_eq!(request.head().field("cookie"), Some(&b"a=b"[..]));
        let mut awaiting = request.accept(accept, &mut to_client).unwrap();
        prop_assert_eq!(client.read(&mut to_client), Ok(None));
        prop_assert!(awaiting.read(&mut to_server, &mut to_client).is_some());
        prop_assert!(to_server.is_empty());
        to_client.extend_from_slice(b"\x00hi\xff");

        let reply = client.read(&mut to_client).unwrap().unwrap();
        prop_assert_eq!(reply.field("set-cookie"), Some(&b"c=d"[..]));
        prop_assert_eq!(&to_client[..], b"\x00hi\xff");
    }

    #[test]
    fn any_bytes_are_no_panic_for_a_client_and_come_to_the_same_however_cut(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = read_every_way(HeadLimits::new(), &bytes);
        let _ = read_every_way(HeadLimits::new(), &[b"HTTP/1.1 101 \r\n", &bytes[..]].concat());
    }
}

#[test]
fn section_4_1_the_order_of_the_fields_is_drawn() {
    let first_field = |seed: u8| {
        let mut dst = Vec::new();
        let _client = ClientHandshake::start(request(), &[seed; 32], &mut dst);
        let text = String::from_utf8_lossy(&dst).into_owned();
        text.lines()
            .nth(1)
            .and_then(|line| line.split_once(':'))
            .unwrap()
            .0
            .to_owned()
    };
    assert_eq!(first_field(3), first_field(3));
    // For Miri each MD5 is slow, and a start draws dozens: the order is the same there.
    let seeds = if cfg!(miri) { 2 } else { 60 };
    let mut names: Vec<_> = (0..seeds).map(first_field).collect();
    names.sort();
    names.dedup();
    assert!(
        names.len() == 7 || cfg!(miri),
        "each field comes first at times: {names:?}"
    );
}

#[test]
fn section_7_a_right_reply_is_taken_and_what_follows_stays() {
    let mut bytes = reply(&[]);
    bytes.extend_from_slice(b"\x00frame\xff");
    let (result, left) = read_every_way(HeadLimits::new(), &bytes);
    let taken = result.unwrap().unwrap();
    assert_eq!(left, b"\x00frame\xff");
    assert_eq!(taken.field("SET-COOKIE"), Some(&b"a=b"[..]));
    assert_eq!(taken.fields_named("Set-Cookie").count(), 1);
    assert_eq!(taken.fields().count(), 6);
}

#[test]
fn section_7_names_and_connection_match_in_any_case_and_order() {
    for edit in [
        ("Connection: Upgrade", "CONNECTION: uPGRADE"),
        (
            "Upgrade: WebSocket\r\nConnection: Upgrade",
            "connection:upgrade\r\nupgrade:WebSocket",
        ),
        ("101 WebSocket Protocol Handshake", "101 "),
        ("Sec-WebSocket-Origin", "sec-websocket-ORIGIN"),
    ] {
        assert!(matches!(
            read_every_way(HeadLimits::new(), &reply(&[edit])).0,
            Ok(Some(_))
        ));
    }
}

#[test]
fn section_7_each_check_fails_by_its_name() {
    use KnownField::{
        Connection, SecWebSocketLocation, SecWebSocketOrigin, SecWebSocketProtocol, Upgrade,
    };
    let cookie = "Set-Cookie: a=b";
    for (edit, error) in [
        (("101", "200"), ReplyError::Status { code: 200 }),
        (("101", "403"), ReplyError::Status { code: 403 }),
        (
            ("101 WebSocket Protocol Handshake", "101"),
            ReplyError::MalformedStatusLine,
        ),
        (("101", "1O1"), ReplyError::MalformedStatusLine),
        (("101", "0101"), ReplyError::MalformedStatusLine),
        (("HTTP/1.1", "HTTP/1.0"), ReplyError::MalformedStatusLine),
        (
            ("HTTP/1.1 101 WebSocket Protocol Handshake", ""),
            ReplyError::MalformedStatusLine,
        ),
        (
            ("Upgrade: WebSocket\r\n", ""),
            ReplyError::MissingField(Upgrade),
        ),
        (
            ("Connection: Upgrade\r\n", ""),
            ReplyError::MissingField(Connection),
        ),
        (
            ("Sec-WebSocket-Origin: http://a.example\r\n", ""),
            ReplyError::MissingField(SecWebSocketOrigin),
        ),
        (
            ("Sec-WebSocket-Location: ws://b.example/c?d\r\n", ""),
            ReplyError::MissingField(SecWebSocketLocation),
        ),
        (
            ("Sec-WebSocket-Protocol: chat\r\n", ""),
            ReplyError::MissingField(SecWebSocketProtocol),
        ),
        (
            (cookie, "upgrade: WebSocket"),
            ReplyError::DuplicateField(Upgrade),
        ),
        (
            (cookie, "Connection: x"),
            ReplyError::DuplicateField(Connection),
        ),
        (
            (cookie, "Sec-WebSocket-Origin: x"),
            ReplyError::DuplicateField(SecWebSocketOrigin),
        ),
        (
            (cookie, "Sec-WebSocket-Location: x"),
            ReplyError::DuplicateField(SecWebSocketLocation),
        ),
        (
            (cookie, "Sec-WebSocket-Protocol: x"),
            ReplyError::DuplicateField(SecWebSocketProtocol),
        ),
        (
            ("Upgrade: WebSocket", "Upgrade: websocket"),
            ReplyError::FieldDiffers(Upgrade),
        ),
        (
            ("Upgrade: WebSocket", "Upgrade: WebSocket "),
            ReplyError::FieldDiffers(Upgrade),
        ),
        (
            ("Connection: Upgrade", "Connection: keep-alive, Upgrade"),
            ReplyError::FieldDiffers(Connection),
        ),
        (
            ("http://a.example", "http://A.example"),
            ReplyError::FieldDiffers(SecWebSocketOrigin),
        ),
        (
            ("ws://b", "wss://b"),
            ReplyError::FieldDiffers(SecWebSocketLocation),
        ),
        (
            ("/c?d", "/c"),
            ReplyError::FieldDiffers(SecWebSocketLocation),
        ),
        (
            (
                "Sec-WebSocket-Protocol: chat",
                "Sec-WebSocket-Protocol: Chat",
            ),
            ReplyError::FieldDiffers(SecWebSocketProtocol),
        ),
        ((cookie, ": x"), ReplyError::Head(HeadError::EmptyFieldName)),
        ((cookie, "A: b\rc"), ReplyError::Head(HeadError::BareCr)),
        ((cookie, "A: b\nc"), ReplyError::Head(HeadError::BareLf)),
        ((cookie, "A: b\0"), ReplyError::Head(HeadError::Nul)),
        ((cookie, " fold"), ReplyError::Head(HeadError::FoldedLine)),
        (
            ("101 WebSocket", "101 Web\nSocket"),
            ReplyError::Head(HeadError::BareLf),
        ),
        (
            ("101 WebSocket", "101 Web\rSocket"),
            ReplyError::Head(HeadError::BareCr),
        ),
        (
            ("101 WebSocket", "101 Web\0Socket"),
            ReplyError::Head(HeadError::Nul),
        ),
    ] {
        let (result, _) = read_every_way(HeadLimits::new(), &reply(&[edit]));
        assert_eq!(result, Err(error), "{edit:?}");
    }
}

#[test]
fn section_7_a_wrong_response_is_refused() {
    let good = reply(&[]);
    for at in (good.len() - 16..good.len()).step_by(if cfg!(miri) { 5 } else { 1 }) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        assert_eq!(
            read_every_way(HeadLimits::new(), &bytes).0,
            Err(ReplyError::WrongResponse)
        );
    }
    assert_eq!(
        read_every_way(HeadLimits::new(), &good[..good.len() - 1]).0,
        Ok(None)
    );
}

#[test]
fn section_7_a_subprotocol_is_refused_if_and_only_if_none_was_asked_for() {
    let head = "HTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Origin: null\r\nSec-WebSocket-Location: ws://a/\r\n";
    for (subprotocol, result) in [
        (
            "Sec-WebSocket-Protocol:\r\n",
            Err(ReplyError::SubprotocolUnasked),
        ),
        ("", Ok(None)),
    ] {
        let location = Location::parse("ws://a/").unwrap();
        let request = ClientRequest::new(location, Origin::try_from("null").unwrap());
        let mut client = ClientHandshake::start(request, &[9; 32], &mut Vec::new());
        let mut src = BytesMut::from(&[head, subprotocol, "\r\n"].concat()[..]);
        assert_eq!(client.read(&mut src), result);
        assert_eq!(src.is_empty(), result.is_ok(), "a right head is taken");
    }
}

#[test]
fn a_request_says_what_it_asks_for_and_a_reply_shows_no_cookie() {
    assert_eq!(request().location().as_str(), "ws://b.example/c?d");
    let (reply, _) = read_every_way(HeadLimits::new(), &reply(&[]));
    let debug = format!("{:?}", reply.unwrap().unwrap());
    assert!(
        debug.contains("Set-Cookie") && !debug.contains("a=b"),
        "{debug}"
    );
}

#[test]
fn replies_are_taken_at_their_limits_and_refused_above() {
    let bytes = reply(&[]);
    let head_len = bytes.len() - 16;
    let limits = HeadLimits::new()
        .with_max_head_len(head_len)
        .with_max_fields(6);
    assert!(matches!(read_every_way(limits, &bytes).0, Ok(Some(_))));
    for max in (0..head_len).step_by(if cfg!(miri) { 99 } else { 1 }) {
        assert_eq!(
            read_every_way(limits.with_max_head_len(max), &bytes).0,
            Err(ReplyError::Head(HeadError::HeadTooLong { max }))
        );
    }
    assert_eq!(
        read_every_way(limits.with_max_fields(5), &bytes).0,
        Err(ReplyError::Head(HeadError::TooManyFields { max: 5 }))
    );
    // The longest line is that of the location.
    let longest = "Sec-WebSocket-Location: ws://b.example/c?d".len();
    assert!(matches!(
        read_every_way(limits.with_max_line_len(longest), &bytes).0,
        Ok(Some(_))
    ));
    for max in [longest - 1, 20, 0] {
        assert_eq!(
            read_every_way(limits.with_max_line_len(max), &bytes).0,
            Err(ReplyError::Head(HeadError::LineTooLong { max }))
        );
    }
}

#[test]
fn status_lines_are_taken_at_their_limit_and_refused_above() {
    let line = "HTTP/1.1 101 of more bytes than the field that is the longest line of this reply";
    let bytes = reply(&[("HTTP/1.1 101 WebSocket Protocol Handshake", line)]);
    let limits = HeadLimits::new().with_max_line_len(line.len());
    assert!(matches!(read_every_way(limits, &bytes).0, Ok(Some(_))));
    let max = line.len() - 1;
    let limits = limits.with_max_line_len(max);
    let error = Err(ReplyError::Head(HeadError::LineTooLong { max }));
    assert_eq!(read_every_way(limits, &bytes).0, error);
    assert_eq!(read_every_way(limits, &bytes[..max]).0, Ok(None));
    assert_eq!(read_every_way(limits, &bytes[..=max]).0, error, "at once");
}

fn request() -> ClientRequest {
    let location = Location::parse("ws://b.example/c?d").unwrap();
    ClientRequest::new(location, Origin::try_from("http://a.example").unwrap())
        .with_subprotocol(Subprotocol::try_from("chat").unwrap())
}

/// A client that has asked for [`request`], and the head and the 16 bytes of the right reply to it.
/// All tests share it, because drawing the keys costs more than reading a reply.
static STARTED: LazyLock<(ClientHandshake, String, Vec<u8>)> = LazyLock::new(|| {
    let (mut src, mut head, mut response) = (BytesMut::new(), Vec::new(), Vec::new());
    let client = ClientHandshake::start(request(), &[0x42; 32], &mut src);
    let Ok(Some(Incoming::WebSocket(request))) =
        RequestReader::new(HeadLimits::new()).read(&mut src)
    else {
        panic!("not accepted");
    };
    let accept = Accept::new()
        .with_subprotocol(Subprotocol::try_from("chat").unwrap())
        .with_field(
            FieldName::try_from("Set-Cookie").unwrap(),
            FieldValue::try_from("a=b").unwrap(),
        );
    let mut awaiting = request.accept(accept, &mut head).unwrap();
    assert!(awaiting.read(&mut src, &mut response).is_some());
    (client, String::from_utf8(head).unwrap(), response)
});

/// The right reply to [`request`] with some pieces replaced; each piece must be there.
fn reply(edits: &[(&str, &str)]) -> Vec<u8> {
    let mut head = STARTED.1.clone();
    for (from, to) in edits {
        assert!(head.contains(from), "{from:?} is not in the reply");
        head = head.replacen(from, to, 1);
    }
    [head.as_bytes(), &STARTED.2].concat()
}

/// What a reply comes to and what is left of it, the same however it is cut. Under Miri, which is
/// slow, it is pieces of sixteen bytes and no other cut.
fn read_every_way(
    limits: HeadLimits,
    bytes: &[u8],
) -> (Result<Option<Reply>, ReplyError>, Vec<u8>) {
    let whole = read(limits, &[bytes]);
    let piece = if cfg!(miri) { 16 } else { 1 };
    let pieces: Vec<&[u8]> = bytes.chunks(piece).collect();
    assert_eq!(read(limits, &pieces), whole, "in pieces of {piece}");
    for cut in (0..=bytes.len()).filter(|_| !cfg!(miri)) {
        let (front, back) = bytes.split_at(cut);
        assert_eq!(read(limits, &[front, back]), whole, "cut at {cut}");
    }
    whole
}

fn read(limits: HeadLimits, chunks: &[&[u8]]) -> (Result<Option<Reply>, ReplyError>, Vec<u8>) {
    let mut client = STARTED.0.clone().with_limits(limits);
    let mut src = BytesMut::new();
    let mut result = Ok(None);
    for chunk in chunks {
        src.extend_from_slice(chunk);
        let before = src.len();
        let next = client.read(&mut src);
        match &result {
            Ok(None) => result = next,
            Ok(Some(_)) => {
                assert_eq!(next, Err(ReplyError::SecondReply));
                assert_eq!(src.len(), before);
            }
            Err(error) => {
                assert_eq!(next, Err(*error), "an error is repeated");
                assert_eq!(src.len(), before);
            }
        }
    }
    (result, src.to_vec())
}
