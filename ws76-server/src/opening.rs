//! The opening of a connection: reads the request, lets the handler decide, answers.

use std::{
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};
use ws76_handshake::{
    Accept, AwaitingKey3, Head, Incoming, Request as Draft76Request, RequestReader, Response,
    Status,
};
#[cfg(feature = "rfc6455")]
use ws76_handshake::{FieldName, FieldValue, HybiVersion, Subprotocol};

#[cfg(feature = "rfc6455")]
use crate::rfc6455;
use crate::{Config, Decision, Handler, Peer, Protocol, Request, driver::after, handler::Verdict};

/// A connection whose opening handshake is done, with the bytes read behind it.
#[derive(Debug)]
pub(crate) struct Opened<S> {
    pub(crate) io: S,
    pub(crate) src: BytesMut,
    pub(crate) request: Request,
}

/// Opens a connection, or answers it otherwise and closes it. The time runs from now.
pub(crate) async fn open<S, H>(io: S, peer: Peer, handler: &H, config: &Config) -> Option<Opened<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    H: Handler,
{
    let deadline = after(Instant::now(), config.handshake_timeout);
    let src = BytesMut::with_capacity(READ_LEN);
    let mut opening = Opening {
        io,
        src,
        peer,
        config,
        answered: false,
    };
    match timeout_at(deadline, opening.request(handler)).await {
        Ok(Ok(Some(request))) => Some(Opened {
            io: opening.io,
            src: opening.src,
            request,
        }),
        Ok(Ok(None) | Err(_)) => None,
        Err(_) if opening.answered => None,
        Err(_) => {
            // The request did not come in time. A client that does not even read is not waited for.
            let response = Response::from(Status::REQUEST_TIMEOUT);
            let answer = opening.answer(&response, true);
            let _ = timeout_at(after(Instant::now(), config.closing_timeout), answer).await;
            None
        }
    }
}

