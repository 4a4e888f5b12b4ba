//! The core of a server under its listeners: one handler, its connections, and their end.

mod held;
mod permit;
mod serving;

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use held::Held;
pub(crate) use permit::Permit;
use serving::{Driving, Serving};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "rfc6455")]
use crate::rfc6455::Rfc6455;
use crate::{
    Config, Handler, Peer, Protocol, Registry, Stats,
    addresses::Addresses,
    clock::Clock,
    draft76::Draft76,
    driver::after,
    file_limit,
    front::Front,
    half_open::HalfOpen,
    observe::events,
    opening::{Opened, Terms, open},
    stats::Counters,
    stream::Stream,
    unopened::Unopened,
};

/// One handler and all its connections, wherever their streams come from: a [`Server`] that
/// listens is an endpoint with listeners. Cheap to clone.
///
/// ```
/// use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
/// use ws76_server::{Config, Endpoint, Handler, Peer};
///
/// struct Quiet;
///
/// impl Handler for Quiet {}
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let endpoint = Endpoint::new(Quiet, Config::new());
/// let (mut client, io) = duplex(4096);
/// let serve = endpoint.serve_connection(io, Peer::default());
/// let ask = async move {
///     client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await?;
///     let mut reply = String::new();
///     client.read_to_string(&mut reply).await?;
///     std::io::Result::Ok(reply)
/// };
/// let ((), reply) = tokio::join!(serve, ask);
/// assert!(reply?.starts_with("HTTP/1.1 426 "));
/// endpoint.shutdown().await;
/// # Ok(())
/// # }
/// ```
///
/// [`Server`]: crate::Server
pub struct Endpoint<H, S = ()>(Arc<Inner<H, S>>);

struct Inner<H, S> {
    handler: H,
    config: RwLock<Arc<Config>>,
    registry: Registry<S>,
    tasks: TaskTracker,
    /// No new connections.
    drain: CancellationToken,
    /// Every task ends now.
    abort: CancellationToken,
    half_open: HalfOpen,
    addresses: Arc<Addresses>,
    counters: Counters,
    permits: Arc<Semaphore>,
    clock: Clock,
}

