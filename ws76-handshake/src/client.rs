//! The client's side, first half: the request and its keys (draft-76 §4.1 steps 1 to 26).
//!
//! The reply is read and verified in `reply.rs`.

use alloc::string::String;
use alloc::vec::Vec;

use bytes::BufMut;

use crate::challenge::Challenge;
use crate::limits::HeadLimits;
use crate::location::Location;
use crate::random::Random;
use crate::reply::{Expected, ReplyReader};
use crate::server;
use crate::value::{FieldName, FieldValue, Origin, Subprotocol};

/// What a client asks for.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{ClientRequest, Location, Origin, Subprotocol, ValueError};
///
/// let location = Location::parse("ws://example.com/chat")?;
/// let request = ClientRequest::new(location, Origin::try_from("http://example.com")?)
///     .with_subprotocol(Subprotocol::try_from("chat")?);
/// assert_eq!(request.location().host(), "example.com");
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    location: Location,
    origin: Origin,
    subprotocol: Option<Subprotocol>,
    fields: Vec<(FieldName, FieldValue)>,
}

impl ClientRequest {
    /// A request for a location, from a page of this origin.
    #[must_use]
    pub const fn new(location: Location, origin: Origin) -> Self {
        Self {
            location,
            origin,
            subprotocol: None,
            fields: Vec::new(),
        }
    }

    /// Asks for a subprotocol, which the server then has to name.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: Subprotocol) -> Self {
        self.subprotocol = Some(subprotocol);
        self
    }

    /// Adds a field such as `Cookie`.
    #[must_use]
    pub fn with_field(mut self, name: FieldName, value: FieldValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The location that is asked for.
    #[must_use]
    pub const fn location(&self) -> &Location {
        &self.location
    }
}

/// A client's handshake whose request is written: it waits for the reply.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{
///     ClientHandshake, ClientRequest, HeadLimits, Location, Origin, ValueError,
/// };
///
/// let location = Location::parse("ws://example.com/demo")?;
/// let request = ClientRequest::new(location, Origin::try_from("null")?);
/// let random = [0x5A; 32]; // from the system's generator, fresh for each connection
/// let mut dst = BytesMut::new();
/// let mut handshake = ClientHandshake::start(request, &random, &mut dst)
///     .with_limits(HeadLimits::new().with_max_fields(32));
/// assert!(dst.starts_with(b"GET /demo HTTP/1.1\r\n"));
/// // Send `dst`, then feed what comes back; `None` asks for more bytes.
/// assert_eq!(handshake.read(&mut BytesMut::from("HTTP/1.1 101 ")), Ok(None));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientHandshake {
    pub(crate) reader: ReplyReader,
}

impl ClientHandshake {
    /// Appends the request's head and key 3 to `dst`.
    ///
    /// `random` are bytes that nobody can guess and that serve one handshake only. Keys, key 3 and
    /// the order of the fields are drawn from it: the same bytes make the same request. A resource
    /// name with raw spaces is sent with them, as WebKit 534 does. Implements draft-76 §4.1 steps
    /// 1 to 26.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for the request.
    #[must_use]
    pub fn start(request: ClientRequest, random: &[u8; 32], dst: &mut impl BufMut) -> Self {
        let mut random = Random::new(*random);
        let key1 = ClientKey::generate(&mut random);
        let key2 = ClientKey::generate(&mut random);
        let key3 = random.bytes();

        let mut fields = Vec::with_capacity(7 + request.fields.len());
        fields.push(("Upgrade", "WebSocket"));
        fields.push(("Connection", "Upgrade"));
        fields.push(("Host", request.location.host()));
        fields.push(("Origin", request.origin.as_str()));
        fields.push(("Sec-WebSocket-Key1", &key1.text));
        fields.push(("Sec-WebSocket-Key2", &key2.text));
        if let Some(subprotocol) = &request.subprotocol {
            fields.push(("Sec-WebSocket-Protocol", subprotocol.as_str()));
        }
        fields.extend(
            request
                .fields
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str())),
        );
        random.shuffle(&mut fields);

        dst.put_slice(b"GET ");
        dst.put_slice(request.location.resource_name().as_bytes());
        dst.put_slice(b" HTTP/1.1\r\n");
        for (name, value) in fields {
            server::put_field(dst, name, &[value.as_bytes()]);
        }
        dst.put_slice(b"\r\n");
        dst.put_slice(&key3);

        let expected = Expected {
            location: request.location,
            origin: request.origin,
            subprotocol: request.subprotocol,
            response: Challenge::new(key1.part, key2.part, key3).response(),
        };
        Self {
            reader: ReplyReader::new(expected, HeadLimits::new()),
        }
    }

    /// Sets the limits for the head of the reply. Call it before the first
    /// [`read`](Self::read).
    #[must_use]
    pub fn with_limits(mut self, limits: HeadLimits) -> Self {
        self.reader.set_limits(limits);
        self
    }
}

