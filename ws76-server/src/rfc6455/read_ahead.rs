//! A stream that is read ahead: all that has come goes to the thread's memory in one read, from where
//! tungstenite takes it in small portions.

use std::{
    io::{self, Read, Write},
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};

use super::Fragments;
use crate::{Rfc6455Error, read_buffer::ReadBuffer};

/// `S`, and what was read from it.
#[derive(Debug)]
pub(super) struct ReadAhead<S> {
    io: S,
    src: ReadBuffer,
    fragments: Fragments,
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

    pub(super) fn rest(&mut self) {
        self.src.rest();
    }

    /// The stream, to be written to.
    pub(super) const fn io(&mut self) -> &mut S {
        &mut self.io
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
}

/// What was read, as tungstenite wants it: what is not ready is an error, which it passes on. The end
/// of what was read is no more than that: at the end of a stream, tungstenite would refuse to send what
/// it still holds.
impl<S> Read for ReadAhead<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let src = self.src.as_slice();
        let count = buf.len().min(src.len());
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let (src, _) = src.split_at(count);
        buf.get_mut(..count)
            .unwrap_or_default()
            .copy_from_slice(src);
        self.src.take(count);
        Ok(count)
    }
}

/// Nothing is written while tungstenite reads: it holds its answers.
impl<S> Write for ReadAhead<S> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

/// The write side of a stream, as tungstenite wants it, and the count of bytes written to it.
pub(super) struct Writing<'a, 'b> {
    pub(super) stream: &'a mut (dyn AsyncWrite + Unpin),
    pub(super) cx: &'a mut Context<'b>,
    pub(super) written: &'a mut u64,
}

impl Read for Writing<'_, '_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::WouldBlock.into())
    }
}

impl Write for Writing<'_, '_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = ready_or_error(Pin::new(&mut *self.stream).poll_write(self.cx, buf))?;
        *self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        ready_or_error(Pin::new(&mut *self.stream).poll_flush(self.cx))
    }
}

fn ready_or_error<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
