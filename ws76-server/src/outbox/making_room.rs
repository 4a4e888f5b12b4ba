//! What becomes of a full queue.

use super::{Dropped, Outbox, queue};
use crate::SlowReceiver;

impl Outbox {
    /// Does what the policy says when `push` had no room for a frame of `len` bytes. Returns
    /// whether there is room now.
    pub(crate) fn make_room(&mut self, len: usize) -> bool {
        match self.config.slow_receiver {
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
        if !self.queue.drop_oldest(self.inline_len()) {
            return false;
        }
        self.dropped += 1;
        self.moved = true;
        // Messages are gone in their order, and those before this one may not be yet.
        match is_behind {
            true => self.dropped_behind += 1,
            #[cfg(feature = "rfc6455")]
            false if self.in_hand > 0 => self.in_hand += 1,
            false => {}
        }
        true
    }

    /// What finds how long an inline message is.
    #[cfg(feature = "rfc6455")]
    const fn inline_len(&self) -> fn(&[u8]) -> usize {
        match self.is_rfc6455 {
            true => queue::framed_elsewhere::inline_len,
            false => queue::frame_len,
        }
    }

    /// What finds how long an inline message is.
    #[cfg(not(feature = "rfc6455"))]
    const fn inline_len(&self) -> fn(&[u8]) -> usize {
        queue::frame_len
    }
}
