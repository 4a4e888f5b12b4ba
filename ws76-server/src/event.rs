//! The other style: a loop that receives events, instead of a handler that is called.

use bytes::Bytes;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use ws76_codec::Text;

use crate::{
    CloseReason, Connection, ConnectionError, ConnectionId, Decision, Handler, Registry, Request,
    Server,
};

/// What happened to a connection. For each: `Open`, `Message` any number of times, `Error` at most
/// once, `Closed`.
///
/// ```
/// use ws76_server::Event;
///
/// fn show(event: &Event) -> String {
///     match event {
///         Event::Open(connection) => format!("{} opened", connection.id()),
///         Event::Message(connection, text) => format!("{}: {text}", connection.id()),
///         Event::Error(id, error) => format!("{id} failed: {error}"),
///         Event::Closed(id, reason) => format!("{id} closed: {reason}"),
///         _ => "something new".to_owned(),
///     }
/// }
/// ```
#[non_exhaustive]
#[derive(Debug)]
pub enum Event<S = ()> {
    /// The connection is open, and in the registry.
    Open(Connection<S>),
    /// A message came.
    Message(Connection<S>, Text),
    /// A binary message came, where [`Config::binary`](crate::Config::binary) lets it in.
    Binary(Connection<S>, Bytes),
    /// The connection failed; `Closed` comes next.
    Error(ConnectionId, ConnectionError),
    /// The connection is closed, and no longer in the registry.
    Closed(ConnectionId, CloseReason),
}

impl<S> Clone for Event<S> {
    fn clone(&self) -> Self {
        match self {
            Self::Open(connection) => Self::Open(connection.clone()),
            Self::Message(connection, text) => Self::Message(connection.clone(), text.clone()),
            Self::Binary(connection, bytes) => Self::Binary(connection.clone(), bytes.clone()),
            Self::Error(id, error) => Self::Error(*id, *error),
            Self::Closed(id, reason) => Self::Closed(*id, *reason),
        }
    }
}

/// The events of a server that serves in a task of its own.
///
/// At most 64 events wait to be received; a connection whose event finds no room waits, and reads
/// nothing meanwhile. Dropping this aborts the server.
///
/// ```no_run
/// use ws76_server::{Event, Server};
///
/// # async fn run() -> std::io::Result<()> {
/// let (mut events, registry) = Server::bind("localhost", 9000).await?.into_events();
/// while let Some(event) = events.recv().await {
///     match event {
///         Event::Message(connection, text) => {
///             registry.broadcast(connection.id(), text);
///         }
///         Event::Closed(id, reason) => println!("{id}: {reason}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events<S = ()> {
    receiver: mpsc::Receiver<Event<S>>,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl<S: Default + Send + Sync + 'static> Events<S> {
    pub(crate) fn new(server: Server, decide: Decide<S>) -> (Self, Registry<S>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (shutdown, asked) = oneshot::channel();
        let serve = server
            .serve(Forward { sender, decide })
            .with_shutdown(async {
                // Dropped without a word, it is pending for ever: `Drop` aborts the task.
                if asked.await.is_err() {
                    std::future::pending().await
                }
            });
        let registry = serve.registry();
        let events = Self {
            receiver,
            shutdown: Some(shutdown),
            server: tokio::spawn(serve.into_future()),
        };
        (events, registry)
    }

    /// The next event; `None` when the server has shut down and every event was received.
    ///
    /// # Cancel safety
    ///
    /// No event is lost when the future is dropped.
    pub async fn recv(&mut self) -> Option<Event<S>> {
        self.receiver.recv().await
    }

    /// Begins a graceful shutdown. Go on receiving until `None`: every closed event comes.
    pub fn shutdown(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(());
        }
    }
}

impl<S> Drop for Events<S> {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) type Decide<S> = Box<dyn Fn(&Request) -> Decision<S> + Send + Sync>;

/// The handler under this style. A failed send means that nobody receives any more.
struct Forward<S> {
    sender: mpsc::Sender<Event<S>>,
    decide: Decide<S>,
}

impl<S: Default + Send + Sync + 'static> Handler<S> for Forward<S> {
    async fn on_request(&self, request: &Request) -> Decision<S> {
        (self.decide)(request)
    }

    async fn on_open(&self, connection: &Connection<S>) {
        let _ = self.sender.send(Event::Open(connection.clone())).await;
    }

    async fn on_message(&self, connection: &Connection<S>, text: Text) {
        let _ = self
            .sender
            .send(Event::Message(connection.clone(), text))
            .await;
    }

    async fn on_binary(&self, connection: &Connection<S>, bytes: Bytes) {
        let _ = self
            .sender
            .send(Event::Binary(connection.clone(), bytes))
            .await;
    }

    async fn on_error(&self, connection: &Connection<S>, error: ConnectionError) {
        let _ = self.sender.send(Event::Error(connection.id(), error)).await;
    }

    async fn on_closed(&self, connection: &Connection<S>, reason: CloseReason) {
        let _ = self
            .sender
            .send(Event::Closed(connection.id(), reason))
            .await;
    }
}

/// Events that wait to be received.
const QUEUE: usize = 64;
