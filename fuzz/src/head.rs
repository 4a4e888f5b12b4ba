//! The property of requests: `RequestReader`.

use std::collections::HashSet;
use std::sync::LazyLock;

use allocation_counter::measure;
use arbitrary::Arbitrary;
use bytes::BytesMut;
use ws76_handshake::{HandshakeError, Head, HeadLimits, Incoming, RequestReader};

use crate::strict::{self, Message};
use crate::{Cuts, key, split_settings};

/// Any bytes under any cut come to the same outcome, which stays: a refusal takes nothing and says
/// nothing of the request, a request is what a strict reader and `httparse` read too.
pub fn handshake(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let limits = settings.limits();
    let (whole, left) = read(limits, &[wire]);
    // Single bytes of long inputs are slow, and nothing new.
    let single = wire.chunks(1 + wire.len() / 1_024).collect();
    for chunks in [settings.cuts.chunks(wire), single] {
        let (cut, cut_left) = read(limits, &chunks);
        assert_eq!((&cut, &cut_left), (&whole, &left), "{chunks:?}");
    }
    match whole {
        Ok(None) => {
            assert_eq!(left, wire, "nothing is taken before the head is whole");
            assert!(left.len() <= limits.max_head_len, "a head is bounded");
        }
        Err(error) => {
            assert_eq!(left, wire, "a refusal takes nothing");
            assert_refusal(error, limits);
        }
        Ok(Some(incoming)) => {
            let head = head(&incoming);
            assert_eq!([head.as_bytes(), &left[..]].concat(), wire);
            assert_eq!(&head.compact(), head);
            assert_strict(head, limits);
            assert_httparse_agrees(head);
            if let Incoming::WebSocket(_) = incoming {
                assert_draft76(head);
            }
        }
    }
}

/// 13 bytes of settings.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Settings {
    cuts: Cuts,
    /// Bit 0: the limits below instead of the defaults.
    choices: u8,
    max_head_len: u16,
    max_line_len: u16,
    max_resource_name_len: u16,
    max_fields: u16,
}

impl Settings {
    fn limits(self) -> HeadLimits {
        if self.choices & 1 == 0 {
            return HeadLimits::new();
        }
        HeadLimits::new()
            .with_max_head_len(match self.max_head_len {
                u16::MAX => usize::MAX,
                len => len.into(),
            })
            .with_max_line_len(self.max_line_len.into())
            .with_max_resource_name_len(self.max_resource_name_len.into())
            .with_max_fields(self.max_fields.into())
    }
}

/// What a request comes to and what is left. Feeds all chunks, also behind the outcome.
pub(crate) fn read(
    limits: HeadLimits,
    chunks: &[&[u8]],
) -> (Result<Option<Incoming>, HandshakeError>, Vec<u8>) {
    let mut reader = RequestReader::new(limits);
    let len = chunks.iter().map(|chunk| chunk.len()).sum();
    let mut src = BytesMut::with_capacity(len);
    let mut outcome = Ok(None);
    let feed = || {
        for chunk in chunks {
            src.extend_from_slice(chunk);
            let before = src.len();
            let next = reader.read(&mut src);
            match &outcome {
                Ok(None) => outcome = next,
                Ok(Some(_)) => {
                    assert_eq!(next, Err(HandshakeError::SecondRequest));
                    assert_eq!(src.len(), before, "behind a request nothing is taken");
                }
                Err(error) => {
                    assert_eq!(next, Err(*error), "an error stays");
                    assert_eq!(src.len(), before, "behind an error nothing is taken");
                }
            }
        }
    };
    let allocated = measure(feed).bytes_max;
    // 16 bytes a field, doubled, while the table moves, and once more when it is handed over. A
    // field has four bytes at least, and the first table is for four.
    let fields = limits.max_fields.min(len / 4) + 4;
    assert!(
        allocated <= 128 + 16 * 4 * fields as u64,
        "{allocated} bytes"
    );
    (outcome, src.to_vec())
}

pub(crate) fn head(incoming: &Incoming) -> &Head {
    match incoming {
        Incoming::WebSocket(request) => request.head(),
        Incoming::Draft75(request) => request.head(),
        Incoming::Hybi { head, .. } | Incoming::Http(head) => head,
    }
}

/// A refusal is a whole response of status 4xx whose every word and number is our own.
fn assert_refusal(error: HandshakeError, limits: HeadLimits) {
    let mut bytes = Vec::new();
    error.response().write(&mut bytes);
    let code = strict::assert_final_response(&bytes);
    assert!((400..500).contains(&code), "{error:?}");
    assert_eq!(code, error.status().code());

    let text = std::str::from_utf8(&bytes).expect("a refusal is ASCII");
    let body_len = text.len() - strict::head_len(&bytes).expect("a head");
    let ours = [
        limits.max_head_len.min(u32::MAX as usize),
        limits.max_line_len,
        limits.max_resource_name_len,
        limits.max_fields,
        code.into(),
        body_len,
    ];
    for word in text.split(|byte: char| !byte.is_ascii_alphanumeric()) {
        let is_ours = match word.parse() {
            Ok(number) => ours.contains(&number) || NUMBERS.contains(&word),
            Err(_) => word.is_empty() || WORDS.contains(word),
        };
        assert!(is_ours, "{word:?} in the refusal of {error:?}");
    }
    let plain = |byte: u8| matches!(byte, b'\r' | b'\n' | b' '..=b'~');
    assert!(bytes.iter().all(|&byte| plain(byte)));
}

