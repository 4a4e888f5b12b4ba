//! A stream that is read ahead: all that has come goes to the thread's memory in one read, from where
//! tungstenite takes it in small portions.

use std::{
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::Fragments;
use crate::{Rfc6455Error, read_buffer::ReadBuffer};

/// `S`, what was read from it, and the count of bytes written to it since it was last told.
#[derive(Debug)]
pub(super) struct ReadAhead<S> {
    io: S,
    src: ReadBuffer,
    fragments: Fragments,
    written: u64,
}

impl<S> ReadAhead<S> {
    /// `src` was read before. What breaks a limit is held back, there and in what is read.
    pub(super) fn new(io: S, mut src: BytesMut, mut fragments: Fragments) -> Self {
        let passed = fragments.follow(&src);
        src.truncate(passed);
        Self {
            io,
            src: ReadBuffer::new(src),
            fragments,
            written: 0,
        }
    }

    /// The frames in what was read.
    pub(super) const fn fragments(&self) -> &Fragments {
        &self.fragments
    }

    /// The limit that was broken by what comes next.
    pub(super) const fn broken(&self) -> Option<Rfc6455Error> {
        self.fragments.broken()
    }

    pub(super) const fn read_at(&self) -> Instant {
        self.src.read_at()
    }

    pub(super) const fn take_read_len(&mut self) -> u64 {
        self.src.take_read_len()
    }

    pub(super) const fn take_written(&mut self) -> u64 {
        core::mem::replace(&mut self.written, 0)
    }

    pub(super) fn rest(&mut self) {
        self.src.rest();
    }

    /// What was read, and the write side, for one call of tungstenite.
    pub(super) const fn during<'a, 'b>(&'a mut self, cx: &'a mut Context<'b>) -> During<'a, 'b, S> {
        During { stream: self, cx }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> ReadAhead<S> {
    /// Reads what comes next; 0 at the end of the stream.
    pub(super) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let before = self.src.bytes().len();
        let count = ready!(self.src.poll_read(&mut self.io, cx))?;
        let bytes = self.src.bytes();
        let passed = self
            .fragments
            .follow(bytes.get(before..).unwrap_or_default());
        bytes.truncate(before + passed);
        Poll::Ready(Ok(count))
    }

    /// Reads and forgets what comes next; 0 at the end of the stream.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.src.clear();
        self.src.poll_read(&mut self.io, cx)
    }

    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// A stream as tungstenite wants it: what is not ready is an error, which it passes on. The end of
/// what was read is no more than that: at the end of a stream, tungstenite would refuse to send what
/// is still queued.
pub(super) struct During<'a, 'b, S> {
    stream: &'a mut ReadAhead<S>,
    cx: &'a mut Context<'b>,
}

impl<S> Read for During<'_, '_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let src = self.stream.src.bytes();
        if src.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = buf.len().min(src.len());
        src.copy_to_slice(buf.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}

impl<S: AsyncWrite + Unpin> Write for During<'_, '_, S> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = Pin::new(&mut self.stream.io).poll_write(self.cx, buf);
        let count = ready_or_error(written)?;
        self.stream.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        ready_or_error(Pin::new(&mut self.stream.io).poll_flush(self.cx))
    }
}

fn ready_or_error<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
