//! Why a connection ends, and what that means for its close.

use std::io::ErrorKind;

use crate::{CloseReason, ConnectionError, Timeout, outbox::Asked, wire::CloseCode};

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Asked(Asked),
    /// The client sent its closing frame.
    ClosingFrame,
    /// The client closed TCP.
    Eof,
    Error(ConnectionError),
    SlowReceiver,
    HandlerPanic,
    /// The connection has reached its lifetime.
    Expired,
    /// A shutdown took too long.
    Abort,
}

impl End {
    pub(crate) const fn reason(self, clean: bool) -> CloseReason {
        match self {
            Self::Asked(Asked::Shutdown) => CloseReason::Shutdown { clean },
            Self::Asked(Asked::Local | Asked::Driver) => CloseReason::Local { clean },
            Self::ClosingFrame | Self::Eof => CloseReason::Peer { clean },
            Self::Error(error) => CloseReason::Error(error),
            Self::SlowReceiver => CloseReason::SlowReceiver,
            Self::HandlerPanic => CloseReason::HandlerPanic,
            Self::Expired => CloseReason::Expired { clean },
            Self::Abort => CloseReason::Shutdown { clean: false },
        }
    }

    /// The closing frame to send, when there is somebody to send it to.
    pub(crate) const fn closing(self) -> Option<CloseCode> {
        match self {
            Self::Asked(Asked::Shutdown) | Self::Expired => Some(CloseCode::GoingAway),
            Self::Asked(Asked::Local | Asked::Driver) | Self::ClosingFrame => {
                Some(CloseCode::Normal)
            }
            Self::HandlerPanic => Some(CloseCode::HandlerPanic),
            Self::Error(ConnectionError::Io(_)) => None,
            Self::Error(ConnectionError::Timeout(Timeout::Write | Timeout::Pong)) => None,
            Self::Error(error) => Some(CloseCode::Error(error)),
            Self::Eof | Self::SlowReceiver | Self::Abort => None,
        }
    }

    /// Whether the stream itself is over, so that nothing more can come from the client.
    pub(crate) const fn has_ended_the_stream(self) -> bool {
        matches!(self, Self::Eof | Self::Error(ConnectionError::Io(_)))
    }

    /// Whether TCP has said that there is nobody any more: it has nothing to shut down then.
    pub(crate) fn is_of_a_dead_peer(self) -> bool {
        let Self::Error(ConnectionError::Io(error)) = self else {
            return false;
        };
        matches!(
            error.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::TimedOut
        )
    }

    /// Whether what is queued can still go out.
    pub(crate) const fn flushes(self) -> bool {
        self.closing().is_some() || matches!(self, Self::Eof)
    }
}
