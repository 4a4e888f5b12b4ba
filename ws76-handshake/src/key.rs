//! One key of the challenge: digits and spaces in, part out (draft-76 §5.2 steps 4-7).
//!
//! The key number may have any number of digits. It is divided digit by digit as it is read, so no
//! number is ever larger than a machine word and the cost is linear.

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
        if !value.iter().any(u8::is_ascii_digit) {
            return Err(KeyError::NoDigit);
        }
        let mut spaces: u64 = 0;
        for &byte in value {
            spaces += u64::from(byte == b' ');
        }
        if spaces == 0 {
            return Err(KeyError::NoSpace);
        }

        // Long division: `rest` stays below `spaces`, so each step adds one digit, 0 to 9, to the
        // quotient, and ten times `rest` is an overflow only for a key of 10^18 bytes. Once the
        // quotient is too large for a part it only has to stay too large.
        let mut quotient: u64 = 0;
        let mut rest: u64 = 0;
        for digit in value.iter().filter(|byte| byte.is_ascii_digit()) {
            let dividend = rest * 10 + u64::from(digit - b'0');
            quotient = (quotient * 10 + dividend / spaces).min(TOO_LARGE);
            rest = dividend % spaces;
        }
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
