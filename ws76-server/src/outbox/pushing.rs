//! Queueing messages.

use bytes::Bytes;
use ws76_codec::ShortText;

use super::{Dropped, Entry, MIN_LENT_LEN, MIN_VIEW_LEN, Outbox, Phase, Queue, Shared};
#[cfg(feature = "rfc6455")]
use crate::rfc6455::{self, Content};
use crate::{SendError, payload::sealed::Utf8};

impl Outbox {
    /// Queues a text whose frame needs no more than a place right behind the last one, if that is so: most
    /// of those of which many come at once. Returns whether.
    #[inline(always)]
    pub(crate) fn push_quickly(&mut self, text: &(impl Utf8 + ?Sized)) -> bool {
        let config = &*self.config;
        let has_room = |queue: &Queue, len: usize| {
            len - 2 <= config.frames.max_message_len
                && queue.messages() < config.max_queued_messages
                && queue.len() + len <= config.max_queued_len
        };
        if self.phase != Phase::Open || self.is_rfc6455() {
            return false;
        }
        let is_pushed = match text.framed() {
            Some((bytes, frame)) => {
                has_room(&self.queue, frame.len()) && self.queue.extend_view(bytes, &frame)
            }
            None => {
                has_room(&self.queue, ShortText::MAX_FRAME_LEN)
                    && self.queue.push_short(|dst| text.encode_short_to_vec(dst))
            }
        };
        self.accepted += u64::from(is_pushed);
        is_pushed
    }

    /// Queues a text, where [`Self::push_quickly`] has not.
    #[inline(never)]
    pub(crate) fn push_any(&mut self, text: &(impl Utf8 + ?Sized)) -> Result<(), SendError> {
        let utf8 = text.utf8();
        // The first of several lacks no more than that.
        if utf8.len() <= ShortText::MAX_LEN
            && self.phase == Phase::Open
            && self.queue.take_room()
            && self.push_quickly(text)
        {
            return Ok(());
        }
        self.check_room(utf8.len() + 2)?;
        self.accepted += 1;
        // What is not written at once may stay for long, and must not keep more than itself alive.
        if !self.is_rfc6455()
            && utf8.len() >= MIN_VIEW_LEN
            && !self.blocked
            && let Some((bytes, frame)) = text.framed()
        {
            self.queue.push_view(bytes, frame);
            return Ok(());
        }
        if utf8.len() >= MIN_LENT_LEN && !self.blocked && self.push_uncopied(text) {
            return Ok(());
        }
        #[cfg(feature = "rfc6455")]
        if self.is_rfc6455 {
            self.queue.copy_message(Content::Text, utf8);
            return Ok(());
        }
        self.queue
            .push_inline(utf8.len() + 2, |dst| text.encode_to_vec(dst));
        Ok(())
    }

    /// Queues a text for which there is room without a copy, if it is shared. Returns whether.
    #[inline(never)]
    fn push_uncopied(&mut self, text: &(impl Utf8 + ?Sized)) -> bool {
        let Some(bytes) = text.shared() else {
            return false;
        };
        #[cfg(feature = "rfc6455")]
        if self.is_rfc6455 {
            self.queue.push_lent_message(Content::Text, bytes);
            return true;
        }
        self.queue.push(Entry::Lent(bytes));
        true
    }

    /// Queues a text that is sent to other connections, too.
    pub(crate) fn push_shared(&mut self, shared: &Shared) -> Result<(), SendError> {
        self.check_room(shared.len())?;
        self.add_shared(shared);
        Ok(())
    }

    /// As [`Self::push_shared`], where [`Self::check_room`] has found room.
    #[inline]
    pub(crate) fn add_shared(&mut self, shared: &Shared) {
        let frame = shared.frame(self.is_rfc6455());
        let bytes = frame.bytes();
        self.accepted += 1;
        match frame.is_short() {
            true => self
                .queue
                .push_inline(bytes.len(), |dst| dst.extend_from_slice(bytes)),
            false => self.queue.push(Entry::Frame(bytes.clone())),
        }
    }

    /// Queues a binary message, where the protocol has them.
    #[cfg(feature = "rfc6455")]
    pub(crate) fn push_binary(&mut self, bytes: &Bytes) -> Result<(), SendError> {
        if !self.is_rfc6455 {
            return Err(SendError::Unsupported);
        }
        self.check_room(bytes.len() + 2)?;
        self.accepted += 1;
        self.queue.push_message(Content::Binary, bytes.clone());
        Ok(())
    }

    /// Queues a binary message, which no protocol has here.
    #[cfg(not(feature = "rfc6455"))]
    pub(crate) const fn push_binary(&self, _: &Bytes) -> Result<(), SendError> {
        Err(SendError::Unsupported)
    }

    /// Whether a message of `len` bytes as a draft-76 frame may be queued, and why not.
    #[inline]
    pub(crate) fn check_room(&self, len: usize) -> Result<(), SendError> {
        match self.phase {
            Phase::Open => {}
            Phase::Closing(_) | Phase::Dropped(Dropped::SlowReceiver) => {
                return Err(SendError::Closing);
            }
            Phase::Dropped(_) => return Err(SendError::Closed),
        }
        let max = self.config.frames.max_message_len;
        if len - 2 > max {
            return Err(SendError::TooLong { max });
        }
        if self.has_room(len) {
            Ok(())
        } else {
            Err(SendError::Full)
        }
    }

    /// A frame longer than the whole queue is taken when the queue is empty.
    #[inline]
    pub(super) fn has_room(&self, len: usize) -> bool {
        let config = &*self.config;
        #[cfg(feature = "rfc6455")]
        let len = match self.is_rfc6455 {
            true => rfc6455::frame_len(len - 2),
            false => len,
        };
        self.queue.is_empty()
            || (self.queue.messages() < config.max_queued_messages
                && self.queue.len() + len <= config.max_queued_len)
    }
}
