//! What all connections of a load test share: the bytes, one buffer to read into, and the counts.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use hdrhistogram::Histogram;

use super::traffic::Traffic;

/// A load test that is under way, on one thread.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) traffic: Traffic,
    pub(super) in_flight: usize,
    pub(super) buffer: RefCell<Box<[u8]>>,
    /// Whether nothing new is begun, and only what is under way comes in.
    pub(super) is_draining: Cell<bool>,
    /// How many still wait for something.
    pub(super) waiting: Cell<usize>,
    pub(super) opened: Cell<usize>,
    counts: Cell<Counts>,
    latency: RefCell<Histogram<u64>>,
}

/// What was counted since the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) messages: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

impl Run {
    pub(super) fn new(traffic: Traffic, in_flight: usize) -> Self {
        Self {
            traffic,
            in_flight,
            buffer: RefCell::new(vec![0; READ_LEN].into()),
            is_draining: Cell::new(false),
            waiting: Cell::new(0),
            opened: Cell::new(0),
            counts: Cell::default(),
            latency: RefCell::new(histogram()),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts.get()
    }

    pub(super) fn count_in(&self, len: usize) {
        let mut counts = self.counts.get();
        counts.bytes_in += len as u64;
        self.counts.set(counts);
    }

    pub(super) fn count_out(&self, len: usize) {
        let mut counts = self.counts.get();
        counts.bytes_out += len as u64;
        self.counts.set(counts);
    }

    pub(super) fn count_messages(&self, count: usize) {
        let mut counts = self.counts.get();
        counts.messages += count as u64;
        self.counts.set(counts);
    }

    pub(super) fn record(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency.borrow_mut().saturating_record(nanos);
    }

    /// The latencies, in nanoseconds, since this was called last.
    pub(super) fn take_latency(&self) -> Histogram<u64> {
        self.latency.replace(histogram())
    }

    /// The latency that half of all were below, so far.
    pub(super) fn median(&self) -> Duration {
        Duration::from_nanos(self.latency.borrow().value_at_quantile(0.5))
    }

    /// One fewer waits.
    pub(super) fn is_done_waiting(&self) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
    }
}

/// Up to a minute, to three digits.
fn histogram() -> Histogram<u64> {
    #[expect(clippy::expect_used, reason = "the three numbers are right")]
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds of a histogram")
}

/// Most bytes that one read takes.
pub(super) const READ_LEN: usize = 1 << 16;
