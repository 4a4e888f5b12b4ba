//! Short frames that one turn sends to many: copied once for all of them.

use std::{
    cell::OnceCell,
    sync::{Arc, PoisonError},
};

use bytes::Bytes;
use ws76_codec::EncodedFrame;

use super::{MAX_COPIED_LEN, Outbox};
#[cfg(feature = "rfc6455")]
use crate::rfc6455::text_frame;
use crate::{
    stats::Traffic,
    sync::{Mutex, MutexGuard},
    turn,
};

/// A text that is sent to many, framed once for each protocol.
#[derive(Debug)]
pub(crate) struct Shared {
    draft76: Frame,
    #[cfg(feature = "rfc6455")]
    rfc6455: OnceCell<Frame>,
}

/// A frame of one protocol.
#[derive(Debug)]
pub(super) struct Frame {
    bytes: Bytes,
    is_rfc6455: bool,
    /// Where it is in the batch of the turn, once a receiver is written to in that.
    batched: OnceCell<Batched>,
}

impl Shared {
    pub(crate) fn new(frame: EncodedFrame) -> Self {
        Self {
            draft76: Frame::new(frame.into_bytes(), false),
            #[cfg(feature = "rfc6455")]
            rfc6455: OnceCell::new(),
        }
    }

    /// The length as a draft-76 frame.
    pub(crate) const fn len(&self) -> usize {
        self.draft76.bytes.len()
    }

    #[cfg_attr(
        not(feature = "rfc6455"),
        expect(unused_variables, reason = "one protocol")
    )]
    #[inline]
    pub(super) fn frame(&self, is_rfc6455: bool) -> &Frame {
        #[cfg(feature = "rfc6455")]
        if is_rfc6455 {
            return self.rfc6455.get_or_init(|| {
                let text = self.draft76.bytes.get(1..self.len() - 1);
                Frame::new(text_frame(text.unwrap_or_default()), true)
            });
        }
        &self.draft76
    }
}

impl Frame {
    const fn new(bytes: Bytes, is_rfc6455: bool) -> Self {
        Self {
            bytes,
            is_rfc6455,
            batched: OnceCell::new(),
        }
    }

    pub(super) const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether it is copied, and not shared, for those who do not write it at once.
    pub(super) const fn is_short(&self) -> bool {
        self.bytes.len() <= MAX_COPIED_LEN
    }

    fn batched(&self) -> &Batched {
        self.batched
            .get_or_init(|| turn::batch(&self.bytes, self.is_rfc6455))
    }
}

/// Frames of one protocol in a row, of which receivers hold parts.
#[derive(Debug, Default)]
pub(crate) struct Batch(Mutex<Vec<u8>>);

impl Batch {
    /// Puts a frame behind the others of a batch; begins another one when that is long.
    pub(crate) fn put(batch: &mut Option<Arc<Self>>, frame: &[u8]) -> Batched {
        let batch = batch.get_or_insert_default();
        if batch.bytes().len() >= MAX_BATCH_LEN {
            *batch = Arc::default();
        }
        let mut bytes = batch.bytes();
        let start = bytes.len();
        bytes.extend_from_slice(frame);
        let end = bytes.len();
        drop(bytes);
        Batched {
            batch: Arc::clone(batch),
            start,
            end,
            messages: 1,
        }
    }

    /// Makes a batch of what nobody holds a part of any more, or none.
    pub(crate) fn renew(batch: &mut Option<Arc<Self>>) {
        match batch.as_mut().map(Arc::get_mut) {
            Some(Some(one)) => one.bytes().clear(),
            _ => *batch = None,
        }
    }

    /// The bytes. A panic elsewhere cannot leave them half changed, so poison means nothing.
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A part of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Batched {
    batch: Arc<Batch>,
    start: usize,
    end: usize,
    messages: usize,
}

impl Batched {
    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    /// Goes on to the end of `next`, if that begins where this ends.
    #[inline]
    pub(super) fn extend(&mut self, next: &Self) -> bool {
        let goes_on = self.end == next.start && Arc::ptr_eq(&self.batch, &next.batch);
        if goes_on {
            self.end = next.end;
            self.messages += next.messages;
        }
        goes_on
    }

    /// Does something with the bytes.
    pub(super) fn with<T>(&self, use_bytes: impl FnOnce(&[u8]) -> T) -> T {
        let bytes = self.batch.bytes();
        use_bytes(bytes.get(self.start..self.end).unwrap_or_default())
    }
}

impl Outbox {
    /// As [`Self::add_shared`], in a turn that is going to write it, where [`Self::can_write_now`].
    #[inline]
    pub(crate) fn add_shared_in_turn(&mut self, shared: &Shared) {
        let frame = shared.frame(self.is_rfc6455());
        if !frame.is_short() {
            self.add_shared(shared);
            return;
        }
        self.accepted += 1;
        self.queue.push_batched(frame.batched());
    }

    /// Writes what is queued, if all of it is in a batch and [`Self::can_write_now`]. Returns what was
    /// done with that, or nothing if there is more to do.
    pub(crate) fn write_batched_now(&mut self) -> Option<Traffic> {
        let batched = self.queue.only_batched()?;
        let writer = self.writer.as_ref().filter(|_| !self.blocked)?;
        let len = batched.len();
        let written = batched.with(|frames| writer.try_write(frames));
        match written {
            Ok(written) if written == len => {}
            Ok(written) => {
                self.consume(written);
                return None;
            }
            Err(error) => {
                self.note(Err(error));
                return None;
            }
        }
        self.progressed = true;
        self.moved = true;
        Some(Traffic {
            sent_messages: self.queue.consume_batched() as u64,
            sent_len: len as u64,
            ..Traffic::NONE
        })
    }
}

/// A batch that is as long as this takes no more frames.
const MAX_BATCH_LEN: usize = if cfg!(test) { 12 } else { 16 << 10 };
