//! Those who wait for room, or for what is queued to leave.

use std::sync::Arc;

use super::{Outbox, Phase};
use crate::{SendError, sync::Notify};

impl Outbox {
    /// Notes that somebody waits for room, or for what is queued to leave, if `waits`.
    pub(crate) const fn watch(&mut self, waits: bool) {
        self.watched |= waits;
    }

    /// Whether those who wait are to be woken: there may be room, or a flush may be done, that was
    /// not there when this was last asked.
    pub(crate) const fn take_moved(&mut self) -> bool {
        let moved = core::mem::replace(&mut self.moved, false);
        moved && core::mem::replace(&mut self.watched, false)
    }

    /// Whether the first `count` of all messages accepted have left to the kernel or were dropped.
    pub(crate) const fn is_gone(&self, count: u64) -> bool {
        let here = self.queue.messages() as u64 + self.dropped_behind + self.in_stream;
        self.accepted - here >= count
    }

    /// What became of the first `count` of all messages accepted, once that is known.
    pub(crate) const fn flushed(&self, count: u64) -> Option<Result<(), SendError>> {
        match self.phase {
            Phase::Dropped(_) => Some(Err(SendError::Closed)),
            _ if self.is_gone(count) => Some(Ok(())),
            _ => None,
        }
    }

    /// What wakes somebody who is going to wait.
    pub(crate) fn waiting(&mut self) -> Arc<Notify> {
        let waiting = self.waiting.get_or_insert_with(|| Arc::new(Notify::new()));
        Arc::clone(waiting)
    }

    /// What wakes those who wait, if there was ever one.
    pub(crate) fn who_waits(&self) -> Option<Arc<Notify>> {
        self.waiting.clone()
    }
}
