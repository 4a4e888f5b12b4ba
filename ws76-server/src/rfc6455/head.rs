//! The heads of the frames that are sent (RFC 6455 §5.2), as tungstenite writes and reads them.

use std::io::{Cursor, Write};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

/// What a message is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content {
    Text,
    Binary,
}

/// The head of a message in a single frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    bytes: [u8; MAX_LEN],
    len: u8,
}

impl Head {
    /// The head of a message of `len` bytes.
    #[inline]
    pub(crate) fn new(content: Content, len: usize) -> Self {
        let mut bytes = Cursor::new([0; MAX_LEN]);
        write_head(content, len, &mut bytes);
        Self {
            len: u8::try_from(bytes.position()).unwrap_or_default(),
            bytes: bytes.into_inner(),
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }
}

/// Writes the head of a message of `len` bytes, for which there is room in `dst`.
#[inline]
pub(crate) fn write_head(content: Content, len: usize, dst: &mut impl Write) {
    let data = match content {
        Content::Text => Data::Text,
        Content::Binary => Data::Binary,
    };
    let header = FrameHeader {
        opcode: OpCode::Data(data),
        ..FrameHeader::default()
    };
    let _ = header.format(len as u64, dst);
}

/// A text in a single frame.
pub(crate) fn text_frame(text: &[u8]) -> Bytes {
    let mut frame = Vec::with_capacity(frame_len(text.len()));
    write_head(Content::Text, text.len(), &mut frame);
    frame.extend_from_slice(text);
    frame.into()
}

/// The length of the frame of a message of `len` bytes.
#[inline]
pub(crate) fn frame_len(len: usize) -> usize {
    FrameHeader::default().len(len as u64) + len
}

/// The length of the frame that `bytes` begin with; 0 when its head is not all there.
pub(crate) fn first_frame_len(bytes: &[u8], _: usize) -> usize {
    let mut cursor = Cursor::new(bytes);
    match FrameHeader::parse(&mut cursor) {
        // There is nothing but what `Head` was made for.
        Ok(Some((header, len))) => header.len(len) + usize::try_from(len).unwrap_or_default(),
        _ => 0,
    }
}

/// The longest head of a frame without a mask.
const MAX_LEN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_the_lengths_that_are_said() {
        let lens = [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)];
        for (len, head_len) in lens {
            for (content, first) in [(Content::Text, 0x81), (Content::Binary, 0x82)] {
                let head = Head::new(content, len);
                assert_eq!((head.as_bytes()[0], head.len()), (first, head_len));
                assert_eq!(frame_len(len), head_len + len);
                let frame = [head.as_bytes(), &vec![0xff; len], b"more"].concat();
                assert_eq!(first_frame_len(&frame, 0), head_len + len);
            }
        }
    }
}
