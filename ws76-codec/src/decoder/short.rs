//! Short texts, of which many come at once.

use super::{Decoder, State};
use crate::{ShortFrame, ShortText, frame::TEXT};

impl Decoder {
    /// Takes a text frame from the front of `src` if it is one of those of which many come at once: of
    /// at most [`ShortText::MAX_LEN`] bytes. It is for the caller to remove the
    /// [`frame_len`](ShortText::frame_len) bytes of the frame. `None` means nothing but that
    /// [`decode`](Self::decode) has to be asked, with the same bytes at the front.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// ```
    /// use ws76_codec::{Decoder, DecoderConfig, Text};
    ///
    /// let decoder = Decoder::new(DecoderConfig::new());
    /// let mut src = &b"\x00one\xff\x00two\xff\x00thr"[..];
    /// let mut texts = Vec::new();
    /// while let Some(text) = decoder.decode_short(src) {
    ///     texts.push(Text::from(text));
    ///     src = &src[text.frame_len()..];
    /// }
    /// assert_eq!(texts, ["one", "two"]);
    /// ```
    #[inline(always)]
    pub fn decode_short(&self, src: &[u8]) -> Option<ShortText> {
        let mut padding = [0; ShortText::MAX_FRAME_LEN];
        self.find_short(src, &mut padding).map(ShortText::from)
    }

    /// As [`decode_short`](Self::decode_short), for a caller who has a place for the text: what is returned
    /// borrows the frame from `src`. It is for the caller to remove its
    /// [`frame_len`](ShortFrame::frame_len) bytes. Where `src` is shorter than the longest such frame, it is
    /// copied to `padding` and borrowed from there; what that held before does not matter.
    ///
    /// Implements draft-76 §5.3.
    ///
    /// ```
    /// use ws76_codec::{Decoder, DecoderConfig, ShortText, Text};
    ///
    /// let decoder = Decoder::new(DecoderConfig::new());
    /// let mut src = &b"\x00one\xff\x00two\xff\x00thr"[..];
    /// let mut padding = [0; ShortText::MAX_FRAME_LEN];
    /// let mut texts = Vec::new();
    /// while let Some(frame) = decoder.find_short(src, &mut padding) {
    ///     src = &src[frame.frame_len()..];
    ///     texts.push(Text::from(frame));
    /// }
    /// assert_eq!(texts, ["one", "two"]);
    /// ```
    #[inline(always)]
    pub fn find_short<'a>(
        &self,
        src: &'a [u8],
        padding: &'a mut [u8; ShortText::MAX_FRAME_LEN],
    ) -> Option<ShortFrame<'a>> {
        let (State::Idle, Some(&TEXT)) = (self.state, src.first()) else {
            return None;
        };
        ShortFrame::at_front(src, padding, self.config.max_message_len)
    }
}
