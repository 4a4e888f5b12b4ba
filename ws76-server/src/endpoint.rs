//! The core of a server under its listeners: one handler, its connections, and their end.

use std::{fmt, sync::Arc};

use bytes::BytesMut;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

#[cfg(feature = "rfc6455")]
use crate::rfc6455::Rfc6455;
use crate::{
    Config, Handler, Peer, Protocol, Registry, Request,
    draft76::Draft76,
    driver,
    half_open::HalfOpen,
    opening::{Opened, open},
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
/// let ask = async {
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
pub struct Endpoint<H>(Arc<Inner<H>>);

struct Inner<H> {
    handler: H,
    config: Config,
    registry: Registry,
    tasks: TaskTracker,
    /// No new connections, and none that are still opening.
    drain: CancellationToken,
    /// Every task ends now.
    abort: CancellationToken,
    half_open: HalfOpen,
    permits: Arc<Semaphore>,
}

impl<H: Handler> Endpoint<H> {
    /// An endpoint without connections.
    pub fn new(handler: H, config: Config) -> Self {
        let permits = config.max_connections.min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            handler,
            config,
            registry: Registry::default(),
            tasks: TaskTracker::new(),
            drain: CancellationToken::new(),
            abort: CancellationToken::new(),
            half_open: HalfOpen::default(),
            permits: Arc::new(Semaphore::new(permits)),
        }))
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.0.handler
    }

    /// The limits, timeouts and policies.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The registry of the open connections.
    pub fn registry(&self) -> &Registry {
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
    pub async fn serve_connection<S>(&self, io: S, peer: impl Into<Peer>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let peer = peer.into();
        if let Some(permit) = self.permit().await {
            let task = self.spawn(io, peer, permit);
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
        self.close_all();
        inner.tasks.close();
        let wait = timeout(inner.config.shutdown_timeout, inner.tasks.wait());
        if wait.await.is_err() {
            self.abort_all();
            inner.tasks.wait().await;
        }
    }

    /// A place among the connections, when there is one; none after a shutdown.
    pub(crate) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            () = self.0.drain.cancelled() => None,
            permit = Arc::clone(&self.0.permits).acquire_owned() => permit.ok(),
        }
    }

    /// Serves a stream in a task of its own.
    pub(crate) fn spawn<S>(
        &self,
        io: S,
        peer: Peer,
        permit: OwnedSemaphorePermit,
    ) -> tokio::task::JoinHandle<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let endpoint = self.clone();
        self.0.tasks.spawn(async move {
            endpoint.serve(io, peer).await;
            drop(permit);
        })
    }

    async fn serve<S>(&self, io: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let inner = &*self.0;
        let place = inner.half_open.enter(inner.config.max_half_open);
        let opened = tokio::select! {
            opened = open(io, peer, &inner.handler, &inner.config) => opened,
            () = place.shed() => return,
            () = inner.drain.cancelled() => return,
        };
        drop(place);
        if let Some(Opened { io, src, request }) = opened {
            self.run(io, src, request).await;
        }
    }

    /// Runs an open connection to its end. `src` holds what was read behind the handshake.
    async fn run<S>(&self, io: S, src: BytesMut, request: Request)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin,
    {
        let inner = &*self.0;
        let config = &inner.config;
        let protocol = request.protocol();
        let registered = inner.registry.insert(request, config);
        match protocol {
            Protocol::Draft76 => {
                let wire = Draft76::new(io, src, config.frames);
                driver::run(wire, registered, &inner.handler, config, &inner.abort).await;
            }
            #[cfg(feature = "rfc6455")]
            Protocol::Rfc6455 | Protocol::Hybi { .. } => {
                let wire = Rfc6455::new(io, src, config).await;
                driver::run(wire, registered, &inner.handler, config, &inner.abort).await;
            }
            #[cfg(not(feature = "rfc6455"))]
            Protocol::Rfc6455 | Protocol::Hybi { .. } => {}
        }
    }

    /// Spawns a task that a shutdown waits for.
    pub(crate) fn track(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn(task);
    }

    /// Ready when a shutdown begins.
    pub(crate) async fn draining(&self) {
        self.0.drain.cancelled().await;
    }

    /// Stops accepting and begins to close every connection.
    pub(crate) fn close_all(&self) {
        self.0.drain.cancel();
        self.0.registry.close_all();
    }

    /// Drops every connection.
    pub(crate) fn abort_all(&self) {
        self.0.abort.cancel();
        self.0.registry.abort_all();
    }
}

impl<H> Clone for Endpoint<H> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<H> fmt::Debug for Endpoint<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("config", &self.0.config)
            .field("open", &self.0.registry.len())
            .field("half_open", &self.0.half_open.len())
            .finish_non_exhaustive()
    }
}
