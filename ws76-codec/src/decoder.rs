//! Reading frames (draft-76 §5.3) from a growing buffer.
//!
//! ```text
//!          0x00                       0xFF
//!   Idle ───────► Text ──────────────────────────► Idle, Frame::Text
//!     │  0x01..0x7F                   0xFF
//!     ├─────────► SkipToTerminator ──────────────► Idle, Frame::Reserved
//!     │  0x80..0xFF                           all skipped
//!     └─────────► Length ───────────────► Skip ──► Idle, Frame::Reserved
//!                   │ 0xFF with length 0
//!                   └─────────► Closed, Frame::Closing: discards for ever
//!   any ─────────► Failed: repeats its error for ever
//! ```

use bytes::{Buf, BytesMut};
use memchr::memchr;

use crate::{
    DecodeError, DecoderConfig, Frame, InvalidUtf8, ReservedFrames, Text,
    ascii::ascii_len,
    frame::{CLOSING, HIGH_BIT, TERMINATOR, TEXT},
    short::ShortFrame,
    text,
};

/// Takes frames from the bytes that a peer sent.
///
/// The decoder works on the caller's buffer: append to its end only, and call
/// [`decode`](Self::decode) until it returns `None`. Between calls the buffer holds at most the
/// beginning of one text frame: `max_message_len + 1` bytes, or the decoder has failed.
///
/// Implements draft-76 §5.3.
///
/// ```
/// use bytes::BytesMut;
/// use ws76_codec::{DecodeError, Decoder, DecoderConfig, Frame};
///
/// let mut decoder = Decoder::new(DecoderConfig::new());
/// let mut src = BytesMut::from(&b"\x00hel"[..]);
/// assert_eq!(decoder.decode(&mut src)?, None); // append what comes next, then call again
/// assert_eq!(decoder.finish(), Err(DecodeError::Truncated));
/// src.extend_from_slice(b"lo\xff");
/// assert_eq!(decoder.decode(&mut src)?, Some(Frame::Text("hello".into())));
/// assert_eq!(decoder.finish(), Ok(()));
/// # Ok::<(), DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    config: DecoderConfig,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// The buffer begins with 0x00; of the bytes behind it the first `ascii` are ASCII, and the
    /// first `scanned` hold no 0xFF.
    Text {
        ascii: usize,
        scanned: usize,
    },
    /// Inside a reserved frame that ends with 0xFF; `len` bytes of content were dropped.
    SkipToTerminator {
        frame_type: u8,
        len: u64,
    },
    /// Inside the length of a frame; `count` bytes of it were read.
    Length {
        frame_type: u8,
        len: u64,
        count: u8,
    },
    /// Inside the content of a reserved frame; `left` of `len` bytes have yet to come.
    Skip {
        frame_type: u8,
        len: u64,
        left: u64,
    },
    Closed,
    Failed(DecodeError),
}

/// A whole frame. That of a text still stands at the front of the buffer.
enum Found {
    Text { len: usize, valid: bool },
    Closing,
    Reserved { frame_type: u8, len: u64 },
}

impl Decoder {
    /// A decoder at the start of the frames, right behind the opening handshake.
    pub const fn new(config: DecoderConfig) -> Self {
        Self {
            config,
            state: State::Idle,
        }
    }

    /// Takes the next frame from the front of `src`.
    ///
    /// Returns `None` when `src` holds no whole frame yet: append what comes next and call again.
    /// The bytes of a frame are removed from `src`; a text is a view on them, not a copy, unless it
    /// is short: of 40 bytes at most. Bytes of reserved frames are removed as they arrive, and bytes
    /// behind a closing frame are discarded. Nothing is reserved for a length that the peer announced.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// # Errors
    ///
    /// The peer broke the draft or a limit. The decoder stays in that state: every further call
    /// returns the same error and takes nothing from `src`.
    // Always: what it does with short texts is little, and half of its cost is to hand them over.
    #[inline(always)]
    pub fn decode(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        match self.decode_short(src) {
            Some((text, len)) => {
                src.advance(len);
                Ok(Some(Frame::Text(text)))
            }
            None => self.decode_any(src),
        }
    }

