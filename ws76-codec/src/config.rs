//! Limits and policies of the [`Decoder`](crate::Decoder), each with a strict default.

/// What the decoder does with frames that draft-76 §5.3 reserves: the types 0x01 to 0xFE, and 0xFF
/// with a length above 0.
///
/// ```
/// use bytes::BytesMut;
/// use ws76_codec::{DecodeError, Decoder, DecoderConfig, Frame, ReservedFrames};
///
/// let config = DecoderConfig::new().with_reserved_frames(ReservedFrames::Skip);
/// let mut src = BytesMut::from(&b"\x80\x02??\x00hello\xff"[..]);
/// let skipped = Frame::Reserved { frame_type: 0x80, len: 2 };
/// assert_eq!(Decoder::new(config).decode(&mut src)?, Some(skipped));
/// # Ok::<(), DecodeError>(())
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "the draft leaves exactly this choice"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReservedFrames {
    /// An error, as soon as the frame is known to be reserved.
    #[default]
    Reject,
    /// Dropped as it arrives and reported as [`Frame::Reserved`](crate::Frame::Reserved).
    Skip,
}

/// What the decoder does with a text frame that is not UTF-8, which draft-76 §5.4 leaves undefined.
///
/// ```
/// use bytes::BytesMut;
/// use ws76_codec::{DecodeError, Decoder, DecoderConfig, Frame, InvalidUtf8};
///
/// let config = DecoderConfig::new().with_invalid_utf8(InvalidUtf8::Replace);
/// let mut src = BytesMut::from(&b"\x00a\xc0b\xff"[..]);
/// let text = Frame::Text("a\u{fffd}b".into());
/// assert_eq!(Decoder::new(config).decode(&mut src)?, Some(text));
/// # Ok::<(), DecodeError>(())
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "the draft leaves exactly this choice"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InvalidUtf8 {
    /// An error.
    #[default]
    Reject,
    /// Each maximal invalid sequence becomes U+FFFD. The text is then a copy of up to three times
    /// the length of the frame's content.
    Replace,
}

/// Limits and policies of a [`Decoder`](crate::Decoder).
///
/// ```
/// use ws76_codec::{DecoderConfig, ReservedFrames};
///
/// let config = DecoderConfig::new()
///     .with_max_message_len(64 << 10)
///     .with_reserved_frames(ReservedFrames::Skip)
///     .with_max_reserved_len(1 << 10)
///     .with_max_length_bytes(2);
/// assert_eq!(config.max_message_len, 65_536);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecoderConfig {
    /// Most bytes of UTF-8 in one message; 1 MiB by default. The decoder lets the caller's buffer
    /// grow to this, plus the frame type, plus what one read appended.
    pub max_message_len: usize,
    /// Most bytes of content in one reserved frame that is skipped; 1 MiB by default. Costs no
    /// memory: skipped bytes are dropped as they arrive.
    pub max_reserved_len: u64,
    /// Most bytes in which a reserved frame may write its length; 8 by default. Without a limit the
    /// byte 0x80 could repeat for ever: each adds a zero in front.
    pub max_length_bytes: u8,
    /// What to do with reserved frames; [`ReservedFrames::Reject`] by default.
    pub reserved_frames: ReservedFrames,
    /// What to do with text that is not UTF-8; [`InvalidUtf8::Reject`] by default.
    pub invalid_utf8: InvalidUtf8,
}

impl DecoderConfig {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            max_message_len: 1 << 20,
            max_reserved_len: 1 << 20,
            max_length_bytes: 8,
            reserved_frames: ReservedFrames::Reject,
            invalid_utf8: InvalidUtf8::Reject,
        }
    }

    /// Sets the most bytes of UTF-8 in one message.
    #[must_use]
    pub const fn with_max_message_len(mut self, max: usize) -> Self {
        self.max_message_len = max;
        self
    }

    /// Sets the most bytes of content in one reserved frame.
    #[must_use]
    pub const fn with_max_reserved_len(mut self, max: u64) -> Self {
        self.max_reserved_len = max;
        self
    }

    /// Sets the most bytes in which a reserved frame may write its length.
    #[must_use]
    pub const fn with_max_length_bytes(mut self, max: u8) -> Self {
        self.max_length_bytes = max;
        self
    }

    /// Sets what to do with reserved frames.
    #[must_use]
    pub const fn with_reserved_frames(mut self, policy: ReservedFrames) -> Self {
        self.reserved_frames = policy;
        self
    }

    /// Sets what to do with text that is not UTF-8.
    #[must_use]
    pub const fn with_invalid_utf8(mut self, policy: InvalidUtf8) -> Self {
        self.invalid_utf8 = policy;
        self
    }
}

impl Default for DecoderConfig {
    fn default() -> Self {
        Self::new()
    }
}
