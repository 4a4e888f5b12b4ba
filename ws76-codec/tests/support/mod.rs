//! One harness for all decode cases: the same bytes whole, byte by byte and at every two-way cut
//! (under Miri, which is slow, at some).

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::ops::RangeInclusive;

use bytes::{Bytes, BytesMut};
use ws76_codec::{DecodeError, Decoder, DecoderConfig, Frame, Text};

/// The frames that came out, and how the stream ended.
pub(crate) type Outcome = (Vec<Frame>, Result<(), DecodeError>);

/// Decodes `chunks` one after the other, then ends the stream.
pub(crate) fn decode<'a>(
    config: DecoderConfig,
    chunks: impl IntoIterator<Item = &'a [u8]>,
) -> Outcome {
    let mut decoder = Decoder::new(config);
    let mut src = BytesMut::new();
    let mut frames = Vec::new();
    // Who asks for a text first gets the same.
    let (mut texts_first, mut same_src) = (decoder.clone(), src.clone());
    for chunk in chunks {
        src.extend_from_slice(chunk);
        same_src.extend_from_slice(chunk);
        loop {
            let shared = Bytes::from([b"\x00behind\xff", &src[..]].concat());
            let shared = decoder.decode_shared(&shared, 8);
            let lying = decoder.decode_str(&src).map(Text::from);
            assert_eq!(lying, shared);
            let before = src.len();
            let decoded = decoder.decode(&mut src);
            if let Some(text) = shared {
                assert_eq!(before - src.len(), text.len() + 2);
                assert_eq!(Ok(Some(Frame::Text(text))), decoded);
            }
            let same = match texts_first.decode_text(&mut same_src) {
                Ok(None) => texts_first.decode(&mut same_src),
                other => other.map(|text| text.map(Frame::Text)),
            };
            assert_eq!((&same, &same_src), (&decoded, &src));
            match decoded {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => {
                    // Sticky: the same error again, and nothing is taken.
                    let before = src.clone();
                    assert_eq!(decoder.decode(&mut src), Err(error));
                    assert_eq!(decoder.finish(), Err(error));
                    assert_eq!(src, before);
                    return (frames, Err(error));
                }
            }
        }
        assert!(
            src.len() <= config.max_message_len + 1,
            "the decoder left {} bytes in the buffer",
            src.len()
        );
    }
    (frames, decoder.finish())
}

/// Asserts what comes out of `bytes`, however they are cut.
#[track_caller]
pub(crate) fn assert_decodes_with(
    config: DecoderConfig,
    bytes: &[u8],
    frames: &[Frame],
    end: Result<(), DecodeError>,
) {
    let expected = (frames.to_vec(), end);
    assert_eq!(decode(config, [bytes]), expected, "whole: {bytes:02x?}");
    assert_eq!(
        decode(config, bytes.chunks(1)),
        expected,
        "in single bytes: {bytes:02x?}"
    );
    let step = if cfg!(miri) { 1 + bytes.len() / 4 } else { 1 };
    for cut in (0..=bytes.len()).step_by(step) {
        let (head, tail) = bytes.split_at(cut);
        assert_eq!(
            decode(config, [head, tail]),
            expected,
            "cut at {cut}: {bytes:02x?}"
        );
    }
}

/// As [`assert_decodes_with`] the defaults; and what follows does not change what came before.
#[track_caller]
pub(crate) fn assert_decodes(bytes: &[u8], frames: &[Frame], end: Result<(), DecodeError>) {
    assert_decodes_with(DecoderConfig::new(), bytes, frames, end);
    if end.is_ok() && !frames.contains(&Frame::Closing) {
        let mut followed = bytes.to_vec();
        followed.extend_from_slice(b"\x00next\xff\x00");
        let mut frames = frames.to_vec();
        frames.push(text("next"));
        let end = Err(DecodeError::Truncated);
        assert_decodes_with(DecoderConfig::new(), &followed, &frames, end);
    }
}

/// All frame types of a range; under Miri, which is slow, its edges and one between.
pub(crate) fn frame_types(range: RangeInclusive<u8>) -> impl Iterator<Item = u8> {
    range.step_by(if cfg!(miri) { 63 } else { 1 })
}

/// All lengths up to one; under Miri, which is slow, some of them.
pub(crate) fn lens(max: usize) -> impl Iterator<Item = usize> {
    (0..=max).step_by(if cfg!(miri) { 39 } else { 1 })
}

/// A text frame's value.
pub(crate) fn text(text: &str) -> Frame {
    Frame::Text(Text::from(text))
}

/// A skipped frame's value.
pub(crate) fn reserved(frame_type: u8, len: u64) -> Frame {
    Frame::Reserved { frame_type, len }
}
