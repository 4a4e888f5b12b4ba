//! The opening handshake of WebSocket draft-76 (hixie-76, hybi-00), for servers and clients.
//!
//! ```
//! use bytes::BytesMut;
//! use ws76_handshake::{Accept, HeadLimits, Incoming, RequestReader};
//!
//! let mut src = BytesMut::from(
//!     "GET /demo HTTP/1.1\r\nHost: example.com\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
//!      Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
//!      Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\nOrigin: http://example.com\r\n\r\n^n:ds[4U",
//! );
//! let mut dst = BytesMut::new();
//!
//! match RequestReader::new(HeadLimits::new()).read(&mut src) {
//!     Ok(None) => {} // read more from the socket, then call again
//!     Ok(Some(Incoming::WebSocket(request))) => {
//!         let mut awaiting = request.accept(Accept::new(), &mut dst)?; // the 101 head
//!         let established = awaiting.read(&mut src, &mut dst); // 8 bytes in, 16 bytes out
//!         assert!(established.is_some());
//!     }
//!     Ok(Some(_)) => {} // plain HTTP, or another version of the protocol
//!     Err(error) => error.response().write(&mut dst), // send it, then close
//! }
//! assert!(dst.ends_with(b"\r\n\r\n8jKS'y:G*Co,Wxa-"));
//! # Ok::<(), ws76_handshake::AcceptError>(())
//! ```
//!
//! # The two steps of a server
//!
//! 1. Append what the socket gives to a buffer and call [`RequestReader::read`] until it returns a
//!    request. A draft-76 [`Request`] has all its fields checked and both keys proven; look at its
//!    origin, host and subprotocol, then [`accept`](Request::accept) or
//!    [`reject`](Request::reject) it.
//! 2. Accepting writes the 101 head. Call [`AwaitingKey3::read`] at once, then send: if key 3 is
//!    there already, head and response leave in one write. If it is not, the head must leave
//!    alone, because proxies hold key 3 back until they have seen it.
//!
//! Once [`Established`] is there, what is left in the source buffer are frames. Send no frame in
//! the same write as the response.
//!
//! A client writes its request by [`ClientHandshake::start`] and reads the reply by
//! [`ClientHandshake::read`].
//!
//! # What this crate promises
//!
//! - It does no I/O, has no clock and no random numbers, and does not log. `no_std` with `alloc`.
//! - Any bytes give a value, "need more" or an error. No panic, and linear cost.
//! - How the bytes are cut never changes the outcome. After an error the same error comes again.
//! - Everything that can be refused is refused before the 101. Only checked, visible ASCII is
//!   echoed; the types of outgoing values cannot hold a line break.
//! - Memory for a head that arrives is bounded by [`HeadLimits`].
//!
//! # What it leaves to others
//!
//! Deadlines, which hosts and origins are welcome, TLS, frames, and the answer to RFC 6455: those
//! requests are told apart and handed over as [`Incoming::Hybi`]. The MD5 of draft-76 proves that
//! a server read the request, and secures nothing.
//!
//! # Features
//!
//! `std`, on by default, turns on `std` in the dependencies and changes nothing else.

#![no_std]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::std_instead_of_core,
        clippy::std_instead_of_alloc,
        clippy::alloc_instead_of_core
    )
)]

extern crate alloc;

mod challenge;
mod client;
mod draft75;
mod error;
mod field;
mod head;
mod key;
mod limits;
mod location;
mod random;
mod reply;
mod request;
mod request_line;
mod response;
mod scan;
mod server;
mod status;
mod value;
mod verify;

pub use crate::challenge::Challenge;
pub use crate::client::{ClientHandshake, ClientRequest};
pub use crate::draft75::Draft75Request;
pub use crate::error::{HandshakeError, HeadError};
pub use crate::field::KnownField;
pub use crate::head::Head;
pub use crate::key::{Key, KeyError, WhichKey};
pub use crate::limits::HeadLimits;
pub use crate::location::{Location, Scheme};
pub use crate::reply::{Reply, ReplyError};
pub use crate::request::{Incoming, RequestReader};
pub use crate::response::Response;
pub use crate::server::{Accept, AcceptError, AwaitingKey3, Established, Request};
pub use crate::status::Status;
pub use crate::value::{FieldName, FieldValue, Origin, Subprotocol, ValueError};
pub use crate::verify::HybiVersion;
