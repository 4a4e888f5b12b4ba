//! Reads one request off a buffer: [`RequestReader`] (draft-76 §5.1).
//!
//! ```text
//! RequestLine --CRLF--> Fields --empty line--> Finished
//!      `-----------------`--- error ---------> Failed (the same error from then on)
//! ```

use bytes::BytesMut;

use crate::draft75::Draft75Request;
use crate::error::HandshakeError;
use crate::head::{FieldTable, Head};
use crate::limits::HeadLimits;
use crate::request_line::{RequestLine, RequestLineScanner};
use crate::scan::FieldScanner;
use crate::server::Request;
use crate::verify::{self, HybiVersion, Meaning};

/// Reads the head of the one request of a connection, however its bytes are cut.
///
/// The scan goes on where it stopped, so that a head in single bytes costs no more than a whole
/// one. How the bytes were cut never changes the outcome.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{Accept, HandshakeError, HeadLimits, Incoming, RequestReader};
///
/// let mut reader = RequestReader::new(HeadLimits::new());
/// let mut src = BytesMut::from("GET /demo HTTP/1.1\r\nHost: example.com\r\n");
/// assert_eq!(reader.read(&mut src)?, None); // read more from the socket, then call again
/// src.extend_from_slice(b"Upgrade: WebSocket\r\nConnection: Upgrade\r\n");
/// src.extend_from_slice(b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n");
/// src.extend_from_slice(b"Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U");
///
/// let Some(Incoming::WebSocket(request)) = reader.read(&mut src)? else {
///     unreachable!("the request is whole, and draft-76");
/// };
/// assert_eq!(request.resource_name(), "/demo");
/// assert_eq!(&src[..], b"^n:ds[4U"); // key 3 is still there
/// # Ok::<(), HandshakeError>(())
/// ```
#[derive(Debug)]
pub struct RequestReader {
    limits: HeadLimits,
    state: State,
}

#[derive(Debug)]
enum State {
    RequestLine(RequestLineScanner),
    Fields {
        line: RequestLine,
        scanner: FieldScanner,
    },
    Failed(HandshakeError),
    Finished,
}

/// A whole request that may be answered, by the protocol that it speaks.
///
/// # Examples
///
/// ```
/// use ws76_handshake::Incoming;
///
/// fn kind(incoming: &Incoming) -> String {
///     match incoming {
///         Incoming::WebSocket(request) => format!("draft-76 {}", request.resource_name()),
///         Incoming::Draft75(request) => format!("draft-75 {}", request.head().resource_name()),
///         Incoming::Hybi { version, .. } => format!("version {}", version.number()),
///         Incoming::Http(head) => format!("{} {}", head.method(), head.resource_name()),
///     }
/// }
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "a server has to answer each kind, none may hang"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A draft-76 request with both keys proven.
    WebSocket(Request),
    /// A draft-75 request: `Upgrade: WebSocket` without any key or version.
    ///
    /// Nothing in it proves that the peer will read the reply as WebSocket, nor that it meant to
    /// speak it. Accept it only if the operator asked for that.
    Draft75(Draft75Request),
    /// A request of hybi-07 to RFC 6455, not spoken by this crate.
    ///
    /// It has one `Sec-WebSocket-Key`, whose value is unchecked, and a version that exists.
    Hybi {
        /// The head, to be answered by another crate.
        head: Head,
        /// The version that it asks for.
        version: HybiVersion,
    },
    /// Not a WebSocket request: `GET` or `HEAD` of plain HTTP, to be answered and closed.
    Http(Head),
}

impl RequestReader {
    /// A reader for one connection.
    #[must_use]
    pub const fn new(limits: HeadLimits) -> Self {
        Self {
            limits,
            state: State::RequestLine(RequestLineScanner::new()),
        }
    }

    /// Takes the request's head from the front of `src`.
    ///
    /// Returns `None` when `src` does not hold the whole head yet; append bytes and call again.
    /// Nothing is taken before the head is whole. What follows it stays in `src` untouched: key 3,
    /// and maybe frames. Implements draft-76 §5.1, and steps 4 to 7 of §5.2.
    ///
    /// # Errors
    ///
    /// When the request has to be refused: answer with [`HandshakeError::response`] and close.
    /// Nothing is taken from `src` then, and the same error comes again. After the request was
    /// delivered it is [`HandshakeError::SecondRequest`], whatever `src` holds.
    pub fn read(&mut self, src: &mut BytesMut) -> Result<Option<Incoming>, HandshakeError> {
        let outcome = self.advance(src);
        match &outcome {
            Ok(None) => {}
            Ok(Some(_)) => self.state = State::Finished,
            Err(error) => self.state = State::Failed(*error),
        }
        outcome
    }

    fn advance(&mut self, src: &mut BytesMut) -> Result<Option<Incoming>, HandshakeError> {
        loop {
            match &mut self.state {
                State::RequestLine(scanner) => {
                    let Some(line) = scanner.scan(src, self.limits)? else {
                        return Ok(None);
                    };
                    let scanner = FieldScanner::new(self.limits, line.end);
                    self.state = State::Fields { line, scanner };
                }
                State::Fields { line, scanner } => {
                    let Some(head_len) = scanner.scan(src)? else {
                        return Ok(None);
                    };
                    return finish(src, head_len, *line, scanner).map(Some);
                }
                State::Failed(error) => return Err(*error),
                State::Finished => return Err(HandshakeError::SecondRequest),
            }
        }
    }
}

/// Verifies the head, then splits it off: a refused request leaves `src` as it was.
fn finish(
    src: &mut BytesMut,
    head_len: usize,
    line: RequestLine,
    scanner: &FieldScanner,
) -> Result<Incoming, HandshakeError> {
    let bytes = src.get(..head_len).unwrap_or_default();
    let (meaning, parts) = verify::verify(bytes, line, scanner.fields())?;
    let bytes = src.split_to(head_len).freeze();
    let head = Head::new(FieldTable::new(bytes, scanner.fields()), parts);
    Ok(match meaning {
        Meaning::Draft76 { part1, part2 } => Incoming::WebSocket(Request::new(head, part1, part2)),
        Meaning::Draft75 => Incoming::Draft75(Draft75Request::new(head)),
        Meaning::Hybi(version) => Incoming::Hybi { head, version },
        Meaning::Http => Incoming::Http(head),
    })
}
