//! What a draft-76 frame is, and the bytes that mark it (draft-76 §5.3). No decoding.

use crate::Text;

/// One frame, as [`Decoder::decode`](crate::Decoder::decode) returns it.
///
/// The draft is frozen, so this enum is exhaustive. Implements draft-76 §5.3.
///
/// ```
/// use ws76_codec::Frame;
///
/// fn show(frame: &Frame) -> String {
///     match frame {
///         Frame::Text(text) => format!("text {text:?}"),
///         Frame::Closing => "closing frame".to_owned(),
///         Frame::Reserved { frame_type, len } => format!("type {frame_type}, {len} bytes"),
///     }
/// }
/// assert_eq!(show(&Frame::Text("hello".into())), "text \"hello\"");
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "the draft is frozen: there will be no other frame"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A message: the text between 0x00 and 0xFF.
    Text(Text),
    /// The closing frame, 0xFF with the length 0. What follows it on the wire is discarded.
    Closing,
    /// A frame of a reserved type that was skipped
    /// ([`ReservedFrames::Skip`](crate::ReservedFrames::Skip)); its content is gone.
    Reserved {
        /// The first byte of the frame: 0x01 to 0xFF.
        frame_type: u8,
        /// Bytes of content: without the frame type, and without the length or the final 0xFF.
        len: u64,
    },
}

/// The frame type of a text frame.
pub(crate) const TEXT: u8 = 0x00;
/// The byte that ends a frame whose type has a clear high bit.
pub(crate) const TERMINATOR: u8 = 0xff;
/// The frame type of the closing frame.
pub(crate) const CLOSING: u8 = 0xff;
/// The high bit. In a frame type: a length follows. In a length byte: another one follows.
pub(crate) const HIGH_BIT: u8 = 0x80;
