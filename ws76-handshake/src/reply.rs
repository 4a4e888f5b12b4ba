//! The client's side, second half: the server's reply (draft-76 §4.1 steps 27 to 44).
//!
//! ```text
//! StatusLine --CRLF--> Fields --empty line--> Response --16 bytes--> Finished
//!      `------------------`------ error ---------`--> Failed (the same error from then on)
//! ```

use bytes::{Buf, BytesMut};

use crate::client::ClientHandshake;
use crate::error::HeadError;
use crate::field::KnownField;
use crate::head::FieldTable;
use crate::limits::HeadLimits;
use crate::location::Location;
use crate::scan::{self, FieldScanner, FieldSpan};
use crate::value::{Origin, Subprotocol};

/// A verified reply: the opening handshake is done, frames may follow both ways.
///
/// # Examples
///
/// ```
/// use ws76_handshake::Reply;
///
/// /// The cookies that a server sets, and the count of its fields.
/// fn cookies(reply: &Reply) -> (Vec<&[u8]>, usize) {
///     assert!(reply.field("upgrade").is_some());
///     (reply.fields_named("Set-Cookie").collect(), reply.fields().count())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    table: FieldTable,
}

impl Reply {
    /// Names and values of the fields, in the order they came.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.table.fields()
    }

    /// The value of the first field of this name, compared ASCII case-insensitively.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.table.field(name)
    }

    /// The values of all fields of this name, such as `Set-Cookie`, compared ASCII
    /// case-insensitively.
    pub fn fields_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> + Clone {
        self.table.fields_named(name)
    }
}

/// Which check a server's reply did not pass. The client closes without a word.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{ClientHandshake, ClientRequest, Location, Origin, ReplyError, ValueError};
///
/// let location = Location::parse("ws://example.com/demo")?;
/// let request = ClientRequest::new(location, Origin::try_from("null")?);
/// let mut handshake = ClientHandshake::start(request, &[0x5A; 32], &mut BytesMut::new());
/// let refused = handshake.read(&mut BytesMut::from("HTTP/1.1 403 Forbidden\r\n\r\n"));
/// assert_eq!(refused, Err(ReplyError::Status { code: 403 }));
/// # Ok::<(), ValueError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// The fields are malformed, or the head is too large.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The first line is no `HTTP/1.1`, three digits, a space and a reason.
    #[error("malformed status line")]
    MalformedStatusLine,
    /// The server refuses, with this status code.
    #[error("server answered with status {code}")]
    Status {
        /// The three digits of the status line.
        code: u16,
    },
    /// A field is missing that has to be there.
    #[error("field {0} is missing")]
    MissingField(KnownField),
    /// A field is there more than once.
    #[error("field {0} more than once")]
    DuplicateField(KnownField),
    /// The value of a field is not the one that it has to be.
    #[error("field {0} has another value than expected")]
    FieldDiffers(KnownField),
    /// The server names a subprotocol and none was asked for.
    #[error("subprotocol that was not asked for")]
    SubprotocolUnasked,
    /// The 16 bytes after the head are not the response to the challenge.
    #[error("wrong response to the challenge")]
    WrongResponse,
    /// The reply has been delivered; there is one for each connection.
    #[error("only one reply for each connection")]
    SecondReply,
}

impl ClientHandshake {
    /// Takes the reply from the front of `src`: its head, then the 16 bytes of the response.
    ///
    /// Returns `None` while the reply is not whole; append bytes and call again. The head is taken
    /// as soon as it is whole and verified, the response when all of it is there. What follows
    /// stays in `src`: frames. Implements draft-76 §4.1 steps 27 to 44.
    ///
    /// # Errors
    ///
    /// When a check fails. The same error comes again then, and nothing more is taken. After the
    /// reply was delivered it is [`ReplyError::SecondReply`], whatever `src` holds.
    pub fn read(&mut self, src: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
        self.reader.read(src)
    }
}

/// What the reply has to say.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) location: Location,
    pub(crate) origin: Origin,
    pub(crate) subprotocol: Option<Subprotocol>,
    pub(crate) response: [u8; 16],
}

#[derive(Clone, Debug)]
pub(crate) struct ReplyReader {
    expected: Expected,
    limits: HeadLimits,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    StatusLine { position: usize },
    Fields(FieldScanner),
    Response(FieldTable),
    Failed(ReplyError),
    Finished,
}

impl ReplyReader {
    pub(crate) const fn new(expected: Expected, limits: HeadLimits) -> Self {
        Self {
            expected,
            limits,
            state: State::StatusLine { position: 0 },
        }
    }

    pub(crate) fn set_limits(&mut self, limits: HeadLimits) {
        self.limits = scan::addressable(limits);
    }

