//! The properties of the frames: `ws76-codec`.

use allocation_counter::measure;
use arbitrary::Arbitrary;
use bytes::{Bytes, BytesMut};
use ws76_codec::{
    Decoder, DecoderConfig, EncodedFrame, Frame, InvalidUtf8, ReservedFrames, Text, encode_closing,
    encode_text,
};

use crate::naive::{self, Decoded, End, Plain};
use crate::{Cuts, split_settings};

/// Any bytes under any config decode to the frames, the end and the rest that the draft, read
/// aloud by a naive decoder, says.
pub fn decode(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let config = settings.config();
    let expected = naive::decode(&config, wire);
    run(&config, &[wire]).assert_is(&expected, wire);
}

/// How the bytes are cut never changes the frames, the error or what is left.
pub fn chunked(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let config = settings.config();
    let expected = naive::decode(&config, wire);
    let chunks = settings.cuts.chunks(wire);
    let cut = run(&config, &chunks);
    cut.assert_is(&expected, wire);
    let whole = run(&config, &[wire]);
    assert_eq!((cut.frames, cut.end), (whole.frames, whole.end));
    let single: Vec<&[u8]> = wire.chunks(1).collect();
    run(&config, &single).assert_is(&expected, wire);
}

/// Any strings, however they are encoded, are the same bytes, and decode to themselves at a limit
/// of just their length and to an error at one less.
pub fn text_roundtrip(input: &[u8]) {
    let (cuts, wire) = split_settings::<Cuts>(input);
    // Text holds any byte but 0xFF, so that is what stands between texts here.
    let texts: Vec<String> = wire
        .split(|&byte| byte == 0xff)
        .map(|piece| {
            let (text, invalid) = naive::utf8(piece);
            let lossy = Text::from_utf8_lossy(Bytes::copy_from_slice(piece));
            assert_eq!(lossy, text.as_str());
            match Text::from_utf8(Bytes::copy_from_slice(piece)) {
                Ok(exact) => assert_eq!((exact.as_str(), invalid), (&*text, None)),
                Err(error) => assert_eq!(invalid, Some(error.valid_up_to())),
            }
            text
        })
        .collect();

    let mut stream = Vec::new();
    for text in &texts {
        assert_encodes(text, &mut stream);
    }
    let longest = texts.iter().map(String::len).max().unwrap_or(0);
    let config = DecoderConfig::new().with_max_message_len(longest);
    let frames: Vec<Plain> = texts.iter().cloned().map(Plain::Text).collect();
    let all_of_it = Decoded {
        frames: frames.clone(),
        end: End::BetweenFrames,
        left: (0, 0),
    };
    run(&config, &cuts.chunks(&stream)).assert_is(&all_of_it, &stream);

    if let Some(less) = longest.checked_sub(1) {
        let config = config.with_max_message_len(less);
        let short = run(&config, &cuts.chunks(&stream));
        let before = texts.iter().take_while(|text| text.len() < longest).count();
        assert_eq!(short.frames, frames[..before]);
        assert_eq!(short.end, End::MessageTooLong);
    }

    encode_closing(&mut stream);
    assert!(stream.ends_with(EncodedFrame::closing().as_bytes()));
    stream.extend_from_slice(wire);
    let closed = Decoded {
        frames: [frames, vec![Plain::Closing]].concat(),
        ..all_of_it
    };
    run(&config, &cuts.chunks(&stream)).assert_is(&closed, &stream);
}

