//! Who gets a broadcast, in the shape that is usual for the peers: a bounded channel for each
//! connection, whose task writes what comes out of it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::mpsc;

/// The channels of all connections, for messages whose payload is shared by clones.
#[derive(Debug)]
pub(crate) struct Hub<M>(Arc<Mutex<Channels<M>>>);

#[derive(Debug)]
struct Channels<M> {
    next_id: u64,
    senders: HashMap<u64, mpsc::Sender<M>>,
}

impl<M: Clone> Hub<M> {
    pub(crate) fn new() -> Self {
        let channels = Channels {
            next_id: 0,
            senders: HashMap::new(),
        };
        Self(Arc::new(Mutex::new(channels)))
    }

    /// Adds a connection: where it sends from, and what the others sent. The latter ends when it
    /// was full once.
    pub(crate) fn join(&self) -> (Source<M>, mpsc::Receiver<M>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let mut channels = self.channels();
        let id = channels.next_id;
        channels.next_id += 1;
        channels.senders.insert(id, sender);
        let hub = Self(self.0.clone());
        (Source { id, hub }, receiver)
    }

    fn channels(&self) -> MutexGuard<'_, Channels<M>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M> Clone for Hub<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// A connection in a [`Hub`], until it is dropped.
#[derive(Debug)]
pub(crate) struct Source<M: Clone> {
    id: u64,
    hub: Hub<M>,
}

impl<M: Clone> Source<M> {
    /// Sends to all others. Who does not keep up is given up.
    pub(crate) fn broadcast(&self, message: &M) {
        let mut channels = self.hub.channels();
        channels
            .senders
            .retain(|id, sender| *id == self.id || sender.try_send(message.clone()).is_ok());
    }
}

impl<M: Clone> Drop for Source<M> {
    fn drop(&mut self) {
        self.hub.channels().senders.remove(&self.id);
    }
}

/// As many messages as ws76 queues by default.
const QUEUE: usize = 1024;
