//! The reference model of one connection: what may become of a send, and what the client must have
//! received of it.

use std::collections::HashMap;

use ws76_server::{CloseReason, Config, Connection, ConnectionError, SendError, SlowReceiver};

use super::peer::Peer;

use crate::support::Speaks;

/// What became of a message for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Queued,
    Full,
    TooLong,
    Closing,
    Closed,
    /// It was not in the registry.
    Absent,
}

impl Kind {
    pub(crate) fn of(outcome: Result<(), SendError>) -> Self {
        match outcome {
            Ok(()) => Self::Queued,
            Err(SendError::Full) => Self::Full,
            Err(SendError::TooLong { .. }) => Self::TooLong,
            Err(SendError::Closing) => Self::Closing,
            Err(_) => Self::Closed,
        }
    }
}

/// How much is known of a connection's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Open, for certain.
    Open,
    /// In the registry, and closing.
    Closing,
    /// Closing, or closed.
    Ending,
    /// Something was done that ends it sooner or later.
    Fuzzy,
    /// Its closed event was seen.
    Closed,
}

/// What can end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    App,
    Peer,
    Fin,
    Reset,
    Panic,
    Slow,
    Shutdown,
    Abort,
}

/// What all connections of a server have in common.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) config: Config,
    /// Only one thread: nothing moves between two sends without an await.
    pub(crate) single: bool,
    /// Messages and bytes that others may have queued at the same time.
    pub(crate) slack: (usize, usize),
}

/// The most bytes that a frame has beside its text: those of cases are shorter than 64 KiB.
pub(crate) const MOST_BESIDE: usize = 4;

struct Entry {
    text: String,
    /// As a frame.
    len: usize,
    sure: bool,
}

pub(crate) struct Conn {
    pub(crate) connection: Connection,
    pub(crate) speaks: Speaks,
    /// None after a RST.
    pub(crate) peer: Option<Peer>,
    pub(crate) status: Status,
    pub(crate) causes: Vec<Cause>,
    pub(crate) reading: bool,
    /// Its handler waits for the test.
    pub(crate) held: bool,
    /// Nothing was written since the queue was empty: `queue` is what is in it.
    pub(crate) frozen: bool,
    /// What was queued since the client had read all, in order, less what was surely dropped.
    queue: Vec<Entry>,
    /// What a client had read that is gone.
    got: Vec<String>,
    /// Messages that were surely dropped since then, and whether others may have been.
    popped: u64,
    lossy: bool,
    dropped_before: u64,
    /// Messages of the client, and how many of them the handler was called with.
    pub(crate) sent: Vec<String>,
    pub(crate) delivered: usize,
    /// Closed, and checked.
    pub(crate) done: bool,
    pub(crate) error: Option<ConnectionError>,
    pub(crate) reason: Option<CloseReason>,
    /// Messages that the client received and the model has checked.
    pub(crate) received: u64,
}

