//! The bounded outbound queue of one connection, and how far its close has come.
//!
//! Senders push whole frames of the connection's protocol under its lock; they are written out under
//! the same lock, in that order.

mod batch;
mod making_room;
mod phase;
mod queue;
mod waiting;
mod writing;

use std::{sync::Arc, task::Waker};

pub(crate) use batch::{Batch, Batched, Shared};
use bytes::Bytes;
pub(crate) use phase::{Asked, Dropped, Phase};
use queue::{Entry, Queue};
use ws76_codec::{EncodedFrame, ShortText};

#[cfg(feature = "rfc6455")]
use crate::rfc6455::{self, Content};
use crate::{
    CloseStatus, Config, Posix, Protocol, SendError, payload::sealed::Utf8, stats::Traffic,
    stream::Writer, sync::Notify,
};

/// What a connection has yet to send.
///
/// In memory it is in this order: what is looked at for each message first, and close together, as
/// a broadcast goes through the outboxes of all connections.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Outbox {
    phase: Phase,
    /// Whether frames are those of RFC 6455, whose messages may be binary.
    #[cfg(feature = "rfc6455")]
    is_rfc6455: bool,
    /// The stream takes no more: it wakes the driver when it does.
    blocked: bool,
    /// Whether the last entry is the closing frame.
    closing: bool,
    /// A message has left or was dropped since this was last asked, while somebody watches.
    moved: bool,
    /// Nothing may be written any more: a frame was begun that is not going to end.
    cut: bool,
    /// Somebody waits for room, or for what is queued to leave.
    watched: bool,
    /// Bytes were written to the stream since the driver last asked.
    progressed: bool,
    /// The last turn that is going to write what is queued.
    claimed: u64,
    /// The write side of the stream, where others than the driver may write to it.
    writer: Option<Writer>,
    /// The limits, and what becomes of a full queue.
    config: Arc<Config>,
    /// Messages taken in: only grows.
    accepted: u64,
    queue: Queue,
    /// Messages that left since that was last told, the closing frame not among them.
    sent: u64,
    /// Bytes that were written to the stream since that was last told.
    sent_len: u64,
    /// What was told of what was done.
    told: Told,
    /// Messages that were taken in and then dropped.
    dropped: u64,
    /// Messages dropped behind a first one that is partly written: gone when that one is.
    dropped_behind: u64,
    /// Messages that a stream which others cannot write to has taken, and may hold yet.
    in_stream: u64,
    /// Wakes the driver.
    driver: Option<Waker>,
    /// Wakes those who wait for room, or for what is queued to leave, once there was somebody.
    waiting: Option<Arc<Notify>>,
    /// What an RFC 6455 client is told by the closing frame, if the application has said so.
    status: Option<Box<CloseStatus>>,
    /// What a write by others than the driver failed with.
    failed: Option<Posix>,
}

/// What the counters were told.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    dropped: u64,
    queued: usize,
}

