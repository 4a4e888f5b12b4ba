//! Short texts, of which many come at once: held in place, and where they were found.

use alloc::vec::Vec;
use core::{fmt, str};

use crate::{
    ascii::ascii_words_len,
    frame::{TERMINATOR, TEXT},
};

/// A text of at most [`ShortText::MAX_LEN`] bytes, held in place, as
/// [`Decoder::decode_short`](crate::Decoder::decode_short) finds it. It becomes a [`Text`](crate::Text) for
/// nothing.
///
/// ```
/// use ws76_codec::{Decoder, DecoderConfig, ShortText, Text};
///
/// let decoder = Decoder::new(DecoderConfig::new());
/// let short: ShortText = decoder.decode_short(b"\x00hello\xff").expect("a whole frame");
/// assert_eq!((short.as_bytes(), short.len(), short.is_empty()), (&b"hello"[..], 5, false));
/// assert_eq!(short.frame_len(), 7);
/// assert_eq!(Text::from(short), "hello");
/// ```
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub struct ShortText {
    // A whole frame is taken from a buffer, and put into one, in one piece. And this is stored by the pieces
    // that it is moved by, as a processor waits for a load that needs more than one store before it: bytes
    // that are copied as they are, and a word.
    /// 0x00, the text, 0xFF; what stands behind is not part of it.
    bytes: [u8; SIZE],
    len: Len,
}

/// Makes an enum of all lengths that a short text may have.
macro_rules! lens {
    ($($len:ident)*) => {
        /// The length of a short text. It leaves room for what tells such a text from others, and a frame
        /// from none: so these all begin at the same place, and are moved by the same pieces.
        #[derive(Clone, Copy)]
        #[repr(u64)]
        enum Len {
            $($len),*
        }

        impl Len {
            #[inline(always)]
            const fn new(len: usize) -> Option<Self> {
                match len {
                    $(_ if len == Self::$len as usize => Some(Self::$len),)*
                    _ => None,
                }
            }
        }
    };
}

lens! {
    L0 L1 L2 L3 L4 L5 L6 L7 L8 L9 L10 L11 L12 L13 L14 L15 L16 L17 L18 L19 L20 L21 L22 L23 L24 L25
    L26 L27 L28 L29 L30 L31 L32 L33 L34 L35 L36 L37 L38 L39 L40 L41 L42 L43 L44 L45 L46
}

impl ShortText {
    /// The most bytes that such a text may have: few enough to be moved around for less than it costs to
    /// share bytes.
    pub const MAX_LEN: usize = SIZE - 2;

    /// The most bytes that its frame may have, with 0x00 and 0xFF: what
    /// [`Decoder::find_short`](crate::Decoder::find_short) has to have room for.
    pub const MAX_FRAME_LEN: usize = SIZE;

    /// Where the text ends, whatever script it is in.
    #[inline(never)]
    fn end_of_utf8(bytes: &[u8; SIZE]) -> Option<usize> {
        let end = terminator(bytes.as_chunks().0)?;
        let text = bytes.get(1..end)?;
        str::from_utf8(text).is_ok().then_some(end)
    }

    /// The frame at the front of `src`, with `len` bytes of text which the caller knows to be UTF-8, if
    /// that is short.
    #[inline]
    pub(crate) fn at_front_checked(src: &[u8], len: usize) -> Option<Self> {
        let len = Len::new(len)?;
        let mut padding = [0; SIZE];
        let bytes = *padded(src, &mut padding)?;
        Some(Self { bytes, len })
    }

    /// A frame in `bytes` with `len` bytes of text, if that is at most [`Self::MAX_LEN`].
    #[inline(always)]
    fn from_checked(bytes: &[u8; SIZE], len: usize) -> Option<Self> {
        let len = Len::new(len)?;
        Some(Self { bytes: *bytes, len })
    }

