//! A server on a free port, whose events are recorded.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::{
    net::{TcpListener, TcpSocket},
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use ws76_server::{
    CloseReason, Config, Connection, ConnectionError, Decision, Handler, Head, Registry, Request,
    Response, Server, Stats, Text,
};

use super::within;

/// An event of a connection, by its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    Open(u64),
    Message(u64, String),
    Binary(u64, Vec<u8>),
    Error(u64, ConnectionError),
    Closed(u64, CloseReason),
    /// What promises P4 and P5 exclude: two events at once, or an event of a connection that is
    /// in the registry and should not be, or the other way round.
    Forbidden(u64, &'static str),
}

/// A server that serves in a task. Its events are recorded as they begin.
pub(crate) struct TestServer {
    pub(crate) addr: SocketAddr,
    pub(crate) registry: Registry,
    stats: Box<dyn Fn() -> Stats + Send + Sync>,
    set_config: Box<dyn Fn(Config) + Send + Sync>,
    seen: mpsc::UnboundedReceiver<Seen>,
    shutdown: Option<oneshot::Sender<()>>,
    serve: JoinHandle<io::Result<()>>,
}

impl TestServer {
    pub(crate) async fn start(handler: impl Handler) -> Self {
        Self::with(Config::new(), handler).await
    }

    pub(crate) async fn with(config: Config, handler: impl Handler) -> Self {
        Self::on(listener().await, config, handler)
    }

    pub(crate) fn on(listener: TcpListener, config: Config, handler: impl Handler) -> Self {
        Self::of(Server::new(listener).with_config(config), handler)
    }

    pub(crate) fn of(server: Server, handler: impl Handler) -> Self {
        let addr = server.local_addrs().unwrap()[0];
        let (sender, seen) = mpsc::unbounded_channel();
        let (shutdown, asked) = oneshot::channel();
        let handler = Recorded {
            inner: handler,
            seen: sender,
            busy: Arc::default(),
        };
        let serve = server.serve(handler).with_shutdown(async {
            let _ = asked.await;
        });
        let registry = serve.registry();
        let (stats, config) = (serve.endpoint().clone(), serve.endpoint().clone());
        Self {
            addr,
            registry,
            stats: Box::new(move || stats.stats()),
            set_config: Box::new(move |new| config.set_config(new)),
            seen,
            shutdown: Some(shutdown),
            serve: tokio::spawn(serve.into_future()),
        }
    }

    /// What the server has done so far.
    pub(crate) fn stats(&self) -> Stats {
        (self.stats)()
    }

    /// Sets the config of the connections to come.
    pub(crate) fn set_config(&self, config: Config) {
        (self.set_config)(config);
    }

    /// The next event.
    pub(crate) async fn next(&mut self) -> Seen {
        within("an event", self.seen.recv())
            .await
            .expect("the server has ended")
    }

    /// The next event, when it may need time to pass.
    pub(crate) async fn next_due(&mut self) -> Seen {
        super::elapse(self.seen.recv())
            .await
            .expect("the server has ended")
    }

    /// Asserts what the next events are, one after the other.
    pub(crate) async fn expect(&mut self, events: impl IntoIterator<Item = Seen>) {
        for event in events {
            assert_eq!(self.next().await, event);
        }
    }

    /// Skips messages and errors up to the next closed event.
    pub(crate) async fn closed(&mut self) -> (u64, CloseReason) {
        loop {
            match self.next().await {
                Seen::Closed(id, reason) => return (id, reason),
                Seen::Forbidden(id, what) => panic!("connection {id}: {what}"),
                _ => {}
            }
        }
    }

    /// The connection of that id, once its open event has begun.
    pub(crate) async fn opened(&mut self, id: u64) -> Connection {
        loop {
            match self.next().await {
                Seen::Open(open) if open == id => break,
                Seen::Closed(..) | Seen::Forbidden(..) => panic!("{id} did not open"),
                _ => {}
            }
        }
        let all = self.registry.connections();
        let mut all = all.into_iter();
        all.find(|one| one.id().get() == id).expect("registered")
    }

