//! The property of the client's side.

use arbitrary::Arbitrary;
use bytes::BytesMut;
use ws76_handshake::{
    Accept, ClientHandshake, ClientRequest, FieldName, FieldValue, HeadLimits, Incoming, Location,
    Origin, Reply, ReplyError, RequestReader, Scheme, Subprotocol,
};

use crate::strict::{self, Message};
use crate::{Cuts, key, pieces, split_settings};

/// For any location, origin, subprotocol and random bytes our client and our server agree; and of
/// any bytes as a reply, however they are cut, the client takes those only, and all of those, that
/// pass the checks of the draft's client.
///
/// The wire is pieces between bytes 0x1E: location, origin, subprotocol, a field's value, reply.
pub fn client(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let [location, origin, subprotocol, value, reply] = pieces(wire);
    let Some(asked) = Asked::new(settings, [location, origin, subprotocol, value]) else {
        return;
    };
    let mut request = Vec::new();
    let _handshake = asked.start(settings, &mut request);
    let response = asked.assert_request(&request);
    let right = asked.assert_server_agrees(settings, &request, &response);

    let reply = reply.unwrap_or_default();
    let reply = match settings.choices & RAW {
        0 => asked.fill_in(settings, reply, &right, &response),
        _ => reply.to_vec(),
    };
    let (outcome, left) = asked.read(settings, &[&reply]);
    let single = reply.chunks(1 + reply.len() / 1_024).collect();
    for chunks in [settings.cuts.chunks(&reply), single] {
        let (cut, cut_left) = asked.read(settings, &chunks);
        assert_eq!((&cut, &cut_left), (&outcome, &left), "{chunks:?}");
    }
    asked.assert_outcome(settings, &reply, &response, outcome, &left);
}

/// 41 bytes of settings.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Settings {
    cuts: Cuts,
    choices: u8,
    max_head_len: u16,
    max_line_len: u8,
    max_fields: u8,
    random: [u8; 32],
}

/// The reply is as it stands; otherwise bytes 1 to 6 in it stand for pieces.
const RAW: u8 = 1;
/// The client's limits are those of the settings.
const LIMITED: u8 = 2;
/// No subprotocol is asked for, whatever stands in its piece.
const NO_SUBPROTOCOL: u8 = 4;

impl Settings {
    fn limits(&self) -> HeadLimits {
        if self.choices & LIMITED == 0 {
            return UNLIMITED;
        }
        HeadLimits::new()
            .with_max_head_len(self.max_head_len.into())
            .with_max_line_len(self.max_line_len.into())
            .with_max_fields(self.max_fields.into())
    }
}

const UNLIMITED: HeadLimits = HeadLimits::new()
    .with_max_head_len(usize::MAX)
    .with_max_line_len(usize::MAX)
    .with_max_resource_name_len(usize::MAX)
    .with_max_fields(usize::MAX);

type Outcome = Result<Option<Reply>, ReplyError>;

/// What the client asks for.
struct Asked {
    location: Location,
    origin: Origin,
    subprotocol: Option<Subprotocol>,
    value: FieldValue,
}

impl Asked {
    /// `None` if the types refuse a piece.
    fn new(settings: Settings, pieces: [Option<&[u8]>; 4]) -> Option<Self> {
        let [location, origin, subprotocol, value] =
            pieces.map(|piece| piece.map(|piece| String::from_utf8_lossy(piece).into_owned()));
        let location = location.unwrap_or_else(|| "ws://example.com/".to_owned());
        let parsed = Location::parse(&location).ok()?;
        let whole = parsed.as_str().strip_suffix('/').unwrap_or(parsed.as_str());
        assert_eq!(whole, location.strip_suffix('/').unwrap_or(&location));
        let again = Location::new(parsed.scheme(), parsed.host(), parsed.resource_name());
        assert_eq!(again.as_ref(), Ok(&parsed), "{settings:?}");
        Some(Self {
            location: parsed,
            origin: Origin::try_from(origin.as_deref().unwrap_or("null")).ok()?,
            subprotocol: match subprotocol {
                Some(_) if settings.choices & NO_SUBPROTOCOL != 0 => None,
                Some(text) => Some(Subprotocol::try_from(&*text).ok()?),
                None => None,
            },
            value: FieldValue::try_from(&*value.unwrap_or_default()).ok()?,
        })
    }

