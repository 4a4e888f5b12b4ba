//! Places among the connections of an endpoint.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::Endpoint;
use crate::WhenFull;

/// What a stream comes with.
#[derive(Debug)]
pub(crate) enum Permit {
    /// A place among the connections, until it is dropped.
    Place(
        #[expect(dead_code, reason = "held, and given back when it is dropped")]
        OwnedSemaphorePermit,
    ),
    /// There is no place: the request is answered 503.
    Full,
}

impl<H, S> Endpoint<H, S> {
    /// A place among the connections, or [`Permit::Full`] where that is refused; none after a
    /// shutdown.
    pub(crate) async fn permit(&self) -> Option<Permit> {
        if self.0.drain.is_cancelled() {
            return None;
        }
        let permits = Arc::clone(&self.0.permits);
        if let Ok(permit) = Arc::clone(&permits).try_acquire_owned() {
            return Some(Permit::Place(permit));
        }
        if self.0.config().when_full == WhenFull::Refuse {
            return Some(Permit::Full);
        }
        tokio::select! {
            biased;
            () = self.0.drain.cancelled() => None,
            permit = permits.acquire_owned() => permit.ok().map(Permit::Place),
        }
    }
}
