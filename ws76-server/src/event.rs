//! The other style: a loop that receives events, instead of a handler that is called.

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
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum Event {
    /// The connection is open, and in the registry.
    Open(Connection),
    /// A message came.
    Message(Connection, Text),
    /// The connection failed; `Closed` comes next.
    Error(ConnectionId, ConnectionError),
    /// The connection is closed, and no longer in the registry.
    Closed(ConnectionId, CloseReason),
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
pub struct Events {
    receiver: mpsc::Receiver<Event>,
    shutdown: Option<oneshot::Sender<()>>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Events {
    pub(crate) fn new(server: Server, decide: Decide) -> (Self, Registry) {
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
    pub async fn recv(&mut self) -> Option<Event> {
        self.receiver.recv().await
    }

    /// Begins a graceful shutdown. Go on receiving until `None`: every closed event comes.
    pub fn shutdown(&mut self) {
        if let Some(shutdown) = self.shutdown.take() {
            let _ = shutdown.send(());
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) type Decide = Box<dyn Fn(&Request) -> Decision + Send + Sync>;

/// The handler under this style. A failed send means that nobody receives any more.
struct Forward {
    sender: mpsc::Sender<Event>,
    decide: Decide,
}

impl Handler for Forward {
    async fn on_request(&self, request: &Request) -> Decision {
        (self.decide)(request)
    }

    async fn on_open(&self, connection: &Connection) {
        let _ = self.sender.send(Event::Open(connection.clone())).await;
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        let _ = self
            .sender
            .send(Event::Message(connection.clone(), text))
            .await;
    }

    async fn on_error(&self, connection: &Connection, error: ConnectionError) {
        let _ = self.sender.send(Event::Error(connection.id(), error)).await;
    }

    async fn on_closed(&self, connection: &Connection, reason: CloseReason) {
        let _ = self
            .sender
            .send(Event::Closed(connection.id(), reason))
            .await;
    }
}

/// Events that wait to be received.
const QUEUE: usize = 64;
