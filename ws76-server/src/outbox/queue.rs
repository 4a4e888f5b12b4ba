//! The messages of an outbox, in their order.

#[cfg(feature = "rfc6455")]
mod messages;
mod spares;
mod tail;

use std::{collections::VecDeque, io::IoSlice};

use bytes::Bytes;
use memchr::memchr;
use tail::{Tail, View};

#[cfg(feature = "rfc6455")]
use crate::rfc6455::Head;

/// Messages, and how much of the first was written. In this order in memory, as an outbox is.
#[derive(Debug, Default)]
#[repr(C)]
pub(super) struct Queue {
    messages: usize,
    /// Bytes of all messages, less what was written of the first.
    len: usize,
    /// Frames behind all others.
    tail: Option<Tail>,
    /// Frames in a row behind all entries.
    run: Run,
    /// The bytes of all runs, in their order, behind `inline_at`; before it there is what was written of
    /// the first message.
    inline: Vec<u8>,
    inline_at: usize,
    entries: VecDeque<Entry>,
    /// Bytes of the first message that were written.
    written: usize,
}

/// Frames in a row, and what is left of them in `Queue::inline`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    messages: usize,
    len: usize,
}

#[derive(Debug)]
pub(super) enum Entry {
    Inline(Run),
    /// A draft-76 frame that other connections share.
    Frame(Bytes),
    /// Draft-76 frames, where they were read.
    View(View),
    /// The content of a draft-76 frame, which keeps a buffer alive that others read into.
    Lent(Bytes),
    /// The content of a draft-76 frame.
    Content(Bytes),
    /// The content of an RFC 6455 frame, behind its head.
    #[cfg(feature = "rfc6455")]
    Message(Head, Bytes),
    /// The same, as [`Self::Lent`].
    #[cfg(feature = "rfc6455")]
    LentMessage(Head, Bytes),
}

impl Entry {
    /// Bytes of it.
    const fn len(&self) -> usize {
        match self {
            Self::Inline(run) => run.len,
            Self::Frame(bytes) => bytes.len(),
            Self::View(view) => view.len(),
            Self::Lent(bytes) | Self::Content(bytes) => bytes.len() + 2,
            #[cfg(feature = "rfc6455")]
            Self::Message(head, bytes) | Self::LentMessage(head, bytes) => head.len() + bytes.len(),
        }
    }
}

impl Queue {
    /// The count of messages.
    pub(super) const fn messages(&self) -> usize {
        self.messages
    }

    /// Bytes of all messages, less what was written of the first.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    /// Whether the first message is partly written.
    pub(super) const fn is_in_a_message(&self) -> bool {
        self.written > 0
    }

    /// Puts a frame of `len` bytes behind all others, which `put` appends.
    // Always: most of what is sent goes through it, with little to do.
    #[inline(always)]
    pub(super) fn push_inline(&mut self, len: usize, put: impl FnOnce(&mut Vec<u8>)) {
        self.settle();
        if self.inline.capacity() - self.inline.len() < len {
            self.make_room_inline(len);
        }
        put(&mut self.inline);
        self.count_inline(len);
    }

    /// Puts a frame behind all others, which `put` appends if it can do that at once. Returns whether.
    #[inline(always)]
    pub(super) fn push_short(&mut self, put: impl FnOnce(&mut Vec<u8>) -> Option<usize>) -> bool {
        if self.tail.is_some() {
            return false;
        }
        let Some(len) = put(&mut self.inline) else {
            return false;
        };
        self.count_inline(len);
        true
    }

    #[inline(always)]
    const fn count_inline(&mut self, len: usize) {
        self.run.messages += 1;
        self.run.len += len;
        self.messages += 1;
        self.len += len;
    }

    /// Puts a message that is not inline behind all others.
    pub(super) fn push(&mut self, entry: Entry) {
        self.end_run();
        self.messages += 1;
        self.len += entry.len();
        self.entries.push_back(entry);
    }

    /// Makes an entry of the run behind all entries.
    fn end_run(&mut self) {
        self.settle();
        if self.run.messages > 0 {
            let run = std::mem::take(&mut self.run);
            self.entries.push_back(Entry::Inline(run));
        }
    }

    /// All bytes to write, if they are in one piece. They were gathered.
    pub(super) fn only(&self) -> Option<&[u8]> {
        if let Some(view) = self.only_view() {
            return Some(view.as_bytes());
        }
        if self.entries.is_empty() {
            return self.inline.get(self.inline_at..);
        }
        match self.entries.front() {
            Some(Entry::Frame(bytes)) if self.messages == 1 => bytes.get(self.written..),
            Some(Entry::View(view)) if self.messages == 1 => view.as_bytes().get(self.written..),
            _ => None,
        }
    }

