//! Text whose UTF-8 was proven once: over shared bytes, or short and held in place.

use alloc::{string::String, vec::Vec};
#[cfg(not(feature = "simd"))]
use core::str::from_utf8 as read_utf8;
use core::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
    ops::{Deref, Range},
    str,
};

use bytes::Bytes;
#[cfg(feature = "simd")]
use simdutf8::basic::from_utf8 as read_utf8;

use crate::{Frame, ShortFrame, ShortText, Utf8Error, view::View};

/// The text of one message: UTF-8, cheap to clone.
///
/// A short text lies in the value itself; the clone of a longer one shares its bytes. Such a text is
/// often a view into the buffer it was read into, and keeps that alive; [`Text::to_owned_text`] ends
/// that for a text that is to be kept for long.
///
/// ```
/// use bytes::Bytes;
/// use ws76_codec::{Text, Utf8Error};
///
/// let text = Text::from("gr\u{fc}n");
/// assert_eq!((text.len(), text.as_str()), (5, "gr\u{fc}n")); // bytes
/// assert_eq!(text.to_uppercase(), "GR\u{dc}N");
///
/// let view = Text::from_utf8(Bytes::from_static(b"hello"))?; // no copy
/// assert_eq!(view, Text::from_static("hello"));
/// assert_eq!(view.to_owned_text().into_bytes(), "hello");
/// let lossy = Text::from_utf8_lossy(Bytes::from_static(b"\xff"));
/// assert!(lossy == "\u{fffd}" && !lossy.is_empty());
/// # Ok::<(), Utf8Error>(())
/// ```
#[derive(Clone)]
pub struct Text(Content);

/// Bytes that are UTF-8.
#[derive(Clone)]
enum Content {
    Shared(View),
    Short(ShortText),
}

/// It is moved around for each message, in a frame or without.
const _: () = assert!(size_of::<Text>() <= 56 && size_of::<Option<Frame>>() == size_of::<Text>());

impl Text {
    /// The empty text.
    pub const fn new() -> Self {
        Self::from_checked(Bytes::new())
    }

    /// A text that is part of the program.
    pub const fn from_static(text: &'static str) -> Self {
        Self::from_checked(Bytes::from_static(text.as_bytes()))
    }

