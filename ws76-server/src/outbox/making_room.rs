//! What becomes of a full queue.

use super::{Dropped, Outbox};
use crate::SlowReceiver;

impl Outbox {
    /// Does what the policy says when `push` had no room for a frame of `len` bytes. Returns
    /// whether there is room now.
    pub(crate) fn make_room(&mut self, len: usize) -> bool {
        match self.slow_receiver {
            SlowReceiver::Disconnect => {
                self.drop_all(Dropped::SlowReceiver);
                false
            }
            SlowReceiver::DropNewest => false,
            SlowReceiver::DropOldest => {
                while !self.has_room(len) && self.drop_oldest() {}
                self.has_room(len)
            }
        }
    }

    /// Drops the oldest message of which nothing was written.
    pub(super) fn drop_oldest(&mut self) -> bool {
        let is_behind = self.queue.is_in_a_message();
        if !self.queue.drop_oldest() {
            return false;
        }
        self.dropped += 1;
        self.moved = true;
        // Messages are gone in their order, and those before this one may not be yet.
        match is_behind {
            true => self.dropped_behind += 1,
            #[cfg(feature = "rfc6455")]
            false if self.in_hand > 0 => self.in_hand += 1,
            false => self.gone += 1,
        }
        true
    }
}
