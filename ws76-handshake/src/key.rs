//! One key of the challenge: digits and spaces in, part out (draft-76 §5.2 steps 4-7).
//!
//! The key number may have any number of digits. One that does not fit a machine word is divided
//! digit by digit, so that the cost is linear.

use core::fmt;

/// A key whose part is proven: it has digits and spaces, and the one is a multiple of the other.
///
/// Implements draft-76 §5.2 steps 4-7.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Key, KeyError};
///
/// let key = Key::parse(b"4 @1  46546xW%0l 1 5")?;
/// assert_eq!(key.part(), 829_309_203);
/// assert_eq!(Key::parse(b"12345"), Err(KeyError::NoSpace));
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    part: u32,
}

impl Key {
    /// Reads a key from the value of its field, spaces at the edges included.
    ///
    /// Leading zeros and any bytes besides digits and spaces mean nothing. A key number above
    /// 4,294,967,295 is let through if its part fits, as the letter of draft-76 §5.2 does.
    ///
    /// # Errors
    ///
    /// When the key has no digit, has no space, is no multiple of its spaces, or has a part above
    /// 4,294,967,295. Of several faults the first in this order is told.
    pub fn parse(value: &[u8]) -> Result<Self, KeyError> {
        let (mut digits, mut spaces, mut number) = (0_usize, 0_u64, 0_u64);
        for &byte in value {
            if byte.is_ascii_digit() {
                digits += 1;
                number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            }
            spaces += u64::from(byte == b' ');
        }
        if digits == 0 {
            return Err(KeyError::NoDigit);
        }
        if spaces == 0 {
            return Err(KeyError::NoSpace);
        }
        let (quotient, rest) = match digits <= MAX_DIGITS {
            true => (number / spaces, number % spaces),
            false => divide(value, spaces),
        };
        if rest != 0 {
            return Err(KeyError::NotMultiple);
        }
        match u32::try_from(quotient) {
            Ok(part) => Ok(Self { part }),
            Err(_) => Err(KeyError::PartTooLarge),
        }
    }

    /// The key number divided by the spaces.
    #[must_use]
    pub const fn part(self) -> u32 {
        self.part
    }
}

/// Quotient and rest of a key number of any size.
fn divide(value: &[u8], spaces: u64) -> (u64, u64) {
    // Long division: `rest` stays below `spaces`, so each step adds one digit, 0 to 9, to the
    // quotient, and ten times `rest` is an overflow only for a key of 10^18 bytes. Once the
    // quotient is too large for a part it only has to stay too large.
    let (mut quotient, mut rest) = (0_u64, 0_u64);
    for digit in value.iter().filter(|byte| byte.is_ascii_digit()) {
        let dividend = rest * 10 + u64::from(digit - b'0');
        quotient = (quotient * 10 + dividend / spaces).min(TOO_LARGE);
        rest = dividend % spaces;
    }
    (quotient, rest)
}

/// What is wrong with a key. A client that sends such a key did not mean draft-76.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Key, KeyError};
///
/// assert_eq!(Key::parse(b"1 3"), Ok(Key::parse(b"13 ")?));
/// assert_eq!(Key::parse(b"1 3 "), Err(KeyError::NotMultiple));
/// assert_eq!(KeyError::NoDigit.to_string(), "no digit in the key");
/// # Ok::<(), KeyError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key holds no digit, so there is no key number.
    #[error("no digit in the key")]
    NoDigit,
    /// The key holds no space: a sign of a cross-protocol attack, and a division by zero.
    #[error("no space in the key")]
    NoSpace,
    /// The key number is no integral multiple of the spaces.
    #[error("key number is no multiple of the spaces")]
    NotMultiple,
    /// The part is above 4,294,967,295.
    #[error("part of the key does not fit 32 bits")]
    PartTooLarge,
}

/// Which of the two keys of a request.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{HandshakeError, KeyError, WhichKey};
///
/// let error = HandshakeError::Key { which: WhichKey::Key1, error: KeyError::NoSpace };
/// assert_eq!(error.to_string(), "key 1: no space in the key");
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "the draft is frozen: two keys are fields"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichKey {
    /// The field `Sec-WebSocket-Key1`.
    Key1,
    /// The field `Sec-WebSocket-Key2`.
    Key2,
}

impl fmt::Display for WhichKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key1 => "key 1",
            Self::Key2 => "key 2",
        })
    }
}

/// Above any part, and small enough that ten times it is no overflow.
const TOO_LARGE: u64 = 1 << 40;
/// A number of as many digits fits a machine word.
const MAX_DIGITS: usize = 19;
