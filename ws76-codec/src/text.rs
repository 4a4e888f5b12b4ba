//! Text whose UTF-8 was proven once, over shared bytes.

use alloc::string::String;
#[cfg(not(feature = "simd"))]
use core::str::from_utf8 as read_utf8;
use core::{fmt, ops::Deref, str};

use bytes::Bytes;
#[cfg(feature = "simd")]
use simdutf8::basic::from_utf8 as read_utf8;

use crate::Utf8Error;

/// The text of one message: UTF-8, cheap to clone, often a view into the buffer it was read into.
///
/// A clone shares the bytes. A view keeps the buffer it was split off alive; [`Text::to_owned_text`]
/// ends that for a text that is to be kept for long.
///
/// ```
/// use ws76_codec::Text;
///
/// let text = Text::from("gr\u{fc}n");
/// assert_eq!(text.len(), 5); // bytes
/// assert_eq!(text.to_uppercase(), "GR\u{dc}N");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(Bytes);

impl Text {
    /// The empty text.
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// A text that is part of the program.
    pub const fn from_static(text: &'static str) -> Self {
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// Takes `bytes` as text if they are UTF-8, without a copy.
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] when they are not; [`Text::from_utf8_lossy`] cannot fail.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, Utf8Error> {
        check(&bytes)?;
        Ok(Self(bytes))
    }

    /// Takes `bytes` as text, with U+FFFD for each maximal sequence that is not UTF-8. Copies only
    /// when there is one.
    pub fn from_utf8_lossy(bytes: Bytes) -> Self {
        match check(&bytes) {
            Ok(()) => Self(bytes),
            Err(_) => Self::from(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The text as a string slice.
    ///
    /// Safe Rust has no way to say that the bytes were checked before, so this checks them again:
    /// one pass over the text. Where bytes will do, [`Text::as_bytes`] is free.
    pub fn as_str(&self) -> &str {
        // Every constructor has proven that the bytes are UTF-8, so the default is never used.
        read_utf8(&self.0).unwrap_or_default()
    }

    /// The bytes of the text; always UTF-8.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes of the text; always UTF-8.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The length in bytes.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the text is empty.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same text in a buffer of its own, of just its length.
    #[must_use]
    pub fn to_owned_text(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }

    /// Wraps bytes that the caller knows to be UTF-8.
    pub(crate) const fn from_checked(bytes: Bytes) -> Self {
        Self(bytes)
    }
}

impl Deref for Text {
    type Target = str;

    /// As [`Text::as_str`].
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<&str> for Text {
    /// Copies the string.
    fn from(text: &str) -> Self {
        Self(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Text {
    /// Takes the string over, without a copy.
    fn from(text: String) -> Self {
        Self(Bytes::from(text.into_bytes()))
    }
}

impl From<&Self> for Text {
    /// Shares the bytes.
    fn from(text: &Self) -> Self {
        text.clone()
    }
}

impl TryFrom<Bytes> for Text {
    type Error = Utf8Error;

    fn try_from(bytes: Bytes) -> Result<Self, Utf8Error> {
        Self::from_utf8(bytes)
    }
}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Whether `bytes` are UTF-8, and if not, from where on they are not.
pub(crate) fn check(bytes: &[u8]) -> Result<(), Utf8Error> {
    match read_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(Utf8Error::new(
            str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len),
        )),
    }
}
