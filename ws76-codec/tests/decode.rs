//! What comes out of well-formed and broken frames: draft-76 §5.3, clauses F1 to F10, X3 and X6.

mod support;

use bytes::{Bytes, BytesMut};
use support::{assert_decodes, assert_decodes_with, decode, frame_types, lens, reserved, text};
use ws76_codec::{
    DecodeError, Decoder, DecoderConfig, Frame, InvalidUtf8, ReservedFrames, ShortText, Text,
    Utf8Error,
};

const SKIP: DecoderConfig = DecoderConfig::new().with_reserved_frames(ReservedFrames::Skip);
const REPLACE: DecoderConfig = DecoderConfig::new().with_invalid_utf8(InvalidUtf8::Replace);

fn invalid_utf8(content: &[u8]) -> DecodeError {
    Text::from_utf8(Bytes::copy_from_slice(content))
        .expect_err("valid UTF-8")
        .into()
}

// F1: 0x00, the bytes up to 0xFF: a message.

#[test]
fn decode_text_of_any_script_gives_the_text() {
    for message in [
        "hello",
        "日本語",
        "🦀 crab",
        "\u{0}\u{7f}\u{80}\u{10ffff}",
        "a\r\n\tb",
    ] {
        let bytes = [b"\x00", message.as_bytes(), b"\xff"].concat();
        assert_decodes(&bytes, &[text(message)], Ok(()));
    }
}

#[test]
fn short_text_is_taken_from_a_slice_as_decode_takes_it_and_nothing_else_is() {
    // F1, F4: whatever stands behind it, and whether that is much or little.
    let decoder = Decoder::new(DecoderConfig::new());
    for len in lens(52) {
        let frame = [&b"\x00"[..], &vec![b'a'; len], b"\xff"].concat();
        for behind in lens(55) {
            let bytes = [&frame[..], &vec![0xff; behind]].concat();
            let taken = decoder.decode_short(&bytes);
            // Whatever is in there: also what looks as if it ended the frame.
            for padding in [0, 0x80, 0xff] {
                let mut padding = [padding; ShortText::MAX_FRAME_LEN];
                let found = decoder.find_short(&bytes, &mut padding);
                let found =
                    found.map(|frame| (Text::from(frame), frame.text_len(), frame.frame_len()));
                let taken = taken.map(|text| (Text::from(text), text.len(), text.frame_len()));
                assert_eq!(found, taken, "{len}");
            }
            let decoded = Decoder::new(DecoderConfig::new()).decode(&mut bytes[..].into());
            let same = taken.map(|text| (Ok(Some(Frame::Text(text.into()))), text.frame_len()));
            let is_short = len <= ShortText::MAX_LEN;
            assert_eq!(same, is_short.then_some((decoded, len + 2)), "{len}");
        }
        assert!(decoder.decode_short(&frame[..=len]).is_none(), "no end");
        for padding in [b'a', 0xff] {
            let mut padding = [padding; ShortText::MAX_FRAME_LEN];
            let found = decoder.find_short(&frame[..=len], &mut padding);
            assert!(found.is_none(), "no end, but in the padding");
        }
        assert!(decoder.decode_short(&frame[1..]).is_none(), "no beginning");
        let limited = DecoderConfig::new().with_max_message_len(len.saturating_sub(1));
        let taken = Decoder::new(limited).decode_short(&frame);
        assert_eq!(taken.is_some(), len == 0, "over the limit");
    }
    assert!(decoder.decode_short("\0grün\u{ff}".as_bytes()).is_none());
    let grün = decoder
        .decode_short(b"\x00gr\xc3\xbcn\xff")
        .expect("a whole text");
    assert_eq!(
        (grün.as_bytes(), grün.is_empty()),
        ("grün".as_bytes(), false)
    );
    assert_eq!(format!("{grün:?}"), "\"grün\"");
    let mut padding = [0xff; ShortText::MAX_FRAME_LEN];
    let grün = decoder.find_short(b"\x00gr\xc3\xbcn\xff", &mut padding);
    assert_eq!(format!("{grün:?}"), "Some(ShortFrame(\"grün\"))");
    for cut in [&b"\x00gr\xc3\xbc"[..], b"\x00gr\xc3"] {
        let mut padding = [0xff; ShortText::MAX_FRAME_LEN];
        padding[4] = 0xbc;
        assert!(decoder.find_short(cut, &mut padding).is_none(), "{cut:?}");
    }
    let mut inside = Decoder::new(DecoderConfig::new());
    assert_eq!(inside.decode(&mut BytesMut::from(&b"\x00he"[..])), Ok(None));
    assert!(inside.decode_short(b"\x00hello\xff").is_none());
}

