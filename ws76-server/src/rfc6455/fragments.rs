//! Counts the fragments of messages as they arrive, since tungstenite shows whole messages only.
//!
//! It follows the heads of frames (RFC 6455 §5.2) in the bytes that are read, and looks at nothing
//! else: what is wrong with a frame is for tungstenite to say. The frame that breaks a limit is held
//! back from it, so that all before that frame is judged first, however the bytes were cut.

use crate::Rfc6455Error;

/// How far the frames have come, and what the message under way costs so far.
#[derive(Debug)]
pub(crate) struct Fragments {
    max_fragments: usize,
    max_len: usize,
    expects: Expects,
    head: Head,
    /// Fragments of the message under way.
    fragments: usize,
    /// Its bytes, with the heads of all fragments but the first.
    len: u64,
    /// Messages that are whole.
    messages: u64,
    /// Whether frames came behind the last of these.
    is_behind: bool,
    broken: Option<Rfc6455Error>,
}

#[derive(Clone, Copy, Debug)]
enum Expects {
    FirstByte,
    SecondByte,
    /// So many bytes of an extended length.
    Length(u8),
    /// So many bytes of mask and payload.
    Payload(u64),
    /// Nothing that counts: behind a closing frame or a protocol error, or broken.
    Nothing,
}

/// What is known of the frame under way.
#[derive(Clone, Copy, Debug, Default)]
struct Head {
    fin: bool,
    opcode: u8,
    mask_len: u64,
    payload_len: u64,
    head_len: u64,
}

impl Fragments {
    pub(crate) fn new(max_fragments: usize, max_len: usize) -> Self {
        Self {
            max_fragments,
            max_len,
            expects: Expects::FirstByte,
            head: Head::default(),
            fragments: 0,
            len: 0,
            messages: 0,
            is_behind: false,
            broken: None,
        }
    }

    /// The count of messages that were let through whole, ahead of any closing frame.
    pub(crate) const fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether there was nothing but the first `count` messages.
    pub(crate) const fn is_used_up(&self, count: u64) -> bool {
        matches!(self.expects, Expects::FirstByte) && !self.is_behind && self.messages == count
    }

    /// The limit that was broken, behind all that was let through.
    pub(crate) const fn broken(&self) -> Option<Rfc6455Error> {
        self.broken
    }

