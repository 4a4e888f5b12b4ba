//! Runs a case against whatever answers: feeds the bytes in pieces, waits, judges.

use std::fmt;

use crate::{
    case::{Case, REQUEST, Step},
    observed::Observed,
    outcome::{Outcome, PROBE, Sent},
    template::{Places, Template},
};

/// A server, as a conversation sees it.
pub(crate) trait Peer {
    /// Sends these bytes, by themselves as far as that is possible.
    fn send(&mut self, bytes: &[u8]);
    /// Lets the bytes that were sent arrive before others.
    fn pause(&mut self);
    /// Closes the client's direction.
    fn shut_down(&mut self);
    /// Has the server begin to close.
    fn close(&mut self);
    /// Waits for bytes or the end of the stream. `false`: neither came, or there is nothing to
    /// wait for.
    fn receive(&mut self) -> bool;
    /// All that came.
    fn received(&self) -> &[u8];
    /// The stream has ended.
    fn ended(&self) -> bool;
    /// Whether to wait for the end of the stream behind a response that is whole.
    fn awaits_close(&self) -> bool {
        true
    }
    /// The least bytes of a piece, when so many bytes are sent in the smallest pieces.
    fn least_piece(&self, _len: usize) -> usize {
        1
    }
}

/// How the bytes of a case are handed over.
///
/// ```
/// use ws76_conform::Feeding;
///
/// assert_eq!(Feeding::Cut(3).to_string(), "cut after 3 bytes");
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "one piece, two pieces, as many as possible"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feeding {
    /// What each step sends, in one piece.
    Whole,
    /// Each byte by itself. Over TCP more than 4 KiB go in 4,096 pieces.
    Bytes,
    /// In two pieces, cut after so many bytes of all that the case sends.
    Cut(usize),
}

impl fmt::Display for Feeding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("whole"),
            Self::Bytes => f.write_str("byte by byte"),
            Self::Cut(at) => write!(f, "cut after {at} bytes"),
        }
    }
}

/// What a case came to.
///
/// ```
/// use ws76_conform::Verdict;
///
/// fn passes(verdict: &Verdict, strict: bool) -> bool {
///     match verdict {
///         Verdict::Kept => true,
///         Verdict::Differs(_) => !strict,
///         Verdict::Broken(_) => false,
///     }
/// }
/// assert!(passes(&Verdict::Kept, true));
/// ```
#[expect(clippy::exhaustive_enums, reason = "there is no fourth way")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// As this project does it.
    Kept,
    /// As the draft allows anybody, and not as this project does it.
    Differs(Difference),
    /// As the draft allows nobody.
    Broken(Difference),
}

/// What was expected, and what came instead.
///
/// ```
/// use ws76_conform::Difference;
///
/// fn show(difference: &Difference) -> String {
///     let Difference { feeding, sent, expected, came, .. } = difference;
///     format!("sent {sent}, {feeding}: expected {expected}, got {came}")
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// How the bytes were handed over.
    pub feeding: Feeding,
    /// What was sent, in short.
    pub sent: String,
    /// What was expected.
    pub expected: String,
    /// What came.
    pub came: String,
}

/// Where the server seems to be for a client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Address<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
}

impl Case {
    /// Holds the conversation of this case, and judges it.
    pub(crate) fn converse(
        &self,
        address: Address<'_>,
        feeding: Feeding,
        peer: &mut impl Peer,
    ) -> Verdict {
        let bare = Places {
            host: address.host,
            path: address.path,
            ..Places::default()
        };
        let (head, key3) = (self.edits.head(&bare), self.edits.key3(&bare));
        let places = Places {
            head: &head,
            key3: &key3,
            ..bare
        };
        let mut talk = Talk {
            case: self,
            places,
            feeding,
            peer,
            offset: 0,
            probed: false,
        };
        let stopped = talk.open().and_then(|()| talk.steps());
        if stopped.is_ok() {
            talk.settle();
        }
        talk.judge(stopped.err().flatten())
    }

    /// Where two-way cuts of this case can be: 0 is none.
    pub(crate) fn len(&self, address: Address<'_>) -> usize {
        let bare = Places {
            host: address.host,
            path: address.path,
            ..Places::default()
        };
        let (head, key3) = (self.edits.head(&bare), self.edits.key3(&bare));
        let places = Places {
            head: &head,
            key3: &key3,
            ..bare
        };
        self.sends(&places).iter().map(Vec::len).sum()
    }
}

struct Talk<'a, P> {
    case: &'a Case,
    places: Places<'a>,
    feeding: Feeding,
    peer: &'a mut P,
    /// Bytes that the steps have sent.
    offset: usize,
    probed: bool,
}