#[test]
fn text_is_taken_where_it_lies_and_knows_its_frame_unless_it_is_short() {
    // F1, F3, F4: whatever stands around it.
    let decoder = Decoder::new(DecoderConfig::new());
    for len in [0, 46, 47, 125, 5000] {
        for pattern in ["a", "日本語"] {
            let message = pattern.repeat(len / pattern.len());
            let frame = [b"\x00", message.as_bytes(), b"\xff"].concat();
            let src = Bytes::from([&b"\x00hi\xff"[..], &frame, b"\x00\xff"].concat());
            let text = decoder.decode_shared(&src, 4).expect("a whole text");
            assert_eq!(&*text, &*message);
            let lying = decoder.decode_str(&src[4..]).expect("a whole text");
            assert_eq!((lying, lying.as_ptr()), (&*message, src[5..].as_ptr()));
            let range = 4..4 + frame.len();
            let is_long = message.len() > ShortText::MAX_LEN;
            assert_eq!(text.framed(), is_long.then_some((&src, range.clone())));
            assert_eq!(text.clone().into_bytes(), message);
            assert_eq!(text.to_owned_text().framed(), None, "a copy");

            let split = Decoder::new(DecoderConfig::new()).decode_text(&mut frame[..].into());
            let split = split.expect("valid").expect("a whole text");
            let frame = Bytes::from(frame);
            assert_eq!(split.framed(), is_long.then_some((&frame, 0..frame.len())));

            let cut = src.slice(..range.end - 1);
            assert_eq!(decoder.decode_shared(&cut, 4), None, "no end");
            assert_eq!(decoder.decode_str(&cut[4..]), None, "no end");
            let max = message.len().saturating_sub(1);
            let limited = Decoder::new(DecoderConfig::new().with_max_message_len(max));
            let taken = limited.decode_shared(&src, 4);
            assert_eq!(taken.is_some(), message.is_empty(), "over the limit");
            let lying = limited.decode_str(&src[4..]);
            assert_eq!(lying.is_some(), message.is_empty(), "over the limit");
            let at_limit = DecoderConfig::new().with_max_message_len(message.len());
            assert_eq!(
                Decoder::new(at_limit).decode_str(&src[4..]),
                Some(&*message)
            );
        }
    }
    let long = Bytes::from("a text that is longer than short ones, in no frame");
    assert_eq!(Text::from_utf8(long).expect("UTF-8").framed(), None);
}

#[test]
fn what_is_no_text_is_not_taken_where_it_lies() {
    // F5, F6, F7, F9: `decode` says what it is.
    let decoder = Decoder::new(REPLACE.with_reserved_frames(ReservedFrames::Skip));
    for src in [
        &b"\x01a\xff"[..],
        b"\x80\x01a",
        b"\xff\x00",
        b"\x00\xfe\xff",
        b"",
    ] {
        assert_eq!(decoder.decode_str(src), None, "{src:02x?}");
        let src = Bytes::copy_from_slice(src);
        assert_eq!(decoder.decode_shared(&src, 0), None, "{src:02x?}");
        assert_eq!(decoder.decode_shared(&src, 4), None, "{src:02x?}");
    }
    let mut inside = Decoder::new(DecoderConfig::new());
    assert_eq!(inside.decode(&mut BytesMut::from(&b"\x00he"[..])), Ok(None));
    let src = Bytes::from_static(b"\x00hello\xff");
    assert_eq!(inside.decode_shared(&src, 0), None);
    assert_eq!(inside.decode_str(&src), None);
}

