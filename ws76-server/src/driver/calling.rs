//! Calls of the handler, while which the driver goes on writing.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, ready},
};

use ws76_codec::{ShortFrame, Text};

use super::{Driver, after};
use crate::{Timeout, end::End, outbox::Dropped, stats::Traffic, wire::Wire};

impl<W: Wire, S> Driver<'_, W, S> {
    /// Goes on with a call of the handler, and with writing while that takes its time.
    pub(super) fn poll_call<F: Future<Output = ()>>(
        &mut self,
        cx: &mut Context<'_>,
        call: Pin<&mut Option<F>>,
    ) -> Poll<Result<(), End>> {
        match caught(|| poll_once(cx, call)) {
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Ok(Poll::Pending) => self.poll_meanwhile(cx).map(Err),
            Err(end) => Poll::Ready(Err(end)),
        }
    }

    /// Writes while a call of the handler is under way. Ends the call only when a shutdown aborts;
    /// other failures are kept for when it returns.
    pub(super) fn poll_meanwhile(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let mut failed = match self.poll_flush(cx) {
            Err(End::Abort) => {
                return Poll::Ready(self.failed.as_deref().copied().unwrap_or(End::Abort));
            }
            Err(End::Asked(_)) | Ok(()) => None,
            Err(end) => Some(end),
        };
        if self.is_stalled {
            let deadline = after(self.since, self.config.write_timeout);
            self.is_armed = false;
            if self.timer.deadline() != deadline {
                self.timer.reset(deadline);
            }
            if self.timer.poll(cx).is_ready() {
                failed = Some(End::Error(Timeout::Write.into()));
            }
        }
        if let (Some(end), None) = (failed, &self.failed) {
            self.failed = Some(Box::new(end));
            self.is_stalled = false;
            // Whoever waits for room in this queue waits in vain.
            self.connection.drop_all(Dropped::Failed);
            self.count(Traffic::NONE);
        }
        self.wire.rest();
        Poll::Pending
    }
}

/// Begins a call of the handler, where none is under way.
#[inline(always)]
pub(super) fn first_poll<F: Future<Output = ()>>(
    cx: &mut Context<'_>,
    mut call: Pin<&mut Option<F>>,
    start: impl FnOnce() -> F,
) -> Poll<()> {
    debug_assert!(call.is_none(), "one call at a time");
    // Said here, so that setting it does not look for what has to be dropped.
    if call.is_some() {
        return Poll::Pending;
    }
    call.set(Some(start()));
    poll_once(cx, call)
}

/// As [`first_poll`], with a text that is moved from its place to the call in one go.
// A function, for which it is known that one place is not the other.
#[inline(never)]
pub(super) fn call_with<F: Future<Output = ()>>(
    cx: &mut Context<'_>,
    call: Pin<&mut Option<F>>,
    start: &impl Fn(Text) -> F,
    text: &mut Option<Text>,
) -> Poll<()> {
    match text.take() {
        Some(text) => first_poll(cx, call, || start(text)),
        None => Poll::Ready(()),
    }
}

/// As [`call_with`], with a short text.
#[inline(never)]
pub(super) fn call_with_short<F: Future<Output = ()>>(
    cx: &mut Context<'_>,
    call: Pin<&mut Option<F>>,
    start: &impl Fn(Text) -> F,
    frame: ShortFrame<'_>,
) -> Poll<()> {
    first_poll(cx, call, || start(frame.into()))
}

/// Polls a call of the handler, which is gone when it has returned.
#[inline(never)]
fn poll_once<F: Future<Output = ()>>(
    cx: &mut Context<'_>,
    mut call: Pin<&mut Option<F>>,
) -> Poll<()> {
    if let Some(under_way) = call.as_mut().as_pin_mut() {
        ready!(under_way.poll(cx));
        call.set(None);
    }
    Poll::Ready(())
}

/// What `call` gives, if it does not panic. The handler cannot be called again for this connection
/// then, but for its last events, so it sees no broken state of its own making.
#[inline]
pub(super) fn caught<T>(call: impl FnOnce() -> T) -> Result<T, End> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| End::HandlerPanic)
}
