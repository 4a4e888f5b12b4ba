//! Messages that are framed elsewhere: those of RFC 6455.

use std::io;

use bytes::Bytes;

use super::{Entry, Queue, Run};
use crate::outbox::Popped;

impl Queue {
    /// Copies a short text that is framed elsewhere.
    #[inline]
    pub(in crate::outbox) fn push_text(&mut self, utf8: &[u8]) {
        let [.., high, low] = utf8.len().to_be_bytes();
        self.push_inline(utf8.len() + 2, |dst| {
            dst.extend_from_slice(&[high, low]);
            dst.extend_from_slice(utf8);
        });
    }

    /// Hands messages to `take` in their order until it says that it has no room for more, where they
    /// are framed elsewhere.
    pub(in crate::outbox) fn hand_over(
        &mut self,
        mut take: impl FnMut(Popped) -> io::Result<bool>,
    ) -> io::Result<()> {
        let mut goes_on = Ok(true);
        while matches!(goes_on, Ok(true)) && !self.is_empty() {
            let entry = self.entries.pop_front();
            goes_on = match entry.unwrap_or_else(|| Entry::Inline(std::mem::take(&mut self.run))) {
                Entry::Inline(run) => self.hand_over_run(run, &mut take),
                entry => {
                    self.messages -= 1;
                    self.len -= entry.len();
                    entry.popped().map_or(Ok(true), &mut take)
                }
            };
        }
        self.rest();
        goes_on.map(|_| ())
    }

    /// As [`Self::hand_over`], for the first messages, which are inline.
    fn hand_over_run(
        &mut self,
        mut run: Run,
        take: &mut impl FnMut(Popped) -> io::Result<bool>,
    ) -> io::Result<bool> {
        // Shared meanwhile, so that no text needs memory of its own.
        let inline = Bytes::from(std::mem::take(&mut self.inline));
        let mut goes_on = Ok(true);
        while matches!(goes_on, Ok(true)) && run.messages > 0 {
            let start = self.inline_at + 2;
            let len = text_len(inline.get(self.inline_at..).unwrap_or_default());
            self.inline_at = start + len;
            run.messages -= 1;
            run.len -= len + 2;
            self.messages -= 1;
            self.len -= len + 2;
            goes_on = take(Popped::Text(inline.slice(start..start + len)));
        }
        self.inline = Vec::from(inline);
        if run.messages > 0 {
            self.entries.push_front(Entry::Inline(run));
        }
        self.rewind();
        goes_on
    }
}

impl Entry {
    /// The message, if it is framed elsewhere.
    fn popped(self) -> Option<Popped> {
        match self {
            Self::Text(utf8) => Some(Popped::Text(utf8)),
            Self::Binary(bytes) => Some(Popped::Binary(bytes)),
            Self::Inline(_) | Self::Frame(_) | Self::Lent(_) | Self::Content(_) => None,
        }
    }
}

/// The length of the text that `bytes` begin with, and of the length before it.
pub(in crate::outbox) fn inline_len(bytes: &[u8]) -> usize {
    text_len(bytes) + 2
}

/// The length that stands before a text.
fn text_len(bytes: &[u8]) -> usize {
    let len = bytes.first_chunk().copied().unwrap_or_default();
    u16::from_be_bytes(len).into()
}

#[cfg(test)]
mod tests;
