//! The bounded outbound queue of one connection, and how far its close has come.
//!
//! Senders push whole frames of the connection's protocol under its lock; they are written out under
//! the same lock, in that order.

mod batch;
mod making_room;
mod phase;
mod pushing;
mod queue;
mod waiting;
mod writing;

use std::{sync::Arc, task::Waker};

pub(crate) use batch::{Batch, Batched, Shared};
pub(crate) use phase::{Asked, Dropped, Phase};
use queue::{Entry, Queue};
use ws76_codec::EncodedFrame;

use crate::{CloseStatus, Config, Posix, Protocol, stats::Traffic, stream::Writer, sync::Notify};

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

    /// Whether frames are those of RFC 6455.
    const fn is_rfc6455(&self) -> bool {
        #[cfg(feature = "rfc6455")]
        let is_rfc6455 = self.is_rfc6455;
        #[cfg(not(feature = "rfc6455"))]
        let is_rfc6455 = false;
        is_rfc6455
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
