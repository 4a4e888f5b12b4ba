//! A part of shared bytes, which may be the text of a frame among them.

use core::ops::Range;

use bytes::Bytes;

/// All bytes that somebody shares, or those of a frame's text among them.
#[derive(Clone)]
pub(crate) struct View {
    bytes: Bytes,
    /// Where it begins: at the first byte, or behind that, and then behind the type of its frame.
    start: usize,
    end: usize,
}

impl View {
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        let end = bytes.len();
        Self {
            bytes,
            start: 0,
            end,
        }
    }

    /// The text of a frame: `len` bytes from `start` on, before which there is at least the type of the frame,
    /// and behind which the 0xFF.
    #[inline]
    pub(crate) const fn of_frame(bytes: Bytes, start: usize, len: usize) -> Self {
        Self {
            bytes,
            start,
            end: start + len,
        }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self.len() == self.bytes.len() {
            true => self.bytes,
            false => self.bytes.slice(self.start..self.end),
        }
    }

    /// All bytes, and where among them the frame is of which this is the text.
    #[inline]
    pub(crate) fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        Some((&self.bytes, self.start.checked_sub(1)?..self.end + 1))
    }
}
