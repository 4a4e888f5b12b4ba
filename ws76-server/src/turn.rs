//! Writing what a handler sent to other connections, together.
//!
//! While a driver is polled, what its handler sends to others is queued and nobody is woken for it.
//! Behind the poll all of it is written straight to their streams: a write for each receiver, with
//! all that the turn has brought for it. Only a receiver whose stream does not take all has its
//! driver woken.

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
    outbox::Outbox,
    stats::{Counters, Traffic},
};

#[cfg(not(all(test, ws76_loom)))]
use std::thread_local;

#[cfg(all(test, ws76_loom))]
use loom::thread_local;

thread_local! {
    /// The turn that this thread is in.
    static TURN: RefCell<Option<Turn>> = RefCell::new(None);
}

std::thread_local! {
    /// The number of this thread's last turn. No other thread has one of them.
    static NUMBER: Cell<u64> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed) << 40);
}

static THREADS: AtomicU64 = AtomicU64::new(1);

#[derive(Debug)]
struct Turn {
    /// 0 until there is a line.
    number: u64,
    lines: VecDeque<Arc<Line>>,
}

/// Lines with something to be written, until it was or their drivers were woken.
#[derive(Debug, Default)]
struct Lines(VecDeque<Arc<Line>>);

/// Puts off the write of what was queued on `line`, whose outbox this is, to the end of the turn
/// that this thread is in. Returns whether there is one.
pub(crate) fn defer(line: &Arc<Line>, outbox: &mut Outbox) -> bool {
    let put_off = TURN.try_with(|turn| {
        let mut turn = turn.borrow_mut();
        let Some(turn) = turn.as_mut() else {
            return false;
        };
        if turn.number == 0 {
            turn.number = next_number();
        }
        if outbox.claim(turn.number) {
            turn.lines.push_back(Arc::clone(line));
        }
        true
    });
    put_off.unwrap_or_default()
}

/// Runs a driver in turns: each poll is one.
pub(crate) async fn in_turns<F: Future>(counters: &Counters, mut driver: Pin<&mut F>) -> F::Output {
    let mut lines = Lines::default();
    poll_fn(|cx| {
        if lines.0.is_empty()
            && let Poll::Ready(output) = lines.during(|| driver.as_mut().poll(cx))
        {
            return Poll::Ready(output);
        }
        lines.write(counters);
        if !lines.0.is_empty() {
            // The others have their turn first.
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

fn next_number() -> u64 {
    NUMBER.with(|number| {
        number.set(number.get() + 1);
        number.get()
    })
}

impl Lines {
    /// Does something in a turn, of which these are the lines. There are none yet.
    fn during<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        /// Ends the turn also when there is a panic.
        struct Entered<'a> {
            lines: &'a mut Lines,
            outer: Option<Turn>,
        }
        impl Drop for Entered<'_> {
            fn drop(&mut self) {
                let turn = TURN.try_with(|turn| turn.replace(self.outer.take()));
                if let Ok(Some(turn)) = turn {
                    self.lines.0 = turn.lines;
                }
            }
        }
        let turn = Turn {
            number: 0,
            lines: std::mem::take(&mut self.0),
        };
        let outer = TURN.with(|now| now.replace(Some(turn)));
        let _entered = Entered { lines: self, outer };
        poll()
    }

    /// Writes to as many as a turn may.
    fn write(&mut self, counters: &Counters) {
        if self.0.is_empty() {
            return;
        }
        let mut done = Traffic::default();
        let count = self.0.len().min(MAX_WRITES);
        for line in self.0.drain(..count) {
            done.add(&line.write_now());
        }
        counters.traffic(&done);
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

/// Receivers that are written to before the others have their turn.
const MAX_WRITES: usize = 512;
