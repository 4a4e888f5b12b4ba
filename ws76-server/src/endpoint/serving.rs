//! A stream from its first byte to its end.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio_util::task::task_tracker::TaskTrackerToken;

/// What runs an open connection to its end.
pub(crate) type Driving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Opens a connection and runs it, in a task that a shutdown waits for.
// By hand, and with the tracker's token in it: each turn goes through this, and through nothing more.
pub(super) struct Serving<O> {
    stage: Stage<O>,
    _token: TaskTrackerToken,
}

/// Each has memory of its own, which is given back behind it.
enum Stage<O> {
    Opening(Pin<Box<O>>),
    Open(Driving),
    Over,
}

impl<O> Serving<O> {
    pub(super) const fn new(opening: Pin<Box<O>>, token: TaskTrackerToken) -> Self {
        Self {
            stage: Stage::Opening(opening),
            _token: token,
        }
    }
}

impl<O: Future<Output = Option<Driving>>> Future for Serving<O> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Open(driver) => {
                    ready!(driver.as_mut().poll(cx));
                    Stage::Over
                }
                Stage::Opening(opening) => match ready!(opening.as_mut().poll(cx)) {
                    Some(driver) => Stage::Open(driver),
                    None => Stage::Over,
                },
                Stage::Over => return Poll::Ready(()),
            };
        }
    }
}
