//! A part of shared bytes, which may be the text of a frame among them.

use core::ops::Range;

use bytes::Bytes;

use crate::frame::{TERMINATOR, TEXT};

/// Some of the bytes that others share.
#[derive(Clone)]
pub(crate) struct View {
    bytes: Bytes,
    start: usize,
    end: usize,
}

impl View {
    /// All of them.
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        let end = bytes.len();
        Self {
            bytes,
            start: 0,
            end,
        }
    }

    /// The text, of `len` bytes, in the frame that begins at `at`.
    #[inline]
    pub(crate) const fn of_frame(bytes: Bytes, at: usize, len: usize) -> Self {
        let start = at + 1;
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

    /// All bytes, and where among them the frame is of which these are the text.
    #[inline]
    pub(crate) fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        let (start, end) = (self.start.checked_sub(1)?, self.end + 1);
        match self.bytes.get(start..end)? {
            [TEXT, .., TERMINATOR] => Some((&self.bytes, start..end)),
            _ => None,
        }
    }
}