    /// A frame of this text, which the caller knows to be UTF-8, if that is short.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [TERMINATOR; SIZE];
        let [first, room @ .., _] = &mut bytes;
        *first = TEXT;
        room.get_mut(..text.len())?.copy_from_slice(text);
        Self::from_checked(&bytes, text.len())
    }

    /// The length in bytes.
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether the text is empty.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The length in bytes of the frame that the text came in.
    #[inline]
    pub const fn frame_len(&self) -> usize {
        self.len() + 2
    }

    /// The bytes of the text; always UTF-8.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(1..=self.len()).unwrap_or_default()
    }

    /// Whether [`Self::append_to`] surely needs no more memory.
    #[inline]
    pub(crate) const fn fits(&self, dst: &Vec<u8>) -> bool {
        dst.capacity() - dst.len() >= SIZE
    }

    /// Appends the frame; returns its length. A copy of a fixed length is cheaper, whatever it takes along.
    #[inline(always)]
    pub(crate) fn append_to(&self, dst: &mut Vec<u8>) -> usize {
        let len = self.frame_len();
        let end = dst.len() + len;
        dst.extend_from_slice(&self.bytes);
        dst.truncate(end);
        len
    }
}

impl fmt::Debug for ShortText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::Text::from(*self).fmt(f)
    }
}

impl From<ShortFrame<'_>> for ShortText {
    #[inline(always)]
    fn from(frame: ShortFrame<'_>) -> Self {
        Self {
            bytes: *frame.bytes,
            len: frame.len,
        }
    }
}

/// The frame of a [`ShortText`] where it lies, as [`Decoder::find_short`](crate::Decoder::find_short) finds
/// it: a text that is copied once only, to where it is going to be.
///
/// ```
/// use ws76_codec::{Decoder, DecoderConfig, ShortText, Text};
///
/// let decoder = Decoder::new(DecoderConfig::new());
/// let mut padding = [0; ShortText::MAX_FRAME_LEN];
/// let frame = decoder.find_short(b"\x00hello\xff", &mut padding).expect("a whole frame");
/// assert_eq!((frame.text_len(), frame.frame_len()), (5, 7));
/// assert_eq!(Text::from(frame), "hello");
/// ```
#[derive(Clone, Copy)]
pub struct ShortFrame<'a> {
    bytes: &'a [u8; SIZE],
    len: Len,
}

impl<'a> ShortFrame<'a> {
    /// The frame at the front of `src`, which begins with 0x00, if it is a short one, with at most `max`
    /// bytes of text.
    #[inline(always)]
    pub(crate) fn at_front(src: &'a [u8], padding: &'a mut [u8; SIZE], max: usize) -> Option<Self> {
        let bytes = padded(src, padding)?;
        let end = ascii_words_len(bytes.as_chunks().0);
        let end = match bytes.get(end)? {
            &TERMINATOR => end,
            _ => ShortText::end_of_utf8(bytes)?,
        };
        let len = end - 1;
        // What is behind `src` in `padding` is nothing that came.
        if end >= src.len() || len > max {
            return None;
        }
        let len = Len::new(len)?;
        Some(Self { bytes, len })
    }

    /// The length in bytes of the text.
    #[inline]
    pub const fn text_len(&self) -> usize {
        self.len as usize
    }

    /// The length in bytes of the frame.
    #[inline]
    pub const fn frame_len(&self) -> usize {
        self.text_len() + 2
    }
}

impl fmt::Debug for ShortFrame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShortFrame")
            .field(&ShortText::from(*self))
            .finish()
    }
}

/// The bytes at the front of `src`, as many as the longest such frame has. Where `src` ends, there is what was
/// in `padding`.
#[inline(always)]
fn padded<'a>(src: &'a [u8], padding: &'a mut [u8; SIZE]) -> Option<&'a [u8; SIZE]> {
    if let Some(bytes) = src.first_chunk() {
        return Some(bytes);
    }
    padding.get_mut(..src.len())?.copy_from_slice(src);
    Some(padding)
}

/// Where the first 0xFF is.
fn terminator(words: &[[u8; 8]]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    words.iter().enumerate().find_map(|(index, word)| {
        // The lowest bit that is set here is in the first byte that is 0 in `word`.
        let word = !u64::from_le_bytes(*word);
        let bits = word.wrapping_sub(ONES) & !word & (ONES << 7);
        (bits != 0).then(|| 8 * index + bits.trailing_zeros() as usize / 8)
    })
}

/// The memory of a frame.
const SIZE: usize = 48;
