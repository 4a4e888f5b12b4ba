//! Gives a whole head its meaning: which protocol it speaks, and whether it may (draft-76 §5.1).
//!
//! Everything that can be refused is refused here, before a byte of a reply is written.

use crate::error::HandshakeError;
use crate::field::KnownField;
use crate::head::HeadParts;
use crate::key::{Key, WhichKey};
use crate::request_line::RequestLine;
use crate::scan::{FieldSpan, Span};
use crate::value;

/// The version of a request that has one `Sec-WebSocket-Key`.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{HybiVersion, Incoming};
///
/// fn is_rfc6455(incoming: &Incoming) -> bool {
///     matches!(incoming, Incoming::Hybi { version, .. } if version.number() == 13)
/// }
/// # let _ = (is_rfc6455, HybiVersion::V13);
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "hybi-07 to RFC 6455 is history: there are three"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HybiVersion {
    /// `Sec-WebSocket-Version: 7`: hybi-07.
    V7,
    /// `Sec-WebSocket-Version: 8`: hybi-08 to hybi-12.
    V8,
    /// `Sec-WebSocket-Version: 13`: hybi-13 to RFC 6455.
    V13,
}

impl HybiVersion {
    /// The number as it stands in the field: 7, 8 or 13.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::V7 => 7,
            Self::V8 => 8,
            Self::V13 => 13,
        }
    }

    fn from_value(value: &[u8]) -> Option<Self> {
        match value {
            b"7" => Some(Self::V7),
            b"8" => Some(Self::V8),
            b"13" => Some(Self::V13),
            _ => None,
        }
    }
}

/// Which protocol a head speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meaning {
    Draft76 { part1: u32, part2: u32 },
    Draft75,
    Hybi(HybiVersion),
    Http,
}

/// Checks a whole head. What depends on no protocol version comes first.
pub(crate) fn verify(
    head: &[u8],
    line: RequestLine,
    fields: &[FieldSpan],
) -> Result<(Meaning, HeadParts), HandshakeError> {
    let get = match line.method.of(head) {
        b"GET" => true,
        b"HEAD" => false,
        _ => return Err(HandshakeError::MethodNotAllowed),
    };
    let seen = Seen::collect(head, fields);
    if seen.transfer_encoding.count > 0 {
        return Err(HandshakeError::ForbiddenField(KnownField::TransferEncoding));
    }
    check_content_length(head, seen.content_length)?;

    let mut parts = HeadParts {
        resource_name: line.resource_name,
        host: host(head, seen.host)?,
        origin: origin(head, seen.origin, KnownField::Origin)?,
        subprotocol: None,
    };
    let meaning = meaning(head, &seen)?;
    let raw_spaces = line.resource_name.of(head).contains(&b' ');
    match meaning {
        Meaning::Draft76 { .. } => {
            let field = KnownField::SecWebSocketProtocol;
            parts.subprotocol = subprotocol(head, seen.subprotocol, field)?;
        }
        Meaning::Draft75 => {
            let field = KnownField::WebSocketProtocol;
            parts.subprotocol = subprotocol(head, seen.draft75_subprotocol, field)?;
        }
        // Only WebKit 534 and its kin forget to escape spaces, and they speak none of these.
        Meaning::Hybi(_) | Meaning::Http if raw_spaces => {
            return Err(HandshakeError::InvalidResourceName);
        }
        Meaning::Hybi(HybiVersion::V7 | HybiVersion::V8) => {
            let field = KnownField::SecWebSocketOrigin;
            let hybi = origin(head, seen.hybi_origin, field)?;
            if let (Some(one), Some(other)) = (hybi, parts.origin)
                && one.of(head) != other.of(head)
            {
                return Err(HandshakeError::DuplicateField(KnownField::Origin));
            }
            parts.origin = hybi.or(parts.origin);
        }
        Meaning::Hybi(HybiVersion::V13) | Meaning::Http => {}
    }
    if !get && !matches!(meaning, Meaning::Http) {
        return Err(HandshakeError::MethodNotAllowed);
    }
    Ok((meaning, parts))
}

