//! Who is open, and sending to one, to all but one, and to all.

use std::sync::{Arc, PoisonError, atomic::Ordering};

use crate::{
    AsText, Config, Connection, ConnectionId, Request, SendError,
    outbox::{Asked, Dropped},
    sync::{AtomicU64, Map, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// The open connections of a server: cheap to clone, usable from any task.
///
/// A connection is here from before its open event until before its closed event. Nothing here
/// waits: a full queue meets [`Config::slow_receiver`].
#[derive(Clone, Debug, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    next: AtomicU64,
    open: RwLock<Open>,
}

#[derive(Debug, Default)]
struct Open {
    connections: Map<ConnectionId, Connection>,
    /// Set by a shutdown: every connection that comes is closed at once, or dropped.
    closing: bool,
    aborting: bool,
}

/// What became of a message that was for many connections.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Connections in whose queue it was placed.
    pub queued: usize,
    /// Connections whose queue had no room, or all when it was over the limit on messages; it was
    /// never sent to them.
    pub full: usize,
    /// Connections that were closing; it was never sent to them.
    pub closed: usize,
}

impl Registry {
    /// Sends to one connection.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] for an id that is not open, [`SendError::Full`] when its queue had no
    /// room (the slow-receiver policy was applied), and as [`Connection::send`].
    pub fn unicast(&self, id: ConnectionId, text: impl AsText) -> Result<(), SendError> {
        match self.read().connections.get(&id) {
            Some(connection) => connection.push(text.utf8()),
            None => Err(SendError::Closed),
        }
    }

    /// Sends to every open connection but `source`. Encoded once; the payload is shared.
    pub fn broadcast(&self, source: ConnectionId, text: impl AsText) -> Delivery {
        self.send_to(text, |id| id != source)
    }

    /// Sends to every open connection. Encoded once; the payload is shared.
    pub fn send_all(&self, text: impl AsText) -> Delivery {
        self.send_to(text, |_| true)
    }

    /// The open connection of that id.
    pub fn get(&self, id: ConnectionId) -> Option<Connection> {
        self.read().connections.get(&id).cloned()
    }

    /// Every open connection, in no order.
    pub fn connections(&self) -> Vec<Connection> {
        self.read().connections.values().cloned().collect()
    }

    /// The count of open connections.
    pub fn len(&self) -> usize {
        self.read().connections.len()
    }

    /// Whether no connection is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes a connection in, until the guard is dropped.
    pub(crate) fn insert(&self, request: Request, config: &Config) -> Registered {
        let id = ConnectionId(self.0.next.fetch_add(1, Ordering::Relaxed) + 1);
        let connection = Connection::new(id, request, self.clone(), config);
        let mut open = self.write();
        open.connections.insert(id, connection.clone());
        let (closing, aborting) = (open.closing, open.aborting);
        drop(open);
        if aborting {
            connection.drop_all(Dropped::Abort);
        } else if closing {
            connection.close_as(Asked::Shutdown);
        }
        Registered(connection)
    }

    /// Begins to close every connection, and those that still come.
    pub(crate) fn close_all(&self) {
        self.write().closing = true;
        for connection in self.connections() {
            connection.close_as(Asked::Shutdown);
        }
    }

    /// Drops every connection, and those that still come.
    pub(crate) fn abort_all(&self) {
        self.write().aborting = true;
        for connection in self.connections() {
            connection.drop_all(Dropped::Abort);
        }
    }

    fn send_to(&self, text: impl AsText, to: impl Fn(ConnectionId) -> bool) -> Delivery {
        let frame = text.frame();
        let mut delivery = Delivery::default();
        for (_, connection) in self.read().connections.iter().filter(|(id, _)| to(**id)) {
            match connection.push_shared(&frame) {
                Ok(()) => delivery.queued += 1,
                Err(SendError::Full | SendError::TooLong { .. }) => delivery.full += 1,
                Err(SendError::Closing | SendError::Closed) => delivery.closed += 1,
            }
        }
        delivery
    }

    // Nothing panics while one of these locks is held, so poison means nothing.
    fn read(&self) -> RwLockReadGuard<'_, Open> {
        self.0.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Open> {
        self.0.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is in the registry until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered(Connection);

impl Registered {
    pub(crate) const fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        self.0.registry().write().connections.remove(&self.0.id());
        self.0.drop_all(Dropped::Driver);
    }
}
