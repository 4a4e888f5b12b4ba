//! Who wakes connections when something is due on them.

#[cfg(all(feature = "timerfd", target_os = "linux"))]
mod kernel;

use std::{
    pin::{Pin, pin},
    task::{Context, Poll},
};

use tokio::{
    task::unconstrained,
    time::{Instant, Sleep, sleep_until},
};

use crate::Timers;

/// Keeps the timers of connections: the runtime that they are in, or Linux.
#[derive(Debug, Default)]
pub(crate) enum Clock {
    #[default]
    Runtime,
    #[cfg(all(feature = "timerfd", target_os = "linux"))]
    Kernel(std::sync::Arc<kernel::Alarm>),
}

/// A deadline that can be moved. It is no future: it may be polled again when it was over.
#[derive(Debug)]
pub(crate) enum Timer {
    Runtime(Pin<Box<Sleep>>),
    #[cfg(all(feature = "timerfd", target_os = "linux"))]
    Kernel(kernel::Timer),
}

impl Clock {
    pub(crate) fn new(timers: Timers) -> Self {
        match timers {
            Timers::Runtime => Self::Runtime,
            #[cfg(all(feature = "timerfd", target_os = "linux"))]
            Timers::Kernel => Self::Kernel(std::sync::Arc::default()),
            #[cfg(all(feature = "timerfd", not(target_os = "linux")))]
            Timers::Kernel => Self::Runtime,
        }
    }

    pub(crate) fn timer(&self, deadline: Instant) -> Timer {
        match self {
            Self::Runtime => Timer::of_runtime(deadline),
            #[cfg(all(feature = "timerfd", target_os = "linux"))]
            Self::Kernel(alarm) => Timer::Kernel(kernel::Timer::new(alarm, deadline)),
        }
    }
}

impl Timer {
    fn of_runtime(deadline: Instant) -> Self {
        Self::Runtime(Box::pin(sleep_until(deadline)))
    }

    pub(crate) fn deadline(&self) -> Instant {
        match self {
            Self::Runtime(sleep) => sleep.deadline(),
            #[cfg(all(feature = "timerfd", target_os = "linux"))]
            Self::Kernel(timer) => timer.deadline(),
        }
    }

    pub(crate) fn reset(&mut self, deadline: Instant) {
        match self {
            Self::Runtime(sleep) => sleep.as_mut().reset(deadline),
            #[cfg(all(feature = "timerfd", target_os = "linux"))]
            Self::Kernel(timer) => timer.reset(deadline),
        }
    }

    /// Whether it may be over, since it was last asked.
    #[inline]
    pub(crate) fn may_be_over(&mut self) -> bool {
        match self {
            Self::Runtime(sleep) => sleep.is_elapsed(),
            #[cfg(all(feature = "timerfd", target_os = "linux"))]
            Self::Kernel(timer) => timer.may_be_over(),
        }
    }

    /// Waits, however much was done in this turn of the task: a timer that is not asked does not wake.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Runtime(sleep) => pin!(unconstrained(sleep.as_mut())).poll(cx),
            #[cfg(all(feature = "timerfd", target_os = "linux"))]
            Self::Kernel(timer) => timer.poll(cx.waker()).unwrap_or_else(|_| {
                // It has no descriptor to give.
                *self = Self::of_runtime(self.deadline());
                self.poll(cx)
            }),
        }
    }
}
