//! Why a stream came to nothing: it ended before it was opened, and without an answer.

#[cfg(any(feature = "proxy", feature = "tls"))]
use std::io;

use thiserror::Error;

/// What ended a stream that was neither opened nor answered.
#[derive(Debug, Error)]
pub(crate) enum Unopened {
    /// The client or its proxy left, or its stream failed.
    #[error("the client is gone")]
    Gone,
    /// Its time was up, where a 408 is of no use: in the PROXY header, in the TLS handshake or after
    /// the 101.
    #[error("the opening handshake took too long")]
    Timeout,
    /// What should be the header of the PROXY protocol is none, or comes from who may not send it.
    #[cfg(feature = "proxy")]
    #[error("no header of the PROXY protocol: {0}")]
    ProxyHeader(io::Error),
    /// The TLS handshake failed.
    #[cfg(feature = "tls")]
    #[error("no TLS: {0}")]
    Tls(io::Error),
    /// Too many others are opening.
    #[error("too many connections are opening")]
    Shed,
    /// The server shuts down.
    #[error("the server shuts down")]
    Shutdown,
}

impl Unopened {
    /// What the header of the PROXY protocol came to.
    #[cfg(feature = "proxy")]
    pub(crate) fn in_proxy_header(error: io::Error) -> Self {
        if is_gone(&error) {
            Self::Gone
        } else {
            Self::ProxyHeader(error)
        }
    }

    /// What the TLS handshake came to.
    #[cfg(feature = "tls")]
    pub(crate) fn in_tls(error: io::Error) -> Self {
        if is_gone(&error) {
            Self::Gone
        } else {
            Self::Tls(error)
        }
    }

    /// One word for it, for counting.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Timeout => "timeout",
            #[cfg(feature = "proxy")]
            Self::ProxyHeader(_) => "proxy_header",
            #[cfg(feature = "tls")]
            Self::Tls(_) => "tls",
            Self::Shed => "shed",
            Self::Shutdown => "shutdown",
        }
    }
}

/// Whether the stream ended, rather than said something wrong.
#[cfg(any(feature = "proxy", feature = "tls"))]
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
    )
}
