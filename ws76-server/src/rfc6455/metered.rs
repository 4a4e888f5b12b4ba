//! A stream that remembers when a byte was last read from it, and how many were written.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::Fragments;
use crate::Rfc6455Error;

/// `S`, with the time of its last read that brought something, and the bytes written to it.
#[derive(Debug)]
pub(super) struct Metered<S> {
    io: S,
    read_at: Instant,
    read_len: u64,
    written: u64,
    ended: bool,
    keeps_end: bool,
    fragments: Option<Fragments>,
}

impl<S> Metered<S> {
    pub(super) fn new(io: S) -> Self {
        Self {
            io,
            read_at: Instant::now(),
            read_len: 0,
            written: 0,
            ended: false,
            keeps_end: false,
            fragments: None,
        }
    }

    /// Follows the frames of RFC 6455 in what is read, and holds back what breaks a limit: such a read
    /// is not ready, and [`Self::broken`] tells.
    pub(super) const fn following(mut self, fragments: Fragments) -> Self {
        self.fragments = Some(fragments);
        self
    }

    /// The limit that was broken by what comes next.
    pub(super) fn broken(&self) -> Option<Rfc6455Error> {
        self.fragments.as_ref()?.broken()
    }

    /// Follows no frames any more.
    pub(super) fn let_all_through(&mut self) {
        self.fragments = None;
    }

    /// Keeps the end of the stream from the reader, who sees a read that is not ready instead and
    /// may go on writing; [`Self::has_ended`] tells.
    pub(super) const fn keeping_end(mut self) -> Self {
        self.keeps_end = true;
        self
    }

    /// Whether a read has met the end of the stream.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
    }

    pub(super) const fn read_at(&self) -> Instant {
        self.read_at
    }

    pub(super) const fn read_len(&self) -> u64 {
        self.read_len
    }

    pub(super) const fn written(&self) -> u64 {
        self.written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.broken().is_some() {
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        let count = buf.filled().len() - before;
        if count > 0 {
            self.read_len += count as u64;
            if let Some(fragments) = &mut self.fragments {
                let read = buf.filled().get(before..).unwrap_or_default();
                let passed = fragments.follow(read);
                buf.set_filled(before + passed);
                if passed == 0 {
                    return Poll::Pending;
                }
            }
            self.read_at = Instant::now();
        } else if buf.remaining() > 0 {
            self.ended = true;
            if self.keeps_end {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write(cx, buf))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, bufs))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
