//! The property of what a server writes: the 101 reply, and final responses.

use arbitrary::Arbitrary;
use bytes::BytesMut;
use ws76_handshake::{
    Accept, FieldName, FieldValue, Head, HeadLimits, Incoming, Location, Request, RequestReader,
    Response, Scheme, Status, Subprotocol,
};

use crate::strict::{self, Message};
use crate::{key, pieces, split_settings};

/// Whatever a request smuggles in, the 101 reply has just the fields that it has to have, with the
/// location, origin and subprotocol that were sent, one empty line, and the 16 bytes that are the
/// response; and a final response is one whole response.
///
/// The wire is a whole request, or its pieces between bytes 0x1E: resource name, host, origin,
/// subprotocol, more lines, and what follows the head.
pub fn reply(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let request = match settings.has(RAW) {
        true => wire.to_vec(),
        false => assemble(wire),
    };
    let limits = HeadLimits::new().with_max_head_len(1 << 20);
    let mut src = BytesMut::from(&request[..]);
    match RequestReader::new(limits).read(&mut src) {
        Ok(Some(Incoming::WebSocket(accepted))) => accept(settings, &request, accepted, src),
        Ok(Some(Incoming::Draft75(accepted))) => {
            let head = accepted.head().clone();
            let plan = Plan::new(settings, &request, &head);
            let mut dst = Vec::new();
            match accepted.accept(plan.accept.clone(), &mut dst) {
                Ok(_) => plan.assert_head(&dst, ["", "Web Socket Protocol Handshake"]),
                Err(error) => plan.assert_refused(&dst, &error.response()),
            }
        }
        Ok(_) => {}
        Err(error) => {
            let mut dst = Vec::new();
            error.response().write(&mut dst);
            strict::assert_final_response(&dst);
        }
    }
}

/// The two steps of a draft-76 reply.
fn accept(settings: Settings, request: &[u8], accepted: Request, mut src: BytesMut) {
    let head = accepted.head().clone();
    let plan = Plan::new(settings, request, &head);
    if settings.has(REJECT) {
        return reject(settings, &plan, accepted);
    }
    let mut dst = Vec::new();
    let mut awaiting = match accepted.accept(plan.accept.clone(), &mut dst) {
        Ok(awaiting) => awaiting,
        Err(error) => return plan.assert_refused(&dst, &error.response()),
    };
    plan.assert_head(&dst, ["Sec-", "WebSocket Protocol Handshake"]);
    let head_len = dst.len();

    // Key 3 comes byte by byte, or at once with what follows it, which stays.
    let mut arrived = BytesMut::new();
    let mut established = None;
    let following = src.split_off(src.len().min(8));
    let step = if settings.has(AT_ONCE) { 8 } else { 1 };
    for bytes in src.chunks(step) {
        assert_eq!((established, dst.len()), (None, head_len), "too early");
        arrived.extend_from_slice(bytes);
        if settings.has(AT_ONCE) {
            arrived.extend_from_slice(&following);
        }
        established = awaiting.read(&mut arrived, &mut dst);
    }
    let Ok(key3) = <[u8; 8]>::try_from(&src[..]) else {
        assert_eq!((established, dst.len()), (None, head_len));
        assert_eq!(arrived, src, "less than key 3 stays");
        return;
    };
    assert!(established.is_some());
    if !settings.has(AT_ONCE) {
        assert!(arrived.is_empty());
        arrived.extend_from_slice(&following);
    }
    assert_eq!(arrived, following, "frames stay");
    assert_eq!(awaiting.read(&mut arrived, &mut dst), None, "once only");
    assert_eq!(arrived, following, "frames stay");

    let sent = Message::parse(request).expect("an accepted head is well formed");
    let key = |name| sent.only(name).expect("one of each key");
    let keys = [key("Sec-WebSocket-Key1"), key("Sec-WebSocket-Key2")];
    let expected = key::response(keys[0], keys[1], key3).expect("the keys have parts");
    assert_eq!(dst[head_len..], expected);
}

/// A final response with what the caller may put in.
fn reject(settings: Settings, plan: &Plan<'_>, accepted: Request) {
    let code = 200 + settings.code % 400;
    let status = Status::new(code).expect("it is in 200 to 599");
    let mut response = Response::new(status).with_body(plan.head.as_bytes().clone());
    for (name, value) in &plan.extra {
        response = response.with_field(name.clone(), value.clone());
    }
    let mut dst = Vec::new();
    accepted.reject(&response, &mut dst);
    assert_eq!(strict::assert_final_response(&dst), code);
    let message = Message::parse(&dst).expect("a response is well formed");
    for (name, value) in &plan.extra {
        assert!(
            message
                .values(name.as_str())
                .contains(&value.as_str().as_bytes())
        );
    }

    let mut head_only = Vec::new();
    response.write_head_only(&mut head_only);
    assert_eq!(head_only, dst[..dst.len() - message.body.len()]);
}

/// How a request is accepted, and what the reply has to hold then.
struct Plan<'a> {
    head: &'a Head,
    accept: Accept,
    location: String,
    origin: Option<Vec<u8>>,
    subprotocol: Option<String>,
    extra: Vec<(FieldName, FieldValue)>,
}

