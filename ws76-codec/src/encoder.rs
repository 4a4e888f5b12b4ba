//! Writing frames (draft-76 §5.3): text, and the closing frame. There is nothing else to send.

use alloc::vec::Vec;
use core::ops::Range;

use bytes::{Buf, BufMut, Bytes};

use crate::{
    Text,
    frame::{CLOSING, TERMINATOR, TEXT},
    view::View,
};

/// Appends `text` to `dst` as one text frame: 0x00, the UTF-8, 0xFF.
///
/// A `str` never holds the byte 0xFF, so there is nothing to escape and nothing that could fail.
/// Appends `text.len() + 2` bytes. Implements draft-76 §5.3.
///
/// ```
/// let mut dst = Vec::new();
/// ws76_codec::encode_text("hello", &mut dst);
/// assert_eq!(dst, b"\x00hello\xff");
/// ```
///
/// # Panics
///
/// If `dst` cannot grow and has no room, as every [`BufMut`] does.
pub fn encode_text(text: &str, dst: &mut impl BufMut) {
    encode(text.as_bytes(), dst);
}

/// Appends the closing frame to `dst`: 0xFF 0x00. Implements draft-76 §1.4.
///
/// ```
/// let mut dst = Vec::new();
/// ws76_codec::encode_closing(&mut dst);
/// assert_eq!(dst, b"\xff\x00");
/// ```
///
/// # Panics
///
/// If `dst` cannot grow and has no room, as every [`BufMut`] does.
pub fn encode_closing(dst: &mut impl BufMut) {
    dst.put_slice(&CLOSING_FRAME);
}

/// A frame, encoded once, to be written to many connections. A clone shares the bytes.
///
/// ```
/// use ws76_codec::EncodedFrame;
///
/// let frame = EncodedFrame::text("hello");
/// assert_eq!(frame.as_bytes(), &b"\x00hello\xff"[..]);
/// assert_eq!(frame.to_text(), Some("hello".into()));
/// assert_eq!(EncodedFrame::closing().into_bytes(), &b"\xff\x00"[..]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame(Bytes);

impl EncodedFrame {
    /// Encodes a text frame.
    pub fn text(text: &str) -> Self {
        Self::from_utf8(text.as_bytes())
    }

    /// The closing frame.
    pub const fn closing() -> Self {
        Self(Bytes::from_static(&CLOSING_FRAME))
    }

    /// The bytes to write.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The bytes to write.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The message in a text frame, sharing the frame's bytes; `None` for the closing frame.
    pub fn to_text(&self) -> Option<Text> {
        let [TEXT, text @ .., TERMINATOR] = self.0.as_ref() else {
            return None;
        };
        Some(Text::from_view(View::of_frame(
            self.0.clone(),
            1,
            text.len(),
        )))
    }

    fn from_utf8(text: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(text.len() + 2);
        encode(text, &mut bytes);
        Self(bytes.into())
    }
}

impl From<&Text> for EncodedFrame {
    /// Encodes a text frame, without checking the UTF-8 again.
    fn from(text: &Text) -> Self {
        Self::from_utf8(text.as_bytes())
    }
}

impl Text {
    /// Appends this text to `dst` as one text frame; as [`encode_text`], without checking the UTF-8
    /// again. Implements draft-76 §5.3.
    ///
    /// ```
    /// let mut dst = Vec::new();
    /// ws76_codec::Text::from("hello").encode(&mut dst);
    /// assert_eq!(dst, b"\x00hello\xff");
    /// ```
    ///
    /// # Panics
    ///
    /// If `dst` cannot grow and has no room, as every [`BufMut`] does.
    pub fn encode(&self, dst: &mut impl BufMut) {
        encode(self.as_bytes(), dst);
    }
}

fn encode(text: &[u8], dst: &mut impl BufMut) {
    dst.put_u8(TEXT);
    if IN_PIECES.contains(&text.len()) {
        put_pieces(text, dst);
    } else {
        dst.put_slice(text);
    }
    dst.put_u8(TERMINATOR);
}

/// Kept out of `encode`, which is small.
#[inline(never)]
fn put_pieces(text: &[u8], dst: &mut impl BufMut) {
    dst.put(Pieces(text));
}

/// A long text, to be copied piece by piece into room that is made for all of it.
///
/// The type of a frame moves its text by one byte, so the two often lie one byte apart within their
/// pages. The instruction that x86 has for long copies can take twenty times as long then; short
/// pieces are copied by others, and so is what is very long.
struct Pieces<'a>(&'a [u8]);

impl Buf for Pieces<'_> {
    fn remaining(&self) -> usize {
        self.0.len()
    }

    fn chunk(&self) -> &[u8] {
        self.0.get(..PIECE_LEN).unwrap_or(self.0)
    }

    fn advance(&mut self, count: usize) {
        self.0.advance(count);
    }
}

/// So much of a long text is copied at once.
const PIECE_LEN: usize = 2 << 10;
/// Lengths of texts that are copied in pieces.
const IN_PIECES: Range<usize> = PIECE_LEN..0x10_0000;

const CLOSING_FRAME: [u8; 2] = [CLOSING, 0x00];