impl Conn {
    pub(crate) const fn new(connection: Connection, speaks: Speaks, peer: Peer) -> Self {
        Self {
            connection,
            speaks,
            peer: Some(peer),
            status: Status::Open,
            causes: Vec::new(),
            reading: true,
            held: false,
            frozen: false,
            queue: Vec::new(),
            got: Vec::new(),
            popped: 0,
            lossy: false,
            dropped_before: 0,
            sent: Vec::new(),
            delivered: 0,
            done: false,
            error: None,
            reason: None,
            received: 0,
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.connection.id().get()
    }

    /// Notes that something ends the connection, sooner or later.
    pub(crate) fn ends(&mut self, cause: Cause, status: Status) {
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
        let both = matches!(self.status, Status::Closing | Status::Ending);
        self.status = match self.status {
            Status::Closed => Status::Closed,
            _ if both => Status::Ending,
            _ => status,
        };
    }

    /// The client ends TCP with a RST.
    pub(crate) fn reset(&mut self) {
        if let Some(mut peer) = self.peer.take() {
            self.got.append(&mut peer.got);
            peer.reset();
        }
    }

    /// It was opened while others sent: open for certain, unless it was too slow for them.
    pub(crate) fn greeted(&mut self) {
        if self.status == Status::Fuzzy && self.causes.is_empty() {
            self.status = Status::Open;
        }
    }

    /// Bytes in the queue for a text of `len` bytes: what its frame has.
    const fn frame_len(&self, len: usize) -> usize {
        match (self.speaks, len) {
            (Speaks::Draft76, _) | (Speaks::Rfc6455, ..126) => len + 2,
            (Speaks::Rfc6455, _) => len + MOST_BESIDE,
        }
    }

    /// Whether the model's queue has room for a text of `len` bytes: it holds all that the real one can
    /// hold.
    fn has_room(&self, rules: &Rules, len: usize) -> bool {
        let len = self.frame_len(len);
        let slack = rules.slack;
        let bytes: usize = self.queue.iter().map(|entry| entry.len).sum();
        (self.queue.is_empty() && slack == (0, 0))
            || (self.queue.len() + slack.0 < rules.config.max_queued_messages
                && bytes + slack.1 + len <= rules.config.max_queued_len)
    }

    /// P2, P7: what may become of a text of `len` bytes.
    pub(crate) fn allowed(&self, rules: &Rules, len: usize, policy: bool) -> Vec<Kind> {
        let config = &rules.config;
        let too_long = len > config.frames.max_message_len;
        let storm = rules.slack != (0, 0);
        let status = match self.status {
            // Its closed event came in the step that is under way.
            Status::Closed if !self.done => Status::Fuzzy,
            // In what order others sent is not known.
            Status::Ending if storm => Status::Fuzzy,
            Status::Open
                if storm
                    && config.slow_receiver == SlowReceiver::Disconnect
                    && !self.has_room(rules, len) =>
            {
                Status::Fuzzy
            }
            status => status,
        };
        match status {
            Status::Closed => vec![Kind::Absent],
            Status::Closing => vec![Kind::Closing],
            Status::Ending => vec![Kind::Closing, Kind::Closed, Kind::Absent],
            Status::Fuzzy if too_long => {
                vec![Kind::TooLong, Kind::Closing, Kind::Closed, Kind::Absent]
            }
            Status::Fuzzy => vec![
                Kind::Queued,
                Kind::Full,
                Kind::Closing,
                Kind::Closed,
                Kind::Absent,
            ],
            Status::Open if too_long => vec![Kind::TooLong],
            Status::Open if self.has_room(rules, len) => vec![Kind::Queued],
            Status::Open => {
                // What waits for the end of a turn is written when it is in the way.
                let makes_room = policy && config.slow_receiver == SlowReceiver::DropOldest;
                match (self.frozen, makes_room) {
                    (true, true) => vec![Kind::Queued],
                    // A message that is partly written stays, and may be all that is in the queue.
                    (true, false) => vec![Kind::Full],
                    _ => vec![Kind::Queued, Kind::Full],
                }
            }
        }
    }

    /// Takes in what became of a text: one of `kinds`.
    pub(crate) fn settle(&mut self, rules: &Rules, text: &str, kinds: &[Kind], policy: bool) {
        let len = text.len();
        let sure = kinds == [Kind::Queued];
        let policy = policy.then_some(rules.config.slow_receiver);
        if kinds.contains(&Kind::Queued) {
            if policy == Some(SlowReceiver::DropOldest) {
                if self.frozen {
                    while !self.has_room(rules, len) {
                        self.queue.remove(0);
                        self.popped += 1;
                    }
                } else {
                    self.lossy |= !self.has_room(rules, len);
                }
            }
            let text = text.to_owned();
            let len = self.frame_len(len);
            self.queue.push(Entry { text, len, sure });
        }
        if kinds.contains(&Kind::Full) && policy == Some(SlowReceiver::Disconnect) {
            self.lossy = true;
            let certain = kinds == [Kind::Full];
            if certain || !self.causes.contains(&Cause::Slow) {
                self.ends(
                    Cause::Slow,
                    if certain {
                        Status::Ending
                    } else {
                        Status::Fuzzy
                    },
                );
            }
        }
    }

    /// All that was queued has been received or dropped, or never will be. Checks that, and starts
    /// anew. Returns how many messages are unaccounted for at most.
    pub(crate) fn check(&mut self) -> u64 {
        let mut got = std::mem::take(&mut self.got);
        if let Some(peer) = &mut self.peer {
            got.append(&mut peer.got);
        }
        let queue = std::mem::take(&mut self.queue);
        let popped = std::mem::take(&mut self.popped);
        let lossy = std::mem::take(&mut self.lossy);
        let dropped = self.connection.dropped() - self.dropped_before;
        self.dropped_before += dropped;
        self.received += got.len() as u64;
        let id = self.id();

        // P1: of each sender in order, and at most once (P2).
        let places: HashMap<&str, usize> = queue.iter().map(|e| e.text.as_str()).zip(0..).collect();
        let mut last = HashMap::new();
        for text in &got {
            let Some(&place) = places.get(text.as_str()) else {
                panic!("{id} received {text:.20}, which was not queued for it, or was dropped");
            };
            let sender = text.split(':').next();
            if let Some(before) = last.insert(sender, place) {
                assert!(before < place, "{id} received {text:.20} twice or too late");
            }
        }
        let has = |cause| self.causes.contains(&cause);
        let bytes_lost = has(Cause::Reset) || has(Cause::Abort);
        if !lossy && !bytes_lost {
            assert_eq!(dropped, popped, "{id} dropped what it need not");
            for entry in queue.iter().filter(|entry| entry.sure) {
                assert!(got.contains(&entry.text), "{id} lost {:.20}", entry.text);
            }
        }
        // The exact accounting: Ok = received + dropped (+ lost with a RST, an abort or a cut).
        let least = queue.iter().filter(|entry| entry.sure).count() as u64 + popped;
        let most = queue.len() as u64 + popped;
        let sum = got.len() as u64 + dropped;
        assert!(
            (bytes_lost || least <= sum) && sum <= most,
            "{id}: {least}..={most} queued, but {} received and {dropped} dropped",
            got.len()
        );
        assert!(dropped <= most, "{id}: {dropped} dropped of {most}");
        if bytes_lost {
            most.saturating_sub(sum)
        } else {
            0
        }
    }

    /// P4, P13: whether that is how it closes after what was done.
    pub(crate) fn check_reason(&self) {
        let id = self.id();
        let reason = self.reason.expect("a closed event");
        let answered = self.peer.as_ref().is_some_and(|peer| peer.sent_closing);
        let single = self.causes.len() == 1;
        let fits = self.causes.iter().any(|cause| match (cause, reason) {
            (Cause::App, CloseReason::Local { clean })
            | (Cause::Shutdown, CloseReason::Shutdown { clean }) => !single || clean == answered,
            (Cause::Peer, CloseReason::Peer { clean }) => clean,
            (Cause::Fin, CloseReason::Peer { clean }) => !clean,
            // The abort closes first, and a quick client may have answered.
            (Cause::Abort, CloseReason::Shutdown { .. }) => true,
            (Cause::Reset, CloseReason::Error(ConnectionError::Io(error))) => {
                matches!(error.name(), "ECONNRESET" | "EPIPE")
            }
            (Cause::Panic, CloseReason::HandlerPanic)
            | (Cause::Slow, CloseReason::SlowReceiver) => true,
            _ => false,
        });
        assert!(fits, "{id} closed: {reason:?}, after {:?}", self.causes);
        let error = match reason {
            CloseReason::Error(error) => Some(error),
            _ => None,
        };
        assert_eq!(self.error, error, "{id}: an error event and its reason");
        // Everything that came before the client's own end was for the handler.
        if single && matches!(self.causes[0], Cause::Peer | Cause::Fin) {
            assert_eq!(
                self.delivered,
                self.sent.len(),
                "{id}: messages before the end"
            );
        }
    }

    /// Whether the stream ended as the reason says it should.
    pub(crate) fn check_end(&self) {
        let Some(peer) = &self.peer else { return };
        let (id, end) = (self.id(), peer.end);
        if self.causes.contains(&Cause::Abort) {
            return;
        }
        assert_eq!(end, Some(Ok(())), "{id}: how the stream ended");
        let code: Option<u16> = match self.reason {
            Some(CloseReason::Local { .. } | CloseReason::Peer { clean: true }) => Some(1000),
            Some(CloseReason::Shutdown { .. }) => Some(1001),
            Some(CloseReason::HandlerPanic) => Some(1011),
            _ => None,
        };
        let closing = code.map(|code| match self.speaks {
            Speaks::Draft76 => Vec::new(),
            Speaks::Rfc6455 => code.to_be_bytes().to_vec(),
        });
        if self.causes.len() == 1 || code.is_none() {
            assert_eq!(peer.closing, closing, "{id}: closing frame");
        }
        let cut = self.reason == Some(CloseReason::SlowReceiver);
        assert!(cut || !peer.has_part(), "{id}: part of a frame at the end");
    }
}
