//! The property of the keys and the challenge.

use num_bigint::BigUint;
use ws76_handshake::{Challenge, Key, KeyError};

use crate::{naive, pieces};

/// Any key gives the part, or the fault, that arithmetic on numbers of any size gives; and the
/// response to a challenge is the MD5 of its 16 bytes.
///
/// The input is key 1, 0x1E, key 2, 0x1E, key 3.
pub fn challenge(input: &[u8]) {
    let [key1, key2, rest] = pieces(input).map(Option::unwrap_or_default);
    let mut key3 = [0; 8];
    for (place, byte) in key3.iter_mut().zip(rest) {
        *place = *byte;
    }
    // A key without a part lends its last four bytes instead, so that any challenge comes up.
    let parts = [key1, key2].map(|key| {
        let expected = part(key);
        assert_eq!(Key::parse(key).map(Key::part), expected, "{key:?}");
        expected.unwrap_or_else(|_| {
            let last = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
            key.iter().fold(0, last)
        })
    });

    let challenge = Challenge::new(parts[0], parts[1], key3);
    let bytes = challenge_bytes(parts, key3);
    assert_eq!(challenge.as_bytes(), &bytes);
    assert_eq!(challenge.response(), naive::md5(&bytes));
}

/// Draft-76 §5.2 steps 4 to 7; of several faults the first that `Key::parse` documents.
pub(crate) fn part(key: &[u8]) -> Result<u32, KeyError> {
    let digits: Vec<u8> = key.iter().copied().filter(u8::is_ascii_digit).collect();
    let spaces = key.iter().filter(|&&byte| byte == 0x20).count();
    let Some(number) = BigUint::parse_bytes(&digits, 10) else {
        return Err(KeyError::NoDigit);
    };
    if spaces == 0 {
        return Err(KeyError::NoSpace);
    }
    let part = &number / spaces;
    if &part * spaces != number {
        return Err(KeyError::NotMultiple);
    }
    u32::try_from(part).map_err(|_| KeyError::PartTooLarge)
}

/// The response to the keys of a request, by nothing of the crate.
pub(crate) fn response(key1: &[u8], key2: &[u8], key3: [u8; 8]) -> Option<[u8; 16]> {
    let parts = [part(key1).ok()?, part(key2).ok()?];
    Some(naive::md5(&challenge_bytes(parts, key3)))
}

fn challenge_bytes(parts: [u32; 2], key3: [u8; 8]) -> [u8; 16] {
    let number = u128::from(parts[0]) << 96 | u128::from(parts[1]) << 64;
    (number | u128::from(u64::from_be_bytes(key3))).to_be_bytes()
}