impl<'a> Plan<'a> {
    fn new(settings: Settings, request: &[u8], head: &'a Head) -> Self {
        let sent = Message::parse(request).expect("an accepted head is well formed");
        let host = sent.only("Host").map(strict::trimmed).expect("one host");
        let host = std::str::from_utf8(host).expect("a host is ASCII");
        let line = std::str::from_utf8(sent.first_line).expect("the line is ASCII");
        let name = line
            .strip_prefix("GET ")
            .and_then(|line| line.strip_suffix(" HTTP/1.1"))
            .expect("a request line");

        let mut accept = Accept::new();
        let mut scheme = "ws";
        if settings.has(WSS) {
            accept = accept.with_scheme(Scheme::Wss);
            scheme = "wss";
        }
        let mut location = format!("{scheme}://{host}{name}");
        // The value of this field is the caller's own word, which a type has to check.
        let own = sent.only("X-Own").map(String::from_utf8_lossy);
        let own = own.as_deref().unwrap_or_default();
        if settings.has(OWN_LOCATION)
            && let Ok(parsed) = Location::parse(own)
        {
            location = parsed.to_string();
            let bare = own.matches('/').count() == 2;
            assert_eq!(location, format!("{own}{}", if bare { "/" } else { "" }));
            accept = accept.with_location(parsed);
        }
        let mut subprotocol = head.subprotocol().map(str::to_owned);
        if settings.has(OWN_SUBPROTOCOL) {
            subprotocol = Some(own.to_owned());
        }
        let checked = subprotocol.and_then(|text| Subprotocol::try_from(&*text).ok());
        if let Some(checked) = &checked {
            accept = accept.with_subprotocol(checked.clone());
        }
        let subprotocol = checked.map(|checked| checked.as_str().to_owned());

        let mut extra = Vec::new();
        if let (Ok(name), Ok(value)) =
            (FieldName::try_from("Set-Cookie"), FieldValue::try_from(own))
        {
            extra.push((name, value));
        }
        if let (Ok(name), Ok(value)) = (FieldName::try_from(own), FieldValue::try_from("x")) {
            extra.push((name, value));
        }
        for (name, value) in &extra {
            accept = accept.with_field(name.clone(), value.clone());
        }
        let origin = sent
            .only("Origin")
            .map(|origin| strict::trimmed(origin).to_vec());
        Self {
            head,
            accept,
            location,
            origin,
            subprotocol,
            extra,
        }
    }

    /// `wording` is the prefix of the names and the reason of the status line.
    fn assert_head(&self, reply: &[u8], wording: [&str; 2]) {
        let [prefix, reason] = wording;
        assert_eq!(self.head.subprotocol(), self.subprotocol.as_deref());
        let message = Message::parse(reply).expect("a reply is well formed");
        assert!(message.body.is_empty());
        assert_eq!(
            message.first_line,
            format!("HTTP/1.1 101 {reason}").as_bytes()
        );
        let name = |rest| format!("{prefix}WebSocket-{rest}");
        let names = [name("Location"), name("Origin"), name("Protocol")];
        let mut expected: Vec<(&str, &[u8])> = vec![
            ("Upgrade", b"WebSocket"),
            ("Connection", b"Upgrade"),
            (&names[0], self.location.as_bytes()),
        ];
        if let Some(origin) = &self.origin {
            expected.push((&names[1], origin));
        }
        if let Some(subprotocol) = &self.subprotocol {
            expected.push((&names[2], subprotocol.as_bytes()));
        }
        for (name, value) in &self.extra {
            expected.push((name.as_str(), value.as_str().as_bytes()));
        }
        message.assert_fields(&expected);
        let plain = |byte: u8| matches!(byte, b'\r' | b'\n' | b' '..=b'~');
        assert!(reply.iter().all(|&byte| plain(byte)));
    }

    fn assert_refused(&self, written: &[u8], response: &Response) {
        assert_ne!(self.head.subprotocol(), self.subprotocol.as_deref());
        assert!(written.is_empty(), "nothing was written");
        let mut dst = Vec::new();
        response.write(&mut dst);
        assert!(matches!(strict::assert_final_response(&dst), 400 | 500));
    }
}

/// 3 bytes of settings.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Settings {
    choices: u8,
    code: u16,
}

impl Settings {
    const fn has(self, choice: u8) -> bool {
        self.choices & choice != 0
    }
}

const RAW: u8 = 1;
const WSS: u8 = 2;
const OWN_LOCATION: u8 = 4;
const OWN_SUBPROTOCOL: u8 = 8;
const REJECT: u8 = 16;
const AT_ONCE: u8 = 32;

/// Puts the pieces where they belong in a right request, without a look at them.
fn assemble(wire: &[u8]) -> Vec<u8> {
    let [name, host, origin, subprotocol, lines, following] = pieces(wire);
    let mut request = Vec::new();
    let mut put = |parts: [&[u8]; 3]| request.extend_from_slice(&parts.concat());
    put([b"GET ", name.unwrap_or(b"/"), b" HTTP/1.1\r\n"]);
    put([b"Host: ", host.unwrap_or(b"example.com"), b"\r\n"]);
    put([b"Upgrade: WebSocket\r\n", b"Connection: Upgrade\r\n", b""]);
    put([b"Sec-WebSocket-Key1: ", b"4 @1  46546xW%0l 1 5", b"\r\n"]);
    put([b"Sec-WebSocket-Key2: ", b"12998 5 Y3 1  .P00", b"\r\n"]);
    if let Some(origin) = origin {
        put([b"Origin: ", origin, b"\r\n"]);
    }
    if let Some(subprotocol) = subprotocol {
        put([b"Sec-WebSocket-Protocol: ", subprotocol, b"\r\n"]);
    }
    put([
        lines.unwrap_or_default(),
        b"\r\n",
        following.unwrap_or_default(),
    ]);
    request
}
