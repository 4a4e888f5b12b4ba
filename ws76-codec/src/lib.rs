//! Frames of WebSocket draft-76 (hixie-76, hybi-00), without any I/O.
//!
//! On the wire a draft-76 connection is, both ways and after the opening handshake:
//!
//! ```text
//! 0x00 <UTF-8 text> 0xFF          a text frame: one message
//! 0xFF 0x00                       the closing frame
//! 0x01..0x7F <bytes> 0xFF         reserved
//! 0x80..0xFF <length> <bytes>     reserved, unless it is 0xFF with the length 0
//! ```
//!
//! Reading: append what arrived to a [`BytesMut`](bytes::BytesMut) and call [`Decoder::decode`]
//! until it returns `None`. How the bytes were cut never changes what comes out, and no byte is
//! searched twice. Texts are split off the buffer without a copy; the shortest, for which a copy costs
//! less, are copied into the [`Text`] itself; [`Decoder::decode_str`] leaves a text where it
//! lies. Writing: [`encode_text`] and [`encode_closing`] append to any [`BufMut`](bytes::BufMut); [`EncodedFrame`] is encoded once and
//! shared by many connections. [`ClosingHandshake`] keeps account of who has sent a closing frame.
//!
//! ```
//! use bytes::BytesMut;
//! use ws76_codec::{Decoder, DecoderConfig, Frame, encode_text};
//!
//! let mut decoder = Decoder::new(DecoderConfig::new());
//! let mut received = BytesMut::from(&b"\x00hello\xff\x00wo"[..]);
//! let mut reply = BytesMut::new();
//! while let Some(frame) = decoder.decode(&mut received)? {
//!     if let Frame::Text(text) = frame {
//!         encode_text(&text, &mut reply);
//!     }
//! }
//! assert_eq!(reply, &b"\x00hello\xff"[..]);
//! assert_eq!(received, &b"\x00wo"[..]); // append more and call `decode` again
//! # Ok::<(), ws76_codec::DecodeError>(())
//! ```
//!
//! This crate is `no_std` and needs `alloc`. It implements draft-76 §5.3 and the framing part of
//! §1.4 and §6. It does not do the opening handshake (`ws76-handshake`), and it has no sockets,
//! clocks or timeouts (`ws76-server`).
//!
//! # Features
//!
//! - `std` (default): turns on `std` in the dependencies; nothing here needs it.
//! - `simd`: checks UTF-8 with `simdutf8`.

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
#[cfg(feature = "std")]
extern crate std;

mod ascii;
mod closing;
mod config;
mod decoder;
mod encoder;
mod error;
mod frame;
mod short;
mod text;
mod view;

pub use closing::ClosingHandshake;
pub use config::{DecoderConfig, InvalidUtf8, ReservedFrames};
pub use decoder::Decoder;
pub use encoder::{EncodedFrame, encode_closing, encode_text};
pub use error::{DecodeError, Utf8Error};
pub use frame::Frame;
pub use short::{ShortFrame, ShortText};
pub use text::Text;
