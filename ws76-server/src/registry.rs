//! Who is open, and sending to one, to all but one, and to all.

use std::{
    fmt,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use crate::{
    AsText, Config, Connection, ConnectionId, Request, SendError,
    observe::FanOut,
    outbox::{Asked, Dropped, Shared},
    sync::{AtomicU64, ById, Map, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// The open connections of a server: cheap to clone, usable from any task.
///
/// A connection is here from before its open event until before its closed event. Nothing here
/// waits: a full queue meets [`Config::slow_receiver`].
///
/// ```
/// use ws76_server::{ConnectionId, Registry};
///
/// /// Tells a room of a new member, and a member of the room.
/// fn enter(registry: &Registry, room: &str, id: ConnectionId) {
///     let name = format!("guest {id}");
///     if registry.get(id).is_some() && registry.join(room, id) {
///         registry.broadcast_group(room, id, &name);
///         registry.unicast(id, format!("{} here", registry.group_len(room))).ok();
///     }
///     if registry.leave("lobby", id) {
///         registry.send_group("lobby", format!("{name} went to {room}"));
///     }
/// }
///
/// /// Tells all who came to a path, and says how many they are of all.
/// fn tell(registry: &Registry, path: &str, text: &str) -> (usize, usize) {
///     let delivery = registry.send_where(text, |one| one.request().path() == path);
///     (delivery.queued, registry.len())
/// }
///
/// let registry = Registry::<()>::default();
/// assert!(registry.is_empty() && registry.connections().is_empty());
/// ```
pub struct Registry<S = ()>(Arc<Inner<S>>);

struct Inner<S> {
    next: AtomicU64,
    open: RwLock<Open<S>>,
    fan_out: FanOut,
}

struct Open<S> {
    connections: ById<ConnectionId, Connection<S>>,
    /// Those who joined a group, by its name; a group without members is not here.
    groups: Map<Arc<str>, ById<ConnectionId, Connection<S>>>,
    /// The groups of those who joined any.
    joined: ById<ConnectionId, Vec<Arc<str>>>,
    /// Set by a shutdown: every connection that comes is closed at once, or dropped.
    closing: bool,
    aborting: bool,
}

/// What became of a message that was for many connections.
///
/// ```
/// use ws76_server::{Delivery, Registry};
///
/// let nobody = Registry::<()>::default().send_all("hello");
/// assert_eq!(nobody, Delivery::default());
/// assert_eq!(nobody.queued + nobody.full + nobody.closed, 0);
/// ```
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

impl<S> Registry<S> {
    /// Sends to one connection.
    ///
    /// # Errors
    ///
    /// [`SendError::Closed`] for an id that is not open, [`SendError::Full`] when its queue had no
    /// room (the slow-receiver policy was applied), and as [`Connection::send`].
    pub fn unicast(&self, id: ConnectionId, text: impl AsText) -> Result<(), SendError> {
        match self.read().connections.get(&id) {
            Some(connection) => connection.push(&text),
            None => Err(SendError::Closed),
        }
    }

    /// Sends to every open connection but `source`. Encoded once; the payload is shared.
    pub fn broadcast(&self, source: ConnectionId, text: impl AsText) -> Delivery {
        let open = self.read();
        let wanted = open.connections.iter().filter(|(id, _)| **id != source);
        let wanted = wanted.map(|(_, connection)| connection);
        self.fan_out().time(|| deliver(text, wanted))
    }

    /// Sends to every open connection. Encoded once; the payload is shared.
    pub fn send_all(&self, text: impl AsText) -> Delivery {
        self.send_where(text, |_| true)
    }

    /// Sends to every open connection that `wanted` holds for. Encoded once; the payload is shared.
    ///
    /// `wanted` is called while the registry is locked, and must not call it.
    pub fn send_where(
        &self,
        text: impl AsText,
        wanted: impl Fn(&Connection<S>) -> bool,
    ) -> Delivery {
        let open = self.read();
        let connections = open.connections.values();
        let wanted = connections.filter(|connection| wanted(connection));
        self.fan_out().time(|| deliver(text, wanted))
    }

    /// Sends to every connection of a group but `source`. Encoded once; the payload is shared.
    pub fn broadcast_group(
        &self,
        group: &str,
        source: ConnectionId,
        text: impl AsText,
    ) -> Delivery {
        self.send_group_where(group, text, |id| id != source)
    }

    /// Sends to every connection of a group. Encoded once; the payload is shared.
    pub fn send_group(&self, group: &str, text: impl AsText) -> Delivery {
        self.send_group_where(group, text, |_| true)
    }

    /// Takes a connection into a group, which begins with its first member. It leaves when it
    /// closes. Returns whether it is new in the group; a connection that is not open joins none.
    pub fn join(&self, group: &str, id: ConnectionId) -> bool {
        let mut open = self.write();
        let open = &mut *open;
        let Some(connection) = open.connections.get(&id) else {
            return false;
        };
        let joined = open.joined.entry(id).or_default();
        if joined.iter().any(|one| **one == *group) {
            return false;
        }
        let name = match open.groups.get_key_value(group) {
            Some((name, _)) => Arc::clone(name),
            None => Arc::from(group),
        };
        joined.push(Arc::clone(&name));
        let members = open.groups.entry(name).or_default();
        members.insert(id, connection.clone());
        true
    }

    /// Takes a connection out of a group, which ends with its last member. Returns whether it was
    /// in it.
    pub fn leave(&self, group: &str, id: ConnectionId) -> bool {
        let mut open = self.write();
        let Some(joined) = open.joined.get_mut(&id) else {
            return false;
        };
        let Some(at) = joined.iter().position(|one| **one == *group) else {
            return false;
        };
        joined.swap_remove(at);
        if joined.is_empty() {
            open.joined.remove(&id);
        }
        open.leave(group, id);
        true
    }

    /// The count of connections in a group.
    pub fn group_len(&self, group: &str) -> usize {
        self.read().groups.get(group).map_or(0, ById::len)
    }

    /// The open connection of that id.
    pub fn get(&self, id: ConnectionId) -> Option<Connection<S>> {
        let open = self.read();
        open.connections.get(&id).cloned()
    }

    /// Every open connection, in no order.
    pub fn connections(&self) -> Vec<Connection<S>> {
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
    pub(crate) fn insert(&self, request: Request, state: S, config: &Arc<Config>) -> Registered<S> {
        let id = ConnectionId(self.0.next.fetch_add(1, Ordering::Relaxed) + 1);
        let connection = Connection::new(id, request, state, self.clone(), config);
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

    fn send_group_where(
        &self,
        group: &str,
        text: impl AsText,
        wanted: impl Fn(ConnectionId) -> bool,
    ) -> Delivery {
        let open = self.read();
        let members = open.groups.get(group).into_iter().flatten();
        let wanted = members.filter(|(id, _)| wanted(**id));
        let wanted = wanted.map(|(_, connection)| connection);
        self.fan_out().time(|| deliver(text, wanted))
    }

    pub(crate) fn fan_out(&self) -> &FanOut {
        &self.0.fan_out
    }

    // Nothing panics while one of these locks is held but a caller's `wanted`, which changes
    // nothing, so poison means nothing.
    fn read(&self) -> RwLockReadGuard<'_, Open<S>> {
        self.0.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Open<S>> {
        self.0.open.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queues a text for each of these connections.
fn deliver<'a, S: 'a>(
    text: impl AsText,
    connections: impl Iterator<Item = &'a Connection<S>>,
) -> Delivery {
    let shared = Shared::new(text.frame());
    let mut delivery = Delivery::default();
    for connection in connections {
        match connection.push_shared(&shared) {
            Ok(()) => delivery.queued += 1,
            Err(SendError::Closing | SendError::Closed) => delivery.closed += 1,
            Err(_) => delivery.full += 1,
        }
    }
    delivery
}

impl<S> Open<S> {
    fn leave(&mut self, group: &str, id: ConnectionId) {
        if let Some(members) = self.groups.get_mut(group) {
            members.remove(&id);
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
    }
}

impl<S> Default for Registry<S> {
    fn default() -> Self {
        let open = Open {
            connections: ById::default(),
            groups: Map::new(),
            joined: ById::default(),
            closing: false,
            aborting: false,
        };
        Self(Arc::new(Inner {
            next: AtomicU64::new(0),
            open: RwLock::new(open),
            fan_out: FanOut::default(),
        }))
    }
}

impl<S> Clone for Registry<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Registry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("open", &self.len())
            .finish_non_exhaustive()
    }
}

/// A connection that is in the registry until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered<S>(Connection<S>);

impl<S> Registered<S> {
    pub(crate) const fn connection(&self) -> &Connection<S> {
        &self.0
    }
}

impl<S> Drop for Registered<S> {
    fn drop(&mut self) {
        let id = self.0.id();
        let mut open = self.0.registry().write();
        open.connections.remove(&id);
        for group in open.joined.remove(&id).unwrap_or_default() {
            open.leave(&group, id);
        }
        drop(open);
        self.0.drop_all(Dropped::Driver);
        // Handles may be kept for long: they must not keep the stream.
        let writer = self.0.line().outbox().take_writer();
        if let Some(writer) = writer {
            writer.forget();
        }
    }
}