/// A key that this client made up.
struct ClientKey {
    text: String,
    part: u32,
}

impl ClientKey {
    /// Draft-76 §4.1 steps 16 to 22.
    fn generate(random: &mut Random) -> Self {
        let spaces = 1 + random.below(12);
        let part = random.up_to(u32::MAX / spaces);
        // Cannot overflow by the choice of the part.
        let mut text = String::with_capacity(10 + 12 + 12);
        push_number(&mut text, part.wrapping_mul(spaces));

        for _ in 0..1 + random.below(12) {
            let at = random.index(text.len() + 1);
            text.insert(at, random.visible_non_digit());
        }
        // Digits and one other character at least: there is a place that is neither edge.
        for _ in 0..spaces {
            let at = 1 + random.index(text.len() - 1);
            text.insert(at, ' ');
        }
        Self { text, part }
    }
}

/// Appends a number in decimal digits.
fn push_number(text: &mut String, number: u32) {
    let mut unit = 1;
    while number / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        text.push(char::from_digit(number / unit % 10, 10).unwrap_or('0'));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::{ClientKey, push_number};
    use crate::key::Key;
    use crate::random::Random;
    use alloc::string::String;

    #[test]
    fn section_4_1_keys_keep_to_the_draft_and_use_all_that_it_allows() {
        // For Miri each MD5 is slow; the keys of few seeds take the same steps.
        let seeds = if cfg!(miri) { 4 } else { 2_000_u32 };
        let mut largest = 0;
        let (mut first_is_digit, mut last_is_digit) = ([false; 2], [false; 2]);
        for seed in 0..seeds {
            let mut bytes = [7; 32];
            bytes[..4].copy_from_slice(&seed.to_be_bytes());
            let key = ClientKey::generate(&mut Random::new(bytes));
            let text = key.text.as_str();
            assert!(!text.starts_with(' ') && !text.ends_with(' '), "{text:?}");

            let spaces = text.matches(' ').count();
            let digits: String = text.chars().filter(char::is_ascii_digit).collect();
            let others = text.len() - spaces - digits.len();
            assert!(
                (1..=12).contains(&spaces) && (1..=12).contains(&others),
                "{text:?}"
            );
            assert!(
                text.bytes().all(|byte| matches!(byte, 0x20..=0x7E)),
                "{text:?}"
            );
            let number: u64 = digits.parse().unwrap();
            assert!(number <= u64::from(u32::MAX), "{text:?}");
            assert_eq!(
                Key::parse(text.as_bytes()).map(Key::part),
                Ok(key.part),
                "{text:?}"
            );
            largest = largest.max(number);
            first_is_digit[usize::from(text.starts_with(|first: char| first.is_ascii_digit()))] =
                true;
            last_is_digit[usize::from(text.ends_with(|last: char| last.is_ascii_digit()))] = true;
        }
        let every_size = largest > u64::from(u32::MAX / 10 * 9);
        let every_edge = (first_is_digit, last_is_digit) == ([true; 2], [true; 2]);
        assert!(cfg!(miri) || every_size && every_edge, "{largest}");
    }

    #[test]
    fn numbers_are_written_without_leading_zeros() {
        for number in [0, 9, 10, 99, 100, 1_000_000_000, u32::MAX] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, alloc::format!("{number}"));
        }
    }
}