    /// Begins a graceful shutdown.
    pub(crate) fn shut_down(&mut self) {
        let _ = self.shutdown.take().expect("once").send(());
    }

    /// Waits for the serving future, which must not fail, and for the events that are left.
    pub(crate) async fn ended(mut self) -> Vec<Seen> {
        within("the end of the server", &mut self.serve)
            .await
            .expect("no panic")
            .expect("no error");
        self.rest().await
    }

    /// As [`Self::ended`], when time has to pass for it.
    pub(crate) async fn ended_due(mut self) -> Vec<Seen> {
        super::elapse(&mut self.serve)
            .await
            .expect("no panic")
            .expect("no error");
        self.rest().await
    }

    /// Drops the serving future. Every task must end for this to return the events that are left.
    pub(crate) async fn dropped(mut self) -> Vec<Seen> {
        self.serve.abort();
        let _ = (&mut self.serve).await;
        self.rest().await
    }

    async fn rest(&mut self) -> Vec<Seen> {
        let mut rest = Vec::new();
        // These hold the handler too.
        self.stats = Box::new(Stats::default);
        self.set_config = Box::new(drop);
        // Ends when the last task has dropped the handler.
        while let Some(event) = within("the end of all tasks", self.seen.recv()).await {
            rest.push(event);
        }
        assert!(self.registry.is_empty(), "P5: closed, so not registered");
        rest
    }
}

/// A listener on a free port.
pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// A listener whose connections have small buffers in the kernel, so that a client that does not
/// read is noticed after few bytes.
pub(crate) fn narrow_listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.set_send_buffer_size(4 << 10).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    socket.listen(64).unwrap()
}

/// Records the events of a handler, and what must never be seen.
struct Recorded<H> {
    inner: H,
    seen: mpsc::UnboundedSender<Seen>,
    busy: Arc<Mutex<HashSet<u64>>>,
}

impl<H> Recorded<H> {
    /// Notes that an event begins; it ends when the guard is dropped.
    fn begin(&self, connection: &Connection, event: Seen, registered: bool) -> Busy {
        let id = connection.id();
        let forbid = |what| drop(self.seen.send(Seen::Forbidden(id.get(), what)));
        if connection.registry().get(id).is_some() != registered {
            forbid("registered at a wrong time");
        }
        if !self.busy.lock().unwrap().insert(id.get()) {
            forbid("two events at once");
        }
        let _ = self.seen.send(event);
        Busy {
            id: id.get(),
            busy: Arc::clone(&self.busy),
        }
    }
}

struct Busy {
    id: u64,
    busy: Arc<Mutex<HashSet<u64>>>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.busy.lock().unwrap().remove(&self.id);
    }
}

impl<H: Handler> Handler for Recorded<H> {
    async fn on_request(&self, request: &Request) -> Decision {
        self.inner.on_request(request).await
    }

    async fn on_http(&self, head: &Head, peer_addr: Option<SocketAddr>) -> Response {
        self.inner.on_http(head, peer_addr).await
    }

    async fn on_open(&self, connection: &Connection) {
        let _busy = self.begin(connection, Seen::Open(connection.id().get()), true);
        self.inner.on_open(connection).await;
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        let event = Seen::Message(connection.id().get(), text.as_str().to_owned());
        let _busy = self.begin(connection, event, true);
        self.inner.on_message(connection, text).await;
    }

    async fn on_binary(&self, connection: &Connection, bytes: Bytes) {
        let event = Seen::Binary(connection.id().get(), bytes.to_vec());
        let _busy = self.begin(connection, event, true);
        self.inner.on_binary(connection, bytes).await;
    }

    async fn on_error(&self, connection: &Connection, error: ConnectionError) {
        let event = Seen::Error(connection.id().get(), error);
        let _busy = self.begin(connection, event, false);
        self.inner.on_error(connection, error).await;
    }

    async fn on_closed(&self, connection: &Connection, reason: CloseReason) {
        let event = Seen::Closed(connection.id().get(), reason);
        let _busy = self.begin(connection, event, false);
        self.inner.on_closed(connection, reason).await;
    }
}
