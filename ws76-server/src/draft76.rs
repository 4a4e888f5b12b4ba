//! Draft-76 on a stream, with frames by `ws76-codec`; and draft-75, which has no closing frame.

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use ws76_codec::{Decoder, DecoderConfig, Frame, ShortFrame, Text};

use crate::{
    ConnectionError, Posix, Protocol,
    outbox::Outbox,
    read_buffer::ReadBuffer,
    stream::Stream,
    wire::{CloseCode, Incoming, Padding, Read, Wire},
};

/// A stream behind the opening handshake of draft-76.
#[derive(Debug)]
pub(crate) struct Draft76<T> {
    io: Stream<T>,
    decoder: Decoder,
    src: ReadBuffer,
    /// Whether there is a closing frame: not in draft-75.
    closes: bool,
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Draft76<T> {
    /// `src` holds what was read behind the opening handshake.
    pub(crate) fn new(
        io: Stream<T>,
        src: BytesMut,
        config: DecoderConfig,
        protocol: Protocol,
    ) -> Self {
        Self {
            io,
            decoder: Decoder::new(config),
            src: ReadBuffer::new(src),
            closes: protocol == Protocol::Draft76,
        }
    }

    /// Whether what comes next is shared, or can be.
    #[inline(always)]
    fn shares(&mut self) -> bool {
        self.src.is_shared() || (self.decoder.finish().is_ok() && self.src.share())
    }

    /// The text that comes next, where nothing is shared.
    #[inline(never)]
    fn next_unshared_text(&mut self) -> Option<Text> {
        // An error is told again by what is asked next.
        self.decoder.decode_text(self.src.bytes()).ok().flatten()
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for Draft76<T> {
    /// Some clients never answer a closing frame, and see the end of the stream only.
    const SHUTS_DOWN_EARLY: bool = true;

    #[inline(always)]
    fn next_short_text<'a>(
        &'a mut self,
        padding: &'a mut Padding,
    ) -> Option<(ShortFrame<'a>, bool)> {
        let Self { decoder, src, .. } = self;
        if src.is_shared() {
            return None;
        }
        src.take_with(|unread| {
            let frame = decoder.find_short(unread, padding)?;
            Some((frame, frame.frame_len()))
        })
    }

    #[inline(always)]
    fn next_text(&mut self) -> Option<Text> {
        if !self.shares() {
            return self.next_unshared_text();
        }
        let (src, at) = self.src.shared();
        let text = self.decoder.decode_shared(src, at)?;
        self.src.take_shared(text.len() + 2);
        Some(text)
    }

    fn next_read(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        loop {
            if self.src.is_empty() {
                return Ok(None);
            }
            if self.src.is_shared()
                && let Some(text) = self.next_text()
            {
                return Ok(Some(Incoming::Text(text)));
            }
            return Ok(match self.decoder.decode(self.src.bytes())? {
                Some(Frame::Text(text)) => Some(Incoming::Text(text)),
                Some(Frame::Closing) => Some(Incoming::Closing(None)),
                Some(Frame::Reserved { .. }) => continue,
                None => None,
            });
        }
    }

    #[inline]
    fn has_more(&self) -> bool {
        !self.src.is_empty()
    }

    #[inline(always)]
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Read, ConnectionError>> {
        if !self.src.is_empty() {
            return Poll::Ready(Ok(Read::Other));
        }
        if self.src.is_lent() {
            // Most often that was all, and this is the quickest way to be told of more.
            ready!(self.io.poll_readable(cx));
        }
        let read = ready!(self.src.poll_read(&mut self.io, cx));
        Poll::Ready(match read.map_err(Posix::from)? {
            0 => self
                .decoder
                .finish()
                .map(|()| Read::End)
                .map_err(Into::into),
            _ => Ok(Read::Bytes),
        })
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ConnectionError>> {
        loop {
            if let Some(incoming) = self.next_read()? {
                return Poll::Ready(Ok(incoming));
            }
            let read = ready!(self.src.poll_read(&mut self.io, cx));
            if read.map_err(Posix::from)? == 0 {
                self.decoder.finish()?;
                return Poll::Ready(Ok(Incoming::End));
            }
        }
    }

    #[inline]
    fn rest(&mut self) {
        self.src.rest();
    }

    #[inline]
    fn poll_flush(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        outbox.poll_flush(&mut self.io, cx)
    }

    fn start_closing(&mut self, outbox: &mut Outbox, _: CloseCode) {
        if self.closes {
            outbox.push_closing();
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        outbox.poll_shutdown(&mut self.io, cx)
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.src.clear();
            if !matches!(ready!(self.src.poll_read(&mut self.io, cx)), Ok(count) if count > 0) {
                return Poll::Ready(());
            }
        }
    }

    fn read_at(&self) -> Instant {
        self.src.read_at()
    }

    fn take_read_len(&mut self) -> u64 {
        self.src.take_read_len()
    }
}

#[cfg(all(test, not(ws76_loom)))]
mod tests;