impl Outbox {
    #[cfg_attr(
        not(feature = "rfc6455"),
        expect(unused_variables, reason = "one protocol")
    )]
    pub(crate) fn new(config: &Arc<Config>, protocol: Protocol) -> Self {
        Self {
            config: Arc::clone(config),
            queue: Queue::default(),
            phase: Phase::Open,
            accepted: 0,
            sent: 0,
            dropped: 0,
            closing: false,
            dropped_behind: 0,
            in_stream: 0,
            moved: false,
            cut: false,
            watched: false,
            progressed: false,
            driver: None,
            waiting: None,
            writer: None,
            blocked: false,
            failed: None,
            claimed: 0,
            sent_len: 0,
            told: Told::default(),
            status: None,
            #[cfg(feature = "rfc6455")]
            is_rfc6455: matches!(protocol, Protocol::Rfc6455 | Protocol::Hybi { .. }),
        }
    }

    /// Queues a text.
    #[inline(always)]
    pub(crate) fn push(&mut self, text: &(impl Utf8 + ?Sized)) -> Result<(), SendError> {
        if self.push_behind(text) {
            self.accepted += 1;
            return Ok(());
        }
        self.push_any(text)
    }

    /// Queues a text whose frame needs no more than a place right behind the last one, if that is so: most
    /// of those of which many come at once. Returns whether.
    #[inline(always)]
    fn push_behind(&mut self, text: &(impl Utf8 + ?Sized)) -> bool {
        let config = &*self.config;
        let has_room = |queue: &Queue, len: usize| {
            len - 2 <= config.frames.max_message_len
                && queue.messages() < config.max_queued_messages
                && queue.len() + len <= config.max_queued_len
        };
        if self.phase != Phase::Open || self.is_rfc6455() {
            return false;
        }
        if let Some((bytes, frame)) = text.framed() {
            return has_room(&self.queue, frame.len()) && self.queue.extend_view(bytes, &frame);
        }
        has_room(&self.queue, ShortText::MAX_LEN + 2)
            && self.queue.push_short(|dst| text.encode_short_to_vec(dst))
    }

    /// As [`Self::push`].
    #[inline(never)]
    fn push_any(&mut self, text: &(impl Utf8 + ?Sized)) -> Result<(), SendError> {
        let utf8 = text.utf8();
        // The first of several lacks no more than that.
        if utf8.len() <= ShortText::MAX_LEN
            && self.phase == Phase::Open
            && self.queue.take_room()
            && self.push_behind(text)
        {
            self.accepted += 1;
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

    /// Whether frames are those of RFC 6455.
    const fn is_rfc6455(&self) -> bool {
        #[cfg(feature = "rfc6455")]
        let is_rfc6455 = self.is_rfc6455;
        #[cfg(not(feature = "rfc6455"))]
        let is_rfc6455 = false;
        is_rfc6455
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

    /// As [`Self::close`], with what an RFC 6455 client is to be told.
    pub(crate) fn close_with(&mut self, status: CloseStatus) {
        if self.phase == Phase::Open {
            self.status = Some(Box::new(status));
        }
        self.close(Asked::Local);
    }

    #[cfg(feature = "rfc6455")]
    pub(crate) fn take_status(&mut self) -> Option<Box<CloseStatus>> {
        self.status.take()
    }

    /// Begins to close, unless that was begun before. What is queued still goes out.
    pub(crate) fn close(&mut self, asked: Asked) {
        if self.phase == Phase::Open {
            self.phase = Phase::Closing(asked);
        }
    }

    /// Drops what is queued; nothing goes out any more.
    pub(crate) fn drop_all(&mut self, why: Dropped) {
        // An abort has to be seen though the stream has failed, before or behind it: a handler may
        // be stuck in its call.
        match (self.phase, why) {
            (Phase::Dropped(_), Dropped::SlowReceiver)
            | (Phase::Dropped(Dropped::Abort), Dropped::Failed) => {}
            _ => self.phase = Phase::Dropped(why),
        }
        self.dropped += (self.queue.messages() - usize::from(self.closing)) as u64;
        self.closing = false;
        self.cut |= self.queue.is_in_a_message();
        self.queue.clear();
        self.dropped_behind = 0;
        // Whether the kernel has these is not known: they count as sent.
        self.in_stream = 0;
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether the first message is partly written.
    #[cfg(feature = "rfc6455")]
    pub(crate) const fn is_in_a_message(&self) -> bool {
        self.queue.is_in_a_message()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The count of messages in the queue.
    pub(crate) const fn messages(&self) -> usize {
        self.queue.messages()
    }

    pub(crate) const fn accepted(&self) -> u64 {
        self.accepted
    }

    /// What was done since this was last asked.
    #[inline]
    pub(crate) fn take_traffic(&mut self) -> Traffic {
        // Bounded, and far from these types' ends.
        let queued = self.queue.messages();
        let done = Traffic {
            sent_messages: std::mem::take(&mut self.sent),
            sent_len: std::mem::take(&mut self.sent_len),
            dropped_messages: self.dropped - self.told.dropped,
            queued_messages: queued as i64 - self.told.queued as i64,
            ..Traffic::default()
        };
        self.told = Told {
            dropped: self.dropped,
            queued,
        };
        done
    }

    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Notes that so many bytes were written to the stream.
    #[inline]
    pub(crate) const fn wrote(&mut self, len: u64) {
        self.sent_len += len;
        self.progressed |= len > 0;
    }

    /// Whether bytes were written to the stream since this was last asked.
    pub(crate) const fn take_progressed(&mut self) -> bool {
        core::mem::replace(&mut self.progressed, false)
    }

    /// Notes the driver's waker.
    #[inline]
    pub(crate) fn set_driver(&mut self, waker: &Waker) {
        let is_set = |driver: &Waker| driver.will_wake(waker);
        if !self.driver.as_ref().is_some_and(is_set) {
            self.driver = Some(waker.clone());
        }
    }

    /// The driver's waker.
    pub(crate) const fn driver(&self) -> Option<&Waker> {
        self.driver.as_ref()
    }

    /// Queues the closing frame behind everything else, unless a frame was cut off.
    pub(crate) fn push_closing(&mut self) {
        if self.cut {
            return;
        }
        let frame = EncodedFrame::closing().into_bytes();
        self.queue.push(Entry::Frame(frame));
        self.accepted += 1;
        self.closing = true;
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
    fn has_room(&self, len: usize) -> bool {
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

/// The shortest text that is not copied, and the shortest row of frames: what a shorter one keeps alive
/// may be much more than itself.
const MIN_LENT_LEN: usize = if cfg!(test) { 200 } else { 4 << 10 };
/// The shortest text whose frame is written from where it was read, if nothing else is to be written.
const MIN_VIEW_LEN: usize = 64;
/// The longest shared frame that is copied: an entry for it takes half as much, and more time.
const MAX_COPIED_LEN: usize = if cfg!(test) {
    5
} else {
    2 * size_of::<Entry>()
};

#[cfg(all(test, not(ws76_loom)))]
mod tests;
