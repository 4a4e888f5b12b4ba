//! The handle of one connection, which any task may hold and send with.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock},
};

use bytes::Bytes;

use crate::{
    AsText, CloseStatus, Config, Protocol, Registry, Request, SendError,
    line::{Binary, Line, Pushed, Textual},
    observe::events,
    outbox::{Asked, Dropped, Shared},
};

/// The id of a connection: a counter, never used twice by a server.
///
/// ```
/// use std::collections::HashMap;
/// use ws76_server::{Connection, ConnectionId};
///
/// fn note(scores: &mut HashMap<ConnectionId, u32>, connection: &Connection) {
///     *scores.entry(connection.id()).or_default() += 1;
///     println!("connection {}", connection.id().get());
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(crate) u64);

impl ConnectionId {
    /// The number; the first connection of a server is 1.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connection, as a handle: cheap to clone, and usable from any task for as long as you like.
///
/// Messages of one sender arrive in the order they were sent, each whole. `Ok` from a send means:
/// placed in the bounded outbound queue of an open connection. An error means: never sent.
///
/// ```
/// use ws76_server::{CloseStatus, Connection, SendError};
///
/// /// Sends numbers to whoever keeps up, then closes.
/// async fn count(connection: Connection) -> Result<(), SendError> {
///     println!("{:?} at {:?}", connection.protocol(), connection.peer_addr());
///     for number in 0..1000 {
///         match connection.try_send(format!("{number}")) {
///             Err(SendError::Full) => println!("{} wait in the queue", connection.queued()),
///             sent => sent?,
///         }
///     }
///     connection.send("that was all").await?; // waits for room
///     connection.flush().await?; // until the kernel has it all
///     match CloseStatus::new(4000, "counted") {
///         Some(status) => connection.close_with(status),
///         None => connection.close(),
///     }
///     println!("{} dropped", connection.dropped());
///     Ok(())
/// }
/// ```
pub struct Connection<S = ()> {
    line: Arc<Line>,
    about: Arc<About<S>>,
}

/// What does not change while the connection is open, or once only.
struct About<S> {
    id: ConnectionId,
    request: Request,
    state: S,
    registry: Registry<S>,
    /// What a closing frame of the client said, where its protocol has words for it.
    peer_status: OnceLock<Box<CloseStatus>>,
}

impl<S> Connection<S> {
    pub(crate) fn new(
        id: ConnectionId,
        request: Request,
        state: S,
        registry: Registry<S>,
        config: &Arc<Config>,
    ) -> Self {
        let line = Arc::new(Line::new(config, request.protocol()));
        let about = Arc::new(About {
            id,
            request,
            state,
            registry,
            peer_status: OnceLock::new(),
        });
        Self { line, about }
    }

    /// The id, by which the [`Registry`] finds this connection while it is open.
    pub fn id(&self) -> ConnectionId {
        self.about.id
    }

    /// The request that opened the connection.
    pub fn request(&self) -> &Request {
        &self.about.request
    }

    /// What the application keeps with this connection.
    pub fn state(&self) -> &S {
        &self.about.state
    }

    /// The protocol that the client speaks.
    pub fn protocol(&self) -> Protocol {
        self.about.request.protocol()
    }

    /// The address of the client, where the stream has one.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.about.request.peer_addr()
    }

    /// The registry of the server, to reach the other connections.
    pub fn registry(&self) -> &Registry<S> {
        &self.about.registry
    }

