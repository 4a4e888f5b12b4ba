//! The room for bytes that queues have, which is the thread's while they are empty.

use std::{cell::RefCell, collections::VecDeque};

use super::Queue;

thread_local! {
    static SPARES: RefCell<Spares> = const { RefCell::new(Spares::new()) };
}

/// What queues have given back.
#[derive(Debug)]
struct Spares {
    /// None when it is in use: it changes places with what has none.
    next: Vec<u8>,
    more: Vec<Vec<u8>>,
}

/// Gives a queue room, if there is some. It has none.
fn lend(inline: &mut Vec<u8>) {
    // Not while the thread ends.
    let _ = SPARES.try_with(|spares| spares.borrow_mut().lend(inline));
}

/// Takes the room of a queue in which there is nothing.
fn take_back(inline: &mut Vec<u8>) {
    // Not while the thread ends.
    let _ = SPARES.try_with(|spares| spares.borrow_mut().take_back(inline));
}

impl Queue {
    /// Takes the thread's room, if this has none and it has some. Returns whether.
    #[inline(never)]
    pub(in crate::outbox) fn take_room(&mut self) -> bool {
        if self.inline.capacity() > 0 {
            return false;
        }
        lend(&mut self.inline);
        self.inline.capacity() > 0
    }

    #[inline(never)]
    pub(super) fn make_room_inline(&mut self, len: usize) {
        if self.inline.capacity() == 0 {
            if !self.take_room() {
                self.inline = Vec::with_capacity(len.max(MIN_ROOM));
            }
        } else if self.inline_at > self.inline.len() / 2 {
            // It never empties while the client is always a little behind.
            let gone = self.inline_at.saturating_sub(self.written);
            self.inline.drain(..gone);
            self.inline_at -= gone;
        }
        self.inline.reserve(len);
    }

    /// Gives back memory that an empty queue does not need.
    #[inline]
    pub(in crate::outbox) fn rest(&mut self) {
        if !self.is_empty() {
            return;
        }
        if self.entries.capacity() > MAX_RESTING {
            self.forget_entries();
        }
        if self.inline.capacity() > 0 {
            take_back(&mut self.inline);
        }
    }

    #[cold]
    fn forget_entries(&mut self) {
        self.entries = VecDeque::new();
    }
}

impl Spares {
    const fn new() -> Self {
        Self {
            next: Vec::new(),
            more: Vec::new(),
        }
    }

    fn lend(&mut self, inline: &mut Vec<u8>) {
        std::mem::swap(inline, &mut self.next);
        if inline.capacity() == 0 {
            self.lend_other(inline);
        }
    }

    #[inline(never)]
    fn lend_other(&mut self, inline: &mut Vec<u8>) {
        *inline = self.more.pop().unwrap_or_default();
    }

    fn take_back(&mut self, inline: &mut Vec<u8>) {
        if self.next.capacity() == 0 && inline.capacity() <= MAX_SPARE_LEN {
            std::mem::swap(inline, &mut self.next);
        } else {
            self.take_other_back(std::mem::take(inline));
        }
    }

    #[inline(never)]
    fn take_other_back(&mut self, inline: Vec<u8>) {
        if inline.capacity() <= MIN_ROOM && self.more.len() < MAX_SPARES - 1 {
            self.more.push(inline);
        }
    }
}

/// Room for bytes that is kept for the next queue.
const MAX_SPARE_LEN: usize = 64 << 10;
/// Queues for which a thread keeps room: as many as one broadcast fills at a time, of `MIN_ROOM` each
/// but for the first.
const MAX_SPARES: usize = 1 << 10;
/// Room for bytes that a queue has at first: several short frames.
const MIN_ROOM: usize = 640;
/// Room for entries that an idle connection keeps.
const MAX_RESTING: usize = 8;
