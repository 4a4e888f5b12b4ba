//! The bounded outbound queue of one connection, and how far its close has come.
//!
//! Senders push whole frames under the connection's lock; the driver writes them out under the same
//! lock, in that order. Every entry is a draft-76 frame; the RFC 6455 side takes the text out of it.

mod writing;

use std::{collections::VecDeque, task::Waker};

use bytes::{Buf, Bytes, BytesMut};
use ws76_codec::EncodedFrame;

use crate::{
    CloseStatus, Config, Protocol, SendError, SlowReceiver, stats::Traffic, stream::Writer,
};

/// What a connection has yet to send.
#[derive(Debug)]
pub(crate) struct Outbox {
    max_messages: usize,
    max_len: usize,
    max_message_len: usize,
    slow_receiver: SlowReceiver,
    entries: VecDeque<Entry>,
    /// The bytes of all `Entry::Inline`, in their order.
    inline: BytesMut,
    /// Bytes of all entries, less what was written of the first.
    len: usize,
    /// Bytes of the first entry that were written.
    written: usize,
    phase: Phase,
    /// Messages taken in, and messages that left to the kernel or were dropped: both only grow.
    accepted: u64,
    gone: u64,
    /// Messages that left, the closing frame not among them.
    sent: u64,
    /// Messages that were taken in and then dropped.
    dropped: u64,
    /// Whether the last entry is the closing frame.
    closing: bool,
    /// Messages dropped behind a first one that is partly written: gone when that one is.
    dropped_behind: u64,
    /// Messages that were taken to be framed elsewhere, and are not gone yet.
    #[cfg(feature = "rfc6455")]
    in_hand: u64,
    /// A message has left or was dropped since this was last asked, while somebody watches.
    moved: bool,
    /// Somebody waits for room, or for what is queued to leave.
    watched: bool,
    /// The driver, while it sleeps.
    driver: Option<Waker>,
    /// The write side of the stream, where others than the driver may write to it.
    writer: Option<Box<dyn Writer>>,
    /// The stream takes no more: it wakes the driver when it does.
    blocked: bool,
    /// The last turn that is going to write what is queued.
    claimed: u64,
    /// Bytes that were written to the stream.
    sent_len: u64,
    /// What was told of what was done.
    told: Traffic,
    /// What an RFC 6455 client is told by the closing frame, if the application has said so.
    status: Option<Box<CloseStatus>>,
    /// Whether the protocol has binary messages.
    #[cfg(feature = "rfc6455")]
    takes_binary: bool,
}

#[derive(Debug)]
enum Entry {
    /// So many bytes of `Outbox::inline`.
    Inline(usize),
    Shared(Bytes),
    /// A binary message, which only RFC 6455 has. It counts two bytes more, as a text's frame does.
    #[cfg(feature = "rfc6455")]
    Binary(Bytes),
}

/// A message, taken out of the queue.
#[cfg(feature = "rfc6455")]
#[derive(Debug)]
pub(crate) enum Popped {
    /// Bytes of UTF-8.
    Text(Bytes),
    Binary(Bytes),
}

impl Entry {
    /// What it counts in the queue.
    const fn len(&self) -> usize {
        match self {
            Self::Inline(len) => *len,
            Self::Shared(bytes) => bytes.len(),
            #[cfg(feature = "rfc6455")]
            Self::Binary(bytes) => bytes.len() + 2,
        }
    }
}

/// How far the close of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// What is queued goes out, then the closing frame.
    Closing(Asked),
    /// Nothing goes out any more.
    Dropped(Dropped),
}

/// Who asked for a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Local,
    Shutdown,
    /// The driver, because of the peer or an error.
    Driver,
}

/// Why nothing goes out any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    SlowReceiver,
    /// A shutdown took too long.
    Abort,
    /// The stream failed while the handler was called.
    Failed,
    /// The driver is done with the stream.
    Driver,
}

