//! How often memory is asked for, in the steady state.

use allocation_counter::measure;
use bytes::BytesMut;
use ws76_codec::{Decoder, DecoderConfig, EncodedFrame, Frame, Text, encode_text};

/// How often memory is asked for by `action`.
fn allocations(action: impl FnOnce()) -> u64 {
    measure(action).count_total
}

#[test]
fn encoded_frame_is_one_allocation() {
    for len in [0, 1, 46, 47, 125, 5000, 1 << 20] {
        let text = "a".repeat(len);
        let count = allocations(|| assert_eq!(EncodedFrame::text(&text).as_bytes().len(), len + 2));
        assert_eq!(count, 1, "{len} bytes");
    }
}

#[test]
fn encoding_into_room_allocates_nothing() {
    for len in [0, 1, 46, 47, 125, 5000, 1 << 20] {
        let text = Text::from("a".repeat(len));
        let mut dst = BytesMut::with_capacity(len + 2);
        assert_eq!(allocations(|| text.encode(&mut dst)), 0, "{len} bytes");
        assert_eq!(dst.len(), len + 2);
    }
}

#[test]
fn decoding_allocates_nothing_for_short_texts_and_once_a_buffer_for_others() {
    for (len, count) in [(0, 0), (1, 0), (46, 0), (47, 1), (5000, 1)] {
        let mut src = BytesMut::with_capacity(10 * (len + 2));
        for _ in 0..10 {
            encode_text(&"a".repeat(len), &mut src);
        }
        let mut decoder = Decoder::new(DecoderConfig::new());
        let decode_all = || {
            for _ in 0..10 {
                let frame = decoder.decode(&mut src).unwrap();
                assert!(matches!(frame, Some(Frame::Text(text)) if text.len() == len));
            }
        };
        assert_eq!(allocations(decode_all), count, "{len} bytes");
    }
}
