//! What the driver of a connection and all who send to it share.

mod pushing;

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    task::Waker,
};

pub(crate) use pushing::{Binary, Message, Textual};
use pushing::{Push, Watched};

use crate::{
    CloseStatus, Config, Protocol, SendError,
    outbox::{Asked, Dropped, Outbox, Phase, Shared},
    stats::Traffic,
    sync::{AtomicBool, Mutex, MutexGuard},
    turn::{self, When},
};

/// The outbound side of one connection, in this order in memory, as an [`Outbox`] is.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Line {
    /// Whether the outbox has left `Phase::Open`; to be seen without its lock.
    ending: AtomicBool,
    /// Whether the driver has to be woken for what changes in the outbox. Set under its lock.
    asleep: AtomicBool,
    outbox: Mutex<Outbox>,
}

/// What became of a message where a slow receiver meets the policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pushed {
    pub(crate) result: Result<(), SendError>,
    /// There was no room at first.
    pub(crate) was_full: bool,
}

impl Line {
    pub(crate) fn new(config: &Arc<Config>, protocol: Protocol) -> Self {
        Self {
            outbox: Mutex::new(Outbox::new(config, protocol)),
            ending: AtomicBool::new(false),
            asleep: AtomicBool::new(false),
        }
    }

    /// The outbox. A panic elsewhere cannot leave it half changed, so poison means nothing.
    #[inline]
    pub(crate) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a message if there is room, and sees to it that it is written.
    #[inline(always)]
    pub(crate) fn try_push(self: &Arc<Self>, message: &impl Message) -> Result<(), SendError> {
        let mut outbox = self.outbox();
        let is_pushed = message.push_quickly(&mut outbox);
        // Most come from the driver's own handler, while the driver is awake.
        if is_pushed && !self.is_asleep() {
            return Ok(());
        }
        self.go_on_pushing(outbox, message, is_pushed)
    }

    /// Does what is left to do for a message, which is queued already or was not to be queued quickly.
    #[inline(never)]
    fn go_on_pushing(
        self: &Arc<Self>,
        mut outbox: MutexGuard<'_, Outbox>,
        message: &impl Message,
        is_pushed: bool,
    ) -> Result<(), SendError> {
        if !is_pushed {
            self.push_into(&mut outbox, message)?;
        }
        let moved = self.queued(&mut outbox);
        drop(outbox);
        if moved {
            self.notify();
        }
        Ok(())
    }

    /// As [`Self::try_push`]; where there is no room for a frame of `len` bytes, the slow-receiver
    /// policy is applied.
    pub(crate) fn push_or_drop(self: &Arc<Self>, len: usize, message: &impl Message) -> Pushed {
        self.push_or_drop_into(self.outbox(), len, message)
    }

    /// As [`Self::push_or_drop`], for a frame that other connections share.
    pub(crate) fn push_shared_or_drop(self: &Arc<Self>, shared: &Shared) -> Pushed {
        let len = shared.len();
        let mut outbox = self.outbox();
        if !self.is_asleep() || outbox.check_room(len).is_err() {
            return self.push_or_drop_into(outbox, len, shared);
        }
        let plan = self.plan(&mut outbox);
        if plan == Some(When::Now) && outbox.is_empty() {
            // Without a stay in the queue.
            let done = outbox.write_shared_now(shared);
            turn::wrote(&done.unwrap_or_else(|| {
                self.wake_driver(&outbox);
                outbox.take_traffic()
            }));
        } else {
            match plan {
                Some(_) => outbox.add_shared_in_turn(shared),
                None => outbox.add_shared(shared),
            }
            let moved = self.follow(plan, &mut outbox);
            drop(outbox);
            if moved {
                self.notify();
            }
        }
        Pushed {
            result: Ok(()),
            was_full: false,
        }
    }

    fn push_or_drop_into(
        self: &Arc<Self>,
        mut outbox: MutexGuard<'_, Outbox>,
        len: usize,
        message: &impl Message,
    ) -> Pushed {
        let mut result = match message.push_quickly(&mut outbox) {
            true => Ok(()),
            false => self.push_into(&mut outbox, message),
        };
        let was_full = result == Err(SendError::Full);
        if was_full && outbox.make_room(len) {
            result = message.push(&mut outbox);
        }
        let mut moved = result.is_ok() && self.queued(&mut outbox);
        let mut ended = false;
        if was_full {
            ended = outbox.phase() != Phase::Open;
            if ended {
                self.wake_driver(&outbox);
            }
            moved |= outbox.take_moved();
        }
        drop(outbox);
        if ended {
            self.ended();
        } else if moved {
            self.notify();
        }
        Pushed { result, was_full }
    }

    /// Queues a message that was not to be queued quickly. What takes the room only because a turn is not over
    /// is written before: its receiver is not slow.
    fn push_into(&self, outbox: &mut Outbox, message: &impl Message) -> Result<(), SendError> {
        let result = message.push(outbox);
        if result != Err(SendError::Full) || !self.is_asleep() || !outbox.can_write_now() {
            return result;
        }
        if outbox.write_now() {
            self.wake_driver(outbox);
        }
        message.push(outbox)
    }

