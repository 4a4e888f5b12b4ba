//! The opening of a connection: reads the request, lets the handler decide, answers.

use std::{
    future::{Future, poll_fn},
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::Poll,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, timeout_at},
};
use ws76_handshake::{
    Accept, AwaitingKey3, FieldName, FieldValue, Head, Incoming, Location, RequestReader, Response,
    Status, Subprotocol,
};

#[cfg(feature = "rfc6455")]
use crate::rfc6455;
use crate::{
    Config, Decision, Handler, Peer, Protocol, Request, Versions,
    addresses::{AddressPlace, Addresses},
    driver::after,
    handler::Verdict,
    observe::events,
    policy,
    stats::Counters,
    unopened::Unopened,
};

/// What decides on a request.
#[derive(Debug)]
pub(crate) struct Terms<'a, H> {
    pub(crate) handler: &'a H,
    pub(crate) config: &'a Config,
    pub(crate) addresses: &'a Arc<Addresses>,
    pub(crate) counters: &'a Counters,
    /// What is served on this stream.
    pub(crate) versions: Versions,
    /// There is no place for a connection: it is to be refused.
    pub(crate) full: bool,
    /// When the opening handshake must be done.
    pub(crate) deadline: Instant,
    /// Set when the stream has its final answer, and is counted by it.
    pub(crate) answered: AtomicBool,
}

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
/// Each phase holds what it needs once, and what is seldom is in memory of its own: the future is
/// short, as it is moved, and as memory that an allocator has at hand is.
#[expect(
    clippy::manual_async_fn,
    reason = "holds `io` once, which an `async fn` does not"
)]
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
    };
    async move {
        opening.src.reserve(READ_LEN);
        let accepted = timeout_at(opening.terms.deadline, pin!(opening.request())).await;
        match accepted {
            Ok(Ok(Some(accepted))) => Ok(Some(Opened {
                io: opening.io,
                src: opening.src,
                request: accepted.request,
                state: accepted.state,
                place: accepted.place,
            })),
            Ok(Ok(None)) => Ok(None),
            Ok(Err(_)) => Err(Unopened::Gone),
            Err(_) if opening.wrote => Err(Unopened::Timeout),
            Err(_) => {
                // The request did not come in time. A client that does not even read is not waited
                // for.
                let deadline = after(Instant::now(), opening.terms.config.closing_timeout);
                let answer = opening.answer::<()>(Status::REQUEST_TIMEOUT.into(), true);
                let _ = timeout_at(deadline, answer).await;
                Ok(None)
            }
        }
    }
}

struct Opening<'a, T, H> {
    io: T,
    src: BytesMut,
    peer: Peer,
    terms: &'a Terms<'a, H>,
    /// Something was written: what comes next can only be a close.
    wrote: bool,
}

/// What policies and handler agreed to.
struct Accepted<S> {
    request: Request,
    state: S,
    place: Option<AddressPlace>,
    subprotocol: Option<Subprotocol>,
    fields: Vec<(FieldName, FieldValue)>,
}

impl<T: AsyncRead + AsyncWrite + Unpin, H> Opening<'_, T, H> {
    /// Reads the request and answers it. `None` when it was not for a connection that is open now.
    async fn request<S>(&mut self) -> io::Result<Option<Accepted<S>>>
    where
        H: Handler<S>,
        S: Default + Send + Sync + 'static,
    {
        let Some(incoming) = self.incoming().await? else {
            return Ok(None);
        };
        let (head, protocol) = match &incoming {
            Incoming::WebSocket(request) => (request.head(), Protocol::Draft76),
            Incoming::Draft75(request) => (request.head(), Protocol::Draft75),
            #[cfg(feature = "rfc6455")]
            Incoming::Hybi { head, version } => (head, rfc6455::protocol(*version)),
            Incoming::Http(head) => {
                self.meet(head);
                return Box::pin(self.http(head)).await;
            }
            #[cfg(not(feature = "rfc6455"))]
            Incoming::Hybi { .. } => return self.upgrade_required().await,
        };
        self.meet(head);
        let request = Request::new(head, protocol, self.peer);
        let accepted = match self.terms.decide(request).await {
            Ok(accepted) => accepted,
            Err(response) => return self.answer(response, true).await,
        };

        let mut dst = BytesMut::with_capacity(REPLY_LEN);
        let accept = || accepted.accept(self.terms.config);
        let failed = match incoming {
            Incoming::WebSocket(request) => match request.accept(accept(), &mut dst) {
                Ok(awaiting) => {
                    self.key3(awaiting, dst).await?;
                    return Ok(Some(accepted));
                }
                Err(error) => Some(error.response()),
            },
            Incoming::Draft75(request) => request
                .accept(accept(), &mut dst)
                .err()
                .map(|error| error.response()),
            #[cfg(feature = "rfc6455")]
            Incoming::Hybi { .. } => accepted.write_rfc6455(&mut dst).err().map(Response::from),
            _ => None,
        };
        if let Some(response) = failed {
            return self.answer(response, true).await;
        }
        self.write(&mut dst).await?;
        Ok(Some(accepted))
    }

    /// Reads the head of the request. `None` when it was answered: there is none, or an old one.
    async fn incoming(&mut self) -> io::Result<Option<Incoming>> {
        let mut reader = RequestReader::new(self.terms.config.head);
        loop {
            match reader.read(&mut self.src) {
                Ok(Some(incoming)) => return Ok(Some(incoming)),
                Ok(None) => {}
                Err(ws76_handshake::HandshakeError::UnsupportedVersion) => {
                    return self.upgrade_required().await;
                }
                Err(error) => {
                    events::malformed(&error);
                    return self.answer(error.response(), true).await;
                }
            }
            if self.read().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The head of the request is there, and with it who asks.
    fn meet(&mut self, head: &Head) {
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

    async fn http<S>(&mut self, head: &Head) -> io::Result<Option<Accepted<S>>>
    where
        H: Handler<S>,
        S: Default + Send + Sync + 'static,
    {
        let (handler, addr) = (self.terms.handler, self.peer.addr);
        let call = pin!(async { handler.on_http(head, addr).await });
        let response = caught(call)
            .await
            .unwrap_or_else(|| Status::INTERNAL_SERVER_ERROR.into());
        self.answer(response, head.method() != "HEAD").await
    }

    async fn upgrade_required<A>(&mut self) -> io::Result<Option<A>> {
        let response = self.terms.versions.upgrade_required();
        self.answer(response, true).await
    }

    async fn write(&mut self, dst: &mut BytesMut) -> io::Result<()> {
        self.wrote = true;
        self.io.write_all(dst).await?;
        dst.clear();
        self.io.flush().await
    }

    /// Writes a final response, shuts down, and takes in what the client still sends for a while,
    /// so that no reset eats the response.
    fn answer<A>(
        &mut self,
        response: Response,
        with_body: bool,
    ) -> impl Future<Output = io::Result<Option<A>>> {
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
            Ok(None)
        })
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.src.reserve(MIN_READ_LEN);
        self.io.read_buf(&mut self.src).await
    }
}

