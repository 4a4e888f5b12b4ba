//! The decoder against a naive one, under any cut of the bytes: F10, T12.

mod support;

use proptest::{collection::vec, prelude::*};
use support::{Outcome, decode, reserved};
use ws76_codec::{
    DecodeError, DecoderConfig, Frame, InvalidUtf8, ReservedFrames, Text, encode_closing,
    encode_text,
};

/// The draft read aloud: slow, whole input only, nothing shared with the decoder.
fn naive(config: DecoderConfig, mut bytes: &[u8]) -> Outcome {
    let mut frames = Vec::new();
    loop {
        let Some((&frame_type, rest)) = bytes.split_first() else {
            return (frames, Ok(()));
        };
        let skip = config.reserved_frames == ReservedFrames::Skip;
        if (0x01..=0xfe).contains(&frame_type) && !skip {
            return (frames, Err(DecodeError::ReservedFrame { frame_type }));
        }
        if frame_type < 0x80 {
            let len = rest.iter().position(|&byte| byte == 0xff);
            let seen = len.unwrap_or(rest.len());
            if frame_type == 0 && seen > config.max_message_len {
                let max = config.max_message_len;
                return (frames, Err(DecodeError::MessageTooLong { max }));
            }
            if frame_type > 0 && seen as u64 > config.max_reserved_len {
                let max = config.max_reserved_len;
                return (frames, Err(DecodeError::ReservedTooLong { max }));
            }
            let Some(len) = len else {
                return (frames, Err(DecodeError::Truncated));
            };
            if frame_type > 0 {
                frames.push(reserved(frame_type, len as u64));
            } else {
                let text = match (std::str::from_utf8(&rest[..len]), config.invalid_utf8) {
                    (Ok(text), _) => Text::from(text),
                    (_, InvalidUtf8::Replace) => {
                        Text::from(String::from_utf8_lossy(&rest[..len]).into_owned())
                    }
                    (Err(_), InvalidUtf8::Reject) => {
                        let bytes = bytes::Bytes::copy_from_slice(&rest[..len]);
                        return (frames, Err(Text::from_utf8(bytes).unwrap_err().into()));
                    }
                };
                frames.push(Frame::Text(text));
            }
            bytes = &rest[len + 1..];
        } else {
            let mut len = 0_u128;
            let mut used = 0;
            loop {
                let Some(&byte) = rest.get(used) else {
                    return (frames, Err(DecodeError::Truncated));
                };
                if used == usize::from(config.max_length_bytes) {
                    let max = config.max_length_bytes;
                    return (frames, Err(DecodeError::TooManyLengthBytes { max }));
                }
                used += 1;
                len = len * 128 + u128::from(byte % 128);
                if len > 0 && !skip {
                    return (frames, Err(DecodeError::ReservedFrame { frame_type }));
                }
                if len > u128::from(config.max_reserved_len) {
                    let max = config.max_reserved_len;
                    return (frames, Err(DecodeError::ReservedTooLong { max }));
                }
                if byte < 128 {
                    break;
                }
                if used == usize::from(config.max_length_bytes) {
                    let max = config.max_length_bytes;
                    return (frames, Err(DecodeError::TooManyLengthBytes { max }));
                }
            }
            if frame_type == 0xff && len == 0 {
                frames.push(Frame::Closing);
                return (frames, Ok(()));
            }
            let len = len as usize;
            if rest.len() < used + len {
                return (frames, Err(DecodeError::Truncated));
            }
            frames.push(reserved(frame_type, len as u64));
            bytes = &rest[used + len..];
        }
    }
}

fn config() -> impl Strategy<Value = DecoderConfig> {
    (
        0..40_usize,
        0..300_u64,
        0..10_u8,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(message, reserved, bytes, skip, replace)| {
            DecoderConfig::new()
                .with_max_message_len(message)
                .with_max_reserved_len(reserved)
                .with_max_length_bytes(bytes)
                .with_reserved_frames(if skip {
                    ReservedFrames::Skip
                } else {
                    ReservedFrames::Reject
                })
                .with_invalid_utf8(if replace {
                    InvalidUtf8::Replace
                } else {
                    InvalidUtf8::Reject
                })
        })
}

/// Bytes that often are frames: the marks of the format, text, and anything.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => ".{0,12}".prop_map(|text: String| {
            let mut bytes = Vec::new();
            encode_text(&text, &mut bytes);
            bytes
        }),
        1 => Just(vec![0xff, 0x00]),
        2 => (0x80..=0xff_u8, vec(any::<u8>(), 0..130)).prop_map(|(frame_type, content)| {
            let len = u8::try_from(content.len()).unwrap();
            let mut bytes = vec![frame_type];
            if len > 127 { bytes.push(0x81); }
            bytes.push(len & 0x7f);
            bytes.extend(content);
            bytes
        }),
        1 => (0x01..=0x7f_u8, "[a-z]{0,9}").prop_map(|(frame_type, content)| {
            [&[frame_type], content.as_bytes(), &[0xff]].concat()
        }),
        1 => vec(prop_oneof![Just(0_u8), Just(0xff), Just(0x80), any::<u8>()], 0..12),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_in_any_cut_decode_as_the_naive_decoder_does(
        config in config(),
        bytes in bytes(),
        cuts in vec(any::<prop::sample::Index>(), 0..6),
    ) {
        let expected = naive(config, &bytes);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.sort_unstable();
        let mut chunks = Vec::new();
        let mut from = 0;
        for cut in cuts {
            chunks.push(&bytes[from..cut]);
            from = cut;
        }
        chunks.push(&bytes[from..]);
        prop_assert_eq!(decode(config, chunks), expected.clone());
        prop_assert_eq!(decode(config, bytes.chunks(1)), expected);
    }
}

#[test]
fn a_session_gives_the_same_frames_at_every_two_way_cut() {
    let mut session = Vec::new();
    for text in [
        "hello",
        "",
        "日本語",
        "🦀",
        "a longer message, of more than one word",
    ] {
        encode_text(text, &mut session);
    }
    encode_closing(&mut session);
    session.extend_from_slice(b"discarded");
    let expected = naive(DecoderConfig::new(), &session);
    assert_eq!(expected.0.len(), 6);
    let step = if cfg!(miri) { 9 } else { 1 };
    for cut in (0..=session.len()).step_by(step) {
        let (head, tail) = session.split_at(cut);
        assert_eq!(
            decode(DecoderConfig::new(), [head, tail]),
            expected,
            "cut at {cut}"
        );
    }
}
