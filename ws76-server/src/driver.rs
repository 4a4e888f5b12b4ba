//! The one task of an open connection: reads, calls the handler, writes.
//!
//! ```text
//!   on_open ─► read, on_message, read … ─► closing frames ─► out of the registry
//!                                          ─► on_error? ─► on_closed ─► linger until TCP ends
//! ```
//!
//! A turn takes in what one read brought, lets the handler answer, and writes once when the input
//! is used up. While the kernel takes no more of what is queued, nothing is read: a client that
//! does not read its answers is not asked for more questions.

mod calling;
mod closing;
mod messages;
mod timing;

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use calling::caught;
use closing::Close;
pub(crate) use timing::after;
use timing::jitter;
use tokio::time::{Instant, sleep};
use tokio_util::{either::Either, sync::CancellationToken};

use crate::{
    CloseStatus, Config, Connection, ConnectionError, Handler,
    clock::{Clock, Timer},
    end::End,
    outbox::{Asked, Dropped, Phase},
    registry::Registered,
    stats::{Counters, Traffic},
    wire::Wire,
};

/// Calls the handler; what panics in that is caught. The future of the call is held once.
macro_rules! call {
    ($driver:ident, $call:expr) => {{
        let mut call = pin!(None);
        match caught(|| call.set(Some($call))) {
            Ok(()) => {
                let result = poll_fn(|cx| $driver.poll_call(cx, call.as_mut())).await;
                $driver.returned();
                result
            }
            Err(end) => Err(end),
        }
    }};
}

/// Runs a connection from its open event to the end of its TCP connection.
#[expect(
    clippy::manual_async_fn,
    reason = "holds its arguments once, which an `async fn` does not"
)]
pub(crate) fn run<W, H, S>(
    wire: &mut W,
    registered: Registered<S>,
    handler: &H,
    config: &Config,
    counters: &Counters,
    abort: &CancellationToken,
    clock: &Clock,
) -> impl Future<Output = ()>
where
    W: Wire,
    H: Handler<S>,
    S: Default + Send + Sync + 'static,
{
    async move {
        let timer = clock.timer(after(wire.read_at(), config.idle_timeout));
        let connection = registered.connection();
        let mut driver = Driver::new(wire, connection.clone(), config, counters, timer);
        counters.opened(connection.id(), connection.protocol());
        let end = match call!(driver, handler.on_open(connection)) {
            Ok(()) => {
                // A message is nowhere but in its call while that is under way.
                let mut call = pin!(None);
                poll_fn(|cx| {
                    let text = |text| Either::Left(handler.on_message(connection, text));
                    let binary = |bytes| Either::Right(handler.on_binary(connection, bytes));
                    driver.poll_messages(cx, call.as_mut(), text, binary)
                })
                .await
            }
            Err(end) => end,
        };
        let end = driver.cause(end);
        let close = match end.flushes() {
            // The end has memory of its own, which an open connection does not need.
            true => Box::pin(driver.close(end)).await,
            false => poll_fn(|cx| Poll::Ready(driver.cut(cx, end))).await,
        };
        let connection = connection.clone();
        drop(registered);
        let done = connection.line().outbox().take_traffic();
        driver.count(done);
        let reason = end.reason(close == Close::Clean || end == End::ClosingFrame);
        counters.closed(connection.protocol(), reason);

        let farewell = async {
            if let End::Error(error) = end {
                let _ = call!(driver, handler.on_error(&connection, error));
            }
            let _ = call!(driver, handler.on_closed(&connection, reason));
            if close == Close::TooLate || end.has_ended_the_stream() {
                return;
            }
            Box::pin(driver.linger()).await;
        };
        let mut farewell = pin!(farewell);
        // Only a call that waits can be cut off, and most do not.
        let mut grace = None;
        poll_fn(|cx| {
            if farewell.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let grace = grace.get_or_insert_with(|| {
                Box::pin(async {
                    abort.cancelled().await;
                    sleep(GRACE).await;
                })
            });
            grace.as_mut().poll(cx)
        })
        .await;
    }
}

struct Driver<'a, W, S> {
    wire: &'a mut W,
    connection: Connection<S>,
    config: &'a Config,
    counters: &'a Counters,
    tally: Tally,
    max_turn_len: usize,
    /// Whether the kernel took all that was queued when it was last offered.
    flushed: bool,
    /// Whether it has taken nothing of what is queued, since then.
    is_stalled: bool,
    /// Since when it is stalled; if it is not, the earliest time at which nothing received counts as
    /// idle, besides that of the last read.
    since: Instant,
    /// When the last ping went out, or the last heartbeat where the protocol has no ping.
    pinged: Option<Instant>,
    /// When the connection is to be closed, however lively it is.
    expiry: Option<Instant>,
    /// Set when the stream failed during a call of the handler.
    failed: Option<Box<End>>,
    timer: Timer,
    /// Whether nothing can be due before the timer says so, who wakes this task then.
    is_armed: bool,
}

