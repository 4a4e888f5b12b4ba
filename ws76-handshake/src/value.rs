//! Values that go out on the wire, in types that cannot break a line of the head.
//!
//! Each is printable ASCII from its construction on. A CR, LF or NUL has no way into a head.

use alloc::string::String;
use core::fmt;

use bytes::Bytes;

/// Why a text is no [`Origin`], [`Subprotocol`], [`Location`](crate::Location), [`FieldName`] or
/// [`FieldValue`].
///
/// # Examples
///
/// ```
/// use ws76_handshake::{FieldName, FieldValue, ValueError};
///
/// let broken = FieldValue::try_from("id=7\r\nSet-Cookie: x");
/// assert_eq!(broken, Err(ValueError::ForbiddenByte { at: 4 }));
/// assert_eq!(FieldName::try_from("Upgrade"), Err(ValueError::ReservedName));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The text, or a part of it, is empty and must not be.
    #[error("value is empty")]
    Empty,
    /// The text holds a byte that is not allowed there.
    #[error("forbidden byte at offset {at}")]
    ForbiddenByte {
        /// The first such byte, counted from 0.
        at: usize,
    },
    /// The text holds a percent-encoded control character.
    #[error("percent-encoded control character")]
    EncodedControl,
    /// The field is one that the handshake writes itself.
    #[error("field is written by the handshake itself")]
    ReservedName,
    /// The location begins with neither `ws://` nor `wss://`.
    #[error("location must begin with ws:// or wss://")]
    UnknownScheme,
    /// The resource name does not begin with `/`.
    #[error("resource name must begin with a slash")]
    MissingSlash,
}

/// Where a page came from: one or more bytes U+0021 to U+007E, none of them an encoded control.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Origin, ValueError};
///
/// assert_eq!(Origin::try_from("http://example.com")?.as_str(), "http://example.com");
/// assert!(Origin::try_from("null\r\nSet-Cookie: a=b").is_err());
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Origin(Ascii);

impl Origin {
    /// The origin as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<&str> for Origin {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        check_origin(text.as_bytes())?;
        Ok(Self(Ascii::copy(text)))
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Origin").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The one subprotocol of a connection: bytes U+0020 to U+007E, maybe none (draft-76 §5.1).
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Subprotocol, ValueError};
///
/// assert_eq!(Subprotocol::try_from("chat v2")?.as_str(), "chat v2");
/// assert_eq!(Subprotocol::try_from("a\nb"), Err(ValueError::ForbiddenByte { at: 1 }));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Subprotocol(Ascii);

impl Subprotocol {
    /// The subprotocol as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl TryFrom<&str> for Subprotocol {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        check_printable(text.as_bytes())?;
        Ok(Self(Ascii::copy(text)))
    }
}

impl fmt::Debug for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subprotocol").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Subprotocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of an additional field, such as `Set-Cookie`: a token, and none that would contradict
/// what the handshake writes itself.
///
/// Refused are `Connection`, `Content-Length`, `Host`, `Origin`, `Transfer-Encoding`, `Upgrade`
/// and all names that begin with `Sec-WebSocket-` or `WebSocket-`, in any case.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{FieldName, ValueError};
///
/// assert_eq!(FieldName::try_from("Set-Cookie")?.as_str(), "Set-Cookie");
/// assert_eq!(FieldName::try_from("upgrade"), Err(ValueError::ReservedName));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FieldName(Ascii);

impl FieldName {
    /// The name as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A name that this crate writes itself.
    pub(crate) const fn from_static(name: &'static str) -> Self {
        Self(Ascii(Bytes::from_static(name.as_bytes())))
    }
}

impl TryFrom<&str> for FieldName {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        if text.is_empty() {
            return Err(ValueError::Empty);
        }
        check_bytes(text.as_bytes(), crate::scan::is_token)?;
        let begins_with = |prefix: &str| {
            text.get(..prefix.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        if RESERVED.iter().any(|name| text.eq_ignore_ascii_case(name))
            || RESERVED_PREFIXES.iter().any(|prefix| begins_with(prefix))
        {
            return Err(ValueError::ReservedName);
        }
        Ok(Self(Ascii::copy(text)))
    }
}

impl fmt::Debug for FieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FieldName").field(&self.as_str()).finish()
    }
}

