//! Draft-76 frames for tokio-util's `Framed`, for those who bring their own stream and no server.

use bytes::BytesMut;
use thiserror::Error;
use tokio_util::codec;
use ws76_codec::{DecodeError, Decoder, DecoderConfig, EncodedFrame, Frame, Text};

use crate::Posix;

/// The draft-76 codec as tokio-util's [`Framed`](codec::Framed) wants it.
///
/// Use it behind the opening handshake. Decodes to [`Frame`]s, encodes [`Text`]s and
/// [`EncodedFrame`]s; after the closing frame it yields nothing more.
///
/// ```
/// use bytes::BytesMut;
/// use tokio_util::codec::{Decoder, Encoder};
/// use ws76_server::{Draft76Codec, FramedError, Text};
///
/// let mut codec = Draft76Codec::default();
/// let mut bytes = BytesMut::new();
/// codec.encode(Text::from("hello"), &mut bytes)?;
/// assert_eq!(bytes, &b"\x00hello\xff"[..]);
/// # Ok::<(), FramedError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Draft76Codec(Decoder);

impl Draft76Codec {
    /// A codec at the start of the frames.
    pub const fn new(config: DecoderConfig) -> Self {
        Self(Decoder::new(config))
    }
}

impl Default for Draft76Codec {
    fn default() -> Self {
        Self::new(DecoderConfig::new())
    }
}

impl codec::Decoder for Draft76Codec {
    type Item = Frame;
    type Error = FramedError;

    fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, FramedError> {
        Ok(self.0.decode(src)?)
    }

    fn decode_eof(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, FramedError> {
        match self.0.decode(src)? {
            Some(frame) => Ok(Some(frame)),
            None => Ok(self.0.finish().map(|()| None)?),
        }
    }
}

impl codec::Encoder<Text> for Draft76Codec {
    type Error = FramedError;

    fn encode(&mut self, text: Text, dst: &mut BytesMut) -> Result<(), FramedError> {
        dst.reserve(text.len() + 2);
        text.encode(dst);
        Ok(())
    }
}

impl codec::Encoder<EncodedFrame> for Draft76Codec {
    type Error = FramedError;

    fn encode(&mut self, frame: EncodedFrame, dst: &mut BytesMut) -> Result<(), FramedError> {
        dst.extend_from_slice(frame.as_bytes());
        Ok(())
    }
}

/// What can go wrong in a framed stream.
///
/// ```
/// use bytes::BytesMut;
/// use tokio_util::codec::Decoder;
/// use ws76_server::{DecodeError, Draft76Codec, FramedError};
///
/// let mut src = BytesMut::from(&b"\x01reserved"[..]);
/// let error = Draft76Codec::default().decode(&mut src).err();
/// let reserved = DecodeError::ReservedFrame { frame_type: 0x01 };
/// assert_eq!(error, Some(FramedError::Decode(reserved)));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FramedError {
    /// The peer broke the protocol or a limit.
    #[error("peer broke the protocol")]
    Decode(#[from] DecodeError),
    /// Reading or writing failed.
    #[error("connection failed")]
    Io(#[from] Posix),
}

impl From<std::io::Error> for FramedError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error.into())
    }
}
