//! A message that is to be queued when there is room.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use super::Line;
use crate::{SendError, outbox::Outbox};

/// Queues a message when there is room.
// By hand: most have room at once, and an `async fn` takes more steps to that.
pub(crate) struct Push<'a, P> {
    line: &'a Arc<Line>,
    /// The message, until it is queued or waits.
    push: Option<P>,
    /// Seldom, and so not a part of each handler's future.
    waiting: Option<Waiting<'a>>,
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

impl<'a, P> Push<'a, P> {
    #[inline]
    pub(super) const fn new(line: &'a Arc<Line>, push: P) -> Self {
        Self {
            line,
            push: Some(push),
            waiting: None,
        }
    }
}

/// Nothing in it is pinned but what waits, which is so in its box.
impl<P> Unpin for Push<'_, P> {}

impl<'a, P> Future for Push<'a, P>
where
    P: Fn(&mut Outbox) -> Result<(), SendError> + Send + 'a,
{
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(push) = &this.push {
            match this.line.try_push(push) {
                Err(SendError::Full) => {}
                result => {
                    this.push = None;
                    return Poll::Ready(result);
                }
            }
        }
        this.poll_waiting(cx)
    }
}

impl<'a, P> Push<'a, P>
where
    P: Fn(&mut Outbox) -> Result<(), SendError> + Send + 'a,
{
    #[cold]
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if let Some(push) = self.push.take() {
            self.waiting = Some(Box::pin(self.line.push_when_there_is_room(push)));
        }
        match &mut self.waiting {
            Some(waiting) => waiting.as_mut().poll(cx),
            // It was polled again after its end.
            None => Poll::Pending,
        }
    }
}
