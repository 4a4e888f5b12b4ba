//! Writing out what is queued.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Buf;
use tokio::io::AsyncWrite;

use super::{Entry, Outbox};
use crate::stream::Writer;

impl Outbox {
    /// Sets the write side of the stream, for all to write to.
    pub(crate) fn set_writer(&mut self, writer: Option<Box<dyn Writer>>) {
        self.writer = writer;
    }

    pub(crate) fn take_writer(&mut self) -> Option<Box<dyn Writer>> {
        self.writer.take()
    }

    /// Whether what is queued can be written by others than the driver: it sleeps, and not because
    /// the stream takes no more.
    pub(crate) const fn can_write_now(&self) -> bool {
        self.writer.is_some() && self.driver.is_some() && !self.blocked
    }

    /// Says that this turn is going to write what is queued. Returns whether that is new.
    pub(crate) const fn claim(&mut self, turn: u64) -> bool {
        core::mem::replace(&mut self.claimed, turn) != turn
    }

    /// Writes what is queued, if [`Self::can_write_now`]. The driver is woken for what is left.
    pub(crate) fn write_now(&mut self) {
        if !self.can_write_now() {
            return;
        }
        if let Some(writer) = self.writer.take() {
            while self.len > 0 {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = self.slices(&mut slices);
                match writer.try_write_vectored(slices.get(..count).unwrap_or_default()) {
                    Ok(done) if done > 0 => self.consume(done),
                    // It meets the same, and knows what to do.
                    _ => {
                        self.wake();
                        break;
                    }
                }
            }
            self.writer = Some(writer);
        }
    }

    /// Offers the stream what is queued. To be called by the driver, whose stream `io` is.
    pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let flushed = match self.writer.take() {
            Some(mut writer) => {
                let flushed = self.poll_write_and_flush(&mut writer, cx);
                self.writer = Some(writer);
                flushed
            }
            None => self.poll_write_and_flush(io, cx),
        };
        self.blocked = flushed.is_pending();
        flushed
    }

    fn poll_write_and_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_write(io, cx))?;
        Pin::new(io).poll_flush(cx)
    }

    /// Shuts the write side of the stream down. To be called by the driver, whose stream `io` is.
    pub(crate) fn poll_shutdown<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.writer {
            Some(writer) => Pin::new(writer).poll_shutdown(cx),
            None => Pin::new(io).poll_shutdown(cx),
        }
    }

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
        self.sent_len += count as u64;
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
