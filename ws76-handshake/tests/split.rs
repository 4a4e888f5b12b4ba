//! Properties of any bytes: no panic, one outcome however they are cut (T12), and keys that agree
//! with a naive reading of them (C1 to C4).

mod support;

use bytes::BytesMut;
use proptest::prelude::*;
use support::{edited, read_every_way};
use ws76_handshake::{HeadLimits, Key, KeyError, RequestReader};

/// Pieces of which the requests of the corpus are made, good ones and bad ones.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "GET /a b HTTP/1.1\r\n",
    "Host: a\r\n",
    "Upgrade: WebSocket\r\n",
    "Connection: Upgrade\r\n",
    "Sec-WebSocket-Key1: 1 2\r\n",
    "Sec-WebSocket-Key2: 3 6\r\n",
    "Sec-WebSocket-Key: x\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Origin: null\r\n",
    "\r\n",
    "\r",
    "\n",
    ":",
    " ",
    "\0",
    "x",
    "\u{560a}",
];

proptest! {
    #[test]
    fn t12_any_bytes_come_to_the_same_however_cut(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = read_every_way(HeadLimits::new(), &bytes);
    }

    #[test]
    fn t12_any_pieces_of_requests_come_to_the_same_however_cut(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..16),
        max_line_len in 0_usize..40,
    ) {
        let bytes = ["GET / HTTP/1.1\r\n", &pieces.concat()].concat();
        let _ = read_every_way(HeadLimits::new(), bytes.as_bytes());
        let limits = HeadLimits::new().with_max_line_len(max_line_len).with_max_fields(6);
        let _ = read_every_way(limits, bytes.as_bytes());
    }

    #[test]
    fn t12_a_request_with_one_byte_changed_comes_to_the_same_however_cut(
        at in 0_usize..250,
        byte in any::<u8>(),
    ) {
        let mut bytes = edited(&[]);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = read_every_way(HeadLimits::new(), &bytes);
    }

    #[test]
    fn t5_a_source_that_shrinks_is_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let mut reader = RequestReader::new(HeadLimits::new());
        let mut src = BytesMut::from(&edited(&[])[..100]);
        let _ = reader.read(&mut src);
        let _ = reader.read(&mut BytesMut::from(&bytes[..]));
        let _ = reader.read(&mut BytesMut::new());
    }

    #[test]
    fn c1_c2_c3_c4_keys_agree_with_a_naive_reading(
        key in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(&b"0123456789"[..]),
            2 => Just(b' '),
            1 => any::<u8>(),
        ], 0..50),
    ) {
        prop_assert_eq!(Key::parse(&key).map(Key::part), naive(&key));
    }

    #[test]
    fn c3_c4_multiples_of_the_spaces_are_parts(part in any::<u32>(), spaces in 1_usize..500) {
        let number = u128::from(part) * spaces as u128;
        let key = format!("000{number}{}", " ".repeat(spaces));
        prop_assert_eq!(Key::parse(key.as_bytes()).map(Key::part), Ok(part));
        let above = format!("{}{}", (1_u128 << 32) * spaces as u128, " ".repeat(spaces));
        prop_assert_eq!(Key::parse(above.as_bytes()), Err(KeyError::PartTooLarge));
    }
}

#[test]
fn c4_a_number_of_8_000_digits_is_divided_in_no_time() {
    let digits = if cfg!(miri) { 400 } else { 8_000 };
    for spaces in [1, 7, digits] {
        let key = [&b"9".repeat(digits)[..], &b" ".repeat(spaces)].concat();
        assert_eq!(Key::parse(&key).map(Key::part), naive(&key));
    }
    let zeros = [&b"0".repeat(digits)[..], b"  84"].concat();
    assert_eq!(Key::parse(&zeros).map(Key::part), Ok(42));
}

#[test]
fn t5_bytes_of_a_head_are_looked_at_once() {
    // What was read is overwritten with NUL, which is forbidden everywhere: a scan that began anew,
    // whose cost would be the square of the head's length, would find it.
    let pieces = [
        "GE",
        "T /a",
        "bc?d",
        "e HTTP/1.",
        "1\r",
        "\nHo",
        "st",
        ": ",
        "a",
        "b\r\nA:",
        " \r\n",
    ];
    // The version is compared once more at the end of the line.
    let kept = " HTTP/1.";
    let mut reader = RequestReader::new(HeadLimits::new());
    let mut src = BytesMut::new();
    for piece in pieces {
        src.extend_from_slice(piece.as_bytes());
        assert_eq!(reader.read(&mut src), Ok(None), "{piece:?}");
        let text = String::from_utf8_lossy(&src);
        let keep = text
            .find(kept)
            .map_or(0..0, |start| start..start + kept.len());
        for at in 0..src.len() {
            if !keep.contains(&at) {
                src[at] = 0;
            }
        }
    }
    src.extend_from_slice(b"\r");
    assert_eq!(reader.read(&mut src), Ok(None));
}

#[test]
fn t5_a_long_head_in_single_bytes_is_linear() {
    // Single bytes behind a long beginning: a scan that began anew each time would take hours.
    let (beginning, bytes) = if cfg!(miri) {
        (2 << 10, 2 << 8)
    } else {
        (2 << 20, 2 << 16)
    };
    let limits = HeadLimits::new()
        .with_max_head_len(8 << 20)
        .with_max_line_len(8 << 20)
        .with_max_resource_name_len(8 << 20);
    let mut reader = RequestReader::new(limits);
    let mut src = BytesMut::from("GET /");
    src.resize(src.len() + beginning, b'x');
    src.extend_from_slice(b" HTTP/1.1\r\nA:");
    assert_eq!(reader.read(&mut src), Ok(None));
    for _ in 0..bytes {
        src.extend_from_slice(b"\t");
        assert_eq!(reader.read(&mut src), Ok(None));
    }
}

/// Draft-76 §5.2 steps 4 to 7 on digits in a vector: slow, and hard to get wrong.
fn naive(key: &[u8]) -> Result<u32, KeyError> {
    let digits: Vec<u32> = key
        .iter()
        .filter_map(|&byte| char::from(byte).to_digit(10))
        .collect();
    let spaces = key.iter().filter(|&&byte| byte == b' ').count() as u128;
    if digits.is_empty() {
        return Err(KeyError::NoDigit);
    }
    if spaces == 0 {
        return Err(KeyError::NoSpace);
    }
    let (mut quotient, mut rest) = (Vec::new(), 0);
    for digit in digits {
        rest = rest * 10 + u128::from(digit);
        quotient.push(char::from_digit(u32::try_from(rest / spaces).unwrap(), 10).unwrap());
        rest %= spaces;
    }
    if rest != 0 {
        return Err(KeyError::NotMultiple);
    }
    let quotient: String = quotient.into_iter().collect();
    match quotient.trim_start_matches('0') {
        "" => Ok(0),
        part => part.parse().map_err(|_| KeyError::PartTooLarge),
    }
}
