//! The handle of one connection, which any task may hold and send with.

use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, OnceLock, PoisonError, atomic::Ordering},
};

use bytes::Bytes;
use ws76_codec::EncodedFrame;

use crate::{
    AsText, CloseStatus, Config, Protocol, Registry, Request, SendError,
    observe::events,
    outbox::{Asked, Dropped, Outbox, Phase},
    sync::{AtomicBool, Mutex, MutexGuard, Notify},
};

/// The id of a connection: a counter, never used twice by a server.
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
pub struct Connection<S = ()>(Arc<Shared<S>>);

struct Shared<S> {
    id: ConnectionId,
    request: Request,
    state: S,
    registry: Registry<S>,
    outbox: Mutex<Outbox>,
    /// Whether the outbox has left `Phase::Open`; to be seen without its lock.
    ending: AtomicBool,
    /// Wakes those who wait for room, or for what is queued to leave.
    progress: Notify,
    /// What a closing frame of the client said, where its protocol has words for it.
    peer_status: OnceLock<CloseStatus>,
}

impl<S> Connection<S> {
    pub(crate) fn new(
        id: ConnectionId,
        request: Request,
        state: S,
        registry: Registry<S>,
        config: &Config,
    ) -> Self {
        let outbox = Mutex::new(Outbox::new(config, request.protocol()));
        Self(Arc::new(Shared {
            id,
            request,
            state,
            registry,
            outbox,
            ending: AtomicBool::new(false),
            progress: Notify::new(),
            peer_status: OnceLock::new(),
        }))
    }

    /// The id, by which the [`Registry`] finds this connection while it is open.
    pub fn id(&self) -> ConnectionId {
        self.0.id
    }

    /// The request that opened the connection.
    pub fn request(&self) -> &Request {
        &self.0.request
    }

    /// What the application keeps with this connection.
    pub fn state(&self) -> &S {
        &self.0.state
    }

    /// The protocol that the client speaks.
    pub fn protocol(&self) -> Protocol {
        self.0.request.protocol()
    }

    /// The address of the client, where the stream has one.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.request.peer_addr()
    }

    /// The registry of the server, to reach the other connections.
    pub fn registry(&self) -> &Registry<S> {
        &self.0.registry
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
    pub async fn send(&self, text: impl AsText) -> Result<(), SendError> {
        self.wait_for_room(|| self.try_send(&text)).await
    }

    /// Queues a message if there is room. Unlike the methods of [`Registry`], this leaves it to the
    /// caller what to do with a slow receiver.
    ///
    /// # Errors
    ///
    /// [`SendError::Full`] when there is no room, and as [`Connection::send`].
    pub fn try_send(&self, text: impl AsText) -> Result<(), SendError> {
        self.outbox().push(text.utf8())
    }

    /// As [`Connection::send`], with a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the client speaks draft-76, which has none, and as
    /// [`Connection::send`].
    ///
    /// # Cancel safety
    ///
    /// When the future is dropped before it is done, the message was not queued.
    pub async fn send_binary(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        let bytes = bytes.into();
        self.wait_for_room(|| self.try_send_binary(bytes.clone()))
            .await
    }

    /// As [`Connection::try_send`], with a binary message.
    ///
    /// # Errors
    ///
    /// [`SendError::Unsupported`] when the client speaks draft-76, which has none, and as
    /// [`Connection::try_send`].
    pub fn try_send_binary(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        #[cfg(feature = "rfc6455")]
        return self.outbox().push_binary(bytes.into());
        #[cfg(not(feature = "rfc6455"))]
        {
            drop(bytes.into());
            Err(SendError::Unsupported)
        }
    }

    async fn wait_for_room(
        &self,
        push: impl Fn() -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        loop {
            let progress = self.0.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            match push() {
                Err(SendError::Full) => progress.await,
                result => return result,
            }
        }
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
        let target = self.outbox().accepted();
        loop {
            let progress = self.0.progress.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            {
                let outbox = self.outbox();
                if matches!(outbox.phase(), Phase::Dropped(_)) {
                    return Err(SendError::Closed);
                }
                if outbox.is_gone(target) {
                    return Ok(());
                }
            }
            progress.await;
        }
    }

    /// The count of messages in the outbound queue.
    pub fn queued(&self) -> usize {
        self.outbox().messages()
    }

    /// The count of messages that were queued and never sent: dropped by
    /// [`SlowReceiver::DropOldest`](crate::SlowReceiver::DropOldest), or left over when the
    /// connection ended.
    pub fn dropped(&self) -> u64 {
        self.outbox().dropped()
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
        self.outbox().close_with(status);
        self.ended();
    }

    /// What the client's closing frame said, once it came and if it said anything. Draft-76 clients
    /// say nothing.
    pub fn peer_status(&self) -> Option<&CloseStatus> {
        self.0.peer_status.get()
    }

    pub(crate) fn set_peer_status(&self, status: CloseStatus) {
        // A client has one closing frame.
        let _ = self.0.peer_status.set(status);
    }

    pub(crate) fn close_as(&self, asked: Asked) {
        self.outbox().close(asked);
        self.ended();
    }

    /// Drops what is queued; nothing goes out any more.
    pub(crate) fn drop_all(&self, why: Dropped) {
        self.outbox().drop_all(why);
        self.ended();
    }

    /// Whether the connection has begun to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.0.ending.load(Ordering::Acquire)
    }

    fn ended(&self) {
        self.0.ending.store(true, Ordering::Release);
        self.notify();
    }

    /// Queues a frame without waiting; applies the slow-receiver policy when there is no room.
    pub(crate) fn push_shared(&self, frame: &EncodedFrame) -> Result<(), SendError> {
        self.push_or_drop(frame.as_bytes().len(), |outbox| outbox.push_shared(frame))
    }

    /// As [`Self::push_shared`], for a text of UTF-8 that is for this connection only.
    pub(crate) fn push(&self, utf8: &[u8]) -> Result<(), SendError> {
        self.push_or_drop(utf8.len() + 2, |outbox| outbox.push(utf8))
    }

    fn push_or_drop(
        &self,
        len: usize,
        push: impl Fn(&mut Outbox) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let mut outbox = self.outbox();
        let mut result = push(&mut outbox);
        if result == Err(SendError::Full) {
            if outbox.make_room(len) {
                result = push(&mut outbox);
            }
            let ended = outbox.phase() != Phase::Open;
            let moved = outbox.take_moved();
            drop(outbox);
            if ended {
                self.ended();
            } else if moved {
                self.notify();
            }
            events::full(self.id());
            if result.is_err() {
                self.registry().fan_out().full();
            }
        }
        result
    }

    /// The outbox. A panic elsewhere cannot leave it half changed, so poison means nothing.
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.0.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes those who wait for room or for a flush.
    pub(crate) fn notify(&self) {
        self.0.progress.notify_waiters();
    }
}

impl<S> Clone for Connection<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.0.id.0)
            .field("protocol", &self.protocol())
            .field("peer_addr", &self.peer_addr())
            .finish_non_exhaustive()
    }
}