/// Messages that came.
#[derive(Debug, Default)]
struct Tally {
    /// Messages since the counters were last told.
    received: u64,
    /// Messages and their bytes since the last flush.
    turn: u32,
    turn_len: usize,
}

impl Tally {
    #[inline]
    const fn add(&mut self, len: usize) {
        self.received += 1;
        self.turn += 1;
        self.turn_len += len;
    }
}

impl<'a, W: Wire, S> Driver<'a, W, S> {
    fn new(
        wire: &'a mut W,
        connection: Connection<S>,
        config: &'a Config,
        counters: &'a Counters,
        timer: Timer,
    ) -> Self {
        let since = wire.read_at();
        let expiry = config
            .max_lifetime
            .map(|lifetime| after(since, lifetime.saturating_add(jitter(lifetime / 10))));
        Self {
            wire,
            connection,
            config,
            counters,
            tally: Tally::default(),
            max_turn_len: (config.max_queued_len / 4).min(MAX_TURN_LEN),
            flushed: true,
            is_stalled: false,
            since,
            pinged: None,
            expiry,
            failed: None,
            timer,
            is_armed: false,
        }
    }

    /// What is behind the end of a stream: a sender may have been told, and the driver was not.
    fn cause(&self, end: End) -> End {
        match (end, self.connection.line().outbox().failed()) {
            (End::Eof | End::Error(_), Some(error)) => End::Error(ConnectionError::Io(error)),
            (end, _) => end,
        }
    }

    fn note_peer_status(&self, status: Option<CloseStatus>) {
        if let Some(status) = status {
            self.connection.set_peer_status(status);
        }
    }

    /// Tells the counters what was done since they were last told, besides this.
    fn count(&mut self, mut done: Traffic) {
        done.received_messages += std::mem::take(&mut self.tally.received);
        done.received_len += self.wire.take_read_len();
        if done != Traffic::NONE {
            self.counters.traffic(&done);
        }
    }

    /// Offers the kernel what is queued, and notes to be woken for what comes.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        self.poll_flush_here(cx)
    }

    #[inline(always)]
    fn poll_flush_here(&mut self, cx: &mut Context<'_>) -> Result<(), End> {
        let line = self.connection.line();
        let mut outbox = line.outbox();
        line.sleep(&mut outbox, cx.waker());
        let phase = outbox.phase();
        match phase {
            Phase::Dropped(Dropped::SlowReceiver) => return Err(End::SlowReceiver),
            Phase::Dropped(Dropped::Abort) => return Err(End::Abort),
            Phase::Dropped(Dropped::Failed | Dropped::Driver) | Phase::Open | Phase::Closing(_) => {
            }
        }
        let flushed = self.wire.poll_flush(cx, &mut outbox);
        let moved = outbox.take_moved();
        let progressed = outbox.take_progressed();
        let done = outbox.take_traffic();
        drop(outbox);
        if moved {
            self.connection.line().notify();
        }
        self.count(done);
        self.flushed = flushed.is_ready();
        match flushed {
            Poll::Ready(Err(error)) => return Err(End::Error(ConnectionError::Io(error.into()))),
            Poll::Ready(Ok(())) => {
                if self.is_stalled {
                    self.is_stalled = false;
                    self.is_armed = false;
                    self.since = Instant::now();
                }
            }
            Poll::Pending if progressed || !self.is_stalled => {
                self.is_stalled = true;
                self.since = Instant::now();
                self.is_armed = false;
            }
            Poll::Pending => {}
        }
        match phase {
            // A shutdown has a deadline of its own; what the application closes has the closing
            // timeout, in which what is queued must go out.
            Phase::Closing(asked) if self.flushed || asked == Asked::Local => {
                Err(End::Asked(asked))
            }
            _ => Ok(()),
        }
    }
}

/// Messages that a connection may take in before the others have their turn.
const MAX_TURN: u32 = 64;
/// Bytes of messages, as above.
const MAX_TURN_LEN: usize = 64 << 10;
/// Time that the last events of a connection have when a shutdown is over.
const GRACE: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(test)]
mod tests;