    fn read(&mut self, src: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
        let outcome = self.advance(src);
        match &outcome {
            Ok(None) => {}
            Ok(Some(_)) => self.state = State::Finished,
            Err(error) => self.state = State::Failed(*error),
        }
        outcome
    }

    fn advance(&mut self, src: &mut BytesMut) -> Result<Option<Reply>, ReplyError> {
        loop {
            match &mut self.state {
                State::StatusLine { position } => {
                    let Some(end) = scan_status_line(src, position, self.limits)? else {
                        return Ok(None);
                    };
                    self.state = State::Fields(FieldScanner::new(self.limits, end));
                }
                State::Fields(scanner) => {
                    let Some(head_len) = scanner.scan(src)? else {
                        return Ok(None);
                    };
                    let bytes = src.get(..head_len).unwrap_or_default();
                    self.expected.verify(bytes, scanner.fields())?;
                    let bytes = src.split_to(head_len).freeze();
                    self.state = State::Response(FieldTable::new(bytes, scanner.fields()));
                }
                State::Response(table) => {
                    let Some(response) = src.first_chunk::<16>() else {
                        return Ok(None);
                    };
                    if response != &self.expected.response {
                        return Err(ReplyError::WrongResponse);
                    }
                    src.advance(self.expected.response.len());
                    return Ok(Some(Reply {
                        table: table.clone(),
                    }));
                }
                State::Failed(error) => return Err(*error),
                State::Finished => return Err(ReplyError::SecondReply),
            }
        }
    }
}

impl Expected {
    /// Draft-76 §4.1 step 41: one each of the fields, with the values that were asked for.
    fn verify(&self, head: &[u8], fields: &[FieldSpan]) -> Result<(), ReplyError> {
        let once = |known| exactly_once(head, fields, known);
        let check = |known, equal: bool| match equal {
            true => Ok(()),
            false => Err(ReplyError::FieldDiffers(known)),
        };

        let known = KnownField::Upgrade;
        check(known, once(known)? == b"WebSocket")?;
        let known = KnownField::Connection;
        check(known, once(known)?.eq_ignore_ascii_case(b"upgrade"))?;
        let known = KnownField::SecWebSocketOrigin;
        check(known, once(known)? == self.origin.as_str().as_bytes())?;
        let known = KnownField::SecWebSocketLocation;
        check(known, once(known)? == self.location.as_str().as_bytes())?;
        let known = KnownField::SecWebSocketProtocol;
        match (&self.subprotocol, once(known)) {
            (Some(asked), named) => check(known, named? == asked.as_str().as_bytes()),
            (None, Err(ReplyError::MissingField(_))) => Ok(()),
            (None, _) => Err(ReplyError::SubprotocolUnasked),
        }
    }
}

fn exactly_once<'a>(
    head: &'a [u8],
    fields: &[FieldSpan],
    known: KnownField,
) -> Result<&'a [u8], ReplyError> {
    let mut named = fields
        .iter()
        .filter(|field| field.is_named(head, known.as_str()));
    match (named.next(), named.next()) {
        (Some(field), None) => Ok(field.value.of(head)),
        (None, _) => Err(ReplyError::MissingField(known)),
        (Some(_), Some(_)) => Err(ReplyError::DuplicateField(known)),
    }
}

/// Goes on through the status line; `Some` is the position after its CRLF. A line that cannot
/// become ` 101 ` is refused as soon as its CRLF is there.
fn scan_status_line(
    head: &[u8],
    position: &mut usize,
    limits: HeadLimits,
) -> Result<Option<usize>, ReplyError> {
    while let Some(&byte) = head.get(*position) {
        if *position >= limits.max_head_len {
            return Err(HeadError::HeadTooLong {
                max: limits.max_head_len,
            }
            .into());
        }
        let line = head.get(..*position).unwrap_or_default();
        if let [line @ .., b'\r'] = line {
            scan::check_line_feed(byte)?;
            check_status_line(line)?;
            return Ok(Some(*position + 1));
        }
        if byte != b'\r' && *position >= limits.max_line_len {
            return Err(HeadError::LineTooLong {
                max: limits.max_line_len,
            }
            .into());
        }
        match byte {
            b'\n' => return Err(HeadError::BareLf.into()),
            0 => return Err(HeadError::Nul.into()),
            _ => *position += 1,
        }
    }
    Ok(None)
}

fn check_status_line(line: &[u8]) -> Result<(), ReplyError> {
    let Some([a, b, c, b' ', ..]) = line.strip_prefix(b"HTTP/1.1 ") else {
        return Err(ReplyError::MalformedStatusLine);
    };
    let digits = [a, b, c];
    if !digits.iter().all(|digit| digit.is_ascii_digit()) {
        return Err(ReplyError::MalformedStatusLine);
    }
    match digits
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(*digit - b'0'))
    {
        101 => Ok(()),
        code => Err(ReplyError::Status { code }),
    }
}