impl<H> Terms<'_, H> {
    /// Asks for a place, the policies, then the handler; the answer if one of them refuses.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds `request` once, which an `async fn` does not"
    )]
    fn decide<S>(&self, request: Request) -> impl Future<Output = Result<Accepted<S>, Response>>
    where
        H: Handler<S>,
        S: Default + Send + Sync + 'static,
    {
        async move {
            let place = self.place(&request)?;
            let decision = {
                let call = pin!(async { self.handler.on_request(&request).await });
                caught(call).await
            };
            let refused = || Decision::refuse(Status::INTERNAL_SERVER_ERROR);
            match decision.unwrap_or_else(refused).0 {
                Verdict::Refuse(response) => Err(response),
                Verdict::Accept {
                    state,
                    subprotocol,
                    fields,
                } => Ok(Accepted {
                    request,
                    state,
                    place,
                    subprotocol,
                    fields,
                }),
            }
        }
    }

    /// Asks for a place and the policies. There is a place where those of an address are counted.
    fn place(&self, request: &Request) -> Result<Option<AddressPlace>, Response> {
        if self.full {
            return Err(Status::SERVICE_UNAVAILABLE.into());
        }
        policy::check(self.config, self.versions, request)?;
        let place = match (self.config.max_per_address, request.peer_addr()) {
            (Some(max), Some(addr)) => {
                let place = self.addresses.enter(addr.ip(), max);
                Some(place.ok_or(Status::TOO_MANY_REQUESTS)?)
            }
            _ => None,
        };
        #[cfg(feature = "rfc6455")]
        if !rfc6455::has_key(request) {
            return Err(Status::BAD_REQUEST.into());
        }
        Ok(place)
    }
}

impl<S> Accepted<S> {
    /// The reply to a draft-76 or draft-75 request.
    fn accept(&self, config: &Config) -> Accept {
        let request = &self.request;
        let scheme = config
            .scheme
            .or_else(|| request.scheme())
            .unwrap_or_default();
        let mut accept = Accept::new().with_scheme(scheme);
        if let Some(public) = &config.public_location {
            let before = public.resource_name().trim_end_matches('/');
            let name = [before, request.resource_name()].concat();
            // Both were checked, and one behind the other they are a resource name too.
            if let Ok(location) = Location::new(public.scheme(), public.host(), &name) {
                accept = accept.with_location(location);
            }
        }
        if let Some(subprotocol) = &self.subprotocol {
            accept = accept.with_subprotocol(subprotocol.clone());
        }
        let fields = self.fields.iter();
        fields.fold(accept, |accept, (name, value)| {
            accept.with_field(name.clone(), value.clone())
        })
    }

    /// Writes the reply to a request of RFC 6455.
    #[cfg(feature = "rfc6455")]
    fn write_rfc6455(&self, dst: &mut BytesMut) -> Result<(), Status> {
        let request = &self.request;
        let asked = |name: &Subprotocol| request.subprotocols().any(|one| one == name.as_str());
        if !self.subprotocol.as_ref().is_none_or(asked) {
            return Err(Status::INTERNAL_SERVER_ERROR);
        }
        rfc6455::write_accept(request, self.subprotocol.as_ref(), &self.fields, dst);
        Ok(())
    }
}

/// What `call` gives, or `None` when it panicked.
async fn caught<T>(mut call: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
            Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        },
    )
    .await
}

/// Room from the start: more than most heads, and what an allocator still has at hand.
const READ_LEN: usize = 1 << 10;
/// The least to make room for before a read: more than key 3.
const MIN_READ_LEN: usize = 64;
/// More than most replies.
const REPLY_LEN: usize = 512;

#[cfg(test)]
mod tests;
