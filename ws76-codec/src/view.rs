//! A part of shared bytes, which may be the text of a frame among them.

use core::ops::Range;

use bytes::Bytes;

use crate::frame::{TERMINATOR, TEXT};

/// Some of the bytes that others share. It takes no more memory than a short text.
#[derive(Clone)]
pub(crate) struct View {
    bytes: Bytes,
    /// How many bytes there are ahead of it, and behind it.
    ahead: u32,
    behind: u32,
}

impl View {
    /// All of them.
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self::part(bytes, 0, 0)
    }

    /// All but so many ahead and behind.
    #[inline]
    pub(crate) const fn part(bytes: Bytes, ahead: u32, behind: u32) -> Self {
        Self {
            bytes,
            ahead,
            behind,
        }
    }

    const fn range(&self) -> Range<usize> {
        self.ahead as usize..self.bytes.len() - self.behind as usize
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.bytes.len() - self.ahead as usize - self.behind as usize
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.range()).unwrap_or_default()
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self.len() == self.bytes.len() {
            true => self.bytes,
            false => self.bytes.slice(self.range()),
        }
    }

    /// All bytes, and where among them the frame is of which these are the text.
    #[inline]
    pub(crate) fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        let Range { start, end } = self.range();
        let frame = start.checked_sub(1)?..end + 1;
        match self.bytes.get(frame.clone())? {
            [TEXT, .., TERMINATOR] => Some((&self.bytes, frame)),
            _ => None,
        }
    }
}
