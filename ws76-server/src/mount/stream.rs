//! A request of hyper's as the stream that it was.

use std::{
    fmt,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{BufMut, BytesMut};
use hyper::{
    Request, Response, StatusCode,
    body::{Body, Bytes},
    upgrade::{OnUpgrade, Upgraded},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::oneshot,
};

use super::{refusal, reply};

/// A stream that begins with the head of a request, and whose reply goes to hyper.
///
/// ```text
/// Opening --101 flushed--> Upgrading --body read, hyper done--> Open
///    `--final reply, shut down--> Closed
/// ```
///
/// A client may have announced key 3 as a body of 8 bytes. Then hyper upgrades only when the body
/// was read, and key 3 is what stands in it.
pub(super) struct Mounted<B>(Phase<B>);

enum Phase<B> {
    /// The head is read and the reply written.
    Opening {
        head: Bytes,
        reply: BytesMut,
        answer: oneshot::Sender<Response<Bytes>>,
        upgrading: Upgrading<B>,
    },
    /// A 101 is on its way.
    Upgrading(Upgrading<B>),
    /// What is read comes first from `body`.
    Open {
        body: Bytes,
        io: TokioIo<Upgraded>,
    },
    Closed,
}

struct Upgrading<B> {
    /// None when it was read to its end.
    body: Option<B>,
    read: BytesMut,
    /// None when hyper offered no upgrade, or a layer above it has taken it.
    upgrade: Option<OnUpgrade>,
}

impl<B: Body + Unpin> Mounted<B> {
    /// The stream, and where its reply comes.
    pub(super) fn new(mut request: Request<B>) -> (Self, oneshot::Receiver<Response<Bytes>>) {
        let (answer, reply) = oneshot::channel();
        let upgrade = request.extensions_mut().remove();
        let phase = Phase::Opening {
            head: head(&request),
            reply: BytesMut::new(),
            answer,
            upgrading: Upgrading {
                body: Some(request.into_body()),
                read: BytesMut::new(),
                upgrade,
            },
        };
        (Self(phase), reply)
    }

    /// Gives the reply to hyper, when there is a whole one; a 101 that cannot be followed by an
    /// upgrade becomes 500.
    fn answer(&mut self) -> io::Result<()> {
        let Phase::Opening {
            reply,
            answer,
            upgrading,
            ..
        } = mem::replace(&mut self.0, Phase::Closed)
        else {
            return Ok(());
        };
        let whole = reply::response(reply.freeze());
        let mut response = whole.ok_or(io::ErrorKind::InvalidData)?;
        let switches = response.status() == StatusCode::SWITCHING_PROTOCOLS;
        if switches && upgrading.upgrade.is_none() {
            response = refusal(StatusCode::INTERNAL_SERVER_ERROR);
        } else if switches {
            self.0 = Phase::Upgrading(upgrading);
        }
        // Else the client has gone.
        answer
            .send(response)
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Goes on to the open stream, with what is still to be read before it; `None` behind a final
    /// reply.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Open<'_>>>> {
        if matches!(self.0, Phase::Opening { .. }) {
            self.answer()?;
        }
        if let Phase::Upgrading(upgrading) = &mut self.0 {
            let io = ready!(upgrading.poll(cx))?;
            let body = mem::take(&mut upgrading.read).freeze();
            self.0 = Phase::Open { body, io };
        }
        Poll::Ready(Ok(match &mut self.0 {
            Phase::Open { body, io } => Some((body, Pin::new(io))),
            _ => None,
        }))
    }
}

/// What is read first, and what is there for the rest.
type Open<'a> = (&'a mut Bytes, Pin<&'a mut TokioIo<Upgraded>>);

impl<B: Body + Unpin> Upgrading<B> {
    /// Reads the body, then waits for hyper to have written the 101.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<TokioIo<Upgraded>>> {
        while let Some(body) = &mut self.body {
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.read.put(data);
                    }
                }
                Some(Err(_)) => return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
                None => self.body = None,
            }
            // The head announced no more than key 3, or it would have been refused.
            if self.read.len() > KEY3_LEN {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
        let Some(upgrade) = &mut self.upgrade else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        let upgraded = ready!(Pin::new(upgrade).poll(cx)).map_err(io::Error::other)?;
        Poll::Ready(Ok(TokioIo::new(upgraded)))
    }
}

impl<B: Body + Unpin> AsyncRead for Mounted<B> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Phase::Opening { head, .. } = &mut self.0 {
            // Nothing more is to be read before the reply was given.
            move_into(head, buf);
            return Poll::Ready(Ok(()));
        }
        match ready!(self.poll_open(cx))? {
            Some((body, io)) if body.is_empty() => io.poll_read(cx, buf),
            Some((body, _)) => {
                move_into(body, buf);
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<B: Body + Unpin> AsyncWrite for Mounted<B> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Phase::Opening { reply, .. } = &mut self.0 {
            let before = reply.len();
            bufs.iter().for_each(|buf| reply.put_slice(buf));
            return Poll::Ready(Ok(reply.len() - before));
        }
        match ready!(self.poll_open(cx))? {
            Some((_, io)) => io.poll_write_vectored(cx, bufs),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.0 {
            Phase::Open { io, .. } => io.is_write_vectored(),
            _ => true,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(cx))? {
            Some((_, io)) => io.poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(self.poll_open(cx))? {
            Some((_, io)) => io.poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<B> fmt::Debug for Mounted<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Phase::Opening { .. } => "Mounted(Opening)",
            Phase::Upgrading(_) => "Mounted(Upgrading)",
            Phase::Open { .. } => "Mounted(Open)",
            Phase::Closed => "Mounted(Closed)",
        })
    }
}

/// The head of a request, written out again. No part of hyper's can hold a line break.
fn head<B>(request: &Request<B>) -> Bytes {
    let mut head = BytesMut::new();
    let (method, version) = (request.method(), request.version());
    head.put_slice(format!("{method} {} {version:?}\r\n", request.uri()).as_bytes());
    for (name, value) in request.headers() {
        let name = name.as_str().as_bytes();
        for part in [name, b": ", value.as_bytes(), b"\r\n"] {
            head.put_slice(part);
        }
    }
    head.put_slice(b"\r\n");
    head.freeze()
}

fn move_into(src: &mut Bytes, buf: &mut ReadBuf<'_>) {
    let len = src.len().min(buf.remaining());
    buf.put_slice(&src.split_to(len));
}

const KEY3_LEN: usize = 8;

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn t8_body_longer_than_key3_is_an_error() {
        for (len, kind) in [
            (8, io::ErrorKind::NotConnected),
            (9, io::ErrorKind::InvalidData),
        ] {
            let mut upgrading = Upgrading {
                body: Some(Full::new(Bytes::from(vec![b'k'; len]))),
                read: BytesMut::new(),
                upgrade: None,
            };
            let error = poll_fn(|cx| upgrading.poll(cx)).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{len}");
        }
    }

    #[test]
    fn h4_head_is_written_out_again_byte_for_byte() {
        let request = Request::get("/a?b=%20")
            .header("Host", "a")
            .header("X", &b"\xe9 1  2"[..])
            .header("Y", "")
            .header("Z", "3")
            .body(())
            .unwrap();
        let text = b"GET /a?b=%20 HTTP/1.1\r\nhost: a\r\nx: \xe9 1  2\r\ny: \r\nz: 3\r\n\r\n";
        assert_eq!(head(&request), text[..]);
    }
}
