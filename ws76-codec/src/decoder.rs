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

mod reserved;
mod short;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr;

use crate::{
    DecodeError, DecoderConfig, Frame, InvalidUtf8, ShortText, Text,
    ascii::ascii_len,
    frame::{TERMINATOR, TEXT},
    text,
    view::View,
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
    /// Whether the last text was short, as the next one is most likely then.
    is_short: bool,
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

/// What was found of a text.
enum Found {
    /// All of it, of so many bytes.
    Text { len: usize, is_valid: bool },
    /// No end, as [`State::Text`] says.
    Part { ascii: usize, scanned: usize },
}

impl Decoder {
    /// A decoder at the start of the frames, right behind the opening handshake.
    pub const fn new(config: DecoderConfig) -> Self {
        Self {
            config,
            state: State::Idle,
            is_short: true,
        }
    }

    /// Takes the next frame from the front of `src`.
    ///
    /// Returns `None` when `src` holds no whole frame yet: append what comes next and call again.
    /// The bytes of a frame are removed from `src`; a text is a view on them, not a copy, unless it
    /// is short: of [`ShortText::MAX_LEN`] bytes at most. Bytes of reserved frames are removed as they arrive, and bytes
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
        if self.is_short
            && let Some(text) = self.decode_short(src)
        {
            src.advance(text.frame_len());
            return Ok(Some(Frame::Text(text.into())));
        }
        self.decode_any(src)
    }

    /// As [`decode`](Self::decode), without the attempt at a short text.
    #[inline(never)]
    fn decode_any(&mut self, src: &mut BytesMut) -> Result<Option<Frame>, DecodeError> {
        match self.text_at_front(src)? {
            Some((len, is_valid)) => Ok(Some(Frame::Text(take_text(src, len, is_valid)))),
            None => self.skip(src).map_err(|error| self.fail(error)),
        }
    }

    /// Takes the next frame from the front of `src` if it is a text: most are, and a text alone is
    /// handed over in less time than a [`Frame`]. `None` means nothing but that
    /// [`decode`](Self::decode) has to be asked, with the same bytes at the front.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// ```
    /// use bytes::BytesMut;
    /// use ws76_codec::{DecodeError, Decoder, DecoderConfig, Frame};
    ///
    /// let mut decoder = Decoder::new(DecoderConfig::new());
    /// let mut src = BytesMut::from(&b"\x00hello\xff\xff\x00"[..]);
    /// assert_eq!(decoder.decode_text(&mut src)?, Some("hello".into()));
    /// assert_eq!(decoder.decode_text(&mut src)?, None);
    /// assert_eq!(decoder.decode(&mut src)?, Some(Frame::Closing));
    /// # Ok::<(), DecodeError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As those of [`decode`](Self::decode), where they concern a text.
    #[inline(never)]
    pub fn decode_text(&mut self, src: &mut BytesMut) -> Result<Option<Text>, DecodeError> {
        let found = self.text_at_front(src)?;
        Ok(found.map(|(len, is_valid)| take_text(src, len, is_valid)))
    }

    /// Takes the text frame that begins at `at` in `src`: bytes that are shared already. The frame is two
    /// bytes longer than the text; it is for the caller to go on behind it. The text is a view on all of
    /// `src`, unless it is short, and so knows its frame ([`Text::framed`]). `None` means nothing but that
    /// [`decode`](Self::decode) has to be asked, with the same bytes at the front.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ws76_codec::{Decoder, DecoderConfig};
    ///
    /// let decoder = Decoder::new(DecoderConfig::new());
    /// let src = Bytes::from_static(b"\x00one\xff\x00two\xff\x00thr");
    /// let mut at = 0;
    /// let mut texts = Vec::new();
    /// while let Some(text) = decoder.decode_shared(&src, at) {
    ///     at += text.len() + 2;
    ///     texts.push(text);
    /// }
    /// assert_eq!(texts, ["one", "two"]);
    /// ```
    pub fn decode_shared(&self, src: &Bytes, at: usize) -> Option<Text> {
        let frame = src.get(at..)?;
        let (State::Idle, [TEXT, content @ ..]) = (self.state, frame) else {
            return None;
        };
        let len = self.whole_text(content).ok()?;
        if let Some(short) = ShortText::at_front_checked(frame, len) {
            return Some(short.into());
        }
        // Cloned here, the bytes are at once where they are going to be.
        Some(Text::from_view(View::of_frame(src.clone(), at + 1, len)))
    }

    /// Takes the text frame at the front of `src` where it lies: nothing is copied, shared or kept. The
    /// frame is two bytes longer than the text; it is for the caller to remove so many bytes. `None`
    /// means nothing but that [`decode`](Self::decode) has to be asked, with the same bytes at the front.
    ///
    /// All it does is to look for the 0xFF, and to check that the text is UTF-8. It begins anew with each
    /// call, so ask it for what is most likely whole.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// ```
    /// use ws76_codec::{Decoder, DecoderConfig};
    ///
    /// let decoder = Decoder::new(DecoderConfig::new());
    /// let mut src = &b"\x00one\xff\x00two\xff\x00thr"[..];
    /// let mut texts = Vec::new();
    /// while let Some(text) = decoder.decode_str(src) {
    ///     texts.push(text);
    ///     src = &src[text.len() + 2..];
    /// }
    /// assert_eq!((texts, src), (vec!["one", "two"], &b"\x00thr"[..]));
    /// ```
    pub fn decode_str<'a>(&self, src: &'a [u8]) -> Option<&'a str> {
        let (State::Idle, [TEXT, content @ ..]) = (self.state, src) else {
            return None;
        };
        let max = self.config.max_message_len.saturating_add(1);
        let content = content.get(..max).unwrap_or(content);
        text::read(content.get(..memchr(TERMINATOR, content)?)?)
    }

    /// Looks for a text at the front of `src`: its length, and whether it is valid. The whole frame is
    /// there then, and is to be removed.
    #[inline(always)]
    fn text_at_front(&mut self, src: &[u8]) -> Result<Option<(usize, bool)>, DecodeError> {
        let content = src.get(1..).unwrap_or_default();
        let (ascii, scanned) = match self.state {
            // The frame type stays in the buffer, so that the whole frame is split off at once.
            State::Idle if src.first() == Some(&TEXT) => match self.whole_text(content) {
                Ok(len) => {
                    self.is_short = len <= ShortText::MAX_LEN;
                    return Ok(Some((len, true)));
                }
                Err(ascii) => (ascii, ascii),
            },
            State::Text { ascii, scanned } => (ascii, scanned),
            _ => return Ok(None),
        };
        self.other_text_at_front(ascii, scanned, content)
    }

    /// As [`Self::text_at_front`], of a text that [`Self::whole_text`] does not find.
    #[inline(never)]
    fn other_text_at_front(
        &mut self,
        ascii: usize,
        scanned: usize,
        content: &[u8],
    ) -> Result<Option<(usize, bool)>, DecodeError> {
        match self.find_text(ascii, scanned, content) {
            Ok(Found::Text { len, is_valid }) => {
                self.state = State::Idle;
                self.is_short = len <= ShortText::MAX_LEN;
                Ok(Some((len, is_valid)))
            }
            Ok(Found::Part { ascii, scanned }) => {
                self.state = State::Text { ascii, scanned };
                Ok(None)
            }
            Err(error) => Err(self.fail(error)),
        }
    }

    const fn fail(&mut self, error: DecodeError) -> DecodeError {
        self.state = State::Failed(error);
        error
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

    /// The length of the text at the front of `content`, if all of it is there and valid: most are. If
    /// not, how many bytes at the front are ASCII, at least.
    // A length alone is handed on at once, where what [`Found`] says goes through memory.
    #[inline(always)]
    fn whole_text(&self, content: &[u8]) -> Result<usize, usize> {
        let max = self.config.max_message_len.saturating_add(1);
        let content = content.get(..max).unwrap_or(content);
        // As long as all is ASCII, one pass finds the end and checks. What is not goes on from the chunk that
        // it begins in: where in that would have to be waited for.
        let (len, in_chunks) = match content.first() {
            Some(first) if first.is_ascii() => ascii_len(content),
            _ => (0, 0),
        };
        match content.get(len) {
            Some(&TERMINATOR) => return Ok(len),
            Some(_) => {}
            None => return Err(len),
        }
        let other = content.get(in_chunks..).unwrap_or_default();
        let text = memchr(TERMINATOR, other).and_then(|end| text::read(other.get(..end)?));
        text.map(|text| in_chunks + text.len()).ok_or(in_chunks)
    }

    /// Looks for the text at the front of `content`, whose end was looked for already in part.
    fn find_text(
        &self,
        mut ascii: usize,
        mut scanned: usize,
        content: &[u8],
    ) -> Result<Found, DecodeError> {
        if ascii == scanned {
            let (len, _) = ascii_len(content.get(ascii..).unwrap_or_default());
            ascii += len;
            scanned = ascii;
        }
        let max = self.config.max_message_len;
        let unseen = content.get(scanned..).unwrap_or_default();
        let end = memchr(TERMINATOR, unseen).map(|at| scanned + at);
        let len = end.unwrap_or(content.len());
        if len > max {
            return Err(DecodeError::MessageTooLong { max });
        }
        if end.is_none() {
            return Ok(Found::Part {
                ascii,
                scanned: len,
            });
        }
        // Checked before it is taken, so that an error consumes nothing.
        let valid = text::check(content.get(ascii..len).unwrap_or_default());
        if let (Err(error), InvalidUtf8::Reject) = (valid, self.config.invalid_utf8) {
            return Err(error.behind(ascii).into());
        }
        let is_valid = valid.is_ok();
        Ok(Found::Text { len, is_valid })
    }
}

/// Removes the frame at the front of `src`, which holds `len` bytes of text.
#[inline(always)]
fn take_text(src: &mut BytesMut, len: usize, valid: bool) -> Text {
    if !valid {
        return take_text_lossy(src, len);
    }
    if let Some(frame) = ShortText::at_front_checked(src, len) {
        src.advance(len + 2);
        return frame.into();
    }
    let frame = src.split_to(len + 2).freeze();
    Text::from_view(View::of_frame(frame, 1, len))
}

/// As [`take_text`], of a text that is not UTF-8.
#[cold]
fn take_text_lossy(src: &mut BytesMut, len: usize) -> Text {
    let mut content = src.split_to(len + 2).freeze();
    content.truncate(len + 1);
    content.advance(1);
    Text::from_utf8_lossy(content)
}
