//! The server's side in two steps: the 101 head, then the response (draft-76 §5.2).
//!
//! ```text
//! Request --accept: writes the 101 head--> AwaitingKey3 --takes 8, writes 16--> Established
//!    `-----reject: writes a response, close
//! ```
//!
//! The head must not wait for key 3. Proxies hold the 8 bytes back until they have seen the 101,
//! because no length announces them.

use alloc::vec::Vec;

use bytes::{Buf, BufMut, BytesMut};

use crate::challenge::Challenge;
use crate::head::Head;
use crate::location::{Location, Scheme};
use crate::response::Response;
use crate::status::Status;
use crate::value::{FieldName, FieldValue, Subprotocol};

/// A draft-76 request that may be accepted: all its fields are checked and both keys proven.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Request, Response, Status};
///
/// /// What to refuse a request with, if it is to be refused.
/// fn check(request: &Request) -> Result<(), Response> {
///     let known = request.host() == "example.com" && request.subprotocol() == Some("chat");
///     let cookie = request.fields().any(|(name, _)| name.eq_ignore_ascii_case("cookie"));
///     match request.origin() {
///         Some("http://example.com") if known && cookie => Ok(()),
///         _ => Err(Response::new(Status::FORBIDDEN)),
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    head: Head,
    part1: u32,
    part2: u32,
}

impl Request {
    pub(crate) const fn new(head: Head, part1: u32, part2: u32) -> Self {
        Self { head, part1, part2 }
    }

    /// The whole head; a clone of it outlives [`accept`](Self::accept) and is cheap.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Path and query as sent, raw spaces included; see [`Head::resource_name`].
    #[must_use]
    pub fn resource_name(&self) -> &str {
        self.head.resource_name()
    }

    /// The host and the port that the client named; see [`Head::host`].
    #[must_use]
    pub fn host(&self) -> &str {
        self.head.host()
    }

    /// Where the page came from, if the client says; see [`Head::origin`].
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.head.origin()
    }

    /// The one subprotocol that the client asks for, verbatim; empty is not the same as absent.
    #[must_use]
    pub fn subprotocol(&self) -> Option<&str> {
        self.head.subprotocol()
    }

    /// Names and values of all fields, in the order they came.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> + Clone {
        self.head.fields()
    }

    /// Accepts the request: appends the 101 head to `dst` at once, without waiting for key 3.
    ///
    /// Send what is in `dst` only after a first [`AwaitingKey3::read`], so that head and response
    /// leave in one write when key 3 is there already. Implements draft-76 §5.2 step 10.
    ///
    /// # Errors
    ///
    /// When the subprotocol of `accept` is not the one that the client asked for, or either is
    /// missing. Nothing is written then; [`AcceptError::response`] says what to answer.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for the head.
    ///
    /// # Examples
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use ws76_handshake::{Accept, AcceptError, Established, Request, Scheme};
    ///
    /// fn welcome(
    ///     request: Request,
    ///     src: &mut BytesMut,
    ///     dst: &mut BytesMut,
    /// ) -> Result<Option<Established>, AcceptError> {
    ///     let accept = Accept::new().with_scheme(Scheme::Wss);
    ///     let mut awaiting = request.accept(accept, dst)?; // the 101 head is in `dst`
    ///     Ok(awaiting.read(src, dst)) // with key 3 in `src`, the response is in `dst` too
    /// }
    /// ```
    pub fn accept(
        self,
        accept: Accept,
        dst: &mut impl BufMut,
    ) -> Result<AwaitingKey3, AcceptError> {
        accept.check_subprotocol(&self.head)?;
        accept.write_head(&self.head, &DRAFT76_NAMES, dst);
        Ok(AwaitingKey3 {
            part1: self.part1,
            part2: self.part2,
            answered: false,
        })
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

/// What the 101 head says besides what the request decides.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Accept, FieldName, FieldValue, Scheme, Subprotocol, ValueError};
///
/// let accept = Accept::new()
///     .with_scheme(Scheme::Wss)
///     .with_subprotocol(Subprotocol::try_from("chat")?)
///     .with_field(FieldName::try_from("Set-Cookie")?, FieldValue::try_from("id=7")?);
/// // Behind a proxy that changes the resource name:
/// let behind_proxy = Accept::new().with_location("wss://example.com/live/chat".try_into()?);
/// # let _ = (accept, behind_proxy);
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    scheme: Scheme,
    location: Option<Location>,
    subprotocol: Option<Subprotocol>,
    fields: Vec<(FieldName, FieldValue)>,
}