/// What a head says is what a strict reader finds in its bytes, within the limits.
fn assert_strict(head: &Head, limits: HeadLimits) {
    let bytes = head.as_bytes();
    let message = Message::parse(bytes).expect("an accepted head is well formed");
    assert!(message.body.is_empty());
    assert!(bytes.len() <= limits.max_head_len);
    assert!(message.first_line.len() <= limits.max_line_len);
    assert!(message.fields.len() <= limits.max_fields);

    let fields = head.fields().map(|(name, value)| (name.as_bytes(), value));
    assert!(fields.eq(message.fields.iter().copied()));
    for (name, value) in head.fields() {
        let values = message.values(name);
        assert!(values.contains(&value) && head.field(name) == Some(values[0]));
        assert!(head.fields_named(name).eq(values));
    }

    let name = head.resource_name();
    let line = format!("{} {name} HTTP/1.1", head.method());
    assert_eq!(message.first_line, line.as_bytes());
    assert!(name.starts_with('/') && name.len() <= limits.max_resource_name_len);
    assert!(name.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    let query = head
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    assert_eq!(format!("{}{query}", head.path()), name);
    assert!(matches!(head.method(), "GET" | "HEAD"));

    let host = message.only("Host").map(strict::trimmed);
    assert_eq!(host, Some(head.host().as_bytes()));
    for visible in [Some(head.host()), head.origin()].into_iter().flatten() {
        assert!(!visible.is_empty() && visible.bytes().all(|byte| byte.is_ascii_graphic()));
    }
    // T14: nothing that makes the end of the request ambiguous.
    assert!(message.values("Transfer-Encoding").is_empty());
    match message.values("Content-Length")[..] {
        [] => {}
        [len] => assert!(matches!(strict::trimmed(len), b"0" | b"8")),
        _ => panic!("two lengths"),
    }
}

/// The rows H1 to H10 and C1 to C4 of the draft.
fn assert_draft76(head: &Head) {
    let message = Message::parse(head.as_bytes()).expect("a head");
    assert_eq!(head.method(), "GET");
    let upgrade = message.only("Upgrade").map(strict::trimmed);
    assert!(upgrade.is_some_and(|value| value.eq_ignore_ascii_case(b"websocket")));
    let mut connection = message.values("Connection").into_iter();
    assert!(connection.any(|list| strict::list_holds(list, "upgrade")));
    assert!(message.values("Sec-WebSocket-Key").is_empty());
    for name in ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2"] {
        let value = message.only(name).expect("just one key of each");
        assert!(key::part(value).is_ok());
    }
    for (name, said) in [
        ("Origin", head.origin()),
        ("Sec-WebSocket-Protocol", head.subprotocol()),
    ] {
        match (&message.values(name)[..], said) {
            ([], None) => {}
            // An origin is trimmed, a subprotocol is not.
            ([sent], Some(said)) if name == "Origin" => {
                assert_eq!(strict::trimmed(sent), said.as_bytes());
            }
            ([sent], Some(said)) => assert_eq!(*sent, said.as_bytes()),
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// What we accept `httparse` accepts too, and reads the same method, target and fields.
///
/// The known differences, each undone in what `httparse` is given or compared with:
///
/// - Raw spaces in the resource name, which WebKit 534 sends, are an error there.
/// - Control bytes in the value of a field, other than a tab, are an error there. Here they are
///   kept, and never echoed.
/// - Spaces and tabs at the edges of a value are dropped there. Here it is one space after the
///   colon, because a key may begin with a space.
fn assert_httparse_agrees(head: &Head) {
    let name = head.resource_name();
    let mut bytes = head.as_bytes().to_vec();
    let start = head.method().len() + 1;
    for byte in &mut bytes[start..start + name.len()] {
        *byte = if *byte == b' ' { b'+' } else { *byte };
    }
    for byte in &mut bytes {
        *byte = tamed(*byte);
    }

    let mut fields = vec![httparse::EMPTY_HEADER; head.fields().count()];
    let mut request = httparse::Request::new(&mut fields);
    let status = request.parse(&bytes);
    assert_eq!(status, Ok(httparse::Status::Complete(bytes.len())));
    assert_eq!(request.version, Some(1));
    assert_eq!(request.method, Some(head.method()));
    assert_eq!(request.path, Some(&*name.replace(' ', "+")));
    assert_eq!(request.headers.len(), head.fields().count());
    for (theirs, (name, value)) in request.headers.iter().zip(head.fields()) {
        assert_eq!(theirs.name, name);
        let value: Vec<u8> = value.iter().copied().map(tamed).collect();
        assert_eq!(theirs.value, strict::trimmed(&value));
    }
}

fn tamed(byte: u8) -> u8 {
    match byte {
        b'\r' | b'\n' | b'\t' => byte,
        0x00..=0x1f | 0x7f => b'~',
        _ => byte,
    }
}

/// The numbers of a refusal besides limits, status and length.
const NUMBERS: [&str; 6] = ["1", "2", "7", "8", "13", "32"];

/// All words of our refusals: the head's, the reasons', then those that say what was wrong.
static WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| WORDS_IN_A_ROW.split_whitespace().collect());

const WORDS_IN_A_ROW: &str = "
    HTTP Connection close Content Length Type text plain Allow GET Upgrade WebSocket Sec Version
    Bad Request Method Not Allowed URI Too Long Upgrade Required Header Fields Large
    head longer than bytes line more fields feed without carriage return zero byte in the begins
    with white space field a name s colon forbidden request resource malformed must begin slash and
    be visible ASCII end method not allowed is missing once has value keys of two protocol versions
    key version supported only one for each connection no digit number multiple spaces part does
    fit bits
    Host Origin Transfer Encoding Key Key1 Key2 Location Protocol
";