    /// Takes a text frame from the front of `src` if it is one of those of which many come at once:
    /// of ASCII, and at most 40 bytes. The length of the frame comes with the text; it is for the
    /// caller to remove so many bytes. `None` means nothing but that [`decode`](Self::decode) has to
    /// be asked, with the same bytes at the front.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// ```
    /// use ws76_codec::{Decoder, DecoderConfig};
    ///
    /// let decoder = Decoder::new(DecoderConfig::new());
    /// let mut src = &b"\x00one\xff\x00two\xff\x00thr"[..];
    /// let mut texts = Vec::new();
    /// while let Some((text, len)) = decoder.decode_short(src) {
    ///     texts.push(text);
    ///     src = &src[len..];
    /// }
    /// assert_eq!(texts, ["one", "two"]);
    /// ```
    #[inline(always)]
    pub fn decode_short(&self, src: &[u8]) -> Option<(Text, usize)> {
        let (State::Idle, Some(&TEXT)) = (self.state, src.first()) else {
            return None;
        };
        let frame = ShortFrame::at_front(src)?;
        let len = frame.len();
        (len <= self.config.max_message_len).then(|| (Text::from_short(frame), len + 2))
    }

    /// Decodes whatever it is. Kept out of the caller, into which `decode` goes.
    #[inline(never)]
    fn decode_any(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        match self.find(src) {
            Ok(None) => Ok(None),
            // Made here at last, so that it is written once, to where it goes.
            Ok(Some(Found::Text { len, valid })) => {
                Ok(Some(Frame::Text(take_text(src, len, valid))))
            }
            Ok(Some(Found::Closing)) => Ok(Some(Frame::Closing)),
            Ok(Some(Found::Reserved { frame_type, len })) => {
                Ok(Some(Frame::Reserved { frame_type, len }))
            }
            Err(error) => {
                self.state = State::Failed(error);
                Err(error)
            }
        }
    }

