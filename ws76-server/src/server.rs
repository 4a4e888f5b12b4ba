//! The server: where it listens, and the future that serves.

use std::{
    future::{Future, IntoFuture},
    io,
    net::SocketAddr,
    pin::Pin,
};

use tokio::net::{TcpListener, lookup_host};

use crate::{
    Config, Decision, Endpoint, Events, Handler, Registry, Request, Versions, front::Front,
};

/// A server that listens, but does not serve yet.
///
/// ```no_run
/// use ws76_server::{Config, Handler, Server};
///
/// # async fn run(handler: impl Handler) -> std::io::Result<()> {
/// Server::bind("localhost", 9000)
///     .await?
///     .with_config(Config::new().with_max_connections(500))
///     .serve(handler)
///     .with_shutdown(async { drop(tokio::signal::ctrl_c().await) })
///     .await
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listeners: Vec<(TcpListener, Front)>,
    config: Config,
}

impl Server {
    /// Listens on `host`, a name or an address, and `port`. Port 0 takes any that is free.
    ///
    /// A name is looked up and every address of it is listened on, all with the same port:
    /// `localhost` is usually 127.0.0.1 and ::1, and clients try either.
    ///
    /// # Errors
    ///
    /// When the name is unknown, or an address is in use or not allowed. An address that this
    /// machine does not have is left out if there is another one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes what was opened.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let mut listeners: Vec<(TcpListener, Front)> = Vec::new();
        let mut missing = None;
        for mut addr in lookup_host((host, port)).await? {
            if let (0, Some((first, _))) = (port, listeners.first()) {
                addr.set_port(first.local_addr()?.port());
            }
            match TcpListener::bind(addr).await {
                Ok(listener) => listeners.push((listener, Front::default())),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                    // Some hosts files have the same address twice.
                    let ours = |one: &TcpListener| one.local_addr().is_ok_and(|one| one == addr);
                    if !listeners.iter().any(|(one, _)| ours(one)) {
                        return Err(error);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Err(error),
                // This machine does not have that address, or not its family.
                Err(error) => missing = Some(error),
            }
        }
        if listeners.is_empty() {
            return Err(missing.unwrap_or_else(|| io::ErrorKind::AddrNotAvailable.into()));
        }
        Ok(Self {
            listeners,
            config: Config::new(),
        })
    }

    /// Uses a listener of one's own.
    pub fn new(listener: TcpListener) -> Self {
        Self {
            listeners: vec![(listener, Front::default())],
            config: Config::new(),
        }
    }

