//! RFC 6455 and hybi-07 to -12 on a stream, by tungstenite: the reply to the request, and the same
//! shape as draft-76 for the driver.

mod fragments;
mod head;
mod read_ahead;

use std::{
    io,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, Bytes, BytesMut};
use fragments::Fragments;
pub(crate) use head::{Content, Head, first_frame_len, frame_len, text_frame, write_head};
use read_ahead::{ReadAhead, Writing};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_tungstenite::tungstenite::{
    Error, Message, Utf8Bytes,
    error::ProtocolError,
    handshake::derive_accept_key,
    protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext},
};
use ws76_codec::Text;
use ws76_handshake::{FieldName, FieldValue, HybiVersion, Subprotocol};

use crate::{
    BinaryMessages, CloseStatus, Config, ConnectionError, Protocol, Request, Rfc6455Error,
    outbox::Outbox,
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
    io: ReadAhead<S>,
    context: WebSocketContext,
    max_message_len: usize,
    binary: BinaryMessages,
    /// What tungstenite gave where a text was looked for.
    ahead: Option<Result<Message, Error>>,
    /// Messages that tungstenite gave out.
    received: u64,
    /// Bytes of frames that tungstenite may hold until they are written: pings, pongs, a closing frame.
    held: usize,
    /// Whether a closing frame is among them, behind which nothing may come.
    closing: bool,
    /// Whether the stream took not all of them, which are to leave before there is more.
    blocked: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Rfc6455<S> {
    /// `src` holds what was read behind the request.
    pub(crate) fn new(io: S, src: BytesMut, config: &Config) -> Self {
        let max = config.frames.max_message_len;
        let limits = WebSocketConfig::default()
            .read_buffer_size(READ_LEN)
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_HELD_LEN)
            .max_message_size(Some(max))
            // A ping or a close has up to 125 bytes, however short a message may be.
            .max_frame_size(Some(max.max(125)));
        let fragments = Fragments::new(config.max_fragments, max);
        Self {
            io: ReadAhead::new(io, src, fragments),
            context: WebSocketContext::new(Role::Server, Some(limits)),
            max_message_len: max,
            binary: config.binary,
            ahead: None,
            received: 0,
            held: 0,
            closing: false,
            blocked: false,
        }
    }

    /// Hands a frame that is no message to tungstenite, which holds it until it is flushed.
    fn hold(&mut self, message: Message) {
        self.held += MAX_CONTROL_LEN;
        // Nothing can be written yet. Refused only when a closing frame is there already, and then it
        // is not needed.
        let _ = self.context.write(&mut self.io, message);
    }

    /// Writes all that tungstenite holds.
    #[cold]
    fn poll_flush_held(
        &mut self,
        cx: &mut Context<'_>,
        outbox: &mut Outbox,
    ) -> Poll<io::Result<()>> {
        let context = &mut self.context;
        let mut written = 0;
        let flushed = outbox.poll_write_beside(self.io.io(), |stream| {
            let mut stream = Writing {
                stream,
                cx,
                written: &mut written,
            };
            // Once for what is framed already, and once for what there was no room for beside that.
            let flushed = context.flush(&mut stream);
            match flushed.and_then(|()| context.flush(&mut stream)) {
                Err(error) if would_block(&error) => Poll::Pending,
                // Both sides have closed, and all was written.
                Ok(()) | Err(Error::ConnectionClosed) => Poll::Ready(Ok(())),
                Err(error) => Poll::Ready(Err(into_io(error))),
            }
        });
        outbox.wrote(written);
        self.blocked = flushed.is_pending();
        if !self.blocked {
            self.held = 0;
        }
        flushed
    }

    /// What comes next of what was read, until that is used up.
    fn take(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        // Asked in vain, tungstenite would first make room for a read.
        while !self.io.fragments().is_used_up(self.received) && !self.is_full() {
            let read = match self.ahead.take() {
                Some(read) => read,
                None => self.context.read(&mut self.io),
            };
            let message = match read {
                Ok(message) => message,
                Err(error) if would_block(&error) => {
                    // Nothing more is let through, and all before it came out.
                    return self.io.broken().map_or(Ok(None), |error| Err(error.into()));
                }
                Err(error) => return self.incoming(error).map(Some),
            };
            return Ok(Some(match message {
                Message::Text(text) => {
                    self.received += 1;
                    Incoming::Text(Text::from_proven(&text))
                }
                Message::Binary(bytes) => {
                    self.received += 1;
                    match self.binary {
                        BinaryMessages::Deliver => Incoming::Binary(bytes),
                        BinaryMessages::Refuse => return Err(Rfc6455Error::Binary.into()),
                    }
                }
                Message::Close(frame) => {
                    self.held += MAX_CONTROL_LEN;
                    self.closing = true;
                    let status =
                        |frame: CloseFrame| CloseStatus::received(frame.code.into(), &frame.reason);
                    Incoming::Closing(frame.map(status))
                }
                Message::Ping(payload) => {
                    self.held += payload.len() + 2;
                    continue;
                }
                Message::Pong(_) | Message::Frame(_) => continue,
            }));
        }
        Ok(None)
    }

    /// Whether what is held is to be written before more is taken: each ping is answered, and there is
    /// always room for a closing frame.
    const fn is_full(&self) -> bool {
        self.held > MAX_HELD_LEN - 2 * MAX_CONTROL_LEN
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

    #[inline]
    fn next_text(&mut self) -> Option<Text> {
        if !self.has_more() || self.ahead.is_some() {
            return None;
        }
        match self.context.read(&mut self.io) {
            Ok(Message::Text(text)) => {
                self.received += 1;
                Some(Text::from_proven(&text))
            }
            other => {
                self.ahead = Some(other);
                None
            }
        }
    }

    fn next_read(&mut self) -> Result<Option<Incoming>, ConnectionError> {
        if !self.has_more() {
            return Ok(None);
        }
        self.take()
    }

    fn has_more(&self) -> bool {
        self.io.fragments().messages() > self.received
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Incoming, ConnectionError>> {
        loop {
            if let Some(incoming) = self.take()? {
                return Poll::Ready(Ok(incoming));
            }
            if self.is_full() {
                // It is flushed before this is asked again.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match ready!(self.io.poll_fill(cx)) {
                Ok(0) => return Poll::Ready(Ok(Incoming::End)),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Err(ConnectionError::Io(error.into()))),
            }
        }
    }

    fn rest(&mut self) {
        self.io.rest();
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        // An answer to a ping goes out before what is queued, as it is short, and a closing frame behind
        // that. Neither comes within a message.
        let is_first = self.held > 0 && !self.closing && !outbox.is_in_a_message();
        if self.blocked || is_first {
            ready!(self.poll_flush_held(cx, outbox))?;
        }
        ready!(outbox.poll_flush(self.io.io(), cx))?;
        match self.held {
            0 => Poll::Ready(Ok(())),
            _ => self.poll_flush_held(cx, outbox),
        }
    }

    fn ping(&mut self) {
        self.hold(Message::Ping(Bytes::new()));
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
        self.closing = true;
        // Behind the client's closing frame there is the answer already.
        self.hold(Message::Close(Some(frame)));
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>, outbox: &mut Outbox) -> Poll<io::Result<()>> {
        outbox.poll_shutdown(self.io.io(), cx)
    }

    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while matches!(ready!(self.io.poll_discard(cx)), Ok(count) if count > 0) {}
        Poll::Ready(())
    }

    fn read_at(&self) -> Instant {
        self.io.read_at()
    }

    fn take_read_len(&mut self) -> u64 {
        self.io.take_read_len()
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

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io(error) => error,
        // The client has closed meanwhile; nothing goes out any more.
        _ => io::ErrorKind::NotConnected.into(),
    }
}

/// What tungstenite takes at a time of what was read. It makes room for so much first, and fills that
/// with zeros.
const READ_LEN: usize = 1 << 10;
/// Pings, pongs and a closing frame that wait to be written.
const MAX_HELD_LEN: usize = 4 << 10;
/// The longest frame of these.
const MAX_CONTROL_LEN: usize = 127;