/// Tells the protocols apart; each `Upgrade` that is not WebSocket leaves plain HTTP.
fn meaning(head: &[u8], seen: &Seen) -> Result<Meaning, HandshakeError> {
    let hybi = seen.key.count > 0 || seen.version.count > 0;
    if !seen.upgrade_exact && !(seen.upgrade_token && (hybi || seen.upgrade.count > 1)) {
        return Ok(Meaning::Http);
    }
    if seen.upgrade.count > 1 {
        return Err(HandshakeError::DuplicateField(KnownField::Upgrade));
    }
    if !seen.connection_upgrade {
        return Err(match seen.connection.count {
            0 => HandshakeError::MissingField(KnownField::Connection),
            _ => HandshakeError::InvalidField(KnownField::Connection),
        });
    }
    if seen.key1.count > 0 || seen.key2.count > 0 {
        if seen.key.count > 0 {
            return Err(HandshakeError::MixedKeys);
        }
        let key1 = seen.key1.exactly_once(KnownField::SecWebSocketKey1)?;
        let key2 = seen.key2.exactly_once(KnownField::SecWebSocketKey2)?;
        if !seen.upgrade_exact {
            return Ok(Meaning::Http);
        }
        return Ok(Meaning::Draft76 {
            part1: part(key1.of(head), WhichKey::Key1)?,
            part2: part(key2.of(head), WhichKey::Key2)?,
        });
    }
    if !hybi {
        return Ok(Meaning::Draft75);
    }
    if seen.version.count == 0 {
        return Err(HandshakeError::UnsupportedVersion);
    }
    let version = seen.version.exactly_once(KnownField::SecWebSocketVersion)?;
    let Some(version) = HybiVersion::from_value(version.trimmed(head).of(head)) else {
        return Err(HandshakeError::UnsupportedVersion);
    };
    seen.key.exactly_once(KnownField::SecWebSocketKey)?;
    Ok(Meaning::Hybi(version))
}

fn part(value: &[u8], which: WhichKey) -> Result<u32, HandshakeError> {
    match Key::parse(value) {
        Ok(key) => Ok(key.part()),
        Err(error) => Err(HandshakeError::Key { which, error }),
    }
}

/// Key 3 is announced by no length, or by `8`; any other body would be a second request.
fn check_content_length(head: &[u8], slot: Slot) -> Result<(), HandshakeError> {
    let field = KnownField::ContentLength;
    match slot
        .at_most_once(field)?
        .map(|span| span.trimmed(head).of(head))
    {
        None | Some(b"0" | b"8") => Ok(()),
        Some(_) => Err(HandshakeError::InvalidField(field)),
    }
}

fn host(head: &[u8], slot: Slot) -> Result<Span, HandshakeError> {
    let span = slot.exactly_once(KnownField::Host)?.trimmed(head);
    match value::check_host(span.of(head)) {
        Ok(()) => Ok(span),
        Err(_) => Err(HandshakeError::InvalidField(KnownField::Host)),
    }
}

fn origin(head: &[u8], slot: Slot, field: KnownField) -> Result<Option<Span>, HandshakeError> {
    let Some(span) = slot.at_most_once(field)? else {
        return Ok(None);
    };
    let span = span.trimmed(head);
    match value::check_origin(span.of(head)) {
        Ok(()) => Ok(Some(span)),
        Err(_) => Err(HandshakeError::InvalidField(field)),
    }
}

fn subprotocol(head: &[u8], slot: Slot, field: KnownField) -> Result<Option<Span>, HandshakeError> {
    let Some(span) = slot.at_most_once(field)? else {
        return Ok(None);
    };
    match value::check_printable(span.of(head)) {
        Ok(()) => Ok(Some(span)),
        Err(_) => Err(HandshakeError::InvalidField(field)),
    }
}

