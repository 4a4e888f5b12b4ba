//! What can be wrong with the frames of a peer. All of it is the peer's fault.

use thiserror::Error;

/// A peer broke draft-76 §5.3, or a limit of [`DecoderConfig`](crate::DecoderConfig).
///
/// A decoder that has returned one returns the same again and consumes nothing.
///
/// ```
/// use bytes::BytesMut;
/// use ws76_codec::{DecodeError, Decoder, DecoderConfig};
///
/// let mut decoder = Decoder::new(DecoderConfig::new().with_max_message_len(3));
/// let mut src = BytesMut::from(&b"\x00four"[..]);
/// let error = DecodeError::MessageTooLong { max: 3 };
/// assert_eq!(decoder.decode(&mut src), Err(error));
/// assert_eq!(error.to_string(), "message of more than 3 bytes");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A frame of a reserved type came, and the policy is to reject these.
    #[error("frame of the reserved type 0x{frame_type:02x}")]
    ReservedFrame {
        /// The first byte of the frame.
        frame_type: u8,
    },
    /// A reserved frame is, or announces to be, longer than the limit.
    #[error("reserved frame of more than {max} bytes")]
    ReservedTooLong {
        /// The limit, in bytes of content.
        max: u64,
    },
    /// A reserved frame writes its length in more bytes than the limit.
    #[error("frame length written in more than {max} bytes")]
    TooManyLengthBytes {
        /// The limit, in bytes.
        max: u8,
    },
    /// A text frame is longer than the limit. It may still have been arriving.
    #[error("message of more than {max} bytes")]
    MessageTooLong {
        /// The limit, in bytes of UTF-8.
        max: usize,
    },
    /// A text frame is not UTF-8, and the policy is to reject these.
    #[error("text frame is not UTF-8")]
    InvalidUtf8(#[from] Utf8Error),
    /// The stream ended inside a frame.
    #[error("stream ended inside a frame")]
    Truncated,
}

/// Bytes that were to be text are not UTF-8.
///
/// ```
/// use bytes::Bytes;
/// use ws76_codec::{Text, Utf8Error};
///
/// let error = Text::from_utf8(Bytes::from_static(b"ab\xff")).err();
/// assert_eq!(error.map(Utf8Error::valid_up_to), Some(2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not UTF-8 from byte {valid_up_to} on")]
pub struct Utf8Error {
    valid_up_to: usize,
}

impl Utf8Error {
    pub(crate) const fn new(valid_up_to: usize) -> Self {
        Self { valid_up_to }
    }

    /// The same error in bytes that have `len` more in front, which are UTF-8.
    pub(crate) const fn behind(self, len: usize) -> Self {
        Self::new(len + self.valid_up_to)
    }

    /// The count of bytes, from the front, that are UTF-8.
    pub const fn valid_up_to(self) -> usize {
        self.valid_up_to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_error_stays_small() {
        assert!(size_of::<DecodeError>() <= 32);
    }
}
