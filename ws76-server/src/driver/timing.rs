//! What is due on a connection, and when.

use std::{
    hash::{BuildHasher, RandomState},
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use super::Driver;
use crate::{Timeout, end::End, wire::Wire};

/// What comes of a deadline.
#[derive(Clone, Copy, Debug)]
enum Due {
    Ping,
    Heartbeat,
    Expiry,
    Timeout(Timeout),
}

impl<W: Wire, S> Driver<'_, W, S> {
    /// A call of the handler has returned. Nothing was read meanwhile, which is not the client's
    /// fault.
    pub(super) fn returned(&mut self) {
        if !self.is_stalled {
            self.since = Instant::now();
        }
    }

    #[inline]
    pub(super) fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        match self.is_armed && !self.timer.may_be_over() {
            true => Poll::Pending,
            false => self.poll_due(cx),
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let (deadline, due) = self.deadline();
            // What is received only puts off what is due, except while a pong is awaited: what is due
            // behind that may be earlier.
            self.is_armed = !self.awaits_pong();
            if self.timer.deadline() > deadline {
                self.timer.reset(deadline);
            }
            ready!(self.timer.poll(cx));
            if Instant::now() < deadline {
                // The timer was set before something moved the deadline.
                self.timer.reset(deadline);
                continue;
            }
            match due {
                Due::Timeout(timeout) => return Poll::Ready(End::Error(timeout.into())),
                Due::Expiry => return Poll::Ready(End::Expired),
                Due::Heartbeat => {
                    if let Some(heartbeat) = &self.config.heartbeat {
                        // Where there is no room there is enough to read.
                        let _ = self.connection.try_send(&heartbeat.text);
                    }
                    self.pinged = Some(Instant::now());
                }
                Due::Ping => {
                    self.wire.ping();
                    self.pinged = Some(Instant::now());
                    // It goes out with the next flush.
                    cx.waker().wake_by_ref();
                }
            }
        }
    }

    /// Since when nothing received counts as idle.
    fn heard(&self) -> Instant {
        self.since.max(self.wire.read_at())
    }

    /// Whether nothing was received since a ping went out.
    fn awaits_pong(&self) -> bool {
        W::PINGS && self.pinged.is_some_and(|at| at >= self.heard())
    }

    /// What is due next if nothing moves, and when.
    fn deadline(&self) -> (Instant, Due) {
        if self.is_stalled {
            // Nothing is read meanwhile, so the client cannot be idle.
            return (
                after(self.since, self.config.write_timeout),
                Due::Timeout(Timeout::Write),
            );
        }
        let heard = self.heard();
        let idle = (
            after(heard, self.config.idle_timeout),
            Due::Timeout(Timeout::Idle),
        );
        let expiry = self.expiry.map(|at| (at, Due::Expiry));
        let alive = match (self.pinged, &self.config.heartbeat) {
            (Some(at), _) if self.awaits_pong() => Some((
                after(at, self.config.pong_timeout),
                Due::Timeout(Timeout::Pong),
            )),
            _ if W::PINGS => Some((after(heard, self.config.ping_interval), Due::Ping)),
            (pinged, Some(heartbeat)) => {
                let last = pinged.map_or(heard, |at| at.max(heard));
                let interval = heartbeat.interval.max(MIN_HEARTBEAT);
                Some((after(last, interval), Due::Heartbeat))
            }
            _ => None,
        };
        let others = [expiry, alive].into_iter().flatten();
        others.fold(
            idle,
            |first, other| {
                if other.0 < first.0 { other } else { first }
            },
        )
    }
}

/// `instant + duration`, or a time that does not come.
pub(crate) fn after(instant: Instant, duration: Duration) -> Instant {
    instant
        .checked_add(duration)
        .unwrap_or_else(|| instant + NEVER)
}

/// A time below `max`, another for each call.
pub(super) fn jitter(max: Duration) -> Duration {
    // The standard library's only source of random numbers.
    let random = RandomState::new().hash_one(());
    max.mul_f64((random >> 11) as f64 / (1_u64 << 53) as f64)
}

/// The shortest time between heartbeats: none at all would be a loop without an end.
const MIN_HEARTBEAT: Duration = Duration::from_secs(1);
const NEVER: Duration = Duration::from_secs(86_400 * 365 * 30);
