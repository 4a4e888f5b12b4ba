//! The end of a connection: what is queued goes out, closing frames are exchanged, TCP is shut down.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use tokio::time::{Instant, timeout_at};

use super::{Driver, MAX_TURN, after};
use crate::{
    end::End,
    outbox::{Asked, Dropped},
    wire::{Incoming, Wire},
};

/// How the close of a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    /// Both sides sent a closing frame.
    Clean,
    Unclean,
    /// The client let the closing timeout pass; it is not waited for any more.
    TooLate,
}

impl<W: Wire, S> Driver<'_, W, S> {
    /// Ends the connection as far as the client: flushes, exchanges closing frames, shuts down.
    pub(super) async fn close(&mut self, end: End) -> Close {
        self.connection.close_as(Asked::Driver);
        let deadline = after(Instant::now(), self.config.closing_timeout);
        let exchanged = timeout_at(deadline, self.exchange(end)).await;
        if let Ok(Ok(true)) = exchanged {
            return Close::Clean;
        }
        // The closing frame of a client counts, though it may not wait for ours.
        let close = match end {
            End::ClosingFrame => Close::Clean,
            _ => Close::Unclean,
        };
        if let Ok(Ok(false)) = exchanged {
            return close;
        }
        poll_fn(|cx| Poll::Ready(self.cut(cx, end))).await;
        match exchanged {
            Ok(_) => close,
            Err(_) => Close::TooLate,
        }
    }

    /// Ends the connection without a word: nothing that is queued goes out any more.
    pub(super) fn cut(&mut self, cx: &mut Context<'_>, end: End) -> Close {
        self.connection.drop_all(Dropped::Driver);
        if !end.is_of_a_dead_peer() || !self.connection.line().outbox().has_writer() {
            // Not waited for: nobody may be there to see it.
            let _ = self.poll_shutdown(cx);
        }
        Close::Unclean
    }

    /// Takes in what the client still sends, until it closes TCP or has had time enough to do so.
    pub(super) async fn linger(&mut self) {
        let deadline = after(Instant::now(), self.config.closing_timeout);
        let _ = timeout_at(deadline, poll_fn(|cx| self.wire.poll_discard(cx))).await;
    }

    async fn exchange(&mut self, end: End) -> Result<bool, End> {
        self.flush_all().await?;
        let waits = matches!(end, End::Asked(_) | End::Expired);
        if let Some(code) = end.closing() {
            self.wire
                .start_closing(&mut self.connection.line().outbox(), code);
            self.flush_all().await?;
        }
        let mut clean = false;
        if W::SHUTS_DOWN_EARLY {
            let _ = poll_fn(|cx| self.poll_shutdown(cx)).await;
        }
        if waits {
            clean = poll_fn(|cx| self.poll_answer(cx)).await?;
        }
        if !W::SHUTS_DOWN_EARLY {
            let _ = poll_fn(|cx| self.poll_shutdown(cx)).await;
        }
        Ok(clean)
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut outbox = self.connection.line().outbox();
        self.wire.poll_shutdown(cx, &mut outbox)
    }

    async fn flush_all(&mut self) -> Result<(), End> {
        poll_fn(|cx| match self.poll_flush(cx) {
            Ok(()) | Err(End::Asked(_)) if self.flushed => Poll::Ready(Ok(())),
            Ok(()) | Err(End::Asked(_)) => Poll::Pending,
            Err(end) => Poll::Ready(Err(end)),
        })
        .await
    }

    /// Waits for the client's closing frame, discarding messages that were under way. Returns
    /// whether it came.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, End>> {
        for _ in 0..MAX_TURN {
            match self.wire.poll_next(cx) {
                Poll::Ready(Ok(Incoming::Text(_) | Incoming::Binary(_))) => {}
                Poll::Ready(Ok(Incoming::Closing(status))) => {
                    self.note_peer_status(status);
                    return Poll::Ready(Ok(true));
                }
                Poll::Ready(Ok(Incoming::End) | Err(_)) => return Poll::Ready(Ok(false)),
                Poll::Pending => {
                    // Only to be woken by an abort: there is nothing left to write.
                    return match self.poll_flush(cx) {
                        Err(end @ (End::Abort | End::Error(_))) => Poll::Ready(Err(end)),
                        _ => Poll::Pending,
                    };
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