impl<P: Peer> Talk<'_, P> {
    /// Does the opening handshake that is not what the case is about. An error ends the
    /// conversation; it says what is wrong besides what came.
    fn open(&mut self) -> Result<(), Option<String>> {
        if !self.case.opens_first {
            return Ok(());
        }
        self.peer.send(&Template::of(REQUEST).render(&self.places));
        match self.wait(|observed| matches!(observed, Observed::Open { .. })) {
            true => Ok(()),
            false => Err(Some("the standard request was not accepted".to_owned())),
        }
    }

    fn steps(&mut self) -> Result<(), Option<String>> {
        for step in &self.case.steps {
            match step {
                Step::Send(bytes) => self.send(&bytes.render(&self.places)),
                Step::Eof => self.peer.shut_down(),
                Step::Close => self.peer.close(),
                Step::AwaitHead => {
                    if !self.wait(|observed| observed.reply().is_some()) {
                        return Err(Some("no 101 head before key 3 was sent".to_owned()));
                    }
                    match Observed::read(self.peer.received(), false) {
                        Observed::Head { reply, .. } if reply.body.is_empty() => {}
                        Observed::Final { .. } => return Ok(()),
                        _ => return Err(Some("more than the head before key 3".to_owned())),
                    }
                }
                Step::AwaitResponse => {
                    if !self.wait(|observed| matches!(observed, Observed::Open { .. })) {
                        return Err(None);
                    }
                }
                Step::AwaitMessages(count) => {
                    let came = self.wait(|observed| match observed {
                        Observed::Open { frames, .. } => frames.messages.len() >= *count,
                        _ => false,
                    });
                    if !came {
                        return Err(None);
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits until something is true of what came. `false` when it never is.
    fn wait(&mut self, arrived: impl Fn(&Observed) -> bool) -> bool {
        loop {
            let observed = Observed::read(self.peer.received(), self.peer.ended());
            if arrived(&observed) {
                return true;
            }
            let hopeless = matches!(observed, Observed::Final { .. }) || self.peer.ended();
            if hopeless || !self.peer.receive() {
                return false;
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        match self.feeding {
            Feeding::Whole => self.peer.send(bytes),
            Feeding::Bytes => {
                let least = self.peer.least_piece(bytes.len());
                for piece in bytes.chunks(least) {
                    self.peer.send(piece);
                }
            }
            Feeding::Cut(at) => match at.checked_sub(self.offset) {
                Some(at) if at > 0 && at < bytes.len() => {
                    self.peer.send(&bytes[..at]);
                    self.peer.pause();
                    self.peer.send(&bytes[at..]);
                }
                _ => self.peer.send(bytes),
            },
        }
        self.offset += bytes.len();
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.case.ours.iter().chain(&self.case.anybody)
    }

    /// Waits until nothing more can change the verdict.
    fn settle(&mut self) {
        // Any 101 is right, or none is.
        let decided = self
            .outcomes()
            .any(|outcome| matches!(outcome, Outcome::Switched))
            || !self.outcomes().any(Outcome::switches);
        let probes = self.outcomes().any(Outcome::probes);
        let (mut opened, mut answered) = (false, false);
        loop {
            let (received, ended) = (self.peer.received(), self.peer.ended());
            let worth_reading = !opened
                || ended
                || received.len() < CHEAP
                || received.ends_with(PROBE)
                || received.ends_with(b"\xff\x00");
            if worth_reading {
                match Observed::read(received, ended) {
                    _ if ended => return,
                    Observed::Nothing { .. } => {}
                    Observed::Final { reply, .. } => {
                        let has_body = !self.places.head.starts_with(b"HEAD ");
                        let closes = reply.says_close() && self.peer.awaits_close();
                        if reply.is_whole(has_body) && !closes {
                            return;
                        }
                    }
                    Observed::Head { .. } | Observed::Open { .. } if decided => return,
                    Observed::Head { .. } => {}
                    Observed::Open { frames, .. } => {
                        opened = true;
                        if !frames.garbage.is_empty() {
                            return;
                        }
                        if frames.closing && !answered {
                            // As a client does. A server may wait for it before it closes.
                            self.peer.send(b"\xff\x00");
                            answered = true;
                        }
                        if !frames.closing && probes && !self.probed {
                            self.peer.send(PROBE);
                            self.probed = true;
                            continue;
                        }
                        if self.probed && self.peer.received().ends_with(PROBE) {
                            return;
                        }
                    }
                }
            }
            if !self.peer.receive() {
                return;
            }
        }
    }

    fn judge(&self, problem: Option<String>) -> Verdict {
        let observed = Observed::read(self.peer.received(), self.peer.ended());
        let sent = Sent {
            places: self.places,
            probed: self.probed,
        };
        let ours = self.fault(&self.case.ours, &observed, &sent, true);
        let anybody = self.fault(&self.case.anybody, &observed, &sent, false);
        let difference = |outcomes: &[Outcome], fault: Option<String>| {
            let expected: Vec<_> = outcomes.iter().map(Outcome::to_string).collect();
            let mut came = observed.to_string();
            for fault in [problem.clone(), fault].into_iter().flatten() {
                if !fault.is_empty() {
                    came = format!("{fault}; {came}");
                }
            }
            Difference {
                feeding: self.feeding,
                sent: self.case.summary(&self.places),
                expected: expected.join(", or "),
                came,
            }
        };
        match (&problem, ours, anybody) {
            (None, None, _) => Verdict::Kept,
            (None, fault, None) => Verdict::Differs(difference(&self.case.ours, fault)),
            (_, _, fault) => Verdict::Broken(difference(&self.case.anybody, fault)),
        }
    }

    /// `None` when one of the outcomes is what came.
    fn fault(
        &self,
        outcomes: &[Outcome],
        observed: &Observed,
        sent: &Sent<'_>,
        strict: bool,
    ) -> Option<String> {
        let mut said = String::new();
        for outcome in outcomes {
            match outcome.check(observed, &self.case.rules, sent, strict) {
                Ok(()) => return None,
                Err(fault) if said.is_empty() => said = fault,
                Err(_) => {}
            }
        }
        Some(said)
    }
}

/// Bytes that may be read again and again.
const CHEAP: usize = 64 << 10;

#[cfg(test)]
mod tests;
