//! Broadcast: a source of its own sends, and all others receive.
//!
//! The source has a window of messages under way: it sends the next when all receivers have the
//! oldest. What it sends in one go leaves in one write.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Instant,
};

use super::{connection::Connection, error::LoadError, run::Run};

/// Which messages are out, and who has them.
#[derive(Debug)]
pub(super) struct Deliveries {
    receivers: usize,
    /// Messages that the source has begun to send.
    sent: u64,
    /// Messages that every receiver has.
    delivered: u64,
    /// Of each message in the window: since when, and how many have it.
    window: Vec<(Instant, usize)>,
    source: Option<Waker>,
}

impl Deliveries {
    pub(super) fn new(receivers: usize, in_flight: usize) -> Self {
        Self {
            receivers,
            sent: 0,
            delivered: 0,
            window: vec![(Instant::now(), 0); in_flight],
            source: None,
        }
    }

    /// Opens the window as far as it goes, and tells how many messages are to be sent.
    fn send(&mut self, in_flight: usize) -> u64 {
        let free = in_flight as u64 - (self.sent - self.delivered);
        let now = Instant::now();
        for message in self.sent..self.sent + free {
            if let Some(slot) = slot(&mut self.window, message) {
                *slot = (now, 0);
            }
        }
        self.sent += free;
        free
    }

    /// One receiver has all messages before `until`; it had those before `from`.
    fn deliver(&mut self, run: &Run, from: u64, until: u64) {
        let now = Instant::now();
        for message in from..until {
            if let Some((since, count)) = slot(&mut self.window, message) {
                run.record(now - *since);
                *count += 1;
                // In order everywhere: the oldest is the first that everybody has.
                if *count == self.receivers {
                    self.delivered = message + 1;
                    if let Some(source) = self.source.take() {
                        source.wake();
                    }
                }
            }
        }
    }
}

fn slot(window: &mut [(Instant, usize)], message: u64) -> Option<&mut (Instant, usize)> {
    let index = usize::try_from(message % window.len() as u64).ok()?;
    window.get_mut(index)
}

/// The source. Goes on until it is dropped, or sends no more once the run drains.
///
/// # Errors
///
/// When it receives anything, or the connection is lost.
pub(super) async fn source(
    run: Rc<Run>,
    deliveries: Rc<RefCell<Deliveries>>,
    connection: Rc<RefCell<Connection>>,
) -> Result<Infallible, LoadError> {
    // Bytes that are written, and bytes that are to be.
    let (mut written, mut len) = (0, 0);
    poll_fn(|cx| {
        let connection = &mut *connection.borrow_mut();
        loop {
            match connection.poll_check(cx, &run, 0)? {
                Poll::Ready(_) => continue,
                Poll::Pending => {}
            }
            if written == len {
                connection.answer_pings(&run)?;
                let messages = ready!(poll_window(cx, &run, &mut deliveries.borrow_mut()));
                len += messages * run.traffic.sent_len() as u64;
            }
            let left = usize::try_from(len - written).unwrap_or(usize::MAX);
            let bytes = run.traffic.to_send(written, left);
            written += ready!(connection.poll_send(cx, &run, bytes))? as u64;
        }
    })
    .await
}

/// Ready with a number of messages, at least one, when these are to be sent.
fn poll_window(cx: &Context<'_>, run: &Run, deliveries: &mut Deliveries) -> Poll<u64> {
    if run.is_draining.get() {
        if deliveries.delivered == deliveries.sent {
            run.waiting.set(0);
        }
    } else {
        let messages = deliveries.send(run.in_flight);
        if messages > 0 {
            return Poll::Ready(messages);
        }
    }
    deliveries.source = Some(cx.waker().clone());
    Poll::Pending
}

/// A receiver. Goes on until it is dropped.
///
/// # Errors
///
/// When anything else comes than the source has sent, or the connection is lost.
pub(super) async fn receiver(
    run: Rc<Run>,
    deliveries: Rc<RefCell<Deliveries>>,
    connection: Rc<RefCell<Connection>>,
) -> Result<Infallible, LoadError> {
    let reply_len = run.traffic.reply_len() as u64;
    // Whole messages that came, and bytes of the next.
    let (mut messages, mut part) = (0, 0);
    poll_fn(|cx| {
        let connection = &mut *connection.borrow_mut();
        loop {
            let allowed = (deliveries.borrow().sent - messages) * reply_len - part;
            let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
            part += ready!(connection.poll_check(cx, &run, allowed))? as u64;
            connection.answer_pings(&run)?;
            let until = messages + part / reply_len;
            part %= reply_len;
            if until > messages {
                deliveries.borrow_mut().deliver(&run, messages, until);
                run.count_messages(usize::try_from(until - messages).unwrap_or_default());
                messages = until;
            }
        }
    })
    .await
}