#[test]
fn decode_empty_text_is_a_message() {
    assert_decodes(b"\x00\xff", &[text("")], Ok(()));
    assert_decodes(b"\x00\xff\x00\xff", &[text(""), text("")], Ok(()));
}

#[test]
fn decode_nothing_gives_nothing() {
    assert_decodes(b"", &[], Ok(()));
}

// F10: three frames in one piece, a frame in two pieces.

#[test]
fn decode_three_frames_glued_together_gives_three_messages() {
    let frames = [text("one"), text("two"), text("three")];
    assert_decodes(b"\x00one\xff\x00two\xff\x00three\xff", &frames, Ok(()));
}

#[test]
fn decode_text_split_before_terminator_needs_more() {
    let mut decoder = Decoder::new(DecoderConfig::new());
    let mut src = BytesMut::from(&b"\x00hello"[..]);
    assert_eq!(decoder.decode(&mut src), Ok(None));
    assert_eq!(decoder.finish(), Err(DecodeError::Truncated));
    src.extend_from_slice(b"\xff");
    assert_eq!(decoder.decode(&mut src), Ok(Some(text("hello"))));
    assert_eq!(decoder.finish(), Ok(()));
}

#[test]
fn decode_looks_for_the_terminator_once_in_each_byte() {
    // What was searched is overwritten with the terminator: a search that began anew would find it.
    for part in ["abc", "日本", &"a".repeat(50), &"a日".repeat(50)] {
        let mut decoder = Decoder::new(DecoderConfig::new());
        let mut src = BytesMut::from(&b"\x00"[..]);
        for _ in 0..5 {
            src.extend_from_slice(part.as_bytes());
            assert_eq!(decoder.decode(&mut src), Ok(None));
            src[1..].fill(0xff);
        }
    }
}

#[test]
fn decode_text_of_each_length_with_other_characters_at_each_place() {
    for len in lens(140) {
        for at in (0..=len).step_by(len / 20 + 1) {
            let (front, back) = ("a".repeat(at), "a".repeat(len - at));
            for middle in ["", "\u{7f}", "\u{80}", "日", "\0"] {
                let message = [&front, middle, &back].concat();
                let bytes = [&b"\0"[..], message.as_bytes(), b"\xff"].concat();
                let message = text(&message);
                let twice = [&bytes[..], &bytes].concat();
                assert_eq!(
                    decode(DecoderConfig::new(), [&bytes[..]]),
                    (vec![message.clone()], Ok(()))
                );
                assert_eq!(
                    decode(DecoderConfig::new(), [&twice[..]]),
                    (vec![message.clone(), message], Ok(()))
                );
            }
        }
    }
}

#[test]
fn decode_text_is_a_view_on_the_callers_buffer_unless_it_is_short() {
    for (len, view) in [
        (0, false),
        (1, false),
        (46, false),
        (47, true),
        (63, true),
        (1000, true),
    ] {
        for behind in [&b""[..], b"\x00", &[b'b'; 50]] {
            let text = "a".repeat(len);
            let mut decoder = Decoder::new(DecoderConfig::new());
            let mut src = BytesMut::from(&[b"\x00", text.as_bytes(), b"\xff", behind].concat()[..]);
            let at = src[1..].as_ptr();
            let Ok(Some(Frame::Text(decoded))) = decoder.decode(&mut src) else {
                panic!("no text")
            };
            assert_eq!(decoded, *text);
            assert_eq!(decoded.as_bytes().as_ptr() == at, view, "{len} bytes");
            assert_eq!(src, behind);
        }
    }
}

// F2: 0x01 to 0x7F are reserved and end with 0xFF.

