//! Frames that come behind all others, and are not copied unless they have to be: in a batch, or where
//! they were read.

use std::ops::Range;

use bytes::Bytes;

use super::{Entry, Queue, first_frame_len};
use crate::outbox::{Batched, MIN_LENT_LEN};

#[derive(Debug)]
pub(super) enum Tail {
    Batched(Batched),
    View(View),
}

/// Draft-76 frames in a row, among bytes of which they may be a small part.
#[derive(Debug)]
pub(in crate::outbox) struct View {
    bytes: Bytes,
    start: usize,
    end: usize,
    messages: usize,
    /// Whether the bytes are a copy of these frames, and of some that are gone.
    is_own: bool,
}

impl View {
    pub(super) const fn len(&self) -> usize {
        self.end - self.start
    }

    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Goes on to the end of `frame`, if that is the next one in the same bytes.
    #[inline]
    fn extend(&mut self, bytes: &Bytes, frame: &Range<usize>) -> bool {
        let goes_on = frame.start == self.end
            && bytes.as_ptr() == self.bytes.as_ptr()
            && bytes.len() == self.bytes.len();
        if goes_on {
            self.end = frame.end;
            self.messages += 1;
        }
        goes_on
    }

    /// Keeps no more alive any longer than twice as much as the frames.
    fn stay(&mut self) {
        if self.is_own && self.bytes.len() <= 2 * self.len() {
            return;
        }
        self.is_own = true;
        self.bytes = Bytes::copy_from_slice(self.as_bytes());
        self.end -= self.start;
        self.start = 0;
    }

    /// Takes the first frame out of several.
    fn split_first(&mut self) -> Option<Self> {
        if self.messages < 2 {
            return None;
        }
        let len = first_frame_len(self.as_bytes(), 0);
        let start = self.start;
        self.start += len;
        self.messages -= 1;
        Some(Self {
            bytes: self.bytes.clone(),
            start,
            end: self.start,
            messages: 1,
            is_own: self.is_own,
        })
    }
}

impl Queue {
    /// Puts a frame that is in a batch behind all others.
    #[inline]
    pub(in crate::outbox) fn push_batched(&mut self, frame: &Batched) {
        self.messages += 1;
        self.len += frame.len();
        if let Some(Tail::Batched(all)) = &mut self.tail
            && all.extend(frame)
        {
            return;
        }
        self.settle();
        self.tail = Some(Tail::Batched(frame.clone()));
    }

    /// As [`Self::push_view`], where the bytes go on that are behind all others. Returns whether.
    #[inline(always)]
    pub(in crate::outbox) fn extend_view(&mut self, bytes: &Bytes, frame: &Range<usize>) -> bool {
        if let Some(Tail::View(all)) = &mut self.tail
            && all.extend(bytes, frame)
        {
            self.messages += 1;
            self.len += frame.len();
            return true;
        }
        false
    }

    /// Puts a draft-76 frame that is among these bytes behind all others.
    #[inline]
    pub(in crate::outbox) fn push_view(&mut self, bytes: &Bytes, frame: Range<usize>) {
        self.messages += 1;
        self.len += frame.len();
        if let Some(Tail::View(all)) = &mut self.tail
            && all.extend(bytes, &frame)
        {
            return;
        }
        self.settle();
        self.tail = Some(Tail::View(View {
            bytes: bytes.clone(),
            start: frame.start,
            end: frame.end,
            messages: 1,
            is_own: false,
        }));
    }

    /// The bytes to write, if all of them are in a batch.
    pub(in crate::outbox) fn only_batched(&self) -> Option<&Batched> {
        match &self.tail {
            Some(Tail::Batched(all)) if all.len() == self.len => Some(all),
            _ => None,
        }
    }

    /// The bytes to write, if they are a view.
    pub(super) fn only_view(&self) -> Option<&View> {
        match &self.tail {
            Some(Tail::View(all)) if all.len() == self.len => Some(all),
            _ => None,
        }
    }

    /// All was in a batch, and was written. Returns how many messages have left with that.
    pub(in crate::outbox) fn consume_batched(&mut self) -> usize {
        self.tail = None;
        self.len = 0;
        std::mem::take(&mut self.messages)
    }

    /// Settles what is behind all others, unless it is a view, and all there is to write.
    #[inline]
    pub(in crate::outbox) fn gather(&mut self) {
        if self.tail.is_some() && self.only_view().is_none() {
            self.settle_tail();
        }
    }

    /// Makes an entry or a copy of what is behind all others, for all that knows no tails. The messages
    /// count already.
    #[inline]
    pub(in crate::outbox) fn settle(&mut self) {
        if self.tail.is_some() {
            self.settle_tail();
        }
    }

    #[cold]
    fn settle_tail(&mut self) {
        match self.tail.take() {
            Some(Tail::Batched(batched)) => {
                batched.with(|frames| self.copy(frames, batched.messages()));
            }
            Some(Tail::View(view)) if view.len() >= MIN_LENT_LEN => {
                self.end_run();
                self.entries.push_back(Entry::View(view));
            }
            Some(Tail::View(view)) => self.copy(view.as_bytes(), view.messages),
            None => {}
        }
    }

    fn copy(&mut self, frames: &[u8], messages: usize) {
        if self.inline.capacity() - self.inline.len() < frames.len() {
            self.make_room_inline(frames.len());
        }
        self.inline.extend_from_slice(frames);
        self.run.messages += messages;
        self.run.len += frames.len();
    }

    /// Makes the first frame of a view an entry of its own.
    pub(super) fn split(&mut self, at: usize) {
        if let Some(Entry::View(view)) = self.entries.get_mut(at)
            && let Some(first) = view.split_first()
        {
            self.entries.insert(at, Entry::View(first));
        }
    }

    /// What is left stays for a while: it is not to keep more than itself alive.
    pub(in crate::outbox) fn stay(&mut self) {
        self.settle();
        for entry in &mut self.entries {
            match entry {
                Entry::View(view) => view.stay(),
                Entry::Lent(bytes) => *entry = Entry::Content(Bytes::copy_from_slice(bytes)),
                #[cfg(feature = "rfc6455")]
                Entry::LentMessage(head, bytes) => {
                    *entry = Entry::Message(*head, Bytes::copy_from_slice(bytes));
                }
                _ => {}
            }
        }
    }
}