    /// As [`Self::try_push`], but waits while there is no room.
    #[inline]
    pub(crate) const fn push<M: Message>(self: &Arc<Self>, message: M) -> Push<'_, M> {
        Push::new(self, message)
    }

    async fn push_when_there_is_room(
        self: &Arc<Self>,
        message: impl Message,
    ) -> Result<(), SendError> {
        let waiting = self.outbox().waiting();
        loop {
            let progress = waiting.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            match self.try_push(&Watched(&message)) {
                Err(SendError::Full) => progress.await,
                result => return result,
            }
        }
    }

    /// Waits until all that was queued when this was called has left.
    pub(crate) async fn flush(&self) -> Result<(), SendError> {
        let (target, waiting) = {
            let mut outbox = self.outbox();
            let target = outbox.accepted();
            if let Some(flushed) = outbox.flushed(target) {
                return flushed;
            }
            (target, outbox.waiting())
        };
        loop {
            let progress = waiting.notified();
            tokio::pin!(progress);
            progress.as_mut().enable();
            {
                let mut outbox = self.outbox();
                if let Some(flushed) = outbox.flushed(target) {
                    return flushed;
                }
                outbox.watch(true);
            }
            progress.await;
        }
    }

    /// Writes what is queued straight to the stream, unless the driver is at it. What the stream
    /// does not take is left to the driver. Returns what was done since it was last told.
    pub(crate) fn write_now(&self) -> Traffic {
        let mut outbox = self.outbox();
        let traffic = match self.is_asleep() {
            true => self.write(&mut outbox),
            false => outbox.take_traffic(),
        };
        let moved = outbox.take_moved();
        drop(outbox);
        if moved {
            self.notify();
        }
        traffic
    }

    /// Writes what is queued for a driver that sleeps. Returns what was done since it was last told.
    fn write(&self, outbox: &mut Outbox) -> Traffic {
        outbox.write_batched_now().unwrap_or_else(|| {
            if outbox.write_now() {
                self.wake_driver(outbox);
            }
            outbox.take_traffic()
        })
    }

    /// Wakes the driver, if it sleeps.
    pub(crate) fn wake(&self) {
        self.wake_driver(&self.outbox());
    }

    /// Notes that the driver goes to sleep: it is woken for what changes from now on.
    #[inline]
    pub(crate) fn sleep(&self, outbox: &mut Outbox, waker: &Waker) {
        outbox.set_driver(waker);
        self.asleep.store(true, Ordering::Release);
    }

    /// Notes that the driver is awake, and is going to see what changes.
    #[inline]
    pub(crate) fn awake(&self) {
        self.asleep.store(false, Ordering::Release);
    }

    pub(crate) fn close_with(&self, status: CloseStatus) {
        self.change(|outbox| outbox.close_with(status));
    }

    pub(crate) fn close_as(&self, asked: Asked) {
        self.change(|outbox| outbox.close(asked));
    }

    /// Drops what is queued; nothing goes out any more.
    pub(crate) fn drop_all(&self, why: Dropped) {
        self.change(|outbox| outbox.drop_all(why));
    }

    fn change(&self, change: impl FnOnce(&mut Outbox)) {
        let mut outbox = self.outbox();
        change(&mut outbox);
        self.wake_driver(&outbox);
        drop(outbox);
        self.ended();
    }

    /// Whether the connection has begun to end.
    #[inline]
    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }

    /// Wakes those who wait for room or for a flush.
    pub(crate) fn notify(&self) {
        let waiting = self.outbox().who_waits();
        if let Some(waiting) = waiting {
            waiting.notify_waiters();
        }
    }

    fn ended(&self) {
        self.ending.store(true, Ordering::Release);
        self.notify();
    }

    /// A message was queued: it is written now or at the end of the turn that it was sent in, if it
    /// was, and by the driver if not. Returns whether those who wait are to be woken.
    // Always: most of its calls do next to nothing.
    #[inline(always)]
    fn queued(self: &Arc<Self>, outbox: &mut Outbox) -> bool {
        if !self.is_asleep() {
            return false;
        }
        let plan = self.plan(outbox);
        self.follow(plan, outbox)
    }

    /// When to write what is queued for a driver that sleeps; `None` leaves it to the driver.
    #[inline]
    fn plan(self: &Arc<Self>, outbox: &mut Outbox) -> Option<When> {
        match outbox.can_write_now() {
            true => turn::plan(self, outbox),
            false => None,
        }
    }

    /// Does now what [`Self::plan`] said. Returns whether those who wait are to be woken.
    #[inline]
    fn follow(&self, plan: Option<When>, outbox: &mut Outbox) -> bool {
        match plan {
            Some(When::Later) => false,
            Some(When::Now) => {
                turn::wrote(&self.write(outbox));
                outbox.take_moved()
            }
            None => {
                self.wake_driver(outbox);
                false
            }
        }
    }

    #[inline]
    fn is_asleep(&self) -> bool {
        self.asleep.load(Ordering::Acquire)
    }

    fn wake_driver(&self, outbox: &Outbox) {
        if self.is_asleep() {
            self.awake();
            if let Some(driver) = outbox.driver() {
                driver.wake_by_ref();
            }
        }
    }
}
