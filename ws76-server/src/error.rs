//! What can go wrong with a connection or a send, and why a connection closed.

use std::{fmt, io};

use thiserror::Error;
use ws76_codec::DecodeError;

/// What ended a connection that was open, when it was not a close.
///
/// ```
/// use ws76_server::{ConnectionError, Timeout};
///
/// fn is_worth_a_look(error: ConnectionError) -> bool {
///     match error {
///         ConnectionError::Decode(_) | ConnectionError::Rfc6455(_) => true,
///         ConnectionError::Io(posix) => posix.name() != "ECONNRESET",
///         _ => false,
///     }
/// }
/// assert!(!is_worth_a_look(Timeout::Idle.into()));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ConnectionError {
    /// A draft-76 client broke the protocol or a limit.
    #[error("draft-76 client broke the protocol")]
    Decode(#[from] DecodeError),
    /// An RFC 6455 client broke the protocol or a limit.
    #[error("RFC 6455 client broke the protocol")]
    Rfc6455(#[from] Rfc6455Error),
    /// Reading or writing failed.
    #[error("connection failed")]
    Io(#[from] Posix),
    /// Something took too long.
    #[error("connection timed out")]
    Timeout(#[from] Timeout),
}

/// How an RFC 6455 client broke its protocol, by the code that it was closed with.
///
/// ```
/// use ws76_server::Rfc6455Error;
///
/// let error = Rfc6455Error::MessageTooLong { max: 1 << 20 };
/// assert_eq!(error.code(), 1009);
/// assert_eq!(error.to_string(), "message of more than 1048576 bytes (1009)");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rfc6455Error {
    /// 1002: frames that RFC 6455 does not allow.
    #[error("protocol error (1002)")]
    Protocol,
    /// 1003: a binary message; the server takes text.
    #[error("binary message (1003)")]
    Binary,
    /// 1007: a text message that is not UTF-8.
    #[error("text message is not UTF-8 (1007)")]
    InvalidUtf8,
    /// 1008: a message of too many fragments.
    #[error("message of more than {max} fragments (1008)")]
    TooManyFragments {
        /// The limit.
        max: usize,
    },
    /// 1009: a message over the limit.
    #[error("message of more than {max} bytes (1009)")]
    MessageTooLong {
        /// The limit, in bytes.
        max: usize,
    },
}

impl Rfc6455Error {
    /// The code that the client was closed with (RFC 6455 §7.4.1).
    pub const fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Binary => 1003,
            Self::InvalidUtf8 => 1007,
            Self::TooManyFragments { .. } => 1008,
            Self::MessageTooLong { .. } => 1009,
        }
    }
}

/// What took too long.
///
/// ```
/// use ws76_server::{CloseReason, ConnectionError, Timeout};
///
/// let reason = CloseReason::Error(ConnectionError::Timeout(Timeout::Idle));
/// assert_eq!(reason.to_string(), "connection timed out: nothing received in time");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Timeout {
    /// No byte came from the client.
    #[error("nothing received in time")]
    Idle,
    /// An RFC 6455 client did not answer a ping.
    #[error("ping not answered in time")]
    Pong,
    /// The client took no byte of what was written.
    #[error("a write made no progress in time")]
    Write,
}

/// A failed read or write, with its POSIX name.
///
/// ```
/// use std::io::{Error, ErrorKind};
/// use ws76_server::Posix;
///
/// let posix = Posix::from(Error::from(ErrorKind::ConnectionReset));
/// assert_eq!((posix.name(), posix.kind()), ("ECONNRESET", ErrorKind::ConnectionReset));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Error)]
pub struct Posix(io::ErrorKind);

impl Posix {
    /// The POSIX name, such as `ECONNRESET`; `EIO` for a failure without one.
    pub const fn name(self) -> &'static str {
        use io::ErrorKind as Kind;
        match self.0 {
            Kind::ConnectionReset => "ECONNRESET",
            Kind::ConnectionAborted => "ECONNABORTED",
            Kind::ConnectionRefused => "ECONNREFUSED",
            Kind::BrokenPipe => "EPIPE",
            Kind::NotConnected => "ENOTCONN",
            Kind::TimedOut => "ETIMEDOUT",
            Kind::HostUnreachable => "EHOSTUNREACH",
            Kind::NetworkUnreachable => "ENETUNREACH",
            Kind::NetworkDown => "ENETDOWN",
            Kind::PermissionDenied => "EACCES",
            Kind::OutOfMemory => "ENOMEM",
            Kind::InvalidInput => "EINVAL",
            Kind::Interrupted => "EINTR",
            _ => "EIO",
        }
    }

    /// The kind of the failure.
    pub const fn kind(self) -> io::ErrorKind {
        self.0
    }
}

impl From<io::Error> for Posix {
    fn from(error: io::Error) -> Self {
        Self(error.kind())
    }
}

impl fmt::Display for Posix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

impl fmt::Debug for Posix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Posix").field(&self.name()).finish()
    }
}

