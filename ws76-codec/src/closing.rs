//! The closing handshake (draft-76 §1.4, §5.3): who has sent a closing frame, who has received one.

/// Keeps account of the closing handshake of one connection.
///
/// ```text
///            sent                    received
///   Open ──────────► Sent ──────────────────────► Finished
///     │                                              ▲
///     └─ received ─► Received (answer it) ── sent ───┘
/// ```
///
/// Either side begins with a closing frame; the other answers with one, once. When both begin at
/// the same moment, each takes the other's frame for the answer and no third frame is sent.
///
/// ```
/// use ws76_codec::ClosingHandshake;
///
/// let mut closing = ClosingHandshake::new();
/// assert!(closing.can_send());
/// if closing.received() {
///     // Write the closing frame here.
///     closing.sent();
/// }
/// assert!(closing.is_finished() && !closing.can_send());
///
/// let mut begun = ClosingHandshake::new();
/// begun.sent();
/// assert!(begun.is_sent() && !begun.is_received());
/// assert!(!begun.received(), "it is the answer");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClosingHandshake(State);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Sent,
    Received,
    Finished,
}

impl ClosingHandshake {
    /// No closing frame has been sent or received.
    pub const fn new() -> Self {
        Self(State::Open)
    }

    /// Notes that our closing frame was written. Nothing may be sent from now on.
    pub const fn sent(&mut self) {
        self.0 = match self.0 {
            State::Open | State::Sent => State::Sent,
            State::Received | State::Finished => State::Finished,
        };
    }

    /// Notes that the peer's closing frame came, and returns whether it is to be answered with ours.
    ///
    /// That is so only the first time, and only when ours was not sent before. What the peer sends
    /// after its closing frame is discarded.
    #[must_use = "a closing frame that is not an answer has to be answered"]
    pub const fn received(&mut self) -> bool {
        let (state, answer) = match self.0 {
            State::Open => (State::Received, true),
            State::Sent | State::Finished => (State::Finished, false),
            State::Received => (State::Received, false),
        };
        self.0 = state;
        answer
    }

    /// Whether messages may still be sent: neither side has begun to close.
    pub const fn can_send(&self) -> bool {
        matches!(self.0, State::Open)
    }

    /// Whether our closing frame was sent.
    pub const fn is_sent(&self) -> bool {
        matches!(self.0, State::Sent | State::Finished)
    }

    /// Whether the peer's closing frame came.
    pub const fn is_received(&self) -> bool {
        matches!(self.0, State::Received | State::Finished)
    }

    /// Whether both closing frames were exchanged: the TCP connection may be closed.
    pub const fn is_finished(&self) -> bool {
        matches!(self.0, State::Finished)
    }
}
