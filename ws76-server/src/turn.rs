//! Writing what a handler sends to other connections, together.
//!
//! While a driver is polled, what its handler sends to others is queued and nobody is woken for it.
//! As long as there is more to be taken in, the handler may send more to the same receivers. With the
//! last message of what was read, and behind the poll, all of it is written straight to their
//! streams: a write for each receiver, with all that the turn has brought for it. Only a receiver
//! whose stream does not take all has its driver woken.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use crate::{
    line::Line,
    outbox::{Batch, Batched, Outbox},
    stats::{Counters, Traffic},
};

#[cfg(not(all(test, ws76_loom)))]
std::thread_local! {
    /// The turn that this thread is in, or is in next.
    static TURN: RefCell<Turn> = const { RefCell::new(Turn::new()) };
}

#[cfg(all(test, ws76_loom))]
loom::thread_local! {
    static TURN: RefCell<Turn> = RefCell::new(Turn::new());
}

std::thread_local! {
    /// The number of this thread's last turn. No other thread has one of them.
    static NUMBER: Cell<u64> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) << 40);
}

static THREADS: AtomicU64 = AtomicU64::new(1);

#[derive(Debug)]
struct Turn {
    /// Whether the thread is in it.
    is_on: bool,
    /// 0 until there is a line.
    number: u64,
    /// Whether the driver has read more messages than that at hand.
    more: bool,
    lines: VecDeque<Arc<Line>>,
    /// The short frames that its lines are sent: of draft-76, and of RFC 6455.
    batches: [Option<Arc<Batch>>; 2],
    /// How many were written to during the poll.
    written: usize,
    /// What they say was done.
    done: Traffic,
    /// A turn within which this one is: a handler has run another driver.
    outer: Option<Box<Self>>,
}

/// When to write what was queued in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    Now,
    /// Seen to at the end of the turn.
    Later,
}

/// Lines with something to be written, until it was or their drivers were woken.
#[derive(Debug, Default)]
struct Lines(VecDeque<Arc<Line>>);

/// When to write what was queued on `line`, whose outbox this is; `None` outside of a turn.
#[inline]
pub(crate) fn plan(line: &Arc<Line>, outbox: &mut Outbox) -> Option<When> {
    let plan = TURN.try_with(|turn| {
        let mut turn = turn.borrow_mut();
        if !turn.is_on {
            return None;
        }
        // What another turn marked is none of these marks.
        let marks = outbox.claimed() ^ turn.number;
        match turn.more && marks & !WRITTEN == LISTED {
            true => Some(When::Later),
            false => Some(turn.plan(line, outbox)),
        }
    });
    plan.ok().flatten()
}

/// What was done for a line in this turn.
pub(crate) fn wrote(traffic: &Traffic) {
    let _ = TURN.try_with(|turn| turn.borrow_mut().done.add(traffic));
}

/// Puts a frame into the batch that this turn has for its protocol.
pub(crate) fn batch(frame: &[u8], is_rfc6455: bool) -> Batched {
    let batched = TURN.try_with(|turn| {
        let [draft76, rfc6455] = &mut turn.borrow_mut().batches;
        Batch::put(if is_rfc6455 { rfc6455 } else { draft76 }, frame)
    });
    batched.unwrap_or_else(|_| Batch::put(&mut None, frame))
}

/// Says whether more messages were read than the one that the handler is called with next.
pub(crate) fn expect_more(more: bool) {
    let _ = TURN.try_with(|turn| turn.borrow_mut().more = more);
}

