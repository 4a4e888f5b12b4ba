//! Short text frames, held in place: of these many come at once.

use alloc::vec::Vec;
use core::str;

use crate::{
    ascii::ascii_words_len,
    frame::{TERMINATOR, TEXT},
};

/// A text frame, held in place: so a short text is taken from a buffer, and put into one, in one piece.
///
/// It is whole words, at a word's place, and is read and written by words: a processor waits for a load
/// that needs more than one store before it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct ShortFrame {
    /// 0x00, the text, 0xFF; in the last byte the length of the text. What stands between is not part
    /// of it.
    words: [[u8; 8]; SIZE / 8],
    mark: Mark,
}

/// What tells a text that is held in place from others, and a frame from none. It stands last, so that
/// these all begin at the same place, and are moved by the same pieces: for those, too, a processor
/// waits that loads other pieces than were stored.
#[derive(Clone, Copy)]
#[repr(u64)]
enum Mark {
    Short,
}

impl ShortFrame {
    /// The frame at the front of `src`, which begins with 0x00, if it is a short one, with at most `max`
    /// bytes of text.
    #[inline(always)]
    pub(crate) fn at_front(src: &[u8], max: usize) -> Option<Self> {
        Self::with_front(src, |bytes| {
            let end = ascii_words_len(bytes.as_chunks().0);
            let end = match bytes.get(end)? {
                &TERMINATOR => end,
                _ => Self::end_of_utf8(bytes)?,
            };
            let len = end - 1;
            // It is made last, and so where it is going to be.
            (len <= LEN.min(max)).then(|| Self::from_checked(bytes, len))
        })
    }

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
        if len > LEN {
            return None;
        }
        Self::with_front(src, |bytes| Some(Self::from_checked(bytes, len)))
    }

    /// What `make` makes of the bytes at the front of `src`; zeros where it ends.
    #[inline(always)]
    fn with_front<T>(src: &[u8], make: impl FnOnce(&[u8; SIZE]) -> Option<T>) -> Option<T> {
        let mut padded = [0; SIZE];
        let bytes = match src.first_chunk() {
            Some(bytes) => bytes,
            None => {
                padded.get_mut(..src.len())?.copy_from_slice(src);
                &padded
            }
        };
        make(bytes)
    }

    /// A frame in `bytes` with `len` bytes of text, at most [`LEN`].
    #[inline]
    fn from_checked(bytes: &[u8; SIZE], len: usize) -> Self {
        let mut words = [[0; 8]; SIZE / 8];
        words.copy_from_slice(bytes.as_chunks().0);
        let [.., last] = &mut words;
        let behind = u64::from_le_bytes(*last) & (u64::MAX >> 8);
        *last = (behind | (len as u64) << 56).to_le_bytes();
        Self {
            words,
            mark: Mark::Short,
        }
    }

    /// A frame of this text, which the caller knows to be UTF-8, if that is short.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [TERMINATOR; SIZE];
        let [first, room @ .., _, _] = &mut bytes;
        *first = TEXT;
        room.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self::from_checked(&bytes, text.len()))
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        let [.., last] = self.words;
        (u64::from_le_bytes(last) >> 56) as usize
    }

    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        let bytes = self.words.as_flattened();
        bytes.get(1..=self.len()).unwrap_or_default()
    }

    /// Appends the frame. A copy of a fixed length is cheaper, whatever it takes along.
    #[inline]
    pub(crate) fn append_to(&self, dst: &mut Vec<u8>) {
        let end = dst.len() + self.len() + 2;
        dst.extend_from_slice(self.words.as_flattened());
        dst.truncate(end);
    }
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

/// The most bytes of text that are held in place: few enough to be moved around for less than it costs
/// to share bytes.
pub(crate) const LEN: usize = SIZE - 3;
/// The memory of a frame.
const SIZE: usize = 40;