    /// Listens where `other` listens too, with one handler, registry and configuration for all: that
    /// of `other` is not taken over. What each of them was told of its listeners stays as it is:
    /// [`Self::with_versions`], `with_tls` and `with_proxy_protocol` are about those that a server has
    /// when they are called.
    ///
    /// ```no_run
    /// use ws76_server::{Server, Versions};
    ///
    /// # async fn bind() -> std::io::Result<Server> {
    /// let devices = Server::bind("192.0.2.1", 80).await?;
    /// let browsers = Server::bind("localhost", 9000).await?;
    /// Ok(devices.and(browsers.with_versions(Versions::new().with_draft76(false))))
    /// # }
    /// ```
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.listeners.extend(other.listeners);
        self
    }

    /// Sets limits, timeouts and policies.
    #[must_use]
    pub fn with_config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Serves these protocols here, whatever [`Config::versions`] says of other listeners: draft-76,
    /// whose frames are not masked, only where its clients are, for example.
    #[must_use]
    pub fn with_versions(self, versions: Versions) -> Self {
        self.with_front(|front| front.versions = Some(versions))
    }

    /// Serves TLS: `wss`, for both protocols, with `https` for plain HTTP. The location in the reply
    /// to a draft-76 client is `wss://` then.
    ///
    /// The TLS handshake is part of the opening handshake: [`Config::handshake_timeout`] and
    /// [`Config::max_half_open`] bound it.
    ///
    /// ```no_run
    /// use ws76_server::{Handler, Server, Tls};
    ///
    /// # async fn run(handler: impl Handler) -> Result<(), Box<dyn std::error::Error>> {
    /// let tls = Tls::from_pem_files("chain.pem", "key.pem")?;
    /// Server::bind("0.0.0.0", 443)
    ///     .await?
    ///     .with_tls(tls.clone())
    ///     .serve(handler)
    ///     .await?;
    /// // Meanwhile, whenever the files have changed:
    /// tls.reload()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(self, tls: crate::Tls) -> Self {
        self.with_front(|front| front.tls = Some(tls.clone()))
    }

    /// Expects the header of the PROXY protocol, version 1 or 2, before anything else on every
    /// connection, TLS included; one without it is closed. It says the client's address, and with
    /// the TLV `PP2_TYPE_SSL` that it came through TLS. The header must come within
    /// [`Config::handshake_timeout`].
    ///
    /// If there are [`Config::trusted_proxies`], everybody else is turned away. If there are none,
    /// the server believes whoever reaches it, and nobody but the proxy must.
    ///
    /// ```no_run
    /// use ws76_server::{Handler, ProxyProtocol, Server};
    ///
    /// # async fn run(handler: impl Handler) -> std::io::Result<()> {
    /// Server::bind("127.0.0.1", 9000)
    ///     .await?
    ///     .with_proxy_protocol(ProxyProtocol::new())
    ///     .serve(handler)
    ///     .await
    /// # }
    /// ```
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn with_proxy_protocol(self, protocol: crate::ProxyProtocol) -> Self {
        self.with_front(|front| front.proxy_protocol = Some(protocol))
    }

    /// Sets something of every listener that there is so far.
    fn with_front(mut self, set: impl Fn(&mut Front)) -> Self {
        self.listeners.iter_mut().for_each(|(_, front)| set(front));
        self
    }

    /// The addresses that the server listens on.
    ///
    /// ```
    /// use ws76_server::Server;
    ///
    /// # async fn bind() -> std::io::Result<()> {
    /// for addr in Server::bind("localhost", 0).await?.local_addrs()? {
    ///     println!("listening on {addr}");
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub fn local_addrs(&self) -> io::Result<Vec<SocketAddr>> {
        self.listeners
            .iter()
            .map(|(listener, _)| listener.local_addr())
            .collect()
    }

    /// Serves with `handler`: await the result.
    pub fn serve<H, S>(self, handler: H) -> Serve<H, S>
    where
        H: Handler<S>,
        S: Default + Send + Sync + 'static,
    {
        Serve {
            listeners: self.listeners,
            endpoint: Endpoint::new(handler, self.config),
            shutdown: Box::pin(std::future::pending()),
        }
    }

    /// Serves in a task of its own, with a loop over [`Events`] instead of a handler. Every request
    /// is accepted; see [`Server::into_events_deciding`] for a choice.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn into_events(self) -> (Events, Registry) {
        self.into_events_deciding(|_| Decision::accept())
    }

    /// As [`Server::into_events`], with a decision on each request.
    ///
    /// ```
    /// use ws76_server::{Decision, Server, Status};
    ///
    /// # async fn run(server: Server) {
    /// let (mut events, registry) = server.into_events_deciding(|request| match request.path() {
    ///     "/chat" => Decision::<()>::accept(),
    ///     _ => Decision::refuse(Status::NOT_FOUND),
    /// });
    /// while let Some(event) = events.recv().await {
    ///     println!("{event:?}, {} open", registry.len());
    /// }
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn into_events_deciding<S: Default + Send + Sync + 'static>(
        self,
        decide: impl Fn(&Request) -> Decision<S> + Send + Sync + 'static,
    ) -> (Events<S>, Registry<S>) {
        Events::new(self, Box::new(decide))
    }
}

/// A server that serves when it is awaited, until its shutdown is done.
///
/// ```
/// use std::{io, time::Duration};
/// use ws76_server::{Handler, Server};
///
/// async fn serve(server: Server, handler: impl Handler) -> io::Result<()> {
///     let serve = server.serve(handler);
///     let (registry, endpoint) = (serve.registry(), serve.endpoint().clone());
///     tokio::spawn(async move {
///         loop {
///             tokio::time::sleep(Duration::from_secs(60)).await;
///             registry.send_all("a minute has passed");
///             println!("{:?}", endpoint.stats());
///         }
///     });
///     serve.with_shutdown(async { drop(tokio::signal::ctrl_c().await) }).await
/// }
/// ```
///
/// # Cancel safety
///
/// Dropping the future stops accepting and drops every connection, with its closed event.
pub struct Serve<H, S = ()>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    listeners: Vec<(TcpListener, Front)>,
    endpoint: Endpoint<H, S>,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl<H, S> std::fmt::Debug for Serve<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Serve")
            .field("listeners", &self.listeners)
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

impl<H, S> Serve<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    /// Shuts down gracefully when `signal` is ready: stops accepting, then as
    /// [`Endpoint::shutdown`].
    #[must_use]
    pub fn with_shutdown(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.shutdown = Box::pin(signal);
        self
    }

    /// The endpoint that is served, to serve other streams with the same handler and registry.
    pub const fn endpoint(&self) -> &Endpoint<H, S> {
        &self.endpoint
    }

    /// The registry of the connections to come, to send from elsewhere than the handler.
    pub fn registry(&self) -> Registry<S> {
        self.endpoint.registry().clone()
    }

    async fn run(self) -> io::Result<()> {
        let guard = AbortOnDrop(self.endpoint);
        let AbortOnDrop(endpoint) = &guard;
        for (listener, front) in self.listeners {
            endpoint.track(endpoint.clone().accept(listener, front));
        }
        self.shutdown.await;
        endpoint.shutdown().await;
        Ok(())
    }
}

impl<H, S> IntoFuture for Serve<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    type Output = io::Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// Ends every task when the future that serves is dropped.
struct AbortOnDrop<H, S>(Endpoint<H, S>)
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static;

impl<H, S> Drop for AbortOnDrop<H, S>
where
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    fn drop(&mut self) {
        self.0.close_all();
        self.0.abort_all();
    }
}