    /// Takes `bytes` as text if they are UTF-8, without a copy.
    ///
    /// # Errors
    ///
    /// [`Utf8Error`] when they are not; [`Text::from_utf8_lossy`] cannot fail.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, Utf8Error> {
        check(&bytes)?;
        Ok(Self::from_checked(bytes))
    }

    /// Takes bytes whose owner has proven that they are UTF-8, without a check: copies what is short,
    /// and shares the rest.
    ///
    /// Should the owner's text lie elsewhere than its bytes, that text is copied.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ws76_codec::Text;
    ///
    /// struct Message(Bytes);
    ///
    /// impl AsRef<Bytes> for Message {
    ///     fn as_ref(&self) -> &Bytes {
    ///         &self.0
    ///     }
    /// }
    ///
    /// impl AsRef<str> for Message {
    ///     fn as_ref(&self) -> &str {
    ///         std::str::from_utf8(&self.0).unwrap_or_default()
    ///     }
    /// }
    ///
    /// let long = Bytes::from("hello ".repeat(10));
    /// let text = Text::from_proven(&Message(long.clone()));
    /// assert_eq!(text.into_bytes().as_ptr(), long.as_ptr()); // no copy
    /// let binary = Message(Bytes::from_static(b"\xff"));
    /// assert_eq!(Text::from_proven(&binary), ""); // it has no text
    /// ```
    pub fn from_proven(owner: &(impl AsRef<str> + AsRef<Bytes>)) -> Self {
        let (text, bytes): (&str, &Bytes) = (owner.as_ref(), owner.as_ref());
        if text.len() <= ShortText::MAX_LEN
            || text.as_bytes().as_ptr_range() != bytes.as_ptr_range()
        {
            return Self::from(text);
        }
        Self::from_checked(bytes.clone())
    }

    /// Takes `bytes` as text, with U+FFFD for each maximal sequence that is not UTF-8. Copies only
    /// when there is one.
    pub fn from_utf8_lossy(bytes: Bytes) -> Self {
        match check(&bytes) {
            Ok(()) => Self::from_checked(bytes),
            Err(_) => Self::from(String::from_utf8_lossy(&bytes).into_owned()),
        }
    }

    /// The text as a string slice.
    ///
    /// Safe Rust has no way to say that the bytes were checked before, so this checks them again:
    /// one pass over the text. Where bytes will do, [`Text::as_bytes`] is free.
    pub fn as_str(&self) -> &str {
        // Every constructor has proven that the bytes are UTF-8, so the default is never used.
        read_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The bytes of the text; always UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Content::Shared(view) => view.as_bytes(),
            Content::Short(text) => text.as_bytes(),
        }
    }

    /// The bytes of the text; always UTF-8. Copies a text that is short.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Content::Shared(view) => view.into_bytes(),
            Content::Short(_) => Bytes::copy_from_slice(self.as_bytes()),
        }
    }

    /// The length in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        match &self.0 {
            Content::Shared(view) => view.len(),
            Content::Short(text) => text.len(),
        }
    }

    /// Whether the text is empty.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same text in memory of its own, of just its length.
    #[must_use]
    pub fn to_owned_text(&self) -> Self {
        Self::from_checked_slice(self.as_bytes())
    }

    /// The frame that holds this text, if the text is a view on one: the shared bytes, and where in them
    /// the frame is (draft-76 §5.3). What goes on as it came need not be encoded, and frames that came
    /// one behind the other go on in one piece.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ws76_codec::{Decoder, DecoderConfig, Text, encode_text};
    ///
    /// let mut frames = Vec::new();
    /// encode_text(&"one ".repeat(20), &mut frames);
    /// encode_text(&"two ".repeat(20), &mut frames);
    /// let src = Bytes::from(frames);
    /// let decoder = Decoder::new(DecoderConfig::new());
    /// let one = decoder.decode_shared(&src, 0).expect("a whole frame");
    /// assert_eq!(one.framed(), Some((&src, 0..82)));
    /// let two = decoder.decode_shared(&src, 82).expect("a whole frame");
    /// assert_eq!(two.framed(), Some((&src, 82..164)));
    /// assert_eq!(Text::from("no frame yet").framed(), None);
    /// ```
    #[inline]
    pub fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        match &self.0 {
            Content::Shared(view) => view.framed(),
            Content::Short(_) => None,
        }
    }

    /// Wraps bytes that the caller knows to be UTF-8.
    pub(crate) const fn from_checked(bytes: Bytes) -> Self {
        Self::from_view(View::whole(bytes))
    }

    /// Wraps some of such bytes.
    #[inline]
    pub(crate) const fn from_view(view: View) -> Self {
        Self(Content::Shared(view))
    }

    /// Copies bytes that the caller knows to be UTF-8, if they are few.
    pub(crate) fn short_from_checked(bytes: &[u8]) -> Option<Self> {
        ShortText::new(bytes).map(Self::from)
    }

    /// Copies bytes that the caller knows to be UTF-8.
    fn from_checked_slice(bytes: &[u8]) -> Self {
        Self::short_from_checked(bytes)
            .unwrap_or_else(|| Self::from_checked(Bytes::copy_from_slice(bytes)))
    }

    /// As [`Text::encode`], to a vector: the quickest way for a short text. Implements draft-76 §5.3.
    ///
    /// ```
    /// let mut dst = Vec::new();
    /// ws76_codec::Text::from("hello").encode_to_vec(&mut dst);
    /// assert_eq!(dst, b"\x00hello\xff");
    /// ```
    #[inline]
    pub fn encode_to_vec(&self, dst: &mut Vec<u8>) {
        match &self.0 {
            Content::Short(frame) => {
                frame.append_to(dst);
            }
            Content::Shared(_) => self.encode(dst),
        }
    }

    /// As [`Text::encode_to_vec`], if the text is a short one, which is held in place, and its frame
    /// surely fits into `dst` as that is. Returns the length of the frame. Implements draft-76 §5.3.
    ///
    /// ```
    /// use ws76_codec::Text;
    ///
    /// let mut dst = Vec::with_capacity(80);
    /// assert_eq!(Text::from("hello").encode_short_to_vec(&mut dst), Some(7));
    /// assert_eq!(Text::from("hello".repeat(20)).encode_short_to_vec(&mut dst), None);
    /// assert_eq!(dst, b"\x00hello\xff");
    /// ```
    #[inline(always)]
    pub fn encode_short_to_vec(&self, dst: &mut Vec<u8>) -> Option<usize> {
        match &self.0 {
            Content::Short(frame) if frame.fits(dst) => Some(frame.append_to(dst)),
            _ => None,
        }
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
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
        self.as_bytes()
    }
}

impl From<&str> for Text {
    /// Copies the string.
    fn from(text: &str) -> Self {
        Self::from_checked_slice(text.as_bytes())
    }
}

impl From<ShortText> for Text {
    #[inline(always)]
    fn from(text: ShortText) -> Self {
        Self(Content::Short(text))
    }
}

impl From<ShortFrame<'_>> for Text {
    #[inline(always)]
    fn from(frame: ShortFrame<'_>) -> Self {
        ShortText::from(frame).into()
    }
}

impl From<String> for Text {
    /// Takes the string over, without a copy.
    fn from(text: String) -> Self {
        Self::from_checked(Bytes::from(text.into_bytes()))
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
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
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

/// The text that `bytes` are, if they are UTF-8.
#[inline]
pub(crate) fn read(bytes: &[u8]) -> Option<&str> {
    read_utf8(bytes).ok()
}

/// Whether `bytes` are UTF-8, and if not, from where on they are not.
///
/// Inlined, it makes the decoder slower.
#[inline(never)]
pub(crate) fn check(bytes: &[u8]) -> Result<(), Utf8Error> {
    match read_utf8(bytes) {
        Ok(_) => Ok(()),
        Err(_) => Err(Utf8Error::new(
            str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len),
        )),
    }
}
