//! What becomes of a full queue.

use super::{Dropped, Outbox, queue};
use crate::SlowReceiver;
#[cfg(feature = "rfc6455")]
use crate::rfc6455;

impl Outbox {
    /// Does what the policy says when there was no room for a message of `len` bytes as a draft-76
    /// frame. Returns whether there is room now.
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
        if !self.queue.drop_oldest(self.first_frame_len()) {
            return false;
        }
        self.dropped += 1;
        self.moved = true;
        // Messages are gone in their order, and those before this one may not be yet.
        self.dropped_behind += u64::from(is_behind || self.in_stream > 0);
        true
    }

    /// What finds the length of the frame that bytes begin with.
    pub(super) const fn first_frame_len(&self) -> queue::FrameLen {
        #[cfg(feature = "rfc6455")]
        if self.is_rfc6455 {
            return rfc6455::first_frame_len;
        }
        queue::first_frame_len
    }
}