impl Accept {
    /// Location `ws://`, the client's host and resource name; no subprotocol, no fields.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            scheme: Scheme::Ws,
            location: None,
            subprotocol: None,
            fields: Vec::new(),
        }
    }

    /// Sets the scheme of the location: [`Scheme::Wss`] if the client sees TLS.
    #[must_use]
    pub const fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// Sets the whole location, for a proxy that changes host or resource name. The scheme of
    /// [`with_scheme`](Self::with_scheme) then means nothing.
    #[must_use]
    pub fn with_location(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Sets the subprotocol, which must be the one that the client asked for.
    #[must_use]
    pub fn with_subprotocol(mut self, subprotocol: Subprotocol) -> Self {
        self.subprotocol = Some(subprotocol);
        self
    }

    /// Adds a field such as `Set-Cookie`.
    #[must_use]
    pub fn with_field(mut self, name: FieldName, value: FieldValue) -> Self {
        self.fields.push((name, value));
        self
    }

    pub(crate) fn check_subprotocol(&self, head: &Head) -> Result<(), AcceptError> {
        match (head.subprotocol(), &self.subprotocol) {
            (None, None) => Ok(()),
            (Some(asked), Some(named)) if asked == named.as_str() => Ok(()),
            (Some(_), None) => Err(AcceptError::SubprotocolUnanswered),
            (Some(_), Some(_)) => Err(AcceptError::SubprotocolDiffers),
            (None, Some(_)) => Err(AcceptError::SubprotocolUnasked),
        }
    }

    pub(crate) fn write_head(&self, head: &Head, names: &ReplyNames, dst: &mut impl BufMut) {
        dst.put_slice(names.opening);
        if let Some(origin) = head.origin_bytes() {
            put_field(dst, names.origin, &[origin]);
        }
        match &self.location {
            Some(location) => put_field(dst, names.location, &[location.as_str().as_bytes()]),
            None => {
                let [host, resource_name] = head.location_bytes();
                let parts = [self.scheme.prefix().as_bytes(), host, resource_name];
                put_field(dst, names.location, &parts);
            }
        }
        if let Some(subprotocol) = &self.subprotocol {
            put_field(dst, names.subprotocol, &[subprotocol.as_str().as_bytes()]);
        }
        for (name, value) in &self.fields {
            put_field(dst, name.as_str(), &[value.as_str().as_bytes()]);
        }
        dst.put_slice(b"\r\n");
    }
}

/// Why a request cannot be accepted as the caller asked. Nothing was written.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{AcceptError, Status};
///
/// let error = AcceptError::SubprotocolUnanswered;
/// assert_eq!(error.status(), Status::BAD_REQUEST);
/// assert_eq!(error.response().status(), error.status());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The client asked for a subprotocol and would drop a reply that names none.
    #[error("client asked for a subprotocol and none was named")]
    SubprotocolUnanswered,
    /// The client asked for another subprotocol.
    #[error("subprotocol differs from the one the client asked for")]
    SubprotocolDiffers,
    /// The client asked for no subprotocol.
    #[error("client asked for no subprotocol")]
    SubprotocolUnasked,
}

impl AcceptError {
    /// The status to refuse the request with: 400 when the client asks for what is not spoken,
    /// 500 when the caller named what was never asked for.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::SubprotocolUnanswered | Self::SubprotocolDiffers => Status::BAD_REQUEST,
            Self::SubprotocolUnasked => Status::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The 101 head is written, and only key 3 can still be missing.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::{AwaitingKey3, Established};
///
/// /// Appends `bytes` from the socket; done once the response is in `dst`.
/// fn go_on(
///     awaiting: &mut AwaitingKey3,
///     src: &mut BytesMut,
///     bytes: &[u8],
///     dst: &mut BytesMut,
/// ) -> Option<Established> {
///     src.extend_from_slice(bytes);
///     awaiting.read(src, dst)
/// }
/// ```
#[must_use = "the client waits for the response to its key 3"]
#[derive(Debug)]
pub struct AwaitingKey3 {
    part1: u32,
    part2: u32,
    answered: bool,
}

impl AwaitingKey3 {
    /// Takes the 8 bytes of key 3 from `src` and appends the 16 bytes of the response to `dst`.
    ///
    /// Returns `None` while `src` holds fewer than 8 bytes, and leaves them there. Bytes after the
    /// 8 are frames and stay in `src`. No frame may leave in the same write as the response, which
    /// some clients would take for a part of it. Once the response was written every further call
    /// does nothing and returns `None`. Implements draft-76 §5.2 steps 8 to 12.
    ///
    /// # Panics
    ///
    /// If `dst` is a fixed buffer without room for 16 bytes.
    pub fn read(&mut self, src: &mut BytesMut, dst: &mut impl BufMut) -> Option<Established> {
        if self.answered {
            return None;
        }
        let key3 = *src.first_chunk::<8>()?;
        src.advance(key3.len());
        dst.put_slice(&Challenge::new(self.part1, self.part2, key3).response());
        self.answered = true;
        Some(Established::new())
    }
}

/// The opening handshake is done: from here on there are frames only.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use ws76_handshake::Established;
///
/// /// Decodes frames. Whoever calls this has an `Established`, and so has sent the response.
/// fn decode(_: Established, src: &mut BytesMut) {
///     // …
/// }
/// ```
#[must_use = "frames may follow now"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Established(());

impl Established {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

/// How a version of the protocol words its 101 head.
pub(crate) struct ReplyNames {
    pub(crate) opening: &'static [u8],
    pub(crate) origin: &'static str,
    pub(crate) location: &'static str,
    pub(crate) subprotocol: &'static str,
}

/// Writes one line of a head; the parts of the value are put together.
pub(crate) fn put_field(dst: &mut impl BufMut, name: &str, value: &[&[u8]]) {
    dst.put_slice(name.as_bytes());
    dst.put_slice(b": ");
    for part in value {
        dst.put_slice(part);
    }
    dst.put_slice(b"\r\n");
}

const DRAFT76_NAMES: ReplyNames = ReplyNames {
    opening: b"HTTP/1.1 101 WebSocket Protocol Handshake\r\n\
        Upgrade: WebSocket\r\n\
        Connection: Upgrade\r\n",
    origin: "Sec-WebSocket-Origin",
    location: "Sec-WebSocket-Location",
    subprotocol: "Sec-WebSocket-Protocol",
};
