//! The opening of a connection: reads the request, lets the handler decide, answers.

mod deciding;

use std::{
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::atomic::Ordering::Relaxed,
    task::Poll,
};

use bytes::BytesMut;
use deciding::Accepted;
pub(crate) use deciding::Terms;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};
use ws76_handshake::{AwaitingKey3, Head, Incoming, RequestReader, Response, Status};

#[cfg(feature = "rfc6455")]
use crate::rfc6455;
use crate::{
    Decision, Handler, Peer, Protocol, Request, addresses::AddressPlace, clock::Clock,
    driver::after, handler::Verdict, observe::events, unopened::Unopened,
};

/// A connection whose opening handshake is done, with the bytes read behind it.
#[derive(Debug)]
pub(crate) struct Opened<T, S> {
    pub(crate) io: T,
    pub(crate) src: BytesMut,
    pub(crate) request: Request,
    pub(crate) state: S,
    pub(crate) place: Option<AddressPlace>,
}

/// Opens a connection, or answers it otherwise (`None`) and closes it.
///
/// Each phase holds what it needs once, and what is seldom is in memory of its own. So the future
/// is short: it is moved, and allocators have short memory at hand.
pub(crate) fn open<T, H, S>(
    io: T,
    peer: Peer,
    terms: &Terms<'_, H>,
) -> impl Future<Output = Result<Option<Opened<T, S>>, Unopened>>
where
    T: AsyncRead + AsyncWrite + Unpin,
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    let mut opening = Opening {
        io,
        src: BytesMut::new(),
        peer,
        terms,
        wrote: false,
        accepted: None,
    };
    async move {
        opening.src.reserve(READ_LEN);
        let answered = {
            let terms = opening.terms;
            before(terms.clock, terms.deadline, pin!(opening.request())).await
        };
        match answered {
            Some(Ok(())) => {}
            Some(Err(_)) => return Err(Unopened::Gone),
            None if opening.wrote => return Err(Unopened::Timeout),
            None => {
                // The request did not come in time. A client that does not even read is not waited
                // for.
                let clock = opening.terms.clock;
                let deadline = after(Instant::now(), opening.terms.config.closing_timeout);
                let answer = opening.answer(Status::REQUEST_TIMEOUT.into(), true);
                before(clock, deadline, pin!(answer)).await;
                return Ok(None);
            }
        }
        let Opening { io, src, .. } = opening;
        Ok(opening.accepted.map(|accepted| Opened {
            io,
            src,
            request: accepted.request,
            state: accepted.state,
            place: accepted.place,
        }))
    }
}

struct Opening<'a, T, H, S> {
    io: T,
    src: BytesMut,
    peer: Peer,
    terms: &'a Terms<'a, H>,
    /// Something was written: what comes next can only be a close.
    wrote: bool,
    /// Set when the request is for a connection, until it is answered otherwise.
    accepted: Option<Accepted<S>>,
}

