//! Messages of all kinds, and how they are queued: now, or when there is room.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::Line;
use crate::{
    AsText, SendError,
    outbox::{Outbox, Shared},
};

/// A message, and how it is queued.
pub(crate) trait Message {
    /// Queues it where that takes next to nothing. Returns whether.
    #[inline(always)]
    fn push_quickly(&self, _outbox: &mut Outbox) -> bool {
        false
    }

    /// Queues it if there is room, where [`Self::push_quickly`] has not.
    fn push(&self, outbox: &mut Outbox) -> Result<(), SendError>;
}

/// A text.
pub(crate) struct Textual<T>(pub(crate) T);

/// A binary message, where the protocol has them.
pub(crate) struct Binary(pub(crate) Bytes);

/// A message for which somebody waits, should there be no room.
pub(super) struct Watched<'a, M>(pub(super) &'a M);

impl<T: AsText> Message for Textual<T> {
    #[inline(always)]
    fn push_quickly(&self, outbox: &mut Outbox) -> bool {
        outbox.push_quickly(&self.0)
    }

    #[inline]
    fn push(&self, outbox: &mut Outbox) -> Result<(), SendError> {
        outbox.push_any(&self.0)
    }
}

impl Message for Shared {
    fn push(&self, outbox: &mut Outbox) -> Result<(), SendError> {
        outbox.push_shared(self)
    }
}

impl Message for Binary {
    fn push(&self, outbox: &mut Outbox) -> Result<(), SendError> {
        outbox.push_binary(&self.0)
    }
}

impl<M: Message> Message for Watched<'_, M> {
    fn push(&self, outbox: &mut Outbox) -> Result<(), SendError> {
        let result = self.0.push(outbox);
        outbox.watch(result == Err(SendError::Full));
        result
    }
}

/// Queues a message when there is room.
// By hand: most have room at once, and an `async fn` takes more steps to that.
pub(crate) struct Push<'a, M> {
    line: &'a Arc<Line>,
    /// The message, until it is queued or waits.
    message: Option<M>,
    /// Seldom, and so not a part of each handler's future.
    waiting: Option<Waiting<'a>>,
}

type Waiting<'a> = Pin<Box<dyn Future<Output = Result<(), SendError>> + Send + 'a>>;

impl<'a, M> Push<'a, M> {
    #[inline]
    pub(super) const fn new(line: &'a Arc<Line>, message: M) -> Self {
        Self {
            line,
            message: Some(message),
            waiting: None,
        }
    }
}

/// Nothing in it is pinned but what waits, which is so in its box.
impl<M> Unpin for Push<'_, M> {}

impl<'a, M: Message + Send + Sync + 'a> Future for Push<'a, M> {
    type Output = Result<(), SendError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Some(message) = &this.message {
            match this.line.try_push(message) {
                Err(SendError::Full) => {}
                result => {
                    this.message = None;
                    return Poll::Ready(result);
                }
            }
        }
        this.poll_waiting(cx)
    }
}

impl<'a, M: Message + Send + Sync + 'a> Push<'a, M> {
    #[cold]
    fn poll_waiting(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        if let Some(message) = self.message.take() {
            self.waiting = Some(Box::pin(self.line.push_when_there_is_room(message)));
        }
        match &mut self.waiting {
            Some(waiting) => waiting.as_mut().poll(cx),
            // It was polled again after its end.
            None => Poll::Pending,
        }
    }
}
