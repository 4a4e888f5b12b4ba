//! The room for bytes that queues have, which is the thread's while they are empty.

use std::cell::RefCell;

use super::MIN_ROOM;

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
pub(super) fn lend(inline: &mut Vec<u8>) {
    // Not while the thread ends.
    let _ = SPARES.try_with(|spares| spares.borrow_mut().lend(inline));
}

/// Takes the room of a queue in which there is nothing.
pub(super) fn take_back(inline: &mut Vec<u8>) {
    // Not while the thread ends.
    let _ = SPARES.try_with(|spares| spares.borrow_mut().take_back(inline));
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
