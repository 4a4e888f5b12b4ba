//! Frames in a batch, which come behind all others.

use super::Queue;
use crate::outbox::Batched;

impl Queue {
    /// Puts a frame that is in a batch behind all others.
    #[inline]
    pub(in crate::outbox) fn push_batched(&mut self, frame: &Batched) {
        self.messages += 1;
        self.len += frame.len();
        if !self.batched.as_mut().is_some_and(|all| all.extend(frame)) {
            self.settle();
            self.batched = Some(frame.clone());
        }
    }

    /// The bytes to write, if all of them are in a batch.
    pub(in crate::outbox) fn only_batched(&self) -> Option<&Batched> {
        self.batched.as_ref().filter(|all| all.len() == self.len)
    }

    /// All was in a batch, and was written. Returns how many messages have left with that.
    pub(in crate::outbox) fn consume_batched(&mut self) -> usize {
        self.batched = None;
        self.len = 0;
        std::mem::take(&mut self.messages)
    }

    /// Copies what is in a batch, for all that knows no batches. The messages count already.
    #[inline]
    pub(in crate::outbox) fn settle(&mut self) {
        if self.batched.is_some() {
            self.settle_batched();
        }
    }

    #[cold]
    fn settle_batched(&mut self) {
        let Some(batched) = self.batched.take() else {
            return;
        };
        let len = batched.len();
        if self.inline.capacity() - self.inline.len() < len {
            self.make_room_inline(len);
        }
        batched.with(|frames| self.inline.extend_from_slice(frames));
        self.run.messages += batched.messages();
        self.run.len += len;
    }
}