#[test]
fn decode_reserved_frame_with_terminator_is_rejected_by_default() {
    for frame_type in frame_types(0x01..=0x7f) {
        let error = DecodeError::ReservedFrame { frame_type };
        assert_decodes(&[0, b'a', 0xff, frame_type], &[text("a")], Err(error));
        assert_decodes(&[frame_type, b'x', 0xff, 0, 0xff], &[], Err(error));
    }
}

#[test]
fn decode_reserved_frame_with_terminator_is_skipped_by_choice() {
    for frame_type in frame_types(0x01..=0x7f) {
        let bytes = [&[frame_type], &b"\x00\x80abc\xff\x00next\xff"[..]].concat();
        assert_decodes_with(
            SKIP,
            &bytes,
            &[reserved(frame_type, 5), text("next")],
            Ok(()),
        );
        assert_decodes_with(
            SKIP,
            &[frame_type, 0xff],
            &[reserved(frame_type, 0)],
            Ok(()),
        );
        assert_decodes_with(SKIP, &[frame_type, b'a'], &[], Err(DecodeError::Truncated));
    }
}

// F3: 0x80 to 0xFE are reserved and carry a length.

#[test]
fn decode_reserved_frame_with_length_is_rejected_by_default() {
    for frame_type in frame_types(0x80..=0xfe) {
        let error = DecodeError::ReservedFrame { frame_type };
        assert_decodes(&[frame_type], &[], Err(error));
        assert_decodes(&[0, 0xff, frame_type, 1, b'a'], &[text("")], Err(error));
    }
}

#[test]
fn decode_reserved_frame_with_length_is_skipped_by_choice() {
    for frame_type in frame_types(0x80..=0xfe) {
        // The content holds 0xFF and 0x00: it is counted, not searched.
        let bytes = [&[frame_type, 4], &b"\xff\x00\xff\x00\x00next\xff"[..]].concat();
        assert_decodes_with(
            SKIP,
            &bytes,
            &[reserved(frame_type, 4), text("next")],
            Ok(()),
        );
        assert_decodes_with(SKIP, &[frame_type, 0], &[reserved(frame_type, 0)], Ok(()));
        assert_decodes_with(SKIP, &[frame_type, 2, 0], &[], Err(DecodeError::Truncated));
        assert_decodes_with(SKIP, &[frame_type, 0x80], &[], Err(DecodeError::Truncated));
    }
}

// F4: the length is a series of seven bits each, the most significant first.

#[test]
fn decode_length_of_two_bytes_counts_in_base_128() {
    let bytes = [&[0x80, 0x81, 0x02][..], &[7; 130], b"\x00x\xff"].concat();
    assert_decodes_with(SKIP, &bytes, &[reserved(0x80, 130), text("x")], Ok(()));
}

#[test]
fn decode_length_with_leading_zeros_is_the_same_length() {
    assert_decodes_with(
        SKIP,
        b"\x90\x80\x80\x02ab\x00\xff",
        &[reserved(0x90, 2), text("")],
        Ok(()),
    );
}

// F5: 0xFF with the length 0 is the closing frame; X3: what follows is discarded.

#[test]
fn decode_closing_frame_ends_the_frames() {
    for config in [DecoderConfig::new(), SKIP] {
        for closing in [
            &b"\xff\x00"[..],
            b"\xff\x80\x00",
            b"\xff\x80\x80\x80\x80\x80\x80\x80\x00",
        ] {
            assert_decodes_with(config, closing, &[Frame::Closing], Ok(()));
            let bytes = [
                b"\x00a\xff",
                closing,
                b"\x00b\xff\xff\x00\x80\x80garbage\x00",
            ]
            .concat();
            assert_decodes_with(config, &bytes, &[text("a"), Frame::Closing], Ok(()));
        }
    }
}

