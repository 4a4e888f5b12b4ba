//! The older draft-75: the same head without a challenge, so without any proof.
//!
//! Safari 5.0.0 and Chrome 4 and 5 speak it. They compare the first three lines of the reply byte
//! for byte, and there is no closing frame.

use bytes::BufMut;

use crate::head::Head;
use crate::response::Response;
use crate::server::{Accept, AcceptError, Established, ReplyNames};

/// A draft-75 request: `Upgrade: WebSocket`, no key and no version.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{Accept, AcceptError, Draft75Request, Established, Response, Status};
///
/// fn decide(request: Draft75Request, dst: &mut BytesMut) -> Result<Option<Established>, AcceptError> {
///     if request.head().path() != "/tv" {
///         request.reject(&Response::new(Status::NOT_FOUND), dst);
///         return Ok(None);
///     }
///     request.accept(Accept::new(), dst).map(Some) // frames follow, without a key 3
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft75Request {
    head: Head,
}

impl Draft75Request {
    pub(crate) const fn new(head: Head) -> Self {
        Self { head }
    }

    /// The whole head; its subprotocol is that of the field `WebSocket-Protocol`.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Accepts the request: appends the whole reply to `dst`. There is no key 3: what is left in
    /// the source are frames.
    ///
    /// # Errors
    ///
    /// As [`Request::accept`](crate::Request::accept). Nothing is written then.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for the head.
    pub fn accept(self, accept: Accept, dst: &mut impl BufMut) -> Result<Established, AcceptError> {
        accept.check_subprotocol(&self.head)?;
        accept.write_head(&self.head, &DRAFT75_NAMES, dst);
        Ok(Established::new())
    }

    /// Refuses the request: appends a final response to `dst`. Send it and close.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for the response.
    pub fn reject(self, response: &Response, dst: &mut impl BufMut) {
        response.write(dst);
    }
}

const DRAFT75_NAMES: ReplyNames = ReplyNames {
    opening: b"HTTP/1.1 101 Web Socket Protocol Handshake\r\n\
        Upgrade: WebSocket\r\n\
        Connection: Upgrade\r\n",
    origin: "WebSocket-Origin",
    location: "WebSocket-Location",
    subprotocol: "WebSocket-Protocol",
};
