//! Short text frames, held in place: of these many come at once.

use alloc::vec::Vec;

use crate::{
    ascii::ascii_words_len,
    frame::{TERMINATOR, TEXT},
};

/// A text frame, held in place: so a short text is taken from a buffer, and put into one, in one piece.
#[derive(Clone, Copy)]
pub(crate) struct ShortFrame {
    /// The length of the text.
    len: u8,
    /// 0x00, the text, 0xFF. What stands behind that is not part of it.
    bytes: [u8; LEN + 2],
}

impl ShortFrame {
    /// The frame at the front of `src`, which begins with 0x00, if it is a short one of ASCII.
    #[inline(always)]
    pub(crate) fn at_front(src: &[u8]) -> Option<Self> {
        let mut padded = [0; LEN + 2];
        let bytes = match src.first_chunk() {
            Some(bytes) => bytes,
            None => {
                padded.get_mut(..src.len())?.copy_from_slice(src);
                &padded
            }
        };
        let [_, text @ .., last] = bytes;
        let ascii = ascii_words_len(text.as_chunks().0);
        let end = *text.get(ascii).unwrap_or(last);
        (end == TERMINATOR).then(|| Self::from_checked(bytes, ascii))
    }

    /// A frame in `bytes` with `len` bytes of text, at most [`LEN`].
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "at most [`LEN`]")]
    const fn from_checked(bytes: &[u8; LEN + 2], len: usize) -> Self {
        Self {
            len: len as u8,
            bytes: *bytes,
        }
    }

    /// A frame of this text, which the caller knows to be UTF-8, if that is short.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [TERMINATOR; LEN + 2];
        let [first, room @ .., _] = &mut bytes;
        *first = TEXT;
        room.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self::from_checked(&bytes, text.len()))
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        self.bytes.get(1..=self.len()).unwrap_or_default()
    }

    /// Appends the frame. A copy of a fixed length is cheaper, whatever it takes along.
    #[inline]
    pub(crate) fn append_to(&self, dst: &mut Vec<u8>) {
        let end = dst.len() + self.len() + 2;
        dst.extend_from_slice(&self.bytes);
        dst.truncate(end);
    }
}

/// The most bytes of text that are held in place: whole words, and few enough to be moved around for
/// less than it costs to share bytes.
pub(crate) const LEN: usize = 40;
