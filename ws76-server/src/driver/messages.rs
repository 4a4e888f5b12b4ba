//! What comes from the client, turn by turn.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use ws76_codec::{ShortText, Text};

use super::{
    Driver, MAX_TURN,
    calling::{call_with, call_with_short, caught, first_poll},
};
use crate::{
    end::End,
    turn,
    wire::{Incoming, Padding, Read, Wire},
};

/// What became of texts that were read already.
enum Texts {
    /// There was none.
    None,
    /// All were taken that there were, or that may be.
    Taken,
    /// The handler is at one.
    Pending,
}

impl<W: Wire, S> Driver<'_, W, S> {
    /// Calls the handler with what comes, one message after the other, until the connection is to
    /// end. What it is called with becomes a call by `text` and `binary`.
    pub(super) fn poll_messages<F: Future<Output = ()>>(
        &mut self,
        cx: &mut Context<'_>,
        mut call: Pin<&mut Option<F>>,
        text: impl Fn(Text) -> F,
        binary: impl Fn(Bytes) -> F,
    ) -> Poll<End> {
        if call.is_some() {
            match ready!(self.poll_call(cx, call.as_mut())) {
                Ok(()) => self.returned(),
                Err(end) => return Poll::Ready(end),
            }
        }
        let mut begun = self.tally.turn > 0;
        let mut more = false;
        let spent = loop {
            let spent = self.is_spent();
            let may_read = !spent && self.may_read();
            let goes_on = may_read && begun && self.wire.has_more();
            if goes_on {
                match caught(|| self.poll_texts(cx, call.as_mut(), &text, &mut more)) {
                    Ok(Texts::Taken) => continue,
                    Ok(Texts::None) => {}
                    Ok(Texts::Pending) => return self.poll_meanwhile(cx),
                    Err(end) => return Poll::Ready(end),
                }
            }
            let read = match goes_on {
                true => self.wire.next_read().map_err(End::Error).transpose(),
                false => None,
            };
            let incoming = match read {
                Some(incoming) => incoming,
                None => match self.poll_read(cx, may_read) {
                    Poll::Ready(Ok(Read::Bytes)) => {
                        begun = true;
                        continue;
                    }
                    Poll::Ready(Ok(Read::End)) => Ok(Incoming::End),
                    Poll::Ready(Ok(Read::Other)) => match self.wire.poll_next(cx) {
                        Poll::Ready(incoming) => incoming.map_err(End::Error),
                        Poll::Pending => break spent,
                    },
                    Poll::Ready(Err(end)) => Err(end),
                    Poll::Pending => break spent,
                },
            };
            begun = true;
            let polled = match incoming {
                Ok(Incoming::Text(content)) => {
                    self.took(content.len(), &mut more);
                    caught(|| first_poll(cx, call.as_mut(), || text(content)))
                }
                Ok(Incoming::Binary(content)) => {
                    self.took(content.len(), &mut more);
                    caught(|| first_poll(cx, call.as_mut(), || binary(content)))
                }
                Ok(Incoming::Closing(status)) => {
                    self.note_peer_status(status);
                    return Poll::Ready(End::ClosingFrame);
                }
                Ok(Incoming::End) => return Poll::Ready(End::Eof),
                Err(end) => return Poll::Ready(end),
            };
            match polled {
                Ok(Poll::Ready(())) => {}
                Ok(Poll::Pending) => return self.poll_meanwhile(cx),
                Err(end) => return Poll::Ready(end),
            }
        };
        self.poll_rest(cx, spent)
    }

    /// Calls the handler with texts, of what was read already and the turn is to take in, until there is none
    /// that [`Wire::next_text`] knows, or the turn is to take in no more.
    // One function with nothing else in it, as this is what is done for each of many messages.
    #[inline(never)]
    fn poll_texts<F: Future<Output = ()>>(
        &mut self,
        cx: &mut Context<'_>,
        mut call: Pin<&mut Option<F>>,
        text: &impl Fn(Text) -> F,
        more: &mut bool,
    ) -> Texts {
        let mut texts = Texts::None;
        let mut padding: Padding = [0; ShortText::MAX_FRAME_LEN];
        loop {
            // Two ways to the same call: a short text is not to be moved as a long one is.
            let polled = if let Some((frame, has_more)) = self.wire.next_short_text(&mut padding) {
                self.tally.add(frame.text_len());
                expect(has_more, more);
                call_with_short(cx, call.as_mut(), text, frame)
            } else {
                let mut next = self.wire.next_text();
                let Some(len) = next.as_ref().map(Text::len) else {
                    return texts;
                };
                self.took(len, more);
                call_with(cx, call.as_mut(), text, &mut next)
            };
            if polled.is_pending() {
                return Texts::Pending;
            }
            texts = Texts::Taken;
            // Only what a call that waits has written can fail or block, and a turn does not go on behind it.
            if !*more || self.is_spent() || self.connection.line().is_ending() {
                return texts;
            }
        }
    }

    /// Whether the others have their turn first.
    const fn is_spent(&self) -> bool {
        self.tally.turn >= MAX_TURN
            || (self.tally.turn > 0 && self.tally.turn_len >= self.max_turn_len)
    }

    fn may_read(&self) -> bool {
        self.flushed && self.failed.is_none() && !self.connection.line().is_ending()
    }

    /// Reads, if the turn is to take in more.
    // Always, as the one below: what a turn does is done in one function.
    #[inline(always)]
    fn poll_read(&mut self, cx: &mut Context<'_>, may_read: bool) -> Poll<Result<Read, End>> {
        if let Some(end) = &self.failed {
            return Poll::Ready(Err(**end));
        }
        if self.tally.turn == 0 {
            // Senders need not wake this task from now on.
            self.connection.line().awake();
        }
        match may_read {
            true => self.wire.poll_read(cx).map_err(End::Error),
            false => Poll::Pending,
        }
    }

    /// Ends a turn: nothing more is taken in, as there is none or the turn is spent.
    #[inline(always)]
    fn poll_rest(&mut self, cx: &mut Context<'_>, spent: bool) -> Poll<End> {
        let blocked = !self.flushed;
        if let Err(end) = self.poll_flush_here(cx) {
            return Poll::Ready(end);
        }
        self.tally.turn = 0;
        self.tally.turn_len = 0;
        if self.flushed && (spent || blocked) {
            // There may be more to read; the others have their turn first.
            cx.waker().wake_by_ref();
        } else {
            self.wire.rest();
        }
        self.poll_timer(cx)
    }

    /// Notes that a message came. `more` is what the turn was told: whether there are others.
    #[inline]
    fn took(&mut self, len: usize, more: &mut bool) {
        self.tally.add(len);
        expect(self.wire.has_more(), more);
    }
}

/// Says whether there are more messages than the one that came, unless that is what was said last: `more`.
#[inline]
fn expect(has_more: bool, more: &mut bool) {
    if *more != has_more {
        *more = has_more;
        turn::expect_more(has_more);
    }
}