impl<H, S> Endpoint<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    /// An endpoint without connections.
    pub fn new(handler: H, config: Config) -> Self {
        let timers = config.timers;
        let permits = file_limit::capped(config.max_connections).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            handler,
            config: RwLock::new(Arc::new(config)),
            registry: Registry::default(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            half_open: HalfOpen::default(),
            addresses: Arc::default(),
            counters: Counters::default(),
            permits: Arc::new(Semaphore::new(permits)),
            clock: Clock::new(timers),
        }))
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.0.handler
    }

    /// The limits, timeouts and policies of connections that come now.
    pub fn config(&self) -> Arc<Config> {
        self.0.config()
    }

    /// Sets the limits, timeouts and policies of the connections that come from now on. Those that
    /// are there keep theirs, and [`Config::max_connections`], [`Config::timers`] and what listeners were
    /// set to (`Config::defer_accept`) stay what they were at the start.
    ///
    /// ```
    /// use ws76_server::{Config, Endpoint, Handler, WhenFull};
    ///
    /// /// Refuses newcomers from now on, instead of letting them wait.
    /// fn refuse_when_full(endpoint: &Endpoint<impl Handler>) {
    ///     let config = Config::clone(&endpoint.config());
    ///     endpoint.set_config(config.with_when_full(WhenFull::Refuse));
    /// }
    /// ```
    pub fn set_config(&self, config: Config) {
        let config = Arc::new(config);
        *self
            .0
            .config
            .write()
            .unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// What was done so far, in numbers.
    pub fn stats(&self) -> Stats {
        let (open, half_open) = (self.0.registry.len(), self.0.half_open.len());
        self.0.counters.stats(open, half_open)
    }

    /// The registry of the open connections.
    pub fn registry(&self) -> &Registry<S> {
        &self.0.registry
    }

    /// Serves a stream of one's own (a Unix socket, TLS of another kind, memory) from its request
    /// on until it ends. Plain HTTP is answered too.
    ///
    /// Counts as one of [`Config::max_connections`]. Returns at once when a shutdown has begun.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// The connection has a task of its own: when the future is dropped it goes on.
    pub async fn serve_connection<T>(&self, io: T, peer: impl Into<Peer>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let peer = peer.into();
        if let Some(permit) = self.permit().await {
            let task = self.spawn(io, peer, permit, Front::default());
            // The task catches what a handler panics with.
            let _ = task.await;
        }
    }

    /// Shuts down gracefully: sends what is queued and a closing frame (RFC 6455: 1001) to every
    /// client, calls every closed event, and waits until every task has ended. What is left after
    /// [`Config::shutdown_timeout`] is aborted. Connections that come later are dropped.
    ///
    /// # Cancel safety
    ///
    /// The shutdown goes on when the future is dropped, but nothing is aborted in time.
    pub async fn shutdown(&self) {
        let inner = &*self.0;
        events::draining(inner.registry.len());
        self.close_all();
        inner.tasks.close();
        let wait = timeout(inner.config().shutdown_timeout, inner.tasks.wait());
        if wait.await.is_err() {
            events::aborting(inner.registry.len());
            self.abort_all();
            inner.tasks.wait().await;
        }
    }

    /// Serves a stream in a task of its own.
    pub(crate) fn spawn<T>(
        &self,
        io: T,
        peer: Peer,
        permit: Permit,
        front: Front,
    ) -> tokio::task::JoinHandle<()>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        // Each phase has memory of its own, which is given back behind it.
        let opening = Box::pin(self.clone().open(io, peer, permit, front));
        let serving = Serving::new(opening, self.0.tasks.token());
        tokio::spawn(events::in_span(&peer, serving))
    }

    /// Takes a stream to where its connection is open; returns what runs it to its end.
    #[expect(
        clippy::manual_async_fn,
        reason = "holds what it is called with once, which an `async fn` does not"
    )]
    fn open<T>(
        self,
        io: T,
        peer: Peer,
        permit: Permit,
        front: Front,
    ) -> impl Future<Output = Option<Driving>> + Send
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        async move {
            let inner = &*self.0;
            let config = inner.config();
            let terms = Terms {
                handler: &inner.handler,
                config: &config,
                addresses: &inner.addresses,
                counters: &inner.counters,
                clock: &inner.clock,
                versions: front.versions.unwrap_or(config.versions),
                full: matches!(permit, Permit::Full),
                answered: AtomicBool::new(false),
                deadline: after(Instant::now(), config.handshake_timeout),
            };
            let timing = inner.counters.stream();
            let place = inner.half_open.enter(config.max_half_open);
            // There is nobody yet who could be told what went wrong.
            let why = 'unopened: {
                let (io, peer) = if front.is_open() {
                    (Stream::Plain(io), peer)
                } else {
                    let passing = timeout_at(terms.deadline, front.pass(io, peer, &config));
                    let passed = place.unless_lost(Box::pin(passing).as_mut()).await;
                    let passed = passed.map(|passed| passed.unwrap_or(Err(Unopened::Timeout)));
                    match passed.unwrap_or_else(Err) {
                        Ok(passed) => passed,
                        Err(why) => break 'unopened why,
                    }
                };
                let opened = place.unless_lost(pin!(open(io, peer, &terms))).await;
                match opened.unwrap_or_else(Err) {
                    Ok(Some(opened)) => {
                        timing.done(opened.request.protocol());
                        drop(place);
                        return Some(self.run(opened, Arc::clone(&config), permit));
                    }
                    Ok(None) => return None,
                    Err(why) => why,
                }
            };
            if !terms.answered.load(Relaxed) {
                inner.counters.unopened(&why);
            }
            None
        }
    }

    /// Takes an open connection in; what is returned runs it to its end.
    fn run<T>(&self, opened: Opened<Stream<T>, S>, config: Arc<Config>, permit: Permit) -> Driving
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let Opened {
            io,
            src,
            request,
            state,
            place,
        } = opened;
        let protocol = request.protocol();
        let registered = self.0.registry.insert(request, state, &config);
        let held = Held {
            endpoint: self.clone(),
            config,
            _permit: permit,
            _place: place.map(Box::new),
        };
        let (io, writer) = io.split();
        let line = registered.connection().line();
        line.outbox().set_writer(writer);
        match protocol {
            Protocol::Draft75 | Protocol::Draft76 => {
                let wire = Draft76::new(io, src, held.config.frames, protocol);
                Box::pin(held.drive(wire, registered))
            }
            #[cfg(feature = "rfc6455")]
            Protocol::Rfc6455 | Protocol::Hybi { .. } => {
                let wire = Rfc6455::new(io, src, &held.config);
                Box::pin(held.drive(wire, registered))
            }
            #[cfg(not(feature = "rfc6455"))]
            Protocol::Rfc6455 | Protocol::Hybi { .. } => Box::pin(async {}),
        }
    }

    /// Spawns a task that a shutdown waits for.
    pub(crate) fn track(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Ready when a shutdown begins.
    pub(crate) async fn draining(&self) {
        self.0.drain.cancelled().await;
    }

    /// Stops accepting and begins to close every connection.
    pub(crate) fn close_all(&self) {
        self.0.drain.cancel();
        self.0.half_open.close();
        self.0.registry.close_all();
    }

    /// Drops every connection.
    pub(crate) fn abort_all(&self) {
        self.0.abort.cancel();
        self.0.registry.abort_all();
    }
}

impl<H, S> Inner<H, S> {
    fn config(&self) -> Arc<Config> {
        // Nothing panics while this lock is held, so poison means nothing.
        let config = self.config.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&config)
    }
}

impl<H, S> Clone for Endpoint<H, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H, S> fmt::Debug for Endpoint<H, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("config", &self.0.config())
            .field("open", &self.0.registry.len())
            .field("half_open", &self.0.half_open.len())
            .finish_non_exhaustive()
    }
}