impl<T: AsyncRead + AsyncWrite + Unpin, H, S> Opening<'_, T, H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    /// Reads the request and answers it. It was for a connection that is open now if it is accepted
    /// then.
    async fn request(&mut self) -> io::Result<()> {
        let Some(incoming) = self.incoming().await? else {
            return Ok(());
        };
        self.meet(incoming).await
    }

    /// Reads the head of the request. `None` when something is wrong with it, which was answered.
    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let mut reader = RequestReader::new(self.terms.config.head);
        let response = loop {
            match reader.read(&mut self.src) {
                Ok(Some(incoming)) => return Ok(Some(incoming)),
                Ok(None) => {}
                Err(ws76_handshake::HandshakeError::UnsupportedVersion) => {
                    break self.terms.versions.upgrade_required();
                }
                Err(error) => {
                    events::malformed(&error);
                    break error.response();
                }
            }
            if self.read().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        self.answer(response, true).await?;
        Ok(None)
    }

    /// Answers a request.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds `incoming` once, which an `async fn` does not"
    )]
    fn meet(&mut self, incoming: Incoming) -> impl Future<Output = io::Result<()>> {
        async move {
            let (head, protocol) = match &incoming {
                Incoming::WebSocket(request) => (request.head(), Protocol::Draft76),
                Incoming::Draft75(request) => (request.head(), Protocol::Draft75),
                #[cfg(feature = "rfc6455")]
                Incoming::Hybi { head, version } => (head, rfc6455::protocol(*version)),
                Incoming::Http(head) => {
                    self.know(head);
                    return Box::pin(self.http(head)).await;
                }
                #[cfg(not(feature = "rfc6455"))]
                Incoming::Hybi { .. } => {
                    let response = self.terms.versions.upgrade_required();
                    return self.answer(response, true).await;
                }
            };
            self.know(head);
            let request = Request::new(head, protocol, self.peer);
            let decided = self.decide(request).await;
            let mut dst = BytesMut::with_capacity(REPLY_LEN);
            let replied = decided.and_then(|()| self.reply(incoming, &mut dst));
            self.send(replied, dst).await
        }
    }

    /// Sends a reply, which may be still without the response to key 3, or an answer instead.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds what it is called with once, which an `async fn` does not"
    )]
    fn send(
        &mut self,
        replied: Result<Option<AwaitingKey3>, Response>,
        mut dst: BytesMut,
    ) -> impl Future<Output = io::Result<()>> {
        async move {
            match replied {
                Ok(Some(awaiting)) => self.key3(awaiting, dst).await,
                Ok(None) => self.write(&mut dst).await,
                Err(response) => self.answer(response, true).await,
            }
        }
    }

    /// Writes the reply to an accepted request, but for what waits for key 3.
    fn reply(
        &self,
        incoming: Incoming,
        dst: &mut BytesMut,
    ) -> Result<Option<AwaitingKey3>, Response> {
        let Some(accepted) = &self.accepted else {
            return Ok(None);
        };
        let accept = || accepted.accept(self.terms.config);
        match incoming {
            Incoming::WebSocket(request) => match request.accept(accept(), dst) {
                Ok(awaiting) => return Ok(Some(awaiting)),
                Err(error) => return Err(error.response()),
            },
            Incoming::Draft75(request) => {
                if let Err(error) = request.accept(accept(), dst) {
                    return Err(error.response());
                }
            }
            #[cfg(feature = "rfc6455")]
            Incoming::Hybi { .. } => accepted.write_rfc6455(dst)?,
            _ => {}
        }
        Ok(None)
    }

    /// The head of the request is there, and with it who asks.
    fn know(&mut self, head: &Head) {
        let client = self.client(head);
        events::head(head, (client != self.peer).then_some(&client));
        self.peer = client;
    }

    /// Who asks: the peer, or who is behind it if it is a trusted proxy.
    #[cfg(feature = "proxy")]
    fn client(&self, head: &Head) -> Peer {
        crate::forwarded::client(head, self.peer, &self.terms.config.trusted_proxies)
    }

    /// Who asks: the peer.
    #[cfg(not(feature = "proxy"))]
    const fn client(&self, _: &Head) -> Peer {
        self.peer
    }

    /// Sends the 101 head at once, and the response in the same write if key 3 is there.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds what it is called with once, which an `async fn` does not"
    )]
    fn key3(
        &mut self,
        mut awaiting: AwaitingKey3,
        mut dst: BytesMut,
    ) -> impl Future<Output = io::Result<()>> {
        async move {
            loop {
                let established = awaiting.read(&mut self.src, &mut dst);
                if !dst.is_empty() {
                    self.write(&mut dst).await?;
                }
                if established.is_some() {
                    return Ok(());
                }
                if self.read().await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
    }

    async fn http(&mut self, head: &Head) -> io::Result<()> {
        let (handler, addr) = (self.terms.handler, self.peer.addr);
        let call = pin!(async { handler.on_http(head, addr).await });
        let response = caught(call)
            .await
            .unwrap_or_else(|| Status::INTERNAL_SERVER_ERROR.into());
        self.answer(response, head.method() != "HEAD").await
    }

    /// Asks for a place, the policies, then the handler; the answer if one of them refuses.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds `request` once, which an `async fn` does not"
    )]
    fn decide(&mut self, request: Request) -> impl Future<Output = Result<(), Response>> {
        async move {
            let place = self.terms.place(&request)?;
            let handler = self.terms.handler;
            let decision = {
                let call = pin!(async { handler.on_request(&request).await });
                caught(call).await
            };
            let refused = || Decision::refuse(Status::INTERNAL_SERVER_ERROR);
            match decision.unwrap_or_else(refused).0 {
                Verdict::Refuse(response) => Err(response),
                Verdict::Accept {
                    state,
                    subprotocol,
                    fields,
                } => {
                    self.accepted = Some(Accepted {
                        request,
                        state,
                        place,
                        subprotocol,
                        fields,
                    });
                    Ok(())
                }
            }
        }
    }

    async fn write(&mut self, dst: &mut BytesMut) -> io::Result<()> {
        self.wrote = true;
        self.io.write_all(dst).await?;
        dst.clear();
        self.io.flush().await
    }

    /// Writes a final response, shuts down, and takes in what the client still sends for a while,
    /// so that no reset eats the response.
    fn answer(
        &mut self,
        response: Response,
        with_body: bool,
    ) -> impl Future<Output = io::Result<()>> {
        self.accepted = None;
        // Most requests are accepted.
        Box::pin(async move {
            let mut dst = BytesMut::with_capacity(REPLY_LEN + response.body().len());
            if with_body {
                response.write(&mut dst);
            } else {
                response.write_head_only(&mut dst);
            }
            self.wrote = true;
            self.terms.answered.store(true, Relaxed);
            self.terms.counters.answered(response.status().code());
            self.io.write_all(&dst).await?;
            self.io.shutdown().await?;
            let deadline = after(Instant::now(), self.terms.config.closing_timeout);
            let discard = async {
                loop {
                    self.src.clear();
                    if self.read().await? == 0 {
                        return io::Result::Ok(());
                    }
                }
            };
            let _ = timeout_at(deadline, discard).await;
            Ok(())
        })
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.src.reserve(MIN_READ_LEN);
        self.io.read_buf(&mut self.src).await
    }
}

/// What `future` gives, or `None` when it does not in time. Most have no need of a timer.
fn before<T>(
    clock: &Clock,
    deadline: Instant,
    mut future: Pin<&mut impl Future<Output = T>>,
) -> impl Future<Output = Option<T>> {
    let mut timer = None;
    poll_fn(move |cx| {
        if let Poll::Ready(value) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(value));
        }
        let timer = timer.get_or_insert_with(|| clock.timer(deadline));
        timer.poll(cx).map(|()| None)
    })
}

/// What `call` gives, or `None` when it panicked.
fn caught<T>(mut call: Pin<&mut impl Future<Output = T>>) -> impl Future<Output = Option<T>> {
    poll_fn(
        move |cx| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
}

/// Room from the start: more than most heads, and what an allocator still has at hand.
const READ_LEN: usize = 1 << 10;
/// The least to make room for before a read: more than key 3.
const MIN_READ_LEN: usize = 64;
/// More than most replies.
const REPLY_LEN: usize = 512;

#[cfg(test)]
mod tests;
