//! Draft-76 on a stream, with frames by `ws76-codec`; and draft-75, which has no closing frame.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_util::io::poll_read_buf;
use ws76_codec::{Decoder, DecoderConfig, Frame};

use crate::{
    ConnectionError, Posix, Protocol,
    metered::Metered,
    outbox::Outbox,
    wire::{CloseCode, Incoming, Wire},
};

/// A stream behind the opening handshake of draft-76.
#[derive(Debug)]
pub(crate) struct Draft76<S> {
    io: Metered<S>,
    decoder: Decoder,
    src: BytesMut,
    /// Bytes to make room for before a read; grows while reads fill it.
    read_len: usize,
    /// Whether there is a closing frame: not in draft-75.
    closes: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Draft76<S> {
    /// `src` holds what was read behind the opening handshake.
    pub(crate) fn new(io: S, src: BytesMut, config: DecoderConfig, protocol: Protocol) -> Self {
        Self {
            io: Metered::new(io),
            decoder: Decoder::new(config),
            src,
            read_len: MIN_READ_LEN,
            closes: protocol == Protocol::Draft76,
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<usize, Posix>> {
        self.src.reserve(self.read_len);
        let count = ready!(poll_read_buf(Pin::new(&mut self.io), cx, &mut self.src))?;
        if count >= self.read_len {
            self.read_len = (self.read_len * 2).min(MAX_READ_LEN);
        } else if count < self.read_len / 4 {
            self.read_len = (self.read_len / 2).max(MIN_READ_LEN);
        }
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for Draft76<S> {
    /// Some clients never answer a closing frame, and see the end of the stream only.
    const SHUTS_DOWN_EARLY: bool = true;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ConnectionError>> {
        loop {
            match self.decoder.decode(&mut self.src)? {
                Some(Frame::Text(text)) => return Poll::Ready(Ok(Incoming::Text(text))),
                Some(Frame::Closing) => return Poll::Ready(Ok(Incoming::Closing(None))),
                Some(Frame::Reserved { .. }) => continue,
                None => {}
            }
            if ready!(self.poll_read(cx))? == 0 {
                self.decoder.finish()?;
                return Poll::Ready(Ok(Incoming::End));
            }
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        ready!(outbox.poll_write(&mut self.io, cx))?;
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn start_closing(&mut self, outbox: &mut Outbox, _: CloseCode) {
        if self.closes {
            outbox.push_closing();
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.src.clear();
            if !matches!(ready!(self.poll_read(cx)), Ok(count) if count > 0) {
                return Poll::Ready(());
            }
        }
    }

    fn read_at(&self) -> Instant {
        self.io.read_at()
    }

    fn read_len(&self) -> u64 {
        self.io.read_len()
    }

    fn written(&self) -> u64 {
        self.io.written()
    }
}

/// The read buffer of a connection that sends little.
const MIN_READ_LEN: usize = 4 << 10;
/// The read buffer of a connection that sends much.
const MAX_READ_LEN: usize = 64 << 10;
