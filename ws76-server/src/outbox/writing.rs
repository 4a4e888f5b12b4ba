//! Writing out what is queued.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::AsyncWrite;

use super::{Entry, Outbox};

impl Outbox {
    /// Writes to `io` until nothing is queued.
    pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.len > 0 {
            let mut slices = [IoSlice::new(&[]); MAX_SLICES];
            let count = self.slices(&mut slices);
            let slices = slices.get(..count).unwrap_or_default();
            let done = if io.is_write_vectored() {
                ready!(Pin::new(&mut *io).poll_write_vectored(cx, slices))?
            } else {
                let first = slices.first().map_or(&[][..], |slice| slice);
                ready!(Pin::new(&mut *io).poll_write(cx, first))?
            };
            if done == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.consume(done);
        }
        Poll::Ready(Ok(()))
    }

    /// The bytes to write next, in order. Runs of inline entries are one slice.
    fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; MAX_SLICES]) -> usize {
        let mut count = 0;
        let mut inline_from = 0;
        let mut inline_to = 0;
        let mut skip = self.written;
        let mut put = |bytes: &'a [u8]| {
            if let (false, Some(slot)) = (bytes.is_empty(), slices.get_mut(count)) {
                *slot = IoSlice::new(bytes);
                count += 1;
            }
            count < MAX_SLICES
        };
        for entry in &self.entries {
            match entry {
                // `inline` holds only what was not written yet.
                Entry::Inline(len) => inline_to += len - skip,
                Entry::Shared(bytes) => {
                    if !put(self.inline.get(inline_from..inline_to).unwrap_or_default())
                        || !put(bytes.get(skip..).unwrap_or_default())
                    {
                        return count;
                    }
                    inline_from = inline_to;
                }
                #[cfg(feature = "rfc6455")]
                Entry::Binary(_) => {}
            }
            skip = 0;
        }
        put(self.inline.get(inline_from..inline_to).unwrap_or_default());
        count
    }

    fn consume(&mut self, mut count: usize) {
        self.len -= count;
        while count > 0 {
            let (len, inline) = match self.entries.front() {
                Some(Entry::Inline(len)) => (*len, true),
                Some(entry) => (entry.len(), false),
                None => return,
            };
            let part = count.min(len - self.written);
            if inline {
                self.inline.advance(part);
            }
            count -= part;
            self.written += part;
            if self.written == len {
                self.entries.pop_front();
                self.written = 0;
                self.moved = true;
                if self.closing && self.entries.is_empty() {
                    self.closing = false;
                } else {
                    self.sent += 1;
                }
                self.gone += 1 + self.dropped_behind;
                self.dropped_behind = 0;
            }
        }
    }
}

/// Slices in one vectored write.
const MAX_SLICES: usize = 32;
