//! Final HTTP responses: refusals, and answers to plain HTTP on the same port (draft-76 §1.3).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use bytes::{BufMut, Bytes};

use crate::error::HandshakeError;
use crate::server::{self, AcceptError};
use crate::status::Status;
use crate::value::{FieldName, FieldValue};

/// A whole small HTTP response, after which the connection is closed.
///
/// It always says `Connection: close`. It says `Content-Length` too, but for the statuses 204 and
/// 304, which have none; those and 205 have no body.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{FieldValue, Response, Status, ValueError};
///
/// let response = Response::new(Status::FORBIDDEN)
///     .with_content_type(FieldValue::try_from("text/plain")?)
///     .with_body("go away\n");
/// let head = b"HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 8\r\n\
///     Content-Type: text/plain\r\n\r\n";
/// let (mut whole, mut head_only) = (Vec::new(), Vec::new());
/// response.write(&mut whole);
/// response.write_head_only(&mut head_only); // the answer to a HEAD
/// assert_eq!(whole, [head, &response.body()[..]].concat());
/// assert_eq!(head_only, head);
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: Status,
    fields: Vec<(FieldName, FieldValue)>,
    body: Bytes,
}

impl Response {
    /// A response without a body.
    #[must_use]
    pub const fn new(status: Status) -> Self {
        Self {
            status,
            fields: Vec::new(),
            body: Bytes::new(),
        }
    }

    /// The answer to what speaks no WebSocket version that is spoken here: 426 with the fields
    /// `Upgrade: WebSocket` and `Sec-WebSocket-Version: 13, 8, 7`, and the status as its text.
    ///
    /// # Examples
    ///
    /// ```
    /// use ws76_handshake::{Response, Status};
    ///
    /// let response = Response::upgrade_required();
    /// assert_eq!(response.status(), Status::UPGRADE_REQUIRED);
    /// assert_eq!(Response::draft76_required().status(), response.status());
    /// ```
    #[must_use]
    pub fn upgrade_required() -> Self {
        Self::upgrade_fields(true).with_status_text()
    }

    /// As [`upgrade_required`](Self::upgrade_required), where no version with a number is spoken.
    #[must_use]
    pub fn draft76_required() -> Self {
        Self::upgrade_fields(false).with_status_text()
    }

    fn upgrade_fields(numbered: bool) -> Self {
        let response = Self::new(Status::UPGRADE_REQUIRED).with_static("Upgrade", "WebSocket");
        match numbered {
            true => response.with_static("Sec-WebSocket-Version", "13, 8, 7"),
            false => response,
        }
    }

    /// Adds the field `Content-Type`.
    #[must_use]
    pub fn with_content_type(self, content_type: FieldValue) -> Self {
        self.with_field(FieldName::from_static("Content-Type"), content_type)
    }

    /// Adds a field.
    #[must_use]
    pub fn with_field(mut self, name: FieldName, value: FieldValue) -> Self {
        self.fields.push((name, value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// The status.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// The body, which a status without one does not send.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Appends the whole response to `dst`.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for it.
    pub fn write(&self, dst: &mut impl BufMut) {
        self.write_head_only(dst);
        dst.put_slice(self.sent_body());
    }

    /// Appends the response without its body, as a `HEAD` request wants it.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for it.
    pub fn write_head_only(&self, dst: &mut impl BufMut) {
        dst.put_slice(b"HTTP/1.1 ");
        put_number(dst, usize::from(self.status.code()));
        dst.put_u8(b' ');
        dst.put_slice(self.status.reason().as_bytes());
        dst.put_slice(b"\r\nConnection: close\r\n");
        if !matches!(self.status.code(), 204 | 304) {
            dst.put_slice(b"Content-Length: ");
            put_number(dst, self.sent_body().len());
            dst.put_slice(b"\r\n");
        }
        for (name, value) in &self.fields {
            server::put_field(dst, name.as_str(), &[value.as_str().as_bytes()]);
        }
        dst.put_slice(b"\r\n");
    }

    fn sent_body(&self) -> &[u8] {
        match self.status.code() {
            204 | 205 | 304 => &[],
            _ => &self.body,
        }
    }

    fn with_static(self, name: &'static str, value: &'static str) -> Self {
        self.with_field(FieldName::from_static(name), FieldValue::from_static(value))
    }

    /// Sets a body of one line: the status and what was wrong. No byte of a request is in it.
    fn with_explanation(self, what: impl fmt::Display) -> Self {
        let text: String = format!("{}: {what}\n", self.status);
        self.with_static("Content-Type", "text/plain")
            .with_body(text)
    }

    /// Sets a body of one line: the status.
    fn with_status_text(self) -> Self {
        let text: String = format!("{}\n", self.status);
        self.with_static("Content-Type", "text/plain")
            .with_body(text)
    }
}

impl HandshakeError {
    /// The whole refusal: [`status`](Self::status), and what was wrong as one line of text.
    ///
    /// With 405 it has the field `Allow`, with 426 the fields of [`Response::upgrade_required`].
    /// No byte of the request is echoed.
    #[must_use]
    pub fn response(&self) -> Response {
        let response = match self.status() {
            Status::UPGRADE_REQUIRED => Response::upgrade_fields(true),
            Status::METHOD_NOT_ALLOWED => {
                Response::new(Status::METHOD_NOT_ALLOWED).with_static("Allow", "GET")
            }
            status => Response::new(status),
        };
        response.with_explanation(self)
    }
}

impl AcceptError {
    /// The whole refusal: [`status`](Self::status), and what was wrong as one line of text.
    #[must_use]
    pub fn response(&self) -> Response {
        Response::new(self.status()).with_explanation(self)
    }
}

impl From<&HandshakeError> for Response {
    fn from(error: &HandshakeError) -> Self {
        error.response()
    }
}

impl From<&AcceptError> for Response {
    fn from(error: &AcceptError) -> Self {
        error.response()
    }
}

impl From<Status> for Response {
    /// A refusal that says its status in words, as one line of text.
    fn from(status: Status) -> Self {
        Self::new(status).with_status_text()
    }
}

/// Writes a number in decimal digits.
fn put_number(dst: &mut impl BufMut, number: usize) {
    let mut unit = 1;
    while number / unit >= 10 {
        unit *= 10;
    }
    while unit > 0 {
        dst.put_u8(b'0' + u8::try_from(number / unit % 10).unwrap_or_default());
        unit /= 10;
    }
}
