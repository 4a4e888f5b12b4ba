//! Who wakes connections when something is due on them.

use std::{io, sync::mpsc, thread};

use tokio::{
    runtime::{Builder, Handle},
    time::{Instant, Sleep, sleep_until},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Timers;

/// Keeps the timers of connections: the runtime that they are in, or a thread.
#[derive(Debug, Default)]
pub(crate) struct Clock(Option<Thread>);

/// A thread, until this is dropped.
#[derive(Debug)]
struct Thread {
    runtime: Handle,
    _stop: DropGuard,
}

impl Clock {
    pub(crate) fn new(timers: Timers) -> Self {
        Self(match timers {
            Timers::Runtime => None,
            Timers::Thread => Thread::start().ok().map(|(thread, _)| thread),
        })
    }

    /// A timer. This must not be dropped before it, or a poll of it panics.
    pub(crate) fn sleep_until(&self, deadline: Instant) -> Sleep {
        let _entered = self.0.as_ref().map(|thread| thread.runtime.enter());
        sleep_until(deadline)
    }
}

impl Thread {
    fn start() -> io::Result<(Self, thread::JoinHandle<()>)> {
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let (started, starting) = mpsc::sync_channel(1);
        let thread = thread::Builder::new().name("ws76-clock".to_owned());
        // The thread alone has the runtime: one must not be dropped where another one runs.
        let thread = thread.spawn(move || {
            let runtime = Builder::new_current_thread().enable_time().build();
            let handle = runtime.as_ref().map(|runtime| runtime.handle().clone());
            let _ = started.send(handle.ok());
            if let Ok(runtime) = runtime {
                runtime.block_on(stopped.cancelled());
            }
        })?;
        let runtime = starting.recv().ok().flatten();
        let started = Self {
            runtime: runtime.ok_or(io::ErrorKind::Other)?,
            _stop: stop.drop_guard(),
        };
        Ok((started, thread))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn thread_wakes_who_waits_and_ends_with_the_clock() {
        let (thread, handle) = Thread::start().unwrap();
        let clock = Clock(Some(thread));
        let begin = Instant::now();
        let mut timer = Box::pin(clock.sleep_until(begin + Duration::from_secs(600)));
        let soon = begin + Duration::from_millis(20);
        let reset = async {
            tokio::task::yield_now().await;
            soon
        };
        tokio::select! {
            biased;
            () = &mut timer => unreachable!("ten minutes are not over"),
            soon = reset => timer.as_mut().reset(soon),
        }
        timer.await;
        assert!(begin.elapsed() >= Duration::from_millis(20));
        drop(clock);
        handle.join().unwrap();
    }

    #[test]
    fn runtime_that_sets_no_timers_has_a_clock_none_the_less() {
        let clock = Clock::new(Timers::Thread);
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(clock.sleep_until(Instant::now() + Duration::from_millis(5)));
    }
}
