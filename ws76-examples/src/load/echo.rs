//! The scenarios in which each connection is on its own: echo, and idle.

use std::{
    cell::RefCell,
    convert::Infallible,
    future::poll_fn,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Instant,
};

use super::{connection::Connection, error::LoadError, run::Run};

/// Sends bursts, each when all replies to the one before are there. Goes on until it is dropped, or
/// with no more bursts once the run drains.
///
/// # Errors
///
/// When anything else comes than the replies, or the connection is lost.
pub(super) async fn echo(
    run: Rc<Run>,
    connection: Rc<RefCell<Connection>>,
) -> Result<Infallible, LoadError> {
    let mut burst = Burst {
        written: 0,
        came: 0,
        is_last: false,
        since: Instant::now(),
    };
    poll_fn(|cx| burst.poll(cx, &run, &mut connection.borrow_mut())).await
}

/// Answers pings; nothing else may come.
///
/// # Errors
///
/// When anything comes, or the connection is lost.
pub(super) async fn idle(
    run: Rc<Run>,
    connection: Rc<RefCell<Connection>>,
) -> Result<Infallible, LoadError> {
    poll_fn(|cx| {
        let connection = &mut *connection.borrow_mut();
        loop {
            ready!(connection.poll_check(cx, &run, 0))?;
            connection.answer_pings(&run)?;
        }
    })
    .await
}

/// The messages of one connection that are under way.
struct Burst {
    written: usize,
    came: usize,
    is_last: bool,
    since: Instant,
}

impl Burst {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        run: &Run,
        connection: &mut Connection,
    ) -> Poll<Result<Infallible, LoadError>> {
        let traffic = &run.traffic;
        let len = run.in_flight * traffic.sent_len();
        let reply_len = run.in_flight * traffic.reply_len();
        loop {
            while self.written < len {
                let bytes = traffic.to_send(self.written as u64, len - self.written);
                match connection.poll_send(cx, run, bytes)? {
                    Poll::Ready(sent) => self.written += sent,
                    Poll::Pending => break,
                }
            }
            self.came += ready!(connection.poll_check(cx, run, reply_len - self.came))?;
            if self.written < len {
                continue;
            }
            connection.answer_pings(run)?;
            if self.came == reply_len && !self.is_last {
                self.next(run);
            }
        }
    }

    /// Begins the next burst, if there is to be one.
    fn next(&mut self, run: &Run) {
        let now = Instant::now();
        run.count_messages(run.in_flight);
        run.record(now - self.since);
        if run.is_draining.get() {
            self.is_last = true;
            run.is_done_waiting();
        } else {
            (self.written, self.came, self.since) = (0, 0, now);
        }
    }
}
