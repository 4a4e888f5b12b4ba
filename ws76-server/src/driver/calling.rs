//! Calls of the handler, while which the driver goes on writing.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::time::Instant;

use super::{Driver, after};
use crate::{Timeout, end::End, outbox::Dropped, wire::Wire};

impl<W: Wire, S> Driver<'_, W, S> {
    /// Calls the handler, and goes on writing while it takes its time.
    pub(super) async fn call<F: Future<Output = ()>>(
        &mut self,
        mut call: Pin<&mut Option<F>>,
    ) -> Result<(), End> {
        let mut waited = false;
        let result = poll_fn(|cx| {
            // The handler cannot be called again for this connection after it panicked, but for
            // its closed event, so it sees no broken state of its own making.
            let Some(call) = call.as_mut().as_pin_mut() else {
                return Poll::Ready(Ok(()));
            };
            match caught(|| call.poll(cx)) {
                Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
                Ok(Poll::Pending) => {
                    waited = true;
                    self.poll_meanwhile(cx)
                }
                Err(end) => Poll::Ready(Err(end)),
            }
        })
        .await;
        if waited {
            // Nothing was read meanwhile, which is not the client's fault.
            self.waiting = Instant::now();
        }
        result
    }

    /// Writes while a call of the handler is under way. Ends the call only when a shutdown aborts;
    /// other failures are kept for when it returns.
    fn poll_meanwhile(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let mut failed = match self.poll_flush(cx) {
            Err(End::Abort) => return Poll::Ready(Err(self.failed.unwrap_or(End::Abort))),
            Err(End::Asked(_)) | Ok(()) => None,
            Err(end) => Some(end),
        };
        if let Some(since) = self.stalled {
            let deadline = after(since, self.config.write_timeout);
            self.is_armed = false;
            if self.timer.deadline() != deadline {
                self.timer.as_mut().reset(deadline);
            }
            if self.timer.as_mut().poll(cx).is_ready() {
                failed = Some(End::Error(Timeout::Write.into()));
            }
        }
        if let (Some(end), None) = (failed, self.failed) {
            self.failed = Some(end);
            self.stalled = None;
            // Whoever waits for room in this queue waits in vain.
            self.connection.drop_all(Dropped::Failed);
        }
        self.wire.rest();
        self.count();
        Poll::Pending
    }
}

/// What `call` gives, if it does not panic.
#[inline]
pub(super) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, End> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| End::HandlerPanic)
}