struct Opening<'a, S> {
    io: S,
    src: BytesMut,
    peer: Peer,
    config: &'a Config,
    /// Something was written: what comes next can only be a close.
    answered: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Opening<'_, S> {
    /// Reads the request and answers it. `None` when it was not for a connection that is open now.
    async fn request<H: Handler>(&mut self, handler: &H) -> io::Result<Option<Request>> {
        let mut reader = RequestReader::new(self.config.head);
        let incoming = loop {
            match reader.read(&mut self.src) {
                Ok(Some(incoming)) => break incoming,
                Ok(None) => {}
                #[cfg(not(feature = "rfc6455"))]
                Err(ws76_handshake::HandshakeError::UnsupportedVersion) => {
                    return self.answer(&upgrade_required(), true).await;
                }
                Err(error) => return self.answer(&error.response(), true).await,
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        };
        match incoming {
            Incoming::WebSocket(request) => self.draft76(request, handler).await,
            #[cfg(feature = "rfc6455")]
            Incoming::Hybi { head, version } => self.rfc6455(&head, version, handler).await,
            Incoming::Http(head) => self.http(&head, handler).await,
            _ => self.answer(&upgrade_required(), true).await,
        }
    }

    async fn draft76<H: Handler>(
        &mut self,
        asked: Draft76Request,
        handler: &H,
    ) -> io::Result<Option<Request>> {
        let request = Request::new(asked.head(), Protocol::Draft76, self.peer);
        let (subprotocol, fields) = match decide(handler, &request).await.0 {
            Verdict::Accept {
                subprotocol,
                fields,
            } => (subprotocol, fields),
            Verdict::Refuse(response) => return self.answer(&response, true).await,
        };
        let mut accept = Accept::new().with_scheme(self.config.scheme);
        if let Some(subprotocol) = subprotocol {
            accept = accept.with_subprotocol(subprotocol);
        }
        for (name, value) in fields {
            accept = accept.with_field(name, value);
        }
        let mut dst = BytesMut::with_capacity(REPLY_LEN);
        match asked.accept(accept, &mut dst) {
            Ok(awaiting) => self.key3(awaiting, dst).await?,
            Err(error) => return self.answer(&error.response(), true).await,
        }
        Ok(Some(request))
    }

    /// Sends the 101 head at once, and the response in the same write if key 3 is there.
    async fn key3(&mut self, mut awaiting: AwaitingKey3, mut dst: BytesMut) -> io::Result<()> {
        loop {
            let established = awaiting.read(&mut self.src, &mut dst);
            if !dst.is_empty() {
                self.answered = true;
                self.io.write_all_buf(&mut dst).await?;
                self.io.flush().await?;
            }
            if established.is_some() {
                return Ok(());
            }
            if self.read().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    #[cfg(feature = "rfc6455")]
    async fn rfc6455<H: Handler>(
        &mut self,
        head: &Head,
        version: HybiVersion,
        handler: &H,
    ) -> io::Result<Option<Request>> {
        let request = Request::new(head, rfc6455::protocol(version), self.peer);
        let Some(key) = rfc6455::key(&request) else {
            return self
                .answer(&Response::from(Status::BAD_REQUEST), true)
                .await;
        };
        match decide(handler, &request).await.0 {
            Verdict::Accept {
                subprotocol,
                fields,
            } => {
                let asked =
                    |name: &Subprotocol| request.subprotocols().any(|one| one == name.as_str());
                if !subprotocol.as_ref().is_none_or(asked) {
                    return self
                        .answer(&Response::from(Status::INTERNAL_SERVER_ERROR), true)
                        .await;
                }
                self.accept_rfc6455(key, subprotocol.as_ref(), &fields)
                    .await?;
            }
            Verdict::Refuse(response) => return self.answer(&response, true).await,
        }
        Ok(Some(request))
    }

    #[cfg(feature = "rfc6455")]
    async fn accept_rfc6455(
        &mut self,
        key: &[u8],
        subprotocol: Option<&Subprotocol>,
        fields: &[(FieldName, FieldValue)],
    ) -> io::Result<()> {
        let mut dst = BytesMut::with_capacity(REPLY_LEN);
        rfc6455::write_accept(key, subprotocol, fields, &mut dst);
        self.answered = true;
        self.io.write_all_buf(&mut dst).await?;
        self.io.flush().await
    }

    async fn http<H: Handler>(&mut self, head: &Head, handler: &H) -> io::Result<Option<Request>> {
        let call = async { handler.on_http(head, self.peer.addr).await };
        let response = caught(call)
            .await
            .unwrap_or_else(|| Status::INTERNAL_SERVER_ERROR.into());
        self.answer(&response, head.method() != "HEAD").await
    }

    /// Writes a final response, shuts down, and takes in what the client still sends for a while,
    /// so that no reset eats the response.
    async fn answer(
        &mut self,
        response: &Response,
        with_body: bool,
    ) -> io::Result<Option<Request>> {
        let mut dst = BytesMut::with_capacity(REPLY_LEN + response.body().len());
        if with_body {
            response.write(&mut dst);
        } else {
            response.write_head_only(&mut dst);
        }
        self.answered = true;
        self.io.write_all_buf(&mut dst).await?;
        self.io.shutdown().await?;
        let deadline = after(Instant::now(), self.config.closing_timeout);
        let discard = async {
            loop {
                self.src.clear();
                if self.read().await? == 0 {
                    return io::Result::Ok(());
                }
            }
        };
        let _ = timeout_at(deadline, discard).await;
        Ok(None)
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.src.reserve(READ_LEN);
        self.io.read_buf(&mut self.src).await
    }
}

async fn decide<H: Handler>(handler: &H, request: &Request) -> Decision {
    let call = async { handler.on_request(request).await };
    caught(call)
        .await
        .unwrap_or_else(|| Decision::refuse(Status::INTERNAL_SERVER_ERROR))
}

/// What `call` gives, or `None` when it panicked.
async fn caught<T>(call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

/// The answer to a client that asks for nothing that this server speaks.
pub(crate) fn upgrade_required() -> Response {
    if cfg!(feature = "rfc6455") {
        Response::upgrade_required()
    } else {
        Response::draft76_required()
    }
}

/// Bytes to make room for before a read: more than most heads.
const READ_LEN: usize = 2 << 10;
/// More than most replies.
const REPLY_LEN: usize = 512;

#[cfg(test)]
mod tests;
