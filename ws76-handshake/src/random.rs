//! Draws numbers from the caller's random bytes. There is no generator in this crate.

use md5::{Digest, Md5};

/// A stream of numbers that 32 bytes decide: block `n` is the MD5 of the bytes and `n`.
///
/// As unguessable as the bytes are, which is all that the keys of draft-76 want.
pub(crate) struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    pub(crate) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    /// Eight bytes of any value.
    pub(crate) fn bytes(&mut self) -> [u8; 8] {
        let block = Md5::new()
            .chain_update(self.seed)
            .chain_update(self.counter.to_be_bytes());
        self.counter = self.counter.wrapping_add(1);
        let block: [u8; 16] = block.finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = block;
        [a, b, c, d, e, f, g, h]
    }

    /// A number from 0 to `max`.
    pub(crate) fn up_to(&mut self, max: u32) -> u32 {
        // 64 random bits for at most 32: the bias is below one in four billion.
        let drawn = u64::from_be_bytes(self.bytes()) % (u64::from(max) + 1);
        u32::try_from(drawn).unwrap_or_default()
    }

    /// A number from 0 to `end - 1`; 0 if there is none.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.up_to(end.saturating_sub(1))
    }

    /// An index into something of this length; 0 if it is empty.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        self.below(u32::try_from(len).unwrap_or(u32::MAX)) as usize
    }

    /// A character U+0021 to U+002F or U+003A to U+007E.
    pub(crate) fn visible_non_digit(&mut self) -> char {
        let drawn = b'!' + u8::try_from(self.below(84)).unwrap_or_default();
        char::from(if drawn < b'0' { drawn } else { drawn + 10 })
    }

    /// Puts the items in random order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for len in (2..=items.len()).rev() {
            let other = self.index(len);
            items.swap(len - 1, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn characters_cover_the_two_ranges_of_the_draft_and_no_digit() {
        let mut random = Random::new([1; 32]);
        let mut seen = [false; 128];
        // For Miri each MD5 is slow: it looks at few characters, and not for all of them.
        for _ in 0..if cfg!(miri) { 50 } else { 1_000 } {
            seen[random.visible_non_digit() as usize] = true;
        }
        for (code, &seen) in seen.iter().enumerate() {
            let allowed = matches!(code, 0x21..=0x2F | 0x3A..=0x7E);
            assert!(seen == allowed || cfg!(miri) && !seen, "{code:#x}");
        }
    }

    #[test]
    fn numbers_stay_within_their_bounds() {
        let mut random = Random::new([2; 32]);
        for _ in 0..if cfg!(miri) { 20 } else { 1_000 } {
            assert!(random.up_to(3) <= 3);
            assert!(random.below(3) < 3);
        }
        assert_eq!(
            (random.below(0), random.below(1), random.index(0)),
            (0, 0, 0)
        );
        assert!((0..64).any(|_| random.up_to(u32::MAX) > u32::MAX / 2));
    }
}
