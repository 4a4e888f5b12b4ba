//! A part of shared bytes, which may be the text of a frame among them.

use core::ops::Range;

use bytes::Bytes;

/// All bytes that somebody shares, or those of a frame's text among them. It takes no more memory than a
/// short text.
#[derive(Clone)]
pub(crate) struct View {
    bytes: Bytes,
    /// How many bytes there are ahead of it: 0, or up to the type of its frame, and that.
    ahead: u32,
    /// How many there are behind it.
    behind: u32,
}

impl View {
    pub(crate) const fn whole(bytes: Bytes) -> Self {
        Self {
            bytes,
            ahead: 0,
            behind: 0,
        }
    }

    /// The text of a frame: `ahead` of it there is at least the type of the frame, and `behind` it the
    /// 0xFF.
    #[inline]
    pub(crate) const fn of_frame(bytes: Bytes, ahead: u32, behind: u32) -> Self {
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

    /// All bytes, and where among them the frame is of which this is the text.
    #[inline]
    pub(crate) fn framed(&self) -> Option<(&Bytes, Range<usize>)> {
        let Range { start, end } = self.range();
        Some((&self.bytes, start.checked_sub(1)?..end + 1))
    }
}