    fn start(&self, settings: Settings, dst: &mut Vec<u8>) -> ClientHandshake {
        let cookie = FieldName::try_from("Cookie").expect("a name");
        let mut request = ClientRequest::new(self.location.clone(), self.origin.clone())
            .with_field(cookie, self.value.clone());
        if let Some(subprotocol) = &self.subprotocol {
            request = request.with_subprotocol(subprotocol.clone());
        }
        ClientHandshake::start(request, &settings.random, dst).with_limits(settings.limits())
    }

    /// The request is what draft-76 §4.1 says; returns the response that it calls for.
    fn assert_request(&self, request: &[u8]) -> [u8; 16] {
        let message = Message::parse(request).expect("a request is well formed");
        let line = format!("GET {} HTTP/1.1", self.location.resource_name());
        assert_eq!(message.first_line, line.as_bytes());
        let names = ["Sec-WebSocket-Key1", "Sec-WebSocket-Key2"];
        let keys = names.map(|name| message.only(name).expect("one of each key"));
        let mut expected: Vec<(&str, &[u8])> = vec![
            ("Upgrade", b"WebSocket"),
            ("Connection", b"Upgrade"),
            ("Host", self.location.host().as_bytes()),
            ("Origin", self.origin.as_str().as_bytes()),
            ("Cookie", self.value.as_str().as_bytes()),
            (names[0], keys[0]),
            (names[1], keys[1]),
        ];
        if let Some(subprotocol) = &self.subprotocol {
            expected.push(("Sec-WebSocket-Protocol", subprotocol.as_str().as_bytes()));
        }
        message.assert_fields(&expected);
        for key in keys {
            let text = std::str::from_utf8(key).expect("a key is ASCII");
            let digits: String = text.matches(|byte: char| byte.is_ascii_digit()).collect();
            let spaces = text.matches(' ').count();
            let others = text.len() - digits.len() - spaces;
            assert!(
                (1..=12).contains(&spaces) && text.trim() == text,
                "{text:?}"
            );
            assert!((1..=12).contains(&others), "{text:?}");
            assert!(digits.parse::<u32>().is_ok(), "{text:?}");
            assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        }
        let key3 = message.body.try_into().expect("8 bytes follow the head");
        key::response(keys[0], keys[1], key3).expect("our keys have parts")
    }

    /// Our server reads what was asked, and our client takes its reply; returns the reply.
    fn assert_server_agrees(
        &self,
        settings: Settings,
        request: &[u8],
        response: &[u8; 16],
    ) -> Vec<u8> {
        let mut src = BytesMut::from(request);
        let incoming = RequestReader::new(UNLIMITED).read(&mut src);
        let Ok(Some(Incoming::WebSocket(accepted))) = incoming else {
            panic!("our own client's request came to {incoming:?}");
        };
        let subprotocol = self.subprotocol.as_ref().map(Subprotocol::as_str);
        assert_eq!(accepted.resource_name(), self.location.resource_name());
        assert_eq!(accepted.host(), self.location.host());
        assert_eq!(accepted.origin(), Some(self.origin.as_str()));
        assert_eq!(accepted.subprotocol(), subprotocol);
        assert_eq!(
            accepted.head().field("cookie"),
            Some(self.value.as_str().as_bytes())
        );

        let mut accept =
            Accept::new().with_scheme(match self.location.as_str().starts_with("wss:") {
                true => Scheme::Wss,
                false => Scheme::Ws,
            });
        if let Some(subprotocol) = &self.subprotocol {
            accept = accept.with_subprotocol(subprotocol.clone());
        }
        let mut reply = Vec::new();
        let awaiting = accepted.accept(accept, &mut reply);
        let established = awaiting.map(|mut awaiting| awaiting.read(&mut src, &mut reply));
        assert!(matches!(established, Ok(Some(_))) && src.is_empty());
        assert!(reply.ends_with(response));

        let unlimited = Settings {
            choices: 0,
            ..settings
        };
        let followed = [&reply[..], b"\x00hi\xff"].concat();
        let (taken, left) = self.read(unlimited, &settings.cuts.chunks(&followed));
        assert!(matches!(taken, Ok(Some(_))), "{taken:?}");
        assert_eq!(left, b"\x00hi\xff", "frames stay");
        reply
    }

