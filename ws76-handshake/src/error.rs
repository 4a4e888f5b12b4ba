//! What can be wrong with a head ([`HeadError`]) and with a request ([`HandshakeError`]).

use crate::field::KnownField;
use crate::key::{KeyError, WhichKey};
use crate::status::Status;

/// A head that is not made of lines and fields as HTTP/1.1 wants them, or that is too large.
///
/// The same for both sides: the fields of a request and those of a server's reply.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{HandshakeError, HeadError, HeadLimits, RequestReader};
///
/// let mut src = BytesMut::from("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n");
/// let mut reader = RequestReader::new(HeadLimits::new().with_max_fields(1));
/// let error = HeadError::TooManyFields { max: 1 };
/// assert_eq!(reader.read(&mut src), Err(HandshakeError::Head(error)));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The head goes on after `max` bytes.
    #[error("head longer than {max} bytes")]
    HeadTooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// A field (or the status line of a reply) goes on after `max` bytes.
    #[error("line longer than {max} bytes")]
    LineTooLong {
        /// The limit, in bytes without the CRLF.
        max: usize,
    },
    /// One more field began after `max` of them.
    #[error("more than {max} fields")]
    TooManyFields {
        /// The limit.
        max: usize,
    },
    /// A line feed without a carriage return before it.
    #[error("line feed without carriage return")]
    BareLf,
    /// A carriage return without a line feed after it.
    #[error("carriage return without line feed")]
    BareCr,
    /// A zero byte.
    #[error("zero byte in the head")]
    Nul,
    /// A line that begins with a space or a tab (obsolete line folding).
    #[error("line begins with white space")]
    FoldedLine,
    /// A line that begins with a colon.
    #[error("field without a name")]
    EmptyFieldName,
    /// A space or a tab inside or after a field's name.
    #[error("white space in a field's name")]
    SpaceBeforeColon,
    /// A line that ends before a colon.
    #[error("field without a colon")]
    MissingColon,
    /// A field's name with a byte that no token holds.
    #[error("forbidden byte in a field's name")]
    InvalidFieldName,
}

/// Why a request is refused: the peer broke the protocol. Nothing of a 101 was written.
///
/// [`status`](Self::status) and [`response`](Self::response) say what to answer; close after it.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{HandshakeError, HeadLimits, RequestReader, Status};
///
/// let mut dst = BytesMut::new();
/// let mut src = BytesMut::from("PUT / HTTP/1.1\r\nHost: a\r\n\r\n");
/// if let Err(error) = RequestReader::new(HeadLimits::new()).read(&mut src) {
///     assert_eq!(error, HandshakeError::MethodNotAllowed);
///     assert_eq!(error.status(), Status::METHOD_NOT_ALLOWED);
///     error.response().write(&mut dst); // send it, then close
/// }
/// assert!(dst.starts_with(b"HTTP/1.1 405 "));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The fields are malformed or too large.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The request line goes on after `max` bytes.
    #[error("request line longer than {max} bytes")]
    RequestLineTooLong {
        /// The limit, in bytes without the CRLF.
        max: usize,
    },
    /// The resource name goes on after `max` bytes.
    #[error("resource name longer than {max} bytes")]
    ResourceNameTooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// The request line is no method, one space, resource name, one space and version.
    #[error("malformed request line")]
    MalformedRequestLine,
    /// The resource name does not begin with `/`, or holds a byte that it must not.
    #[error("resource name must begin with a slash and be visible ASCII")]
    InvalidResourceName,
    /// The request line does not end with ` HTTP/1.1`.
    #[error("request line must end with HTTP/1.1")]
    UnsupportedHttpVersion,
    /// The method is not `GET` (nor `HEAD`, for plain HTTP).
    #[error("method not allowed")]
    MethodNotAllowed,
    /// A field is missing that has to be there.
    #[error("field {0} is missing")]
    MissingField(KnownField),
    /// A field is there more than once, or twice with two meanings.
    #[error("field {0} more than once")]
    DuplicateField(KnownField),
    /// The value of a field is none that it may have.
    #[error("field {0} has a forbidden value")]
    InvalidField(KnownField),
    /// A field is there that makes the length of the request ambiguous.
    #[error("field {0} is not allowed")]
    ForbiddenField(KnownField),
    /// The keys of draft-76 and the key of RFC 6455 together.
    #[error("keys of two protocol versions")]
    MixedKeys,
    /// A key of draft-76 is no key.
    #[error("{which}: {error}")]
    Key {
        /// Which of the two.
        which: WhichKey,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A WebSocket version that is not draft-76, 7, 8 or 13.
    #[error("WebSocket version not supported")]
    UnsupportedVersion,
    /// The reader has delivered its request; there is one for each connection.
    #[error("only one request for each connection")]
    SecondRequest,
}

impl HandshakeError {
    /// The status to refuse the request with: 400, 405, 414, 426 or 431.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Head(
                HeadError::HeadTooLong { .. }
                | HeadError::LineTooLong { .. }
                | HeadError::TooManyFields { .. },
            ) => Status::HEAD_TOO_LARGE,
            Self::RequestLineTooLong { .. } | Self::ResourceNameTooLong { .. } => {
                Status::URI_TOO_LONG
            }
            Self::MethodNotAllowed => Status::METHOD_NOT_ALLOWED,
            Self::UnsupportedVersion => Status::UPGRADE_REQUIRED,
            _ => Status::BAD_REQUEST,
        }
    }
}
