//! Timers that Linux tells of through one descriptor, whatever their count.
//!
//! A task waits for the descriptor, which is set for what is due first. It belongs to the runtime in which
//! somebody first waited; when that ends before others do, the next who wait begin another.

use std::{
    collections::BTreeMap,
    io, mem,
    os::fd::AsFd,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use nix::sys::{
    time::TimeSpec,
    timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags},
};
use tokio::{net::unix::pipe::Receiver, time::Instant};
use tokio_util::task::AbortOnDropHandle;

/// Who waits for what.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    waiting: Mutex<Waiting>,
    /// How often it went off, and [`ABANDONED`] for each task that ended before.
    count: AtomicU64,
    timers: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    /// By when, and which timer it is.
    wakers: BTreeMap<(Instant, u64), Waker>,
    /// While a task waits for it.
    fd: Option<TimerFd>,
    /// What it is set for.
    set_for: Option<Instant>,
    /// What it is not set for anything before.
    rests_until: Option<Instant>,
    task: Option<AbortOnDropHandle<()>>,
}

/// Until when somebody waits.
#[derive(Debug)]
pub(crate) struct Timer {
    alarm: Arc<Alarm>,
    deadline: Instant,
    number: u64,
    /// The alarm's count when this was last asked.
    count: u64,
}

impl Timer {
    pub(super) fn new(alarm: &Arc<Alarm>, deadline: Instant) -> Self {
        Self {
            alarm: Arc::clone(alarm),
            deadline,
            number: alarm.timers.fetch_add(1, Ordering::Relaxed),
            count: 0,
        }
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn reset(&mut self, deadline: Instant) {
        self.leave();
        self.deadline = deadline;
    }

    /// Whether this is to be polled again: most often the alarm went off for others.
    #[inline]
    pub(super) fn may_be_over(&mut self) -> bool {
        let count = self.alarm.count.load(Ordering::Acquire);
        count != self.count && self.may_be_over_since(count)
    }

    #[cold]
    fn may_be_over_since(&mut self, count: u64) -> bool {
        let since = count.wrapping_sub(mem::replace(&mut self.count, count));
        since >= ABANDONED || Instant::now() >= self.deadline
    }

    /// # Errors
    ///
    /// There is no descriptor to be had.
    pub(super) fn poll(&mut self, waker: &Waker) -> io::Result<Poll<()>> {
        // Before it is among those who wait, so that it knows when it was taken out.
        self.count = self.alarm.count.load(Ordering::Acquire);
        if Instant::now() >= self.deadline {
            self.leave();
            return Ok(Poll::Ready(()));
        }
        self.alarm.wait((self.deadline, self.number), waker)?;
        Ok(Poll::Pending)
    }

    fn leave(&self) {
        let key = (self.deadline, self.number);
        self.alarm.waiting().wakers.remove(&key);
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Alarm {
    /// What is behind the lock is whole at any time.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(self: &Arc<Self>, key: (Instant, u64), waker: &Waker) -> io::Result<()> {
        let mut waiting = self.waiting();
        waiting
            .wakers
            .entry(key)
            .and_modify(|there| there.clone_from(waker))
            .or_insert_with(|| waker.clone());
        if waiting.fd.is_some() {
            return waiting.set_before(key.0);
        }
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let fd = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        // It is read as a pipe is.
        let ringing = Receiver::from_owned_fd_unchecked(fd.as_fd().try_clone_to_owned()?)?;
        waiting.fd = Some(fd);
        let set = waiting.set_before(key.0);
        drop(waiting);
        let task = tokio::spawn(watch(Watched(Arc::downgrade(self)), ringing));
        let before = self.waiting().task.replace(AbortOnDropHandle::new(task));
        // It is over, but its end is not to be met with the lock held.
        drop(before);
        set
    }

    /// It went off: wakes for whom something is due.
    fn ring(&self) {
        let now = Instant::now();
        let mut waiting = self.waiting();
        let later = waiting.wakers.split_off(&(now, u64::MAX));
        let due = mem::replace(&mut waiting.wakers, later);
        waiting.set_for = None;
        waiting.rests_until = Some(now + MIN_PAUSE);
        let next = waiting.wakers.first_key_value().map(|(key, _)| key.0);
        // If it cannot be set, it is when somebody waits the next time.
        let _ = next.map(|at| waiting.set_before(at));
        drop(waiting);
        self.count.fetch_add(1, Ordering::Release);
        due.into_values().for_each(Waker::wake);
    }

    /// The task is gone, with its runtime: lets those who wait begin another.
    fn abandon(&self) {
        let mut waiting = self.waiting();
        waiting.fd = None;
        waiting.set_for = None;
        let all = mem::take(&mut waiting.wakers);
        drop(waiting);
        self.count.fetch_add(ABANDONED, Ordering::Release);
        all.into_values().for_each(Waker::wake);
    }
}

impl Waiting {
    /// Has it go off at `at`, or earlier.
    fn set_before(&mut self, at: Instant) -> io::Result<()> {
        let at = self.rests_until.map_or(at, |until| at.max(until));
        if let Some(fd) = &self.fd
            && self.set_for.is_none_or(|set| at < set)
        {
            // None at all would switch it off.
            let after = at.saturating_duration_since(Instant::now()).max(NOW);
            let after = Expiration::OneShot(TimeSpec::from(after));
            fd.set(after, TimerSetTimeFlags::empty())?;
            self.set_for = Some(at);
        }
        Ok(())
    }
}

/// Waits for the descriptor, for all who wait.
async fn watch(watched: Watched, ringing: Receiver) {
    // An error says that the runtime ends.
    while let Ok(()) = ringing.readable().await {
        match (ringing.try_read(&mut [0; 8]), watched.0.upgrade()) {
            (Ok(_), Some(alarm)) => alarm.ring(),
            (Err(error), Some(_)) if error.kind() == io::ErrorKind::WouldBlock => {}
            _ => return,
        }
    }
}

/// What a task waits for, until that is dropped.
struct Watched(Weak<Alarm>);

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(alarm) = self.0.upgrade() {
            alarm.abandon();
        }
    }
}

/// How long it is silent after it went off: what is due meanwhile is late by that.
const MIN_PAUSE: Duration = Duration::from_millis(5);
const NOW: Duration = Duration::from_nanos(1);
/// More than how often it goes off.
const ABANDONED: u64 = 1 << 32;

#[cfg(test)]
mod tests;
