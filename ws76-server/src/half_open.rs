//! The connections that have not finished their opening handshake.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::unopened::Unopened;

/// The connections that have not finished their opening handshake, oldest first.
#[derive(Debug, Default)]
pub(crate) struct HalfOpen(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    next: u64,
    /// Each with what wakes its task once it has lost its place.
    places: BTreeMap<u64, Option<Waker>>,
    /// There are no places any more.
    closed: bool,
}

impl HalfOpen {
    /// Takes a place, and sheds the oldest when there are more than `max`.
    pub(crate) fn enter(&self, max: usize) -> Place<'_> {
        let mut places = self.lock();
        let id = places.next;
        places.next += 1;
        if !places.closed {
            places.places.insert(id, None);
        }
        let shed = match places.places.len() > max {
            true => places.places.pop_first(),
            false => None,
        };
        drop(places);
        wake(shed.and_then(|(_, waker)| waker));
        Place {
            id,
            half_open: self,
        }
    }

    /// Takes all places away, and gives no more.
    pub(crate) fn close(&self) {
        let mut places = self.lock();
        places.closed = true;
        let all = std::mem::take(&mut places.places);
        drop(places);
        all.into_values().for_each(wake);
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

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A place among the half-open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    id: u64,
    half_open: &'a HalfOpen,
}

impl Place<'_> {
    /// What `opening` gives, or why this place was taken away before.
    pub(crate) fn unless_lost<F: Future>(
        &self,
        mut opening: Pin<&mut F>,
    ) -> impl Future<Output = Result<F::Output, Unopened>> {
        poll_fn(move |cx| match opening.as_mut().poll(cx) {
            Poll::Ready(opened) => Poll::Ready(Ok(opened)),
            Poll::Pending => self.poll_lost(cx).map(Err),
        })
    }

    /// Ready when this place is taken away, with why.
    fn poll_lost(&self, cx: &Context<'_>) -> Poll<Unopened> {
        let mut places = self.half_open.lock();
        let closed = places.closed;
        match places.places.get_mut(&self.id) {
            Some(Some(waker)) => waker.clone_from(cx.waker()),
            Some(waker) => *waker = Some(cx.waker().clone()),
            None if closed => return Poll::Ready(Unopened::Shutdown),
            None => return Poll::Ready(Unopened::Shed),
        }
        Poll::Pending
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.half_open.lock().places.remove(&self.id);
    }
}
