//! The challenge and its response (draft-76 §5.2 steps 8 and 9).
//!
//! MD5 proves here only that the server read the request as draft-76. It is no security.

use md5::{Digest, Md5};

/// The 16 bytes whose MD5 the server sends: part 1, part 2 and key 3.
///
/// Implements draft-76 §5.2 steps 8 and 9.
///
/// # Examples
///
/// ```
/// use ws76_handshake::Challenge;
///
/// let challenge = Challenge::new(829_309_203, 259_970_620, *b"^n:ds[4U");
/// assert_eq!(challenge.as_bytes(), b"1n\x41\x13\x0f\x7e\xd6\x3c^n:ds[4U");
/// assert_eq!(&challenge.response(), b"8jKS'y:G*Co,Wxa-");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenge([u8; 16]);

impl Challenge {
    /// Puts the parts, big-endian, and key 3 together.
    #[must_use]
    pub const fn new(part1: u32, part2: u32, key3: [u8; 8]) -> Self {
        let [a, b, c, d] = part1.to_be_bytes();
        let [e, f, g, h] = part2.to_be_bytes();
        let [i, j, k, l, m, n, o, p] = key3;
        Self([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p])
    }

    /// The 16 bytes themselves.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// The 16 bytes that the server owes for this challenge: its MD5.
    #[must_use]
    pub fn response(&self) -> [u8; 16] {
        Md5::digest(self.0).into()
    }
}
