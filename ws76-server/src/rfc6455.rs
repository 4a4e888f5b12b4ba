//! RFC 6455 and hybi-07 to -12 on a stream, by tokio-tungstenite: the reply to the request, and the
//! same shape as draft-76 for the driver.

mod fragments;
mod metered;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use fragments::Fragments;
use futures_util::{Sink, Stream};
use metered::Metered;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::ProtocolError,
        handshake::derive_accept_key,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};
use ws76_codec::Text;
use ws76_handshake::{FieldName, FieldValue, HybiVersion, Subprotocol};

use crate::{
    BinaryMessages, CloseStatus, Config, ConnectionError, Protocol, Request, Rfc6455Error,
    outbox::{Outbox, Popped},
    wire::{CloseCode, Incoming, Wire},
};

/// What a version number stands for.
pub(crate) const fn protocol(version: HybiVersion) -> Protocol {
    match version {
        HybiVersion::V13 => Protocol::Rfc6455,
        version => Protocol::Hybi {
            version: version.number(),
        },
    }
}

/// Whether a request of RFC 6455 has a key that is one: 16 bytes in base64 (RFC 6455 §4.2.1).
pub(crate) fn has_key(request: &Request) -> bool {
    if !matches!(
        request.protocol(),
        Protocol::Rfc6455 | Protocol::Hybi { .. }
    ) {
        return true;
    }
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key(request)
        .strip_suffix(b"==")
        .is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

fn key(request: &Request) -> &[u8] {
    let key = request.field("Sec-WebSocket-Key");
    key.unwrap_or_default().trim_ascii()
}

/// Writes the 101 head (RFC 6455 §4.2.2).
pub(crate) fn write_accept(
    request: &Request,
    subprotocol: Option<&Subprotocol>,
    fields: &[(FieldName, FieldValue)],
    dst: &mut impl BufMut,
) {
    dst.put_slice(
        b"HTTP/1.1 101 Switching Protocols\r\n\
          Upgrade: websocket\r\n\
          Connection: Upgrade\r\n",
    );
    let mut put = |name: &str, value: &str| {
        for part in [name, ": ", value, "\r\n"] {
            dst.put_slice(part.as_bytes());
        }
    };
    put("Sec-WebSocket-Accept", &derive_accept_key(key(request)));
    if let Some(subprotocol) = subprotocol {
        put("Sec-WebSocket-Protocol", subprotocol.as_str());
    }
    for (name, value) in fields {
        put(name.as_str(), value.as_str());
    }
    dst.put_slice(b"\r\n");
}

/// A stream behind the opening handshake of RFC 6455.
#[derive(Debug)]
pub(crate) struct Rfc6455<S> {
    stream: WebSocketStream<Metered<S>>,
    max_message_len: usize,
    binary: BinaryMessages,
    /// No message can be sent any more: the client has closed.
    closed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Rfc6455<S> {
    /// `src` holds what was read behind the request.
    pub(crate) async fn new(io: S, src: BytesMut, config: &Config) -> Self {
        let max = config.frames.max_message_len;
        let limits = WebSocketConfig::default()
            .read_buffer_size(BUFFER_LEN)
            .write_buffer_size(BUFFER_LEN)
            // What is buffered is at most what was below the mark when a message was added.
            .max_write_buffer_size(BUFFER_LEN + max + MAX_OVERHEAD)
            .max_message_size(Some(max))
            // A ping or a close has up to 125 bytes, however short a message may be.
            .max_frame_size(Some(max.max(125)));
        // At the end of the stream tungstenite would refuse to send what is still queued.
        let mut fragments = Fragments::new(config.max_fragments, max);
        let passed = fragments.follow(&src);
        let io = Metered::new(io).keeping_end().following(fragments);
        let mut part = Vec::from(src);
        part.truncate(passed);
        let stream =
            WebSocketStream::from_partially_read(io, part, Role::Server, Some(limits)).await;
        Self {
            stream,
            max_message_len: max,
            binary: config.binary,
            closed: false,
        }
    }

    /// What an error of the stream means: an end, or what was wrong.
    fn incoming(&self, error: Error) -> Result<Incoming, ConnectionError> {
        let max = self.max_message_len;
        Err(match error {
            Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                return Ok(Incoming::End);
            }
            Error::Io(error) => ConnectionError::Io(error.into()),
            Error::Capacity(_) => Rfc6455Error::MessageTooLong { max }.into(),
            Error::Utf8(_) => Rfc6455Error::InvalidUtf8.into(),
            _ => Rfc6455Error::Protocol.into(),
        })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for Rfc6455<S> {
    const SHUTS_DOWN_EARLY: bool = false;
    const PINGS: bool = true;
    const FEEDS: bool = true;

    fn poll_feed(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        let mut stream = Pin::new(&mut self.stream);
        while !self.closed && !outbox.is_empty() {
            ready!(stream.as_mut().poll_ready(cx)).map_err(into_io)?;
            let message = match outbox.pop() {
                // As a frame, since its bytes are UTF-8 and need not be checked again.
                Some(Popped::Text(utf8)) => {
                    Message::Frame(Frame::message(utf8, OpCode::Data(Data::Text), true))
                }
                Some(Popped::Binary(bytes)) => Message::Binary(bytes),
                None => break,
            };
            stream.as_mut().start_send(message).map_err(into_io)?;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ConnectionError>> {
        loop {
            let message = match Pin::new(&mut self.stream).poll_next(cx) {
                Poll::Ready(Some(Ok(message))) => message,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(self.incoming(error)),
                Poll::Ready(None) => return Poll::Ready(Ok(Incoming::End)),
                Poll::Pending => {
                    let io = self.stream.get_ref();
                    // Nothing more is let through, and all before it came out.
                    if let Some(error) = io.broken() {
                        return Poll::Ready(Err(error.into()));
                    }
                    if io.has_ended() {
                        return Poll::Ready(Ok(Incoming::End));
                    }
                    return Poll::Pending;
                }
            };
            return Poll::Ready(match message {
                Message::Text(text) => Text::from_utf8(Bytes::from(text))
                    .map(Incoming::Text)
                    .map_err(|_| Rfc6455Error::InvalidUtf8.into()),
                Message::Binary(bytes) => match self.binary {
                    BinaryMessages::Deliver => Ok(Incoming::Binary(bytes)),
                    BinaryMessages::Refuse => Err(Rfc6455Error::Binary.into()),
                },
                Message::Close(frame) => {
                    self.closed = true;
                    let status =
                        |frame: CloseFrame| CloseStatus::received(frame.code.into(), &frame.reason);
                    Ok(Incoming::Closing(frame.map(status)))
                }
                Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => continue,
            });
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        let mut flushed = self.poll_feed(cx, outbox);
        if let Poll::Ready(Ok(())) = flushed {
            flushed = Pin::new(&mut self.stream).poll_flush(cx).map_err(into_io);
        }
        outbox.set_sent_len(self.stream.get_ref().written());
        ready!(flushed)?;
        outbox.landed();
        Poll::Ready(Ok(()))
    }

    fn ping(&mut self) {
        // Refused only when the stream is closing, and then it is not needed.
        let _ = Pin::new(&mut self.stream).start_send(Message::Ping(Bytes::new()));
    }

    fn start_closing(&mut self, outbox: &mut Outbox, code: CloseCode) {
        let said = outbox.take_status();
        let status = match (code, &said) {
            (CloseCode::Normal, Some(said)) => (said.code(), said.reason()),
            (code, _) => (number(code), ""),
        };
        let frame = CloseFrame {
            code: status.0.into(),
            reason: Utf8Bytes::from(status.1),
        };
        // After the client's closing frame the answer is queued already, and this is refused.
        let _ = Pin::new(&mut self.stream).start_send(Message::Close(Some(frame)));
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, _: &mut Outbox) -> Poll<io::Result<()>> {
        Pin::new(self.stream.get_mut()).poll_shutdown(cx)
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.get_mut().let_all_through();
        let mut bytes = [0; BUFFER_LEN];
        loop {
            let mut buf = ReadBuf::new(&mut bytes);
            match Pin::new(self.stream.get_mut()).poll_read(cx, &mut buf) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending if !self.stream.get_ref().has_ended() => return Poll::Pending,
                Poll::Ready(Err(_)) | Poll::Pending => return Poll::Ready(()),
            }
        }
    }

    fn read_at(&self) -> Instant {
        self.stream.get_ref().read_at()
    }

    fn read_len(&self) -> u64 {
        self.stream.get_ref().read_len()
    }
}

/// The status code for it (RFC 6455 §7.4.1).
const fn number(code: CloseCode) -> u16 {
    match code {
        CloseCode::Normal => 1000,
        CloseCode::GoingAway => 1001,
        CloseCode::Error(ConnectionError::Rfc6455(error)) => error.code(),
        CloseCode::Error(_) => 1008,
        CloseCode::HandlerPanic => 1011,
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        // The client has closed meanwhile; nothing goes out any more.
        _ => io::ErrorKind::NotConnected.into(),
    }
}

/// The read buffer, and what the write buffer holds before it is written.
const BUFFER_LEN: usize = 4 << 10;
/// A frame's head, and an answer to a ping or a close beside it.
const MAX_OVERHEAD: usize = 256;