    /// Queues a message; waits while the queue is full.
    ///
    /// # Errors
    ///
    /// [`SendError::Closing`] or [`SendError::Closed`] when the connection is, or becomes so while
    /// this waits; [`SendError::TooLong`] over the limit on messages. Never [`SendError::Full`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before it is done, the message was not queued.
    #[inline]
    pub fn send<'a>(
        &'a self,
        text: impl AsText + 'a,
    ) -> impl Future<Output = Result<(), SendError>> {
        self.line.push(Textual(text))
    }

    /// Queues a message if there is room. Unlike the methods of [`Registry`], this leaves it to the
    /// caller what to do with a slow receiver.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] when there is no room, and as [`Connection::send`].
    pub fn try_send(&self, text: impl AsText) -> Result<(), SendError> {
        self.line.try_push(&Textual(text))
    }

    /// As [`Connection::send`], with a binary message.
    ///
    /// ```
    /// use ws76_server::{Connection, SendError};
    ///
    /// async fn picture(connection: &Connection, png: Vec<u8>) -> Result<(), SendError> {
    ///     match connection.send_binary(png).await {
    ///         Err(SendError::Unsupported) => connection.send("no picture for draft-76").await,
    ///         sent => sent,
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the client speaks draft-76, which has none, and as
    /// [`Connection::send`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before it is done, the message was not queued.
    pub fn send_binary(
        &self,
        bytes: impl Into<Bytes>,
    ) -> impl Future<Output = Result<(), SendError>> {
        self.line.push(Binary(bytes.into()))
    }

    /// As [`Connection::try_send`], with a binary message.
    ///
    /// ```
    /// use ws76_server::Connection;
    ///
    /// /// Sends a frame of a film, or leaves it out if the client does not keep up.
    /// fn film(connection: &Connection, frame: &'static [u8]) -> bool {
    ///     connection.try_send_binary(frame).is_ok()
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the client speaks draft-76, which has none, and as
    /// [`Connection::try_send`].
    pub fn try_send_binary(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.line.try_push(&Binary(bytes.into()))
    }

    /// Waits until all that was queued when this was called has been handed to the kernel.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] when the connection ended before.
    ///
    /// # Cancel safety
    ///
    /// Waits only; dropping the future changes nothing.
    pub async fn flush(&self) -> Result<(), SendError> {
        self.line.flush().await
    }

    /// The count of messages in the outbound queue.
    pub fn queued(&self) -> usize {
        self.line.outbox().messages()
    }

    /// The count of messages that were queued and never sent: dropped by
    /// [`SlowReceiver::DropOldest`](crate::SlowReceiver::DropOldest), or left over when the
    /// connection ended.
    pub fn dropped(&self) -> u64 {
        self.line.outbox().dropped()
    }

    /// Begins the closing handshake: what is queued goes out, then the closing frame. Sends fail
    /// from now on, and no further message is delivered. Does nothing when it was begun before.
    ///
    /// All of that has [`Config::closing_timeout`]; what is still queued then is dropped.
    pub fn close(&self) {
        self.close_as(Asked::Local);
    }

    /// As [`Connection::close`], and tells an RFC 6455 client why. Draft-76 has no words for that: its
    /// clients get the closing frame. Does nothing when a close was begun before.
    pub fn close_with(&self, status: CloseStatus) {
        self.line.close_with(status);
    }

    /// What the client's closing frame said, once it came and if it said anything. Draft-76 clients
    /// say nothing.
    ///
    /// ```
    /// use ws76_server::{CloseReason, Connection, Handler};
    ///
    /// struct Chat;
    ///
    /// impl Handler for Chat {
    ///     async fn on_closed(&self, connection: &Connection, reason: CloseReason) {
    ///         match connection.peer_status() {
    ///             Some(status) => println!("{reason}: {} {}", status.code(), status.reason()),
    ///             None => println!("{reason}"),
    ///         }
    ///     }
    /// }
    /// ```
    pub fn peer_status(&self) -> Option<&CloseStatus> {
        self.about.peer_status.get().map(|status| &**status)
    }

    pub(crate) fn set_peer_status(&self, status: CloseStatus) {
        // A client has one closing frame.
        let _ = self.about.peer_status.set(Box::new(status));
    }

    pub(crate) fn close_as(&self, asked: Asked) {
        self.line.close_as(asked);
    }

    /// Drops what is queued; nothing goes out any more.
    pub(crate) fn drop_all(&self, why: Dropped) {
        self.line.drop_all(why);
    }

    /// Queues a frame without waiting; applies the slow-receiver policy when there is no room.
    pub(crate) fn push_shared(&self, shared: &Shared) -> Result<(), SendError> {
        self.pushed(self.line.push_shared_or_drop(shared))
    }

    /// As [`Self::push_shared`], for a text that is for this connection only.
    pub(crate) fn push(&self, text: &impl AsText) -> Result<(), SendError> {
        let len = text.utf8().len() + 2;
        self.pushed(self.line.push_or_drop(len, &Textual(text)))
    }

    fn pushed(&self, pushed: Pushed) -> Result<(), SendError> {
        if pushed.was_full {
            events::full(self.id());
            if pushed.result.is_err() {
                self.registry().fan_out().full();
            }
        }
        pushed.result
    }

    /// What the driver and all who send share.
    pub(crate) const fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl<S> Clone for Connection<S> {
    fn clone(&self) -> Self {
        Self {
            line: Arc::clone(&self.line),
            about: Arc::clone(&self.about),
        }
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id().0)
            .field("protocol", &self.protocol())
            .field("peer_addr", &self.peer_addr())
            .finish_non_exhaustive()
    }
}
