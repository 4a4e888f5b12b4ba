//! Every limit at n and at n + 1, and what a hostile length costs: F4, F7, T1, T2 and T8.

mod support;

use bytes::BytesMut;
use support::{assert_decodes_with, reserved, text};
use ws76_codec::{DecodeError, Decoder, DecoderConfig, Frame, ReservedFrames};

const SKIP: DecoderConfig = DecoderConfig::new().with_reserved_frames(ReservedFrames::Skip);

#[test]
fn message_of_the_limit_is_read_and_one_byte_more_is_not() {
    // F7
    let config = DecoderConfig::new().with_max_message_len(5);
    assert_decodes_with(config, b"\x0012345\xff", &[text("12345")], Ok(()));
    let behind = b"\x0012345\xff".repeat(8);
    assert_decodes_with(config, &behind, &vec![text("12345"); 8], Ok(()));
    let longer = [&b"\x00123456\xff"[..], &behind].concat();
    assert_decodes_with(
        config,
        &longer,
        &[],
        Err(DecodeError::MessageTooLong { max: 5 }),
    );
    let error = Err(DecodeError::MessageTooLong { max: 5 });
    assert_decodes_with(config, b"\x00123456\xff", &[], error);
    assert_decodes_with(config, b"\x00123456", &[], error);
    assert_decodes_with(
        config.with_max_message_len(0),
        b"\x00\xff",
        &[text("")],
        Ok(()),
    );
}

#[test]
fn message_limit_bites_while_the_frame_still_arrives() {
    // F7, T2
    let mut decoder = Decoder::new(DecoderConfig::new().with_max_message_len(100));
    let mut src = BytesMut::from(&b"\x00"[..]);
    for _ in 0..100 {
        src.extend_from_slice(b"a");
        assert_eq!(decoder.decode(&mut src), Ok(None));
    }
    src.extend_from_slice(b"a");
    assert_eq!(
        decoder.decode(&mut src),
        Err(DecodeError::MessageTooLong { max: 100 })
    );
}

#[test]
fn default_message_limit_is_one_mebibyte() {
    // Miri would take minutes for the default, and looks at the same steps for a smaller limit.
    let config = match cfg!(miri) {
        true => DecoderConfig::new().with_max_message_len(1 << 10),
        false => DecoderConfig::new(),
    };
    let max = config.max_message_len;
    assert!(cfg!(miri) || max == 1 << 20);
    let mut src = BytesMut::from(&b"\x00"[..]);
    src.resize(1 + max, b'a');
    src.extend_from_slice(b"\xff");
    let mut longer = src.clone();
    let frame = Decoder::new(config).decode(&mut src);
    assert!(matches!(frame, Ok(Some(Frame::Text(text))) if text.len() == max));
    longer[1 + max] = b'a';
    longer.extend_from_slice(b"\xff");
    let error = Decoder::new(config).decode(&mut longer);
    assert_eq!(error, Err(DecodeError::MessageTooLong { max }));
}

#[test]
fn reserved_frame_of_the_limit_is_skipped_and_one_byte_more_is_not() {
    let config = SKIP.with_max_reserved_len(3);
    let error = Err(DecodeError::ReservedTooLong { max: 3 });
    assert_decodes_with(config, b"\x80\x03abc", &[reserved(0x80, 3)], Ok(()));
    assert_decodes_with(config, b"\x80\x04", &[], error);
    assert_decodes_with(config, b"\x80\x81\x00", &[], error);
    assert_decodes_with(config, b"\x01abc\xff", &[reserved(0x01, 3)], Ok(()));
    assert_decodes_with(config, b"\x01abcd", &[], error);
}

#[test]
fn length_of_eight_bytes_is_read_and_a_ninth_byte_is_not() {
    // F4, T1: 0x80 repeated keeps the length at 0 for ever.
    let mut bytes = [0x80; 9];
    bytes[8] = 0x01;
    let mut whole = bytes.to_vec();
    whole.push(b'a');
    assert_decodes_with(SKIP, &whole, &[reserved(0x80, 1)], Ok(()));
    let error = Err(DecodeError::TooManyLengthBytes { max: 8 });
    assert_decodes_with(SKIP, &[0x80; 9], &[], error);
    assert_decodes_with(
        DecoderConfig::new(),
        &[&[0xff][..], &[0x80; 8]].concat(),
        &[],
        error,
    );
    let none = SKIP.with_max_length_bytes(0);
    let error = Err(DecodeError::TooManyLengthBytes { max: 0 });
    assert_decodes_with(none, b"\x80\x00", &[], error);
}

#[test]
fn length_beyond_any_integer_is_an_error() {
    // F4, T1: with the other limits wide open.
    let config = SKIP
        .with_max_reserved_len(u64::MAX)
        .with_max_length_bytes(255);
    let error = Err(DecodeError::ReservedTooLong { max: u64::MAX });
    assert_decodes_with(config, &[&[0x80][..], &[0xff; 10]].concat(), &[], error);
    // 2^64 - 1 is the last length that a u64 holds: read, and then waited for.
    let max = [&[0x80, 0x81][..], &[0xff; 8], &[0x7f]].concat();
    assert_decodes_with(config, &max, &[], Err(DecodeError::Truncated));
}

#[test]
fn announced_length_reserves_nothing() {
    // T8
    let config = SKIP.with_max_reserved_len(u64::MAX);
    let mut decoder = Decoder::new(config);
    let mut src = BytesMut::from(&b"\x80\xff\xff\xff\xff\xff\xff\xff\x7f"[..]);
    assert_eq!(decoder.decode(&mut src), Ok(None));
    for _ in 0..if cfg!(miri) { 100 } else { 1_000 } {
        src.extend_from_slice(&[0xff; 64]);
        assert_eq!(decoder.decode(&mut src), Ok(None));
        assert!(src.is_empty(), "skipped bytes are not stored");
    }
    assert!(src.capacity() < 4096);
}

#[test]
fn defaults_are_those_that_are_promised() {
    let config = DecoderConfig::default();
    assert_eq!(config.max_message_len, 1 << 20);
    assert_eq!(config.max_reserved_len, 1 << 20);
    assert_eq!(config.max_length_bytes, 8);
    assert_eq!(config.reserved_frames, ReservedFrames::Reject);
    assert_eq!(Decoder::new(config).config(), &config);
}