#[test]
fn decode_after_closing_frame_empties_the_buffer() {
    let mut decoder = Decoder::new(DecoderConfig::new());
    let mut src = BytesMut::from(&b"\xff\x00abc"[..]);
    assert_eq!(decoder.decode(&mut src), Ok(Some(Frame::Closing)));
    assert!(src.is_empty());
    src.extend_from_slice(b"\x00more\xff");
    assert_eq!(decoder.decode(&mut src), Ok(None));
    assert!(src.is_empty());
}

// F6: 0xFF with a length above 0 is reserved.

#[test]
fn decode_0xff_with_a_length_is_reserved() {
    let error = DecodeError::ReservedFrame { frame_type: 0xff };
    assert_decodes(b"\xff\x01a", &[], Err(error));
    assert_decodes(b"\xff\x80\x81\x00", &[], Err(error));
    assert_decodes_with(
        SKIP,
        b"\xff\x02ab\xff\x00",
        &[reserved(0xff, 2), Frame::Closing],
        Ok(()),
    );
}

// F8 and F9: text that is not UTF-8.

#[test]
fn decode_invalid_utf8_is_rejected_by_default() {
    let contents: [&[u8]; 9] = [
        b"\xfe",
        b"a\xf8\x80\x80\x80\x80",
        b"\xfd",
        b"\xc0\x80",         // overlong
        b"\xe0\x80\xaf",     // overlong
        b"\xed\xa0\x80",     // surrogate
        b"\xf4\x90\x80\x80", // above U+10FFFF
        b"ab\x80",
        b"ab\xe2\x82",
    ];
    for content in contents {
        let bytes = [b"\x00ok\xff\x00", content, b"\xff\x00never\xff"].concat();
        assert_decodes(&bytes, &[text("ok")], Err(invalid_utf8(content)));
    }
}

#[test]
fn decode_invalid_utf8_error_says_where() {
    for valid in [
        "abc",
        "日本",
        &"a".repeat(100),
        &["a".repeat(50), "日".into()].concat(),
    ] {
        let bytes = [&b"\x00"[..], valid.as_bytes(), b"\xfe\xff", &[b'b'; 50]].concat();
        let cut = bytes.len() - 52;
        for chunks in [vec![&bytes[..]], vec![&bytes[..cut], &bytes[cut..]]] {
            let (_, end) = decode(DecoderConfig::new(), chunks);
            let Err(DecodeError::InvalidUtf8(error)) = end else {
                panic!("{end:?}")
            };
            let len = valid.len();
            assert_eq!(Utf8Error::valid_up_to(error), len);
            assert_eq!(error.to_string(), format!("not UTF-8 from byte {len} on"));
        }
    }
}

#[test]
fn decode_invalid_utf8_is_replaced_by_choice() {
    let bytes = b"\x00a\xfeb\xed\xa0\x80c\xe2\x82\xff\x00ok\xff";
    let replaced = text("a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}c\u{fffd}");
    assert_decodes_with(REPLACE, bytes, &[replaced, text("ok")], Ok(()));
}

// X6: the stream may end between two frames only.

#[test]
fn finish_inside_a_frame_is_truncated() {
    for bytes in [&b"\x00"[..], b"\x00abc", b"\xff", b"\xff\x80"] {
        assert_decodes(bytes, &[], Err(DecodeError::Truncated));
    }
}

#[test]
fn errors_say_what_was_wrong_and_the_limit() {
    let errors = [
        (
            DecodeError::ReservedFrame { frame_type: 0x80 },
            "frame of the reserved type 0x80",
        ),
        (
            DecodeError::ReservedTooLong { max: 5 },
            "reserved frame of more than 5 bytes",
        ),
        (
            DecodeError::TooManyLengthBytes { max: 8 },
            "frame length written in more than 8 bytes",
        ),
        (
            DecodeError::MessageTooLong { max: 9 },
            "message of more than 9 bytes",
        ),
        (invalid_utf8(b"\xfe"), "text frame is not UTF-8"),
        (DecodeError::Truncated, "stream ended inside a frame"),
    ];
    for (error, says) in errors {
        assert_eq!(error.to_string(), says);
    }
}
