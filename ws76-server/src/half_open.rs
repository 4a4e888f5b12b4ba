//! The connections that have not finished their opening handshake.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

/// The connections that have not finished their opening handshake, oldest first.
#[derive(Debug, Default)]
pub(crate) struct HalfOpen(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    next: u64,
    places: BTreeMap<u64, CancellationToken>,
}

impl HalfOpen {
    /// Takes a place, and sheds the oldest when there are more than `max`.
    pub(crate) fn enter(&self, max: usize) -> Place<'_> {
        let shed = CancellationToken::new();
        let mut places = self.lock();
        let id = places.next;
        places.next += 1;
        places.places.insert(id, shed.clone());
        if places.places.len() > max
            && let Some((_, oldest)) = places.places.pop_first()
        {
            oldest.cancel();
        }
        drop(places);
        Place {
            id,
            shed,
            half_open: self,
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().places.len()
    }

    // Nothing panics while this lock is held, so poison means nothing.
    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the half-open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    id: u64,
    shed: CancellationToken,
    half_open: &'a HalfOpen,
}

impl Place<'_> {
    /// Ready when this place is wanted for another.
    pub(crate) async fn shed(&self) {
        self.shed.cancelled().await;
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.half_open.lock().places.remove(&self.id);
    }
}