    /// The bytes to write next, in order. Returns how many of `slices` they fill. They were gathered,
    /// and are not in one piece.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut inline = self.inline.get(self.inline_at..).unwrap_or_default();
        let mut skip = self.written;
        let mut count = 0;
        let mut put = |bytes: &'a [u8], skip: &mut usize| {
            let (_, bytes) = bytes.split_at(bytes.len().min(*skip));
            match slices.get_mut(count) {
                Some(slot) if !bytes.is_empty() => {
                    *slot = IoSlice::new(bytes);
                    count += 1;
                    *skip = 0;
                    true
                }
                Some(_) => true,
                None => false,
            }
        };
        let mut put_all = |parts: &[&'a [u8]], skip: &mut usize| {
            parts.iter().all(|part| {
                let goes_on = put(part, skip);
                *skip = skip.saturating_sub(part.len());
                goes_on
            })
        };
        for entry in &self.entries {
            let goes_on = match entry {
                Entry::Inline(run) => {
                    let (bytes, rest) = inline.split_at_checked(run.len).unwrap_or_default();
                    inline = rest;
                    // Only what is left of it is there.
                    put_all(&[bytes], &mut 0)
                }
                Entry::Frame(bytes) => put_all(&[bytes], &mut skip),
                Entry::View(view) => put_all(&[view.as_bytes()], &mut skip),
                Entry::Lent(bytes) | Entry::Content(bytes) => {
                    put_all(&[&[TEXT], bytes, &[TERMINATOR]], &mut skip)
                }
                #[cfg(feature = "rfc6455")]
                Entry::Message(head, bytes) | Entry::LentMessage(head, bytes) => {
                    put_all(&[head.as_bytes(), bytes], &mut skip)
                }
            };
            if !goes_on {
                return count;
            }
            skip = 0;
        }
        put(inline, &mut 0);
        count
    }

    /// So many bytes were written. Returns how many messages have left with that. How long an inline
    /// message is, is found by `frame_len`.
    #[inline]
    pub(super) fn consume(&mut self, count: usize, frame_len: FrameLen) -> usize {
        self.len -= count;
        if self.len > 0 {
            return self.consume_part(count, frame_len);
        }
        self.run = Run::default();
        self.tail = None;
        self.written = 0;
        if !self.entries.is_empty() {
            self.entries.clear();
        }
        self.inline.clear();
        self.inline_at = 0;
        std::mem::take(&mut self.messages)
    }

    fn consume_part(&mut self, mut count: usize, frame_len: FrameLen) -> usize {
        self.end_run();
        let mut gone = 0;
        while count > 0 {
            let part = match self.entries.front_mut() {
                Some(Entry::Inline(run)) if count < run.len => {
                    let mut seen = self.written;
                    self.written += count;
                    run.len -= count;
                    self.inline_at += count;
                    while run.messages > 0 {
                        let first = self.inline_at - self.written;
                        let written = self.inline.get(first..self.inline_at);
                        let len = frame_len(written.unwrap_or_default(), seen);
                        if len == 0 || self.written < len {
                            break;
                        }
                        seen = 0;
                        self.written -= len;
                        gone += 1;
                        run.messages -= 1;
                    }
                    break;
                }
                Some(Entry::Inline(run)) => {
                    gone += run.messages;
                    self.inline_at += run.len;
                    run.len
                }
                Some(Entry::View(view)) if self.written == 0 && count >= view.len() => {
                    gone += view.messages();
                    view.len()
                }
                Some(Entry::View(view)) if view.messages() > 1 => {
                    self.split(0);
                    continue;
                }
                Some(entry) => {
                    let left = entry.len() - self.written;
                    if count < left {
                        self.written += count;
                        break;
                    }
                    gone += 1;
                    left
                }
                None => break,
            };
            self.entries.pop_front();
            self.written = 0;
            count -= part;
        }
        self.messages -= gone;
        self.rewind();
        gone
    }

    /// Drops the oldest message of which nothing was written. Returns whether there was one.
    /// How long an inline message is, is found by `frame_len`.
    pub(super) fn drop_oldest(&mut self, frame_len: FrameLen) -> bool {
        self.end_run();
        let mut at = 0;
        let mut offset = self.inline_at;
        if self.written > 0 {
            match self.entries.front() {
                Some(Entry::Inline(run)) if run.messages == 1 => {
                    at = 1;
                    offset += run.len;
                }
                Some(Entry::Inline(_)) => {
                    offset -= self.written;
                    offset += frame_len(self.inline_from(offset), 0);
                }
                _ => at = 1,
            }
        }
        self.split(at);
        let dropped = frame_len(self.inline_from(offset), 0);
        let len = match self.entries.get_mut(at) {
            None => return false,
            Some(Entry::Inline(run)) => {
                run.messages -= 1;
                run.len -= dropped;
                let is_used_up = run.messages == 0;
                self.inline.drain(offset..offset + dropped);
                if is_used_up {
                    self.entries.remove(at);
                }
                dropped
            }
            Some(entry) => {
                let len = entry.len();
                self.entries.remove(at);
                len
            }
        };
        self.messages -= 1;
        self.len -= len;
        self.rewind();
        true
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Bytes of memory for frames that are not shared.
    #[cfg(all(test, not(ws76_loom)))]
    pub(super) const fn room(&self) -> usize {
        self.inline.capacity()
    }

    fn inline_from(&self, offset: usize) -> &[u8] {
        self.inline.get(offset..).unwrap_or_default()
    }

    fn rewind(&mut self) {
        if self.inline_at == self.inline.len() {
            self.inline.clear();
            self.inline_at = 0;
        }
    }
}

/// Finds the length of the frame that bytes begin with, whose end is not in the first so many of them. 0
/// when that does not show yet.
pub(super) type FrameLen = fn(&[u8], usize) -> usize;

/// As [`FrameLen`], of draft-76.
pub(super) fn first_frame_len(bytes: &[u8], seen: usize) -> usize {
    let unseen = bytes.get(seen..).unwrap_or_default();
    memchr(TERMINATOR, unseen).map_or(0, |end| seen + end + 1)
}

/// The first byte of a draft-76 frame.
const TEXT: u8 = 0x00;
/// The last byte of a draft-76 frame, which is nowhere else in it.
const TERMINATOR: u8 = 0xff;