/// Runs a driver in turns: each poll is one.
pub(crate) fn in_turns<F: Future>(
    counters: &Counters,
    mut driver: Pin<&mut F>,
) -> impl Future<Output = F::Output> {
    let mut lines = Lines::default();
    poll_fn(move |cx| {
        let waits = !lines.0.is_empty();
        if !waits {
            let polled = lines.during(counters, || driver.as_mut().poll(cx));
            if polled.is_ready() || lines.0.is_empty() {
                return polled;
            }
        }
        lines.write(counters);
        if waits || !lines.0.is_empty() {
            // The others have their turn first; then the driver, for which this task may have been
            // woken meanwhile.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
}

impl Turn {
    const fn new() -> Self {
        Self {
            is_on: false,
            number: 0,
            more: false,
            lines: VecDeque::new(),
            batches: [None, None],
            written: 0,
            done: Traffic::NONE,
            outer: None,
        }
    }

    /// Puts a turn before the one that the thread is in.
    #[cold]
    fn nest(&mut self) {
        let outer = std::mem::replace(self, Self::new());
        self.outer = Some(Box::new(outer));
    }

    fn plan(&mut self, line: &Arc<Line>, outbox: &mut Outbox) -> When {
        if self.number == 0 {
            self.number = next_number();
        }
        let claimed = outbox.claimed();
        let mut seen = match claimed & !(LISTED | WRITTEN) == self.number {
            true => claimed & (LISTED | WRITTEN),
            false => 0,
        };
        if seen & WRITTEN == 0 && self.written < MAX_WRITTEN && !self.more {
            self.written += 1;
            // What was sent to many is written in the order in which they were listed, so that the
            // end of the turn need not look for them again.
            if seen & LISTED != 0 && self.lines.front().is_some_and(|one| Arc::ptr_eq(one, line)) {
                self.lines.pop_front();
                seen = 0;
            }
            outbox.claim(self.number | seen | WRITTEN);
            return When::Now;
        }
        if seen & LISTED == 0 {
            self.lines.push_back(Arc::clone(line));
            outbox.claim(self.number | seen | LISTED);
        }
        When::Later
    }
}

fn next_number() -> u64 {
    NUMBER.with(|number| {
        number.set(number.get() + 4);
        number.get()
    })
}

impl Lines {
    /// Does something in a turn, of which these are the lines. There are none yet.
    #[inline]
    fn during<T>(&mut self, counters: &Counters, poll: impl FnOnce() -> T) -> T {
        enter();
        let _entered = Entered {
            lines: self,
            counters,
        };
        poll()
    }

    /// Writes to as many as a turn may.
    fn write(&mut self, counters: &Counters) {
        let mut done = Traffic::default();
        let count = self.0.len().min(MAX_WRITES);
        for line in self.0.drain(..count) {
            done.add(&line.write_now());
        }
        counters.traffic(&done);
        if self.0.is_empty() && self.0.capacity() > MAX_RESTING {
            self.0 = VecDeque::new();
        }
    }
}

impl Drop for Lines {
    /// The turns are over, in whichever way: the drivers of the rest do it.
    fn drop(&mut self) {
        for line in &self.0 {
            line.wake();
        }
    }
}

fn enter() {
    TURN.with(|turn| {
        let mut turn = turn.borrow_mut();
        if turn.is_on {
            turn.nest();
        }
        turn.is_on = true;
        turn.more = false;
    });
}

/// The turn that a thread is in, until this is dropped: also when there is a panic.
struct Entered<'a> {
    lines: &'a mut Lines,
    counters: &'a Counters,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let is_over = TURN.try_with(|turn| {
            let mut turn = turn.borrow_mut();
            turn.is_on = false;
            turn.number == 0 && turn.outer.is_none()
        });
        if let Ok(false) = is_over {
            self.leave();
        }
    }
}

impl Entered<'_> {
    /// Leaves a turn of which there were lines, or which was within another.
    #[cold]
    fn leave(&mut self) {
        let done = TURN.with(|turn| {
            let mut turn = turn.borrow_mut();
            if !turn.lines.is_empty() {
                std::mem::swap(&mut self.lines.0, &mut turn.lines);
            }
            let done = (turn.written > 0).then(|| std::mem::take(&mut turn.done));
            turn.batches.iter_mut().for_each(Batch::renew);
            turn.number = 0;
            turn.written = 0;
            if let Some(outer) = turn.outer.take() {
                *turn = *outer;
            }
            done
        });
        if let Some(done) = done {
            self.counters.traffic(&done);
        }
    }
}

/// Marks of a line in a turn, beside its number: it is among its lines; it was written to during the
/// poll.
const LISTED: u64 = 1;
const WRITTEN: u64 = 2;
/// Receivers that are written to before the others have their turn.
const MAX_WRITES: usize = if cfg!(test) { 3 } else { 512 };
/// Receivers that are written to during one poll.
const MAX_WRITTEN: usize = if cfg!(test) { 4 } else { 2048 };
/// Room for lines that a connection keeps between its turns.
const MAX_RESTING: usize = 64;

#[cfg(all(test, not(ws76_loom)))]
mod tests;