/// The value of an additional field: bytes U+0020 to U+007E, maybe none. Its `Debug` form does not
/// show it, because cookies do not belong in logs.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{FieldValue, ValueError};
///
/// assert_eq!(FieldValue::try_from("id=7; Path=/")?.as_str(), "id=7; Path=/");
/// assert_eq!(FieldValue::try_from("\0"), Err(ValueError::ForbiddenByte { at: 0 }));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct FieldValue(Ascii);

impl FieldValue {
    /// The value as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// A value that this crate writes itself.
    pub(crate) const fn from_static(value: &'static str) -> Self {
        Self(Ascii(Bytes::from_static(value.as_bytes())))
    }
}

impl TryFrom<&str> for FieldValue {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        check_printable(text.as_bytes())?;
        Ok(Self(Ascii::copy(text)))
    }
}

impl fmt::Debug for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldValue({} bytes)", self.as_str().len())
    }
}

/// Checked ASCII in shared bytes.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Ascii(Bytes);

impl Ascii {
    /// The callers have checked that `text` is ASCII.
    pub(crate) fn copy(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }

    pub(crate) fn from_string(text: String) -> Self {
        Self(Bytes::from(text))
    }

    pub(crate) fn as_str(&self) -> &str {
        // Made from a `str` and never cut, so that nothing is lost here.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Whether these bytes may be echoed as an origin.
pub(crate) fn check_origin(bytes: &[u8]) -> Result<(), ValueError> {
    check_visible(bytes)?;
    check_no_encoded_control(bytes)
}

/// Whether these bytes may be echoed as the host of a location.
pub(crate) fn check_host(bytes: &[u8]) -> Result<(), ValueError> {
    // Nearly all hosts are made of these.
    let plain = |&byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':');
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return Ok(());
    }
    check_visible(bytes)?;
    check_bytes(bytes, |byte| !is_host_delimiter(byte))?;
    check_no_encoded_control(bytes)
}

/// Whether these bytes are a resource name; raw spaces are allowed, as WebKit 534 sends them.
pub(crate) fn check_resource_name(bytes: &[u8]) -> Result<(), ValueError> {
    if bytes.first() != Some(&b'/') {
        return Err(ValueError::MissingSlash);
    }
    check_printable(bytes)
}

/// Whether all bytes are U+0020 to U+007E.
pub(crate) fn check_printable(bytes: &[u8]) -> Result<(), ValueError> {
    check_bytes(bytes, |byte| matches!(byte, 0x20..=0x7E))
}

/// Whether all bytes are U+0021 to U+007E, and there are any.
fn check_visible(bytes: &[u8]) -> Result<(), ValueError> {
    if bytes.is_empty() {
        return Err(ValueError::Empty);
    }
    check_bytes(bytes, |byte| matches!(byte, 0x21..=0x7E))
}

fn check_bytes(bytes: &[u8], allowed: impl Fn(u8) -> bool) -> Result<(), ValueError> {
    match bytes.iter().position(|&byte| !allowed(byte)) {
        None => Ok(()),
        Some(at) => Err(ValueError::ForbiddenByte { at }),
    }
}

/// Refuses `%00` to `%1f` and `%7f`: what decodes a value later must not meet a line break.
fn check_no_encoded_control(bytes: &[u8]) -> Result<(), ValueError> {
    let encoded = |window: &[u8]| {
        matches!(
            window,
            [b'%', b'0' | b'1', low] if low.is_ascii_hexdigit()
        ) || matches!(window, [b'%', b'7', b'f' | b'F'])
    };
    if bytes.contains(&b'%') && bytes.windows(3).any(encoded) {
        return Err(ValueError::EncodedControl);
    }
    Ok(())
}

/// Whether this is visible ASCII that ends a host, or that no host holds.
const fn is_host_delimiter(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'\\'
            | b'@'
            | b'?'
            | b'#'
            | b'"'
            | b'<'
            | b'>'
            | b','
            | b';'
            | b'{'
            | b'}'
            | b'|'
            | b'^'
            | b'`'
    )
}

const RESERVED: &[&str] = &[
    "Connection",
    "Content-Length",
    "Host",
    "Origin",
    "Transfer-Encoding",
    "Upgrade",
];

const RESERVED_PREFIXES: &[&str] = &["Sec-WebSocket-", "WebSocket-"];
