//! What a server has done so far, in numbers.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use crate::{
    CloseReason, ConnectionId, Protocol,
    observe::{Meters, Opening, events},
    unopened::Unopened,
};

/// What an endpoint has done since it began, and what it is doing. Every number only grows, but for
/// `open` and `half_open`.
///
/// ```
/// use ws76_server::{Config, Endpoint, Handler};
///
/// struct Quiet;
///
/// impl Handler for Quiet {}
///
/// let endpoint = Endpoint::new(Quiet, Config::new());
/// let stats = endpoint.stats();
/// assert_eq!((stats.open, stats.streams), (0, 0));
/// assert_eq!(stats.opened.get("draft-76"), None);
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that are open now.
    pub open: usize,
    /// Connections that have not finished their opening handshake yet.
    pub half_open: usize,
    /// Streams that were taken, whatever became of them.
    pub streams: u64,
    /// Connections that were opened, by protocol: `draft-75`, `draft-76`, `rfc6455`.
    pub opened: BTreeMap<&'static str, u64>,
    /// Requests that were answered without a 101, by status.
    pub answered: BTreeMap<u16, u64>,
    /// Streams that ended before they were opened, and without an answer, by why: `gone`, `timeout`
    /// (in the PROXY header, in the TLS handshake or after the 101), `proxy_header` (malformed, or from
    /// who may not send it), `tls` (its handshake failed), `shed` ([`Config::max_half_open`]) and
    /// `shutdown`.
    ///
    /// [`Config::max_half_open`]: crate::Config::max_half_open
    pub unopened: BTreeMap<&'static str, u64>,
    /// Connections that were closed, by [`CloseReason::kind`].
    pub closed: BTreeMap<&'static str, u64>,
    /// Messages that came.
    pub received_messages: u64,
    /// Bytes that came on open connections, frames and all.
    pub received_len: u64,
    /// Messages that were handed to the kernel.
    pub sent_messages: u64,
    /// Bytes that were handed to the kernel on open connections, frames and all.
    pub sent_len: u64,
    /// Messages that were queued and never sent.
    pub dropped_messages: u64,
}

/// The counters behind [`Stats`], who tell metrics and events what they are told.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    streams: AtomicU64,
    received_messages: AtomicU64,
    received_len: AtomicU64,
    sent_messages: AtomicU64,
    sent_len: AtomicU64,
    dropped_messages: AtomicU64,
    /// What happens once in the life of a connection.
    by_kind: Mutex<ByKind>,
    meters: Meters,
}

#[derive(Clone, Debug, Default)]
struct ByKind {
    opened: BTreeMap<&'static str, u64>,
    answered: BTreeMap<u16, u64>,
    unopened: BTreeMap<&'static str, u64>,
    closed: BTreeMap<&'static str, u64>,
}

/// What a connection did. The driver counts for itself, and tells at the end of a turn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) received_messages: u64,
    pub(crate) received_len: u64,
    pub(crate) sent_messages: u64,
    pub(crate) sent_len: u64,
    pub(crate) dropped_messages: u64,
    /// In its queue now; of what was done since, how many more, or fewer.
    pub(crate) queued_messages: i64,
}

impl Traffic {
    pub(crate) const NONE: Self = Self {
        received_messages: 0,
        received_len: 0,
        sent_messages: 0,
        sent_len: 0,
        dropped_messages: 0,
        queued_messages: 0,
    };

    pub(crate) const fn add(&mut self, other: &Self) {
        self.received_messages += other.received_messages;
        self.received_len += other.received_len;
        self.sent_messages += other.sent_messages;
        self.sent_len += other.sent_len;
        self.dropped_messages += other.dropped_messages;
        self.queued_messages += other.queued_messages;
    }
}

impl Counters {
    pub(crate) fn stream(&self) -> Opening<'_> {
        self.streams.fetch_add(1, Relaxed);
        self.meters.opening()
    }

    pub(crate) fn opened(&self, id: ConnectionId, protocol: Protocol) {
        self.meters.opened(protocol);
        events::opened(id, protocol);
        *self.by_kind().opened.entry(protocol.kind()).or_default() += 1;
    }

    pub(crate) fn answered(&self, status: u16) {
        self.meters.answered(status);
        events::answered(status);
        *self.by_kind().answered.entry(status).or_default() += 1;
    }

    pub(crate) fn unopened(&self, why: &Unopened) {
        self.meters.unopened(why.kind());
        events::unopened(why);
        *self.by_kind().unopened.entry(why.kind()).or_default() += 1;
    }

    pub(crate) fn closed(&self, protocol: Protocol, reason: CloseReason) {
        self.meters.closed(protocol, reason);
        events::closed(reason);
        *self.by_kind().closed.entry(reason.kind()).or_default() += 1;
    }

    pub(crate) fn accept_failed(&self, error: &io::Error) {
        self.meters.accept_failed();
        events::accept_failed(error);
    }

    /// Adds what a connection did since it was last told.
    pub(crate) fn traffic(&self, done: &Traffic) {
        self.meters.traffic(done);
        for (counter, count) in [
            (&self.received_messages, done.received_messages),
            (&self.received_len, done.received_len),
            (&self.sent_messages, done.sent_messages),
            (&self.sent_len, done.sent_len),
            (&self.dropped_messages, done.dropped_messages),
        ] {
            if count > 0 {
                counter.fetch_add(count, Relaxed);
            }
        }
    }

    pub(crate) fn stats(&self, open: usize, half_open: usize) -> Stats {
        let by_kind = self.by_kind().clone();
        Stats {
            open,
            half_open,
            streams: self.streams.load(Relaxed),
            opened: by_kind.opened,
            answered: by_kind.answered,
            unopened: by_kind.unopened,
            closed: by_kind.closed,
            received_messages: self.received_messages.load(Relaxed),
            received_len: self.received_len.load(Relaxed),
            sent_messages: self.sent_messages.load(Relaxed),
            sent_len: self.sent_len.load(Relaxed),
            dropped_messages: self.dropped_messages.load(Relaxed),
        }
    }

    // Nothing panics while this lock is held, so poison means nothing.
    fn by_kind(&self) -> MutexGuard<'_, ByKind> {
        self.by_kind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