impl Outbox {
    #[cfg_attr(
        not(feature = "rfc6455"),
        expect(unused_variables, reason = "one protocol")
    )]
    pub(crate) fn new(config: &Config, protocol: Protocol) -> Self {
        Self {
            max_messages: config.max_queued_messages,
            max_len: config.max_queued_len,
            max_message_len: config.frames.max_message_len,
            slow_receiver: config.slow_receiver,
            entries: VecDeque::new(),
            inline: BytesMut::new(),
            len: 0,
            written: 0,
            phase: Phase::Open,
            accepted: 0,
            gone: 0,
            sent: 0,
            dropped: 0,
            closing: false,
            dropped_behind: 0,
            #[cfg(feature = "rfc6455")]
            in_hand: 0,
            moved: false,
            watched: false,
            driver: None,
            writer: None,
            blocked: false,
            claimed: 0,
            sent_len: 0,
            told: Traffic::default(),
            status: None,
            #[cfg(feature = "rfc6455")]
            takes_binary: matches!(protocol, Protocol::Rfc6455 | Protocol::Hybi { .. }),
        }
    }

    /// Queues a text that is UTF-8, copying it.
    pub(crate) fn push(&mut self, utf8: &[u8]) -> Result<(), SendError> {
        self.check_room(utf8.len() + 2)?;
        self.inline.reserve(utf8.len() + 2);
        self.inline.extend_from_slice(&[0x00]);
        self.inline.extend_from_slice(utf8);
        self.inline.extend_from_slice(&[0xff]);
        self.queue(Entry::Inline(utf8.len() + 2), utf8.len() + 2);
        Ok(())
    }

    /// Queues a text frame that other connections share.
    pub(crate) fn push_shared(&mut self, frame: &EncodedFrame) -> Result<(), SendError> {
        let bytes = frame.as_bytes();
        self.check_room(bytes.len())?;
        self.queue(Entry::Shared(bytes.clone()), bytes.len());
        Ok(())
    }

    /// Queues a binary message, where the protocol has them.
    #[cfg(feature = "rfc6455")]
    pub(crate) fn push_binary(&mut self, bytes: &Bytes) -> Result<(), SendError> {
        if !self.takes_binary {
            return Err(SendError::Unsupported);
        }
        let len = bytes.len() + 2;
        self.check_room(len)?;
        self.queue(Entry::Binary(bytes.clone()), len);
        Ok(())
    }

    /// Queues a binary message, which no protocol has here.
    #[cfg(not(feature = "rfc6455"))]
    pub(crate) const fn push_binary(&self, _: &Bytes) -> Result<(), SendError> {
        Err(SendError::Unsupported)
    }

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
            self.wake();
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
        self.dropped += (self.entries.len() - usize::from(self.closing)) as u64;
        self.closing = false;
        self.entries = VecDeque::new();
        self.inline = BytesMut::new();
        self.len = 0;
        self.written = 0;
        self.gone = self.accepted;
        self.dropped_behind = 0;
        #[cfg(feature = "rfc6455")]
        {
            // Whether the kernel has these is not known: they count as sent.
            self.in_hand = 0;
        }
        self.wake();
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    #[cfg(feature = "rfc6455")]
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The count of messages in the queue.
    pub(crate) fn messages(&self) -> usize {
        self.entries.len()
    }

    pub(crate) const fn accepted(&self) -> u64 {
        self.accepted
    }

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

    /// What was done since this was last asked.
    pub(crate) fn take_traffic(&mut self) -> Traffic {
        let now = Traffic {
            sent_messages: self.sent,
            sent_len: self.sent_len,
            dropped_messages: self.dropped,
            // Bounded, and far from this type's end.
            queued_messages: i64::try_from(self.entries.len()).unwrap_or(i64::MAX),
            ..Traffic::default()
        };
        let done = now.since(&self.told);
        self.told = now;
        done
    }

    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The count of bytes written to the stream.
    pub(crate) const fn sent_len(&self) -> u64 {
        self.sent_len
    }

    /// Notes the count of bytes written to the stream, where that is not done here.
    #[cfg(feature = "rfc6455")]
    pub(crate) const fn set_sent_len(&mut self, len: u64) {
        self.sent_len = len;
    }

    /// Whether the first `count` of all messages accepted have left.
    pub(crate) const fn is_gone(&self, count: u64) -> bool {
        self.gone >= count
    }

    /// Notes the driver's waker: it is woken once, at the next push, close or drop.
    pub(crate) fn sleep(&mut self, waker: &Waker) {
        match &mut self.driver {
            Some(driver) => driver.clone_from(waker),
            driver => *driver = Some(waker.clone()),
        }
    }

    /// The driver is awake: pushes need not wake it.
    pub(crate) fn awake(&mut self) {
        self.driver = None;
    }

    /// Takes the first message, for a protocol that frames it in another way.
    #[cfg(feature = "rfc6455")]
    pub(crate) fn pop(&mut self) -> Option<Popped> {
        let entry = self.entries.pop_front()?;
        self.len -= entry.len();
        self.in_hand += 1;
        self.sent += 1;
        self.moved = true;
        let mut frame = match entry {
            Entry::Inline(len) => self.inline.split_to(len).freeze(),
            Entry::Shared(bytes) => bytes,
            Entry::Binary(bytes) => return Some(Popped::Binary(bytes)),
        };
        frame.advance(1);
        frame.truncate(frame.len() - 1);
        Some(Popped::Text(frame))
    }

    /// What was taken with `pop` has been handed to the kernel.
    #[cfg(feature = "rfc6455")]
    pub(crate) const fn landed(&mut self) {
        self.moved |= self.in_hand > 0;
        self.gone += self.in_hand;
        self.in_hand = 0;
    }

    /// Queues the closing frame behind everything else.
    pub(crate) fn push_closing(&mut self) {
        let frame = EncodedFrame::closing().into_bytes();
        self.queue(Entry::Shared(frame.clone()), frame.len());
        self.closing = true;
    }

    fn check_room(&self, len: usize) -> Result<(), SendError> {
        match self.phase {
            Phase::Open => {}
            Phase::Closing(_) | Phase::Dropped(Dropped::SlowReceiver) => {
                return Err(SendError::Closing);
            }
            Phase::Dropped(_) => return Err(SendError::Closed),
        }
        if len - 2 > self.max_message_len {
            return Err(SendError::TooLong {
                max: self.max_message_len,
            });
        }
        if self.has_room(len) {
            Ok(())
        } else {
            Err(SendError::Full)
        }
    }

    /// A frame longer than the whole queue is taken when the queue is empty.
    fn has_room(&self, len: usize) -> bool {
        self.entries.is_empty()
            || (self.entries.len() < self.max_messages && self.len + len <= self.max_len)
    }

    fn queue(&mut self, entry: Entry, len: usize) {
        self.entries.push_back(entry);
        self.len += len;
        self.accepted += 1;
    }

    /// Wakes the driver, if it sleeps.
    pub(crate) fn wake(&mut self) {
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
    }

    /// Drops the oldest message of which nothing was written.
    fn drop_oldest(&mut self) -> bool {
        let at = usize::from(self.written > 0);
        let Some(entry) = self.entries.remove(at) else {
            return false;
        };
        self.len -= entry.len();
        if let Entry::Inline(len) = entry {
            // What is left of a partly written entry in front stays where it is.
            let front = match self.entries.front() {
                Some(Entry::Inline(front)) if at == 1 => front - self.written,
                _ => 0,
            };
            let kept = self.inline.split_to(front);
            self.inline.advance(len);
            if !kept.is_empty() {
                let mut inline = BytesMut::from(kept.as_ref());
                inline.unsplit(self.inline.split());
                self.inline = inline;
            }
        }
        self.dropped += 1;
        self.moved = true;
        // Messages are gone in their order, and those before this one may not be yet.
        match at {
            1 => self.dropped_behind += 1,
            #[cfg(feature = "rfc6455")]
            _ if self.in_hand > 0 => self.in_hand += 1,
            _ => self.gone += 1,
        }
        true
    }
}

#[cfg(test)]
mod tests;
