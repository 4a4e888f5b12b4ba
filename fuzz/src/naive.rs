//! The draft and its references read aloud: obvious, slow, whole inputs only.

use ws76_codec::{DecodeError, DecoderConfig, Frame, InvalidUtf8, ReservedFrames};

/// A frame, in plain types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    Text(String),
    Closing,
    Reserved { frame_type: u8, len: u128 },
}

impl From<Frame> for Plain {
    fn from(frame: Frame) -> Self {
        match frame {
            Frame::Text(text) => Self::Text(text.as_str().to_owned()),
            Frame::Closing => Self::Closing,
            Frame::Reserved { frame_type, len } => Self::Reserved {
                frame_type,
                len: len.into(),
            },
        }
    }
}

/// How a stream ended, in plain types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    BetweenFrames,
    InsideFrame,
    Reserved(u8),
    ReservedTooLong,
    TooManyLengthBytes,
    MessageTooLong,
    NotUtf8 { valid_up_to: usize },
}

impl End {
    /// The end that a decoder with this config tells, whose error has to name the config's limit.
    pub(crate) fn told(config: &DecoderConfig, end: Result<(), DecodeError>) -> Self {
        match end {
            Ok(()) => Self::BetweenFrames,
            Err(DecodeError::Truncated) => Self::InsideFrame,
            Err(DecodeError::ReservedFrame { frame_type }) => Self::Reserved(frame_type),
            Err(DecodeError::ReservedTooLong { max }) if max == config.max_reserved_len => {
                Self::ReservedTooLong
            }
            Err(DecodeError::TooManyLengthBytes { max }) if max == config.max_length_bytes => {
                Self::TooManyLengthBytes
            }
            Err(DecodeError::MessageTooLong { max }) if max == config.max_message_len => {
                Self::MessageTooLong
            }
            Err(DecodeError::InvalidUtf8(error)) => Self::NotUtf8 {
                valid_up_to: error.valid_up_to(),
            },
            Err(error) => panic!("{error:?} under {config:?}"),
        }
    }
}

/// What comes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    pub(crate) frames: Vec<Plain>,
    pub(crate) end: End,
    /// How many bytes the decoder may have left, at least and at most. The two differ only for a
    /// reserved frame that grew too long: what arrived before may be dropped, or not.
    pub(crate) left: (usize, usize),
}

/// Draft-76 §5.3.
pub(crate) fn decode(config: &DecoderConfig, bytes: &[u8]) -> Decoded {
    let skip = config.reserved_frames == ReservedFrames::Skip;
    let mut frames = Vec::new();
    let mut at = 0;
    let ended = |frames: &mut Vec<Plain>, end, least: usize, most: usize| Decoded {
        frames: std::mem::take(frames),
        end,
        left: (bytes.len() - least, bytes.len() - most),
    };
    loop {
        let start = at;
        let Some(&frame_type) = bytes.get(start) else {
            return ended(&mut frames, End::BetweenFrames, start, start);
        };
        at += 1;
        if frame_type != 0x00 && frame_type != 0xff && !skip {
            return ended(&mut frames, End::Reserved(frame_type), start, start);
        }

        if frame_type <= 0x7f {
            let mut content = Vec::new();
            while at < bytes.len() && bytes[at] != 0xff {
                content.push(bytes[at]);
                if frame_type == 0x00 && content.len() > config.max_message_len {
                    return ended(&mut frames, End::MessageTooLong, start, start);
                }
                if frame_type != 0x00 && content.len() as u128 > config.max_reserved_len.into() {
                    return ended(&mut frames, End::ReservedTooLong, at, start + 1);
                }
                at += 1;
            }
            if at == bytes.len() {
                let kept = if frame_type == 0x00 { start } else { at };
                return ended(&mut frames, End::InsideFrame, kept, kept);
            }
            at += 1;
            frames.push(match (frame_type, utf8(&content)) {
                (0x00, (_, Some(valid_up_to))) if config.invalid_utf8 == InvalidUtf8::Reject => {
                    let end = End::NotUtf8 { valid_up_to };
                    return ended(&mut frames, end, start, start);
                }
                (0x00, (text, _)) => Plain::Text(text),
                _ => Plain::Reserved {
                    frame_type,
                    len: content.len() as u128,
                },
            });
            continue;
        }

        let mut len = 0_u128;
        let mut count = 0;
        loop {
            let Some(&byte) = bytes.get(at) else {
                return ended(&mut frames, End::InsideFrame, at, at);
            };
            count += 1;
            // The byte that is one too many, or that says that one too many follows.
            if count > u32::from(config.max_length_bytes) {
                return ended(&mut frames, End::TooManyLengthBytes, at, at);
            }
            len = len * 128 + u128::from(byte % 128);
            if len > 0 && !skip {
                return ended(&mut frames, End::Reserved(frame_type), at, at);
            }
            if len > config.max_reserved_len.into() {
                return ended(&mut frames, End::ReservedTooLong, at, at);
            }
            if byte >= 128 && count == u32::from(config.max_length_bytes) {
                return ended(&mut frames, End::TooManyLengthBytes, at, at);
            }
            at += 1;
            if byte < 128 {
                break;
            }
        }
        if frame_type == 0xff && len == 0 {
            frames.push(Plain::Closing);
            let all = bytes.len();
            return ended(&mut frames, End::BetweenFrames, all, all);
        }
        if len > (bytes.len() - at) as u128 {
            let all = bytes.len();
            return ended(&mut frames, End::InsideFrame, all, all);
        }
        frames.push(Plain::Reserved { frame_type, len });
        for _ in 0..len {
            at += 1;
        }
    }
}