/// Why a connection closed.
///
/// ```
/// use ws76_server::CloseReason;
///
/// let reason = CloseReason::Peer { clean: true };
/// assert_eq!((reason.kind(), reason.is_clean()), ("peer", true));
/// assert_eq!(reason.to_string(), "closed by the client");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The application asked for it.
    Local {
        /// Whether the client answered the closing frame in time.
        clean: bool,
    },
    /// The client closed.
    Peer {
        /// Whether it sent a closing frame; otherwise it just closed TCP.
        clean: bool,
    },
    /// The server shut down.
    Shutdown {
        /// Whether the client answered the closing frame in time.
        clean: bool,
    },
    /// It reached [`Config::max_lifetime`](crate::Config::max_lifetime).
    Expired {
        /// Whether the client answered the closing frame in time.
        clean: bool,
    },
    /// The client broke the protocol or a limit, the connection failed, or it timed out.
    Error(ConnectionError),
    /// The client did not read, and its outbound queue was full.
    SlowReceiver,
    /// A handler panicked.
    HandlerPanic,
}

impl CloseReason {
    /// Whether the client sent a closing frame: first, or in answer to ours.
    pub const fn is_clean(self) -> bool {
        match self {
            Self::Local { clean }
            | Self::Peer { clean }
            | Self::Shutdown { clean }
            | Self::Expired { clean } => clean,
            Self::Error(_) | Self::SlowReceiver | Self::HandlerPanic => false,
        }
    }

    /// The reason in one word, where things are counted.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Local { .. } => "local",
            Self::Peer { .. } => "peer",
            Self::Shutdown { .. } => "shutdown",
            Self::Expired { .. } => "expired",
            Self::Error(ConnectionError::Decode(_) | ConnectionError::Rfc6455(_)) => "protocol",
            Self::Error(ConnectionError::Io(_)) => "io",
            Self::Error(ConnectionError::Timeout(_)) => "timeout",
            Self::SlowReceiver => "slow_receiver",
            Self::HandlerPanic => "handler_panic",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, clean) = match self {
            Self::Local { clean } => ("closed by the application", *clean),
            Self::Peer { clean } => ("closed by the client", *clean),
            Self::Shutdown { clean } => ("closed by the server's shutdown", *clean),
            Self::Expired { clean } => ("closed at the end of its lifetime", *clean),
            Self::Error(error) => {
                use std::error::Error as _;
                return match error.source() {
                    Some(source) => write!(f, "{error}: {source}"),
                    None => write!(f, "{error}"),
                };
            }
            Self::SlowReceiver => return f.write_str("the client did not read"),
            Self::HandlerPanic => return f.write_str("a handler panicked"),
        };
        let how = if clean {
            ""
        } else {
            ", without a closing handshake"
        };
        write!(f, "{what}{how}")
    }
}

/// Why a message was not queued. It was not sent, and never will be.
///
/// ```
/// use ws76_server::{ConnectionId, Registry, SendError};
///
/// fn tell(registry: &Registry, id: ConnectionId) -> &'static str {
///     match registry.unicast(id, "hello") {
///         Ok(()) => "queued",
///         Err(SendError::Full) => "the client does not read",
///         Err(SendError::Closing | SendError::Closed) => "gone",
///         Err(_) => "never to be sent",
///     }
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The outbound queue is full.
    #[error("outbound queue is full")]
    Full,
    /// The connection has begun to close.
    #[error("connection is closing")]
    Closing,
    /// The connection is closed, or there never was one of that id.
    #[error("no such connection")]
    Closed,
    /// The message is longer than the limit.
    #[error("message of more than {max} bytes")]
    TooLong {
        /// The limit, in bytes of UTF-8.
        max: usize,
    },
    /// The message is binary, and the client speaks draft-76.
    #[error("draft-76 has no binary messages")]
    Unsupported,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_stay_small() {
        assert!(size_of::<ConnectionError>() <= 32);
        assert!(size_of::<CloseReason>() <= 32);
        assert!(size_of::<SendError>() <= 16);
    }

    #[test]
    fn posix_names_are_those_of_the_failure() {
        let reset = Posix::from(io::Error::from(io::ErrorKind::ConnectionReset));
        assert_eq!(reset.name(), "ECONNRESET");
        assert_eq!(reset.to_string(), "connection reset (ECONNRESET)");
        assert_eq!(Posix::from(io::Error::other("odd")).name(), "EIO");
    }

    #[test]
    fn close_reason_says_why() {
        let error = ConnectionError::Timeout(Timeout::Idle);
        let reason = CloseReason::Error(error);
        assert_eq!(
            reason.to_string(),
            "connection timed out: nothing received in time"
        );
        assert_eq!(
            CloseReason::Peer { clean: true }.to_string(),
            "closed by the client"
        );
        assert!(CloseReason::Local { clean: true }.is_clean() && !reason.is_clean());
    }
}