/// The fields that have a meaning, from one pass over all of them.
#[derive(Default)]
struct Seen {
    host: Slot,
    origin: Slot,
    hybi_origin: Slot,
    upgrade: Slot,
    /// An `Upgrade` field is `WebSocket` and nothing else.
    upgrade_exact: bool,
    /// `WebSocket` is one token of an `Upgrade` list.
    upgrade_token: bool,
    connection: Slot,
    /// `upgrade` is one token of a `Connection` list.
    connection_upgrade: bool,
    content_length: Slot,
    transfer_encoding: Slot,
    key: Slot,
    key1: Slot,
    key2: Slot,
    version: Slot,
    subprotocol: Slot,
    draft75_subprotocol: Slot,
}

impl Seen {
    fn collect(head: &[u8], fields: &[FieldSpan]) -> Self {
        let mut seen = Self::default();
        for field in fields {
            let Some(known) = KnownField::from_name(field.name.of(head)) else {
                continue;
            };
            let value = field.value.of(head);
            let slot = match known {
                KnownField::Host => &mut seen.host,
                KnownField::Origin => &mut seen.origin,
                KnownField::Upgrade => {
                    let exact = is_word(value, b"websocket");
                    seen.upgrade_exact |= exact;
                    seen.upgrade_token |= exact || has_word(value, b"websocket");
                    &mut seen.upgrade
                }
                KnownField::Connection => {
                    seen.connection_upgrade |= has_word(value, b"upgrade");
                    &mut seen.connection
                }
                KnownField::ContentLength => &mut seen.content_length,
                KnownField::TransferEncoding => &mut seen.transfer_encoding,
                KnownField::SecWebSocketKey => &mut seen.key,
                KnownField::SecWebSocketKey1 => &mut seen.key1,
                KnownField::SecWebSocketKey2 => &mut seen.key2,
                KnownField::SecWebSocketOrigin => &mut seen.hybi_origin,
                KnownField::SecWebSocketProtocol => &mut seen.subprotocol,
                KnownField::SecWebSocketVersion => &mut seen.version,
                KnownField::WebSocketProtocol => &mut seen.draft75_subprotocol,
                KnownField::SecWebSocketLocation => continue,
            };
            slot.add(field.value);
        }
        seen
    }
}

/// How often a field is there, and the first value of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) count: usize,
    first: Span,
}

impl Slot {
    pub(crate) fn add(&mut self, value: Span) {
        if self.count == 0 {
            self.first = value;
        }
        self.count += 1;
    }

    fn at_most_once(self, field: KnownField) -> Result<Option<Span>, HandshakeError> {
        match self.count {
            0 => Ok(None),
            1 => Ok(Some(self.first)),
            _ => Err(HandshakeError::DuplicateField(field)),
        }
    }

    fn exactly_once(self, field: KnownField) -> Result<Span, HandshakeError> {
        self.at_most_once(field)?
            .ok_or(HandshakeError::MissingField(field))
    }
}

/// Whether a comma list holds the word, compared ASCII case-insensitively.
fn has_word(list: &[u8], word: &[u8]) -> bool {
    // Mostly it is the only one.
    list.eq_ignore_ascii_case(word)
        || list
            .split(|&byte| byte == b',')
            .any(|item| is_word(item, word))
}

/// Whether the value is the word, but for spaces and tabs around it and its case.
fn is_word(value: &[u8], word: &[u8]) -> bool {
    if value.eq_ignore_ascii_case(word) {
        return true;
    }
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value
        .iter()
        .position(|byte| !blank(byte))
        .unwrap_or(value.len());
    let tail = value.iter().rev().take_while(|byte| blank(byte)).count();
    value
        .get(start..value.len().saturating_sub(tail))
        .unwrap_or_default()
        .eq_ignore_ascii_case(word)
}