    /// Checks that the stream may end here: between two frames, or behind the closing frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`] inside a frame, or the error that `decode` returned before.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        match self.state {
            State::Idle | State::Closed => Ok(()),
            State::Failed(error) => Err(error),
            _ => Err(DecodeError::Truncated),
        }
    }

    /// The limits and policies in use.
    pub const fn config(&self) -> &DecoderConfig {
        &self.config
    }

    /// Each turn of the loop leaves a state or removes a byte, or returns.
    fn find(&mut self, src: &mut BytesMut) -> Result<Option<Found>, DecodeError> {
        loop {
            match self.state {
                State::Idle => match src.first() {
                    None => return Ok(None),
                    // The frame type stays in the buffer, so that the whole frame is split off at once.
                    Some(&TEXT) => {
                        self.state = State::Text {
                            ascii: 0,
                            scanned: 0,
                        }
                    }
                    Some(&frame_type) => {
                        self.state = self.reserved(frame_type)?;
                        src.advance(1);
                    }
                },
                State::Text { ascii, scanned } => return self.text(ascii, scanned, src),
                State::SkipToTerminator { frame_type, len } => {
                    return self.skip_to_terminator(frame_type, len, src);
                }
                State::Length {
                    frame_type,
                    len,
                    count,
                } => {
                    let Some(&byte) = src.first() else {
                        return Ok(None);
                    };
                    self.state = self.length(frame_type, len, count, byte)?;
                    src.advance(1);
                    if let State::Closed = self.state {
                        src.clear();
                        return Ok(Some(Found::Closing));
                    }
                }
                State::Skip {
                    frame_type,
                    len,
                    left,
                } => {
                    let skipped = src.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    src.advance(skipped);
                    let left = left - skipped as u64;
                    if left > 0 {
                        self.state = State::Skip {
                            frame_type,
                            len,
                            left,
                        };
                        return Ok(None);
                    }
                    self.state = State::Idle;
                    return Ok(Some(Found::Reserved { frame_type, len }));
                }
                State::Closed => {
                    src.clear();
                    return Ok(None);
                }
                State::Failed(error) => return Err(error),
            }
        }
    }

    fn text(
        &mut self,
        mut ascii: usize,
        mut scanned: usize,
        src: &BytesMut,
    ) -> Result<Option<Found>, DecodeError> {
        let max = self.config.max_message_len;
        let content = src.get(1..).unwrap_or_default();
        // As long as all is ASCII, one pass finds the end and checks.
        if ascii == scanned {
            ascii += ascii_len(content.get(ascii..).unwrap_or_default());
            scanned = ascii;
        }
        let end = if content.get(scanned) == Some(&TERMINATOR) {
            Some(scanned)
        } else {
            let unseen = content.get(scanned..).unwrap_or_default();
            memchr(TERMINATOR, unseen).map(|at| scanned + at)
        };
        let len = end.unwrap_or(content.len());
        if len > max {
            return Err(DecodeError::MessageTooLong { max });
        }
        if end.is_none() {
            self.state = State::Text {
                ascii,
                scanned: len,
            };
            return Ok(None);
        }
        // Checked before it is taken, so that an error consumes nothing.
        let unchecked = content.get(ascii..len).unwrap_or_default();
        let valid = if unchecked.is_empty() {
            Ok(())
        } else {
            text::check(unchecked)
        };
        if let (Err(error), InvalidUtf8::Reject) = (valid, self.config.invalid_utf8) {
            return Err(error.behind(ascii).into());
        }
        self.state = State::Idle;
        Ok(Some(Found::Text {
            len,
            valid: valid.is_ok(),
        }))
    }

    #[cold]
    fn reserved(&self, frame_type: u8) -> Result<State, DecodeError> {
        if frame_type == CLOSING {
            return Ok(State::Length {
                frame_type,
                len: 0,
                count: 0,
            });
        }
        match self.config.reserved_frames {
            ReservedFrames::Reject => Err(DecodeError::ReservedFrame { frame_type }),
            ReservedFrames::Skip if frame_type & HIGH_BIT == 0 => {
                Ok(State::SkipToTerminator { frame_type, len: 0 })
            }
            ReservedFrames::Skip => Ok(State::Length {
                frame_type,
                len: 0,
                count: 0,
            }),
        }
    }

    #[cold]
    fn skip_to_terminator(
        &mut self,
        frame_type: u8,
        len: u64,
        src: &mut BytesMut,
    ) -> Result<Option<Found>, DecodeError> {
        let max = self.config.max_reserved_len;
        let end = memchr(TERMINATOR, src);
        let len = len + end.unwrap_or(src.len()) as u64;
        if len > max {
            return Err(DecodeError::ReservedTooLong { max });
        }
        if let Some(end) = end {
            src.advance(end + 1);
            self.state = State::Idle;
            return Ok(Some(Found::Reserved { frame_type, len }));
        }
        src.clear();
        self.state = State::SkipToTerminator { frame_type, len };
        Ok(None)
    }

    #[cold]
    /// One byte of a length: seven bits of it, the most significant first; the high bit says that
    /// another byte follows.
    fn length(&self, frame_type: u8, len: u64, count: u8, byte: u8) -> Result<State, DecodeError> {
        let max_bytes = self.config.max_length_bytes;
        let max = self.config.max_reserved_len;
        if count >= max_bytes {
            return Err(DecodeError::TooManyLengthBytes { max: max_bytes });
        }
        let group = u64::from(byte & !HIGH_BIT);
        let len = len
            .checked_mul(128)
            .and_then(|len| len.checked_add(group))
            .ok_or(DecodeError::ReservedTooLong { max })?;
        // A length never shrinks as more of it comes, so what is wrong now stays wrong.
        if len > 0 && self.config.reserved_frames == ReservedFrames::Reject {
            return Err(DecodeError::ReservedFrame { frame_type });
        }
        if len > max {
            return Err(DecodeError::ReservedTooLong { max });
        }
        if byte & HIGH_BIT != 0 {
            let count = count + 1;
            if count >= max_bytes {
                return Err(DecodeError::TooManyLengthBytes { max: max_bytes });
            }
            return Ok(State::Length {
                frame_type,
                len,
                count,
            });
        }
        Ok(match (frame_type, len) {
            (CLOSING, 0) => State::Closed,
            _ => State::Skip {
                frame_type,
                len,
                left: len,
            },
        })
    }
}

/// Removes the frame at the front of `src`, which holds `len` bytes of text.
fn take_text(src: &mut BytesMut, len: usize, valid: bool) -> Text {
    if valid && let Some(text) = Text::short_from_checked(src.get(1..=len).unwrap_or_default()) {
        src.advance(len + 2);
        return text;
    }
    let mut frame = src.split_to(len + 2);
    frame.truncate(len + 1);
    let mut content = frame.freeze();
    content.advance(1);
    if valid {
        Text::from_checked(content)
    } else {
        Text::from_utf8_lossy(content)
    }
}
