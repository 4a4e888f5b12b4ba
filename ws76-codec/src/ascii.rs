//! How far bytes are ASCII. The byte that ends this is in a text frame most often its end.

/// How many bytes at the front are ASCII, and how many of these are in whole chunks of that.
#[inline]
pub(crate) fn ascii_len(bytes: &[u8]) -> (usize, usize) {
    let (chunks, _) = bytes.as_chunks::<CHUNK_LEN>();
    let ascii = chunks.iter().take_while(|chunk| chunk.is_ascii());
    let in_chunks = CHUNK_LEN * ascii.count();
    let (words, tail) = bytes.get(in_chunks..).unwrap_or_default().as_chunks();
    let in_words = ascii_words_len(words);
    let mut len = in_chunks + in_words;
    if in_words == 8 * words.len() {
        len += tail.iter().take_while(|byte| byte.is_ascii()).count();
    }
    (len, in_chunks)
}

/// How many bytes at the front are ASCII. Inlined where the count of words is known, it has no loop.
#[inline]
pub(crate) fn ascii_words_len(words: &[[u8; 8]]) -> usize {
    let mut len = 0;
    for word in words {
        let high_bits = u64::from_le_bytes(*word) & 0x8080_8080_8080_8080;
        if high_bits != 0 {
            return len + high_bits.trailing_zeros() as usize / 8;
        }
        len += 8;
    }
    len
}

const CHUNK_LEN: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_ends_at_the_first_byte_with_the_high_bit() {
        let lens = (0..=150).step_by(if cfg!(miri) { 17 } else { 1 });
        for len in lens {
            let mut bytes = [0x7f; 150];
            let whole = |len| len / CHUNK_LEN * CHUNK_LEN;
            assert_eq!(ascii_len(&bytes[..len]), (len, whole(len)));
            for at in 0..len {
                for byte in [0x80, 0xff] {
                    bytes[at..].fill(byte);
                    assert_eq!(ascii_len(&bytes[..len]), (at, whole(at)));
                }
                bytes[at + 1..].fill(0);
                assert_eq!(ascii_len(&bytes[..len]), (at, whole(at)));
                bytes.fill(0x7f);
            }
        }
    }
}