/// Whatever lengths a peer announces, a call allocates for bytes that have arrived only, and for
/// none but those of a text; and no more than `max_message_len + 1` bytes stay in the buffer.
pub fn bounded(input: &[u8]) {
    let (settings, wire) = split_settings::<Settings>(input);
    let config = settings.config();
    let mut decoder = Decoder::new(config);
    let mut src = BytesMut::new();
    for chunk in settings.cuts.chunks(wire) {
        src.extend_from_slice(chunk);
        loop {
            let before = src.len();
            let mut result = Ok(None);
            let allocated = measure(|| result = decoder.decode(&mut src)).bytes_max;
            // The 64 are for the reference count that the text and the buffer share.
            let allowed = match &result {
                Ok(Some(Frame::Text(text))) if text.contains('\u{fffd}') => {
                    let content_len = before - src.len() - 2;
                    assert!(text.len() <= 3 * content_len);
                    64 + 12 * content_len as u64
                }
                Ok(Some(Frame::Text(_))) => 64,
                _ => 0,
            };
            assert!(
                allocated <= allowed,
                "{allocated} bytes allocated, {allowed} allowed, for {result:?}"
            );
            match result {
                Ok(Some(_)) => assert!(src.len() < before, "a frame takes a byte at least"),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        let bound = config.max_message_len.saturating_add(1);
        assert!(src.len() <= bound, "{} bytes were left", src.len());
    }
}

/// 16 bytes of settings.
#[derive(Clone, Copy, Debug, Arbitrary)]
struct Settings {
    /// The largest value stands for no limit.
    max_message_len: u16,
    max_reserved_len: u64,
    max_length_bytes: u8,
    /// Bit 0: skip reserved frames. Bit 1: replace what is not UTF-8.
    policies: u8,
    cuts: Cuts,
}

impl Settings {
    fn config(self) -> DecoderConfig {
        DecoderConfig::new()
            .with_max_message_len(match self.max_message_len {
                u16::MAX => usize::MAX,
                len => len.into(),
            })
            .with_max_reserved_len(self.max_reserved_len)
            .with_max_length_bytes(self.max_length_bytes)
            .with_reserved_frames(match self.policies & 1 {
                0 => ReservedFrames::Reject,
                _ => ReservedFrames::Skip,
            })
            .with_invalid_utf8(match self.policies & 2 {
                0 => InvalidUtf8::Reject,
                _ => InvalidUtf8::Replace,
            })
    }
}

/// What came out of the real decoder.
#[derive(Debug)]
struct Run {
    frames: Vec<Plain>,
    end: End,
    left: Vec<u8>,
}

impl Run {
    fn assert_is(&self, expected: &Decoded, wire: &[u8]) {
        assert_eq!(
            (&self.frames, self.end),
            (&expected.frames, expected.end),
            "{wire:02x?}"
        );
        let (least, most) = expected.left;
        let left = self.left.len();
        assert!(
            (least..=most).contains(&left) && wire.ends_with(&self.left),
            "{left} bytes were left, not {least} to {most}: {wire:02x?}"
        );
    }
}

/// Feeds all chunks, also behind an error, which has to stay and to take nothing.
fn run(config: &DecoderConfig, chunks: &[&[u8]]) -> Run {
    let mut decoder = Decoder::new(*config);
    let mut src = BytesMut::new();
    let mut frames = Vec::new();
    let mut failed = None;
    for chunk in chunks {
        src.extend_from_slice(chunk);
        loop {
            let before = src.len();
            match (decoder.decode(&mut src), failed) {
                (Ok(Some(frame)), None) => frames.push(Plain::from(frame)),
                (Ok(None), None) => break,
                (Err(error), None) => failed = Some(error),
                (Err(error), Some(first)) => {
                    assert_eq!(error, first, "an error stays");
                    assert_eq!(src.len(), before, "behind an error nothing is taken");
                    break;
                }
                (Ok(frame), Some(first)) => panic!("{frame:?} came after {first:?}"),
            }
        }
    }
    let end = decoder.finish();
    if let Some(error) = failed {
        assert_eq!(
            end,
            Err(error),
            "the end of the stream does not hide an error"
        );
    }
    Run {
        frames,
        end: End::told(config, end),
        left: src.to_vec(),
    }
}

/// Appends a text frame, and asserts that all ways to encode it give the same.
fn assert_encodes(text: &str, stream: &mut Vec<u8>) {
    let start = stream.len();
    encode_text(text, stream);
    let encoded = &stream[start..];
    assert_eq!(encoded, [&[0x00], text.as_bytes(), &[0xff]].concat());

    let shared = Text::from(text);
    let mut other = Vec::new();
    shared.encode(&mut other);
    assert_eq!(encoded, other);
    assert_eq!(encoded, EncodedFrame::text(text).as_bytes());
    let frame = EncodedFrame::from(&shared);
    assert_eq!(encoded, frame.as_bytes());
    assert_eq!(frame.to_text(), Some(shared.clone()));
    assert_eq!(shared.to_owned_text(), shared);
    assert_eq!(shared.as_str(), text);
    assert_eq!(
        (shared.len(), shared.is_empty()),
        (text.len(), text.is_empty())
    );
}
