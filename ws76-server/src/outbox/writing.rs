//! Writing out what is queued.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::AsyncWrite;

#[cfg(feature = "rfc6455")]
use super::{Dropped, Phase};
use super::{Entry, Outbox, Queue, Shared};
use crate::{Posix, stats::Traffic, stream::Writer};

impl Outbox {
    /// Sets the write side of the stream, for all to write to.
    pub(crate) fn set_writer(&mut self, writer: Option<Writer>) {
        self.writer = writer;
    }

    pub(crate) fn take_writer(&mut self) -> Option<Writer> {
        self.writer.take()
    }

    /// Whether the stream is a TCP connection's, without TLS, which others may write to.
    pub(crate) const fn has_writer(&self) -> bool {
        self.writer.is_some()
    }

    /// Whether others than the driver can write what is queued, as far as the stream goes.
    pub(crate) const fn can_write_now(&self) -> bool {
        self.writer.is_some() && !self.blocked
    }

    /// The mark of the last turn that saw to what is queued.
    pub(crate) const fn claimed(&self) -> u64 {
        self.claimed
    }

    pub(crate) const fn claim(&mut self, mark: u64) {
        self.claimed = mark;
    }

    /// Writes what is queued, if [`Self::can_write_now`]. Returns whether the driver has to see to
    /// what is left.
    pub(crate) fn write_now(&mut self) -> bool {
        if self.blocked {
            return false;
        }
        self.queue.gather();
        while !self.queue.is_empty() {
            let written = match (&self.writer, self.queue.only()) {
                (Some(writer), Some(bytes)) => writer.try_write(bytes),
                (Some(writer), None) => self.queue.try_write_slices(writer),
                (None, _) => return true,
            };
            match written {
                Ok(done) if done > 0 => self.consume(done),
                // The driver meets the same, and knows what to do.
                failed => {
                    self.note(failed);
                    return true;
                }
            }
        }
        self.queue.rest();
        false
    }

    /// Writes a text for which there is room, where nothing is queued and [`Self::can_write_now`];
    /// what the stream does not take is queued. Returns what was done, unless the driver has to see
    /// to the rest.
    pub(crate) fn write_shared_now(&mut self, shared: &Shared) -> Option<Traffic> {
        let bytes = shared.frame(self.is_rfc6455()).bytes();
        let written = self.writer.as_ref().map(|writer| writer.try_write(bytes));
        let written = written.unwrap_or(Ok(0)).unwrap_or_else(|error| {
            self.note(Err(error));
            0
        });
        self.accepted += 1;
        if written == bytes.len() {
            self.progressed = true;
            return Some(Traffic {
                sent_messages: 1,
                sent_len: written as u64,
                ..Traffic::NONE
            });
        }
        self.queue.push(Entry::Frame(bytes.clone()));
        self.consume(written);
        None
    }

    /// Notes how a stream failed that says it once: from then on it has merely ended.
    #[cold]
    pub(super) fn note(&mut self, written: io::Result<usize>) {
        self.queue.stay();
        let again = [io::ErrorKind::WouldBlock, io::ErrorKind::BrokenPipe];
        if let Err(error) = written
            && !again.contains(&error.kind())
        {
            self.failed = Some(error.into());
        }
    }

    /// How the stream has failed, where the driver was not told.
    pub(crate) const fn failed(&self) -> Option<Posix> {
        self.failed
    }

    /// Offers the stream what is queued. To be called by the driver, whose stream `io` is.
    #[inline]
    pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        // Most streams take all at once, and nobody is to be woken then.
        if self.can_write_now() && !self.write_now() {
            return Poll::Ready(Ok(()));
        }
        self.poll_flush_rest(io, cx)
    }

    #[inline(never)]
    fn poll_flush_rest<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let flushed = match self.writer.take() {
            Some(mut writer) => {
                let flushed = self.poll_write_and_flush(&mut writer, cx);
                self.writer = Some(writer);
                // A socket hands on to the kernel what it takes.
                self.landed();
                flushed
            }
            None => self.poll_write_and_flush(io, cx),
        };
        self.blocked = flushed.is_pending();
        if self.blocked {
            self.queue.stay();
        }
        flushed
    }

    fn poll_write_and_flush<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_write(io, cx))?;
        self.queue.rest();
        ready!(Pin::new(io).poll_flush(cx))?;
        self.landed();
        Poll::Ready(Ok(()))
    }

    /// What the stream has taken has been handed to the kernel.
    pub(super) const fn landed(&mut self) {
        if self.in_stream > 0 {
            self.in_stream = 0;
            self.dropped_behind = 0;
            self.moved = true;
        }
    }

    /// Writes what is not queued here: all of it, before anybody writes anything else; nothing behind a
    /// frame that was cut off, or where the stream has ended. To be called by
    /// the driver, whose stream `io` is.
    #[cfg(feature = "rfc6455")]
    pub(crate) fn poll_write_beside<S: AsyncWrite + Unpin>(
        &mut self,
        io: &mut S,
        write: impl FnOnce(&mut (dyn AsyncWrite + Unpin)) -> Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if self.cut || self.phase == Phase::Dropped(Dropped::Driver) {
            return Poll::Ready(Ok(()));
        }
        let stream: &mut (dyn AsyncWrite + Unpin) = match &mut self.writer {
            Some(writer) => writer,
            None => io,
        };
        let written = write(stream);
        self.blocked = written.is_pending();
        written
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
        self.queue.gather();
        while !self.queue.is_empty() {
            let io = Pin::new(&mut *io);
            let done = match self.queue.only() {
                Some(bytes) => ready!(io.poll_write(cx, bytes))?,
                None => {
                    let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                    let count = self.queue.slices(&mut slices);
                    let slices = slices.get(..count).unwrap_or_default();
                    match slices {
                        [first, ..] if !io.is_write_vectored() => ready!(io.poll_write(cx, first))?,
                        slices => ready!(io.poll_write_vectored(cx, slices))?,
                    }
                }
            };
            if done == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.consume(done);
        }
        Poll::Ready(Ok(()))
    }

    #[inline]
    pub(super) fn consume(&mut self, count: usize) {
        self.wrote(count as u64);
        let gone = self.queue.consume(count, self.first_frame_len()) as u64;
        if gone == 0 {
            return;
        }
        self.moved = true;
        self.sent += gone;
        if self.closing && self.queue.is_empty() {
            self.closing = false;
            self.sent -= 1;
        }
        match self.writer {
            Some(_) => self.dropped_behind = 0,
            None => self.in_stream += gone,
        }
    }
}

impl Queue {
    /// Writes what is in more than one piece, as far as that can be written at once.
    #[inline(never)]
    fn try_write_slices(&self, writer: &Writer) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let count = self.slices(&mut slices);
        writer.try_write_vectored(slices.get(..count).unwrap_or_default())
    }
}

/// Slices in one vectored write.
const MAX_SLICES: usize = 32;