    /// Follows bytes that were read, and returns how many of them are to be let through: all, but
    /// for the end of a head that breaks a limit and what is behind it.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while self.broken.is_none() {
            if let Some(behind) = self.skip_whole_message(rest) {
                self.messages += 1;
                self.is_behind = false;
                rest = behind;
                continue;
            }
            if let Expects::Payload(left) = self.expects {
                let skip = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                rest = rest.get(skip..).unwrap_or_default();
                let left = left - skip as u64;
                if left > 0 {
                    self.expects = Expects::Payload(left);
                    return bytes.len();
                }
                self.end_of_frame();
            }
            let [byte, behind @ ..] = rest else {
                return bytes.len();
            };
            self.head_byte(*byte);
            if self.broken.is_none() {
                rest = behind;
            }
        }
        bytes.len() - rest.len()
    }

    /// What is behind a message of a single frame, if all of one comes next and is within the limits:
    /// it leaves nothing behind that counts.
    #[inline]
    fn skip_whole_message<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if !matches!(self.expects, Expects::FirstByte) || self.fragments > 0 {
            return None;
        }
        let [0x81 | 0x82, second, behind @ ..] = bytes else {
            return None;
        };
        let (len, behind) = match (second & 0x7f, behind) {
            (126, [high, low, behind @ ..]) => (u16::from_be_bytes([*high, *low]).into(), behind),
            (126.., _) => return None,
            (len, behind) => (usize::from(len), behind),
        };
        if len > self.max_len || self.max_fragments == 0 {
            return None;
        }
        behind.get(usize::from(second >> 7) * 4 + len..)
    }

    fn head_byte(&mut self, byte: u8) {
        self.head.head_len += 1;
        self.expects = match self.expects {
            Expects::FirstByte => {
                self.head.fin = byte & 0x80 != 0;
                self.head.opcode = byte & 0x0f;
                Expects::SecondByte
            }
            Expects::SecondByte => {
                self.head.mask_len = if byte & 0x80 == 0 { 0 } else { 4 };
                match byte & 0x7f {
                    126 => Expects::Length(2),
                    127 => Expects::Length(8),
                    len => {
                        self.head.payload_len = len.into();
                        self.payload()
                    }
                }
            }
            Expects::Length(left) => {
                self.head.payload_len = self.head.payload_len << 8 | u64::from(byte);
                match left - 1 {
                    0 => self.payload(),
                    left => Expects::Length(left),
                }
            }
            other => other,
        };
    }

    /// The head of a frame is whole: counts it.
    fn payload(&mut self) -> Expects {
        let head = self.head;
        match head.opcode {
            // A message within another, or the rest of none.
            0 if self.fragments == 0 => return Expects::Nothing,
            1 | 2 if self.fragments > 0 => return Expects::Nothing,
            0 => {
                self.fragments += 1;
                let heads = head.head_len + head.mask_len;
                self.len = self.len.saturating_add(heads);
            }
            1 | 2 => {
                self.fragments = 1;
                self.len = 0;
            }
            // A closing frame.
            8 => return Expects::Nothing,
            _ => return Expects::Payload(head.mask_len.saturating_add(head.payload_len)),
        }
        self.len = self.len.saturating_add(head.payload_len);
        let (max, max_len) = (self.max_fragments, self.max_len);
        self.broken = if self.fragments > max {
            Some(Rfc6455Error::TooManyFragments { max })
        } else if self.len > max_len as u64 {
            Some(Rfc6455Error::MessageTooLong { max: max_len })
        } else {
            None
        };
        match self.broken {
            Some(_) => Expects::Nothing,
            None => Expects::Payload(head.mask_len.saturating_add(head.payload_len)),
        }
    }

    fn end_of_frame(&mut self) {
        let head = std::mem::take(&mut self.head);
        self.is_behind = !head.fin || head.opcode > 2;
        if !self.is_behind {
            self.fragments = 0;
            self.messages += 1;
        }
        self.expects = Expects::FirstByte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(first: u8, len: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match u8::try_from(len) {
            Ok(short) if short < 126 => frame.push(0x80 | short),
            _ => {
                frame.push(0xfe);
                frame.extend(u16::try_from(len).unwrap().to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(std::iter::repeat_n(0x81, len));
        frame
    }

    /// What is said of these bytes, and how many of them are let through.
    fn said(max: usize, max_len: usize, bytes: &[u8]) -> (usize, Option<Rfc6455Error>) {
        let outcomes = [1, 3, bytes.len().max(1)].map(|size| {
            let mut fragments = Fragments::new(max, max_len);
            let passed = bytes.chunks(size).map(|chunk| fragments.follow(chunk));
            let said = (passed.sum(), fragments.broken());
            let messages = fragments.messages();
            (said, messages, fragments.is_used_up(messages))
        });
        assert_eq!(outcomes[0], outcomes[1]);
        assert_eq!(outcomes[0], outcomes[2]);
        outcomes[0].0
    }

    /// How many messages are whole, and whether there was nothing else behind them.
    fn whole(bytes: &[u8]) -> (u64, bool) {
        said(9, 1000, bytes);
        let mut fragments = Fragments::new(9, 1000);
        fragments.follow(bytes);
        let messages = fragments.messages();
        assert!(!fragments.is_used_up(messages + 1));
        (messages, fragments.is_used_up(messages))
    }

    #[test]
    fn messages_count_when_they_are_whole() {
        let (text, ping, closing) = (frame(0x81, 3), frame(0x89, 3), frame(0x88, 0));
        let long = [frame(0x02, 200), ping.clone(), frame(0x80, 130)].concat();
        assert_eq!(whole(&[]), (0, true));
        assert_eq!(whole(&long), (1, true));
        assert_eq!(whole(&[&text[..], &long, &text].concat()), (3, true));
        assert_eq!(whole(&[&text[..], &frame(0x01, 3)].concat()), (1, false));
        assert_eq!(whole(&[&text[..], &ping].concat()), (1, false));
        assert_eq!(whole(&[&ping[..], &text].concat()), (1, true));
        assert_eq!(whole(&[&text[..], &closing, &text].concat()), (1, false));
        for len in 1..text.len() {
            assert_eq!(whole(&[&long[..], &text[..len]].concat()), (1, false));
        }
    }

    #[test]
    fn fragments_of_the_limit_are_taken_and_one_more_is_not() {
        let frames = [
            frame(0x01, 1),
            frame(0x89, 2),
            frame(0x00, 0),
            frame(0x80, 300),
        ];
        let three = frames.concat();
        assert_eq!(said(3, 1000, &three), (three.len(), None));
        let more = three.repeat(4);
        assert_eq!(said(3, 1000, &more), (more.len(), None));
        // All but the last byte of a head, which has 2 for the length.
        let passed = three.len() - 300 - 4 - 1;
        let error = Rfc6455Error::TooManyFragments { max: 2 };
        assert_eq!(said(2, 1000, &three), (passed, Some(error)));
        let before = frame(0x82, 5);
        let behind = [before.clone(), three].concat();
        assert_eq!(said(2, 1000, &behind), (before.len() + passed, Some(error)));
    }

    #[test]
    fn heads_of_fragments_count_as_bytes_of_the_message() {
        // 10 and 10 bytes, and 6 of the second head.
        let two = [frame(0x01, 10), frame(0x80, 10)].concat();
        assert_eq!(said(9, 26, &two), (two.len(), None));
        let error = Rfc6455Error::MessageTooLong { max: 25 };
        assert_eq!(said(9, 25, &two), (16 + 1, Some(error)));
        assert_eq!(said(9, 25, &frame(0x81, 25)), (31, None));
        let error = Rfc6455Error::MessageTooLong { max: 24 };
        assert_eq!(said(9, 24, &frame(0x81, 25)), (1, Some(error)));
    }

    #[test]
    fn nothing_counts_behind_a_closing_frame_or_a_protocol_error() {
        let text = frame(0x81, 0);
        for last in [frame(0x88, 0), frame(0x00, 0), frame(0x01, 0).repeat(2)] {
            let bytes = [text.clone(), last, frame(0x00, 0).repeat(9)].concat();
            assert_eq!(said(1, 100, &bytes), (bytes.len(), None));
        }
    }

    #[test]
    fn largest_length_is_no_overflow() {
        let mut huge = vec![0x82, 0xff];
        huge.extend([0xff; 8]);
        let error = Rfc6455Error::MessageTooLong { max: usize::MAX };
        // A length of all bits is no more than the limit where both have as many.
        let expected = match usize::BITS {
            64 => (huge.len(), None),
            _ => (huge.len() - 1, Some(error)),
        };
        assert_eq!(said(1, usize::MAX, &huge), expected);
    }
}