/// The text, with U+FFFD for each maximal sequence that is not UTF-8, and where the first of these
/// stands. Unicode 3.9, table 3-7 and "U+FFFD substitution of maximal subparts".
pub(crate) fn utf8(bytes: &[u8]) -> (String, Option<usize>) {
    let mut text = String::new();
    let mut first_invalid = None;
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let first = bytes[at];
        at += 1;
        let (bits, following): (u8, &[(u8, u8)]) = match first {
            0x00..=0x7f => (first, &[]),
            0xc2..=0xdf => (first - 0xc0, &[(0x80, 0xbf)]),
            0xe0 => (first - 0xe0, &[(0xa0, 0xbf), (0x80, 0xbf)]),
            0xe1..=0xec | 0xee | 0xef => (first - 0xe0, &[(0x80, 0xbf), (0x80, 0xbf)]),
            0xed => (first - 0xe0, &[(0x80, 0x9f), (0x80, 0xbf)]),
            0xf0 => (first - 0xf0, &[(0x90, 0xbf), (0x80, 0xbf), (0x80, 0xbf)]),
            0xf1..=0xf3 => (first - 0xf0, &[(0x80, 0xbf), (0x80, 0xbf), (0x80, 0xbf)]),
            0xf4 => (first - 0xf0, &[(0x80, 0x8f), (0x80, 0xbf), (0x80, 0xbf)]),
            _ => {
                first_invalid = first_invalid.or(Some(start));
                text.push('\u{fffd}');
                continue;
            }
        };
        let mut code = Some(u32::from(bits));
        for &(from, to) in following {
            match bytes.get(at) {
                Some(&byte) if from <= byte && byte <= to => {
                    code = code.map(|code| code * 64 + u32::from(byte - 0x80));
                    at += 1;
                }
                _ => {
                    code = None;
                    break;
                }
            }
        }
        if code.is_none() {
            first_invalid = first_invalid.or(Some(start));
        }
        text.push(code.map_or('\u{fffd}', |code| {
            char::from_u32(code).expect("the table has no surrogates")
        }));
    }
    (text, first_invalid)
}

/// RFC 1321, for messages that fit one block.
pub(crate) fn md5(message: &[u8]) -> [u8; 16] {
    const SHIFTS: [[u32; 4]; 4] = [
        [7, 12, 17, 22],
        [5, 9, 14, 20],
        [4, 11, 16, 23],
        [6, 10, 15, 21],
    ];
    assert!(message.len() <= 55, "one block");
    let mut block = message.to_vec();
    block.push(0x80);
    block.resize(56, 0);
    block.extend_from_slice(&(message.len() as u64 * 8).to_le_bytes());
    let words: Vec<u32> = block
        .chunks(4)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
        .collect();

    let start = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    let [mut a, mut b, mut c, mut d] = start;
    for step in 0..64_usize {
        let (mixed, word) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((b & d) | (c & !d), 5 * step + 1),
            2 => (b ^ c ^ d, 3 * step + 5),
            _ => (c ^ (b | !d), 7 * step),
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "RFC 1321 §3.4: the integer part"
        )]
        let sine = (4_294_967_296.0 * ((step + 1) as f64).sin().abs()) as u32;
        let sum = a
            .wrapping_add(mixed)
            .wrapping_add(words[word % 16])
            .wrapping_add(sine);
        let rotated = sum.rotate_left(SHIFTS[step / 16][step % 4]);
        (a, b, c, d) = (d, b.wrapping_add(rotated), b, c);
    }
    let mut digest = [0; 16];
    for (place, (end, start)) in digest
        .chunks_mut(4)
        .zip([a, b, c, d].into_iter().zip(start))
    {
        place.copy_from_slice(&end.wrapping_add(start).to_le_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    use super::{md5, utf8};

    #[test]
    fn md5_gives_the_examples_of_rfc_1321() {
        let hex = |text: &str| {
            md5(text.as_bytes())
                .map(|byte| format!("{byte:02x}"))
                .concat()
        };
        assert_eq!(hex(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
        let alphabet = "abcdefghijklmnopqrstuvwxyz";
        assert_eq!(hex(alphabet), "c3fcd3d76192e4007dfb496cca67e13b");
    }

    #[test]
    fn utf8_is_that_of_the_standard_library() {
        for number in 0..=u32::from(u16::MAX) {
            for bytes in [
                number.to_be_bytes(),
                (0xe0a0_0000 + number).to_be_bytes(),
                (0xf08f_8041 + (number << 8)).to_be_bytes(),
                (0xf48f_0041 + (number << 8)).to_be_bytes(),
            ] {
                let (text, invalid) = utf8(&bytes);
                assert_eq!(text, String::from_utf8_lossy(&bytes));
                let expected = std::str::from_utf8(&bytes).err();
                assert_eq!(invalid, expected.map(|error| error.valid_up_to()));
            }
        }
    }
}