    /// What a reply comes to and what is left. Feeds all chunks, also behind the outcome.
    fn read(&self, settings: Settings, chunks: &[&[u8]]) -> (Outcome, Vec<u8>) {
        let mut handshake = self.start(settings, &mut Vec::new());
        let mut src = BytesMut::new();
        let mut outcome = Ok(None);
        for chunk in chunks {
            src.extend_from_slice(chunk);
            let before = src.len();
            let next = handshake.read(&mut src);
            match &outcome {
                Ok(None) => outcome = next,
                Ok(Some(_)) => {
                    assert_eq!(next, Err(ReplyError::SecondReply));
                    assert_eq!(src.len(), before, "behind a reply nothing is taken");
                }
                Err(error) => {
                    assert_eq!(next, Err(*error), "an error stays");
                    assert_eq!(src.len(), before, "behind an error nothing is taken");
                }
            }
        }
        (outcome, src.to_vec())
    }

    /// Puts right pieces in place of the bytes 1 to 5, and a response with one wrong bit in place
    /// of 6, so that wrong replies are nearly right.
    fn fill_in(
        &self,
        settings: Settings,
        reply: &[u8],
        right: &[u8],
        response: &[u8; 16],
    ) -> Vec<u8> {
        let subprotocol = self.subprotocol.as_ref().map_or("", Subprotocol::as_str);
        let mut wrong = *response;
        let bit = settings.random[0] % 128;
        wrong[usize::from(bit / 8)] ^= 1 << (bit % 8);
        let mut filled = Vec::new();
        for byte in reply {
            filled.extend_from_slice(match byte {
                1 => self.location.as_str().as_bytes(),
                2 => self.origin.as_str().as_bytes(),
                3 => subprotocol.as_bytes(),
                4 => response,
                5 => &right[..right.len() - 18],
                6 => &wrong,
                byte => std::slice::from_ref(byte),
            });
        }
        filled
    }

    fn assert_outcome(
        &self,
        settings: Settings,
        reply: &[u8],
        response: &[u8; 16],
        outcome: Outcome,
        left: &[u8],
    ) {
        let passes = self.passes(reply, response);
        let head_len = strict::head_len(reply);
        match outcome {
            Ok(Some(taken)) => {
                assert_eq!(passes, Some(true));
                let message = Message::parse(reply).expect("a taken reply is well formed");
                assert_eq!(left, &message.body[16..]);
                let fields = taken.fields().map(|(name, value)| (name.as_bytes(), value));
                assert!(fields.eq(message.fields.iter().copied()));
                for (name, _) in taken.fields() {
                    assert!(taken.fields_named(name).eq(message.values(name)));
                    assert_eq!(taken.field(name), message.values(name).first().copied());
                }
            }
            Ok(None) => {
                assert_eq!(passes, None, "it waits in vain");
                assert_eq!(left, &reply[head_len.unwrap_or(0)..]);
                assert!(head_len.is_some() || left.len() <= settings.limits().max_head_len);
            }
            // Without the end of a head, the strict reader cannot tell what is wrong already.
            Err(error) => {
                let limited = settings.choices & LIMITED != 0;
                assert!(
                    limited || head_len.is_none() || passes == Some(false),
                    "{error:?}"
                );
                assert!(reply.ends_with(left));
            }
        }
    }

    /// Section 7: whether a whole reply passes, `None` if it may become one that does.
    fn passes(&self, reply: &[u8], response: &[u8; 16]) -> Option<bool> {
        strict::head_len(reply)?;
        let Some(message) = Message::parse(reply) else {
            return Some(false);
        };
        let subprotocol = self
            .subprotocol
            .as_ref()
            .map(|text| text.as_str().as_bytes());
        let connection = message.only("connection").unwrap_or_default();
        let head_passes = message.first_line.starts_with(b"HTTP/1.1 101 ")
            && message.only("upgrade") == Some(b"WebSocket")
            && connection.eq_ignore_ascii_case(b"upgrade")
            && message.only("sec-websocket-origin") == Some(self.origin.as_str().as_bytes())
            && message.only("sec-websocket-location") == Some(self.location.as_str().as_bytes())
            && message.values("sec-websocket-protocol") == Vec::from_iter(subprotocol);
        if !head_passes {
            return Some(false);
        }
        message.body.get(..16).map(|body| body == response)
    }
}
