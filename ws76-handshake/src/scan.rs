//! Finds the end of a head's fields, byte for byte (draft-76 §5.1, and §4.1 for a reply).
//!
//! ```text
//! LineStart --token--> Name --":"--> AfterColon --> Value --CR--> LineEnd --LF--> LineStart
//!     `--CR--> HeadEnd --LF--> done
//! ```
//!
//! Each byte is looked at once, and whether it is an error depends on the bytes before it alone:
//! how the bytes were cut never changes what comes out. Meaning is given elsewhere.

use alloc::vec::Vec;

use crate::error::HeadError;
use crate::limits::HeadLimits;

/// Where a piece of the head stands in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(start: usize, end: usize) -> Self {
        Self {
            start: offset(start),
            end: offset(end),
        }
    }

    /// The bytes of `head` that stand there.
    pub(crate) fn of(self, head: &[u8]) -> &[u8] {
        head.get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }

    /// The same piece without the spaces and tabs at its edges.
    pub(crate) fn trimmed(self, head: &[u8]) -> Self {
        let bytes = self.of(head);
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        // Mostly there are none.
        if let [first, .., last] = bytes
            && !blank(first)
            && !blank(last)
        {
            return self;
        }
        let Some(first) = bytes.iter().position(|byte| !blank(byte)) else {
            return Self {
                start: self.end,
                end: self.end,
            };
        };
        let tail = bytes.iter().rev().take_while(|byte| blank(byte)).count();
        Self::new(self.start as usize + first, self.end as usize - tail)
    }
}

/// Where a field's name and value stand in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldSpan {
    pub(crate) name: Span,
    /// What stands after the colon and one space: draft-76 keys may begin with a space.
    pub(crate) value: Span,
}

impl FieldSpan {
    pub(crate) fn is_named(&self, head: &[u8], name: &str) -> bool {
        self.name.of(head).eq_ignore_ascii_case(name.as_bytes())
    }
}

/// The resumable scan over the fields, from the line after the first to the empty line.
#[derive(Clone, Debug)]
pub(crate) struct FieldScanner {
    limits: HeadLimits,
    position: usize,
    line_start: usize,
    state: State,
    fields: Vec<FieldSpan>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    LineStart,
    Name,
    AfterColon { colon: usize },
    Value { colon: usize, start: usize },
    LineEnd,
    HeadEnd,
}

impl FieldScanner {
    /// Scans from `position`, the byte after the first line's CRLF.
    pub(crate) fn new(limits: HeadLimits, position: usize) -> Self {
        Self {
            limits: addressable(limits),
            position,
            line_start: position,
            state: State::LineStart,
            fields: Vec::with_capacity(USUAL_FIELDS.min(limits.max_fields)),
        }
    }

    /// Goes on through `head`, which begins where the head begins; `Some` is the head's length.
    pub(crate) fn scan(&mut self, head: &[u8]) -> Result<Option<usize>, HeadError> {
        while let Some(&byte) = head.get(self.position) {
            if self.position >= self.limits.max_head_len {
                return Err(HeadError::HeadTooLong {
                    max: self.limits.max_head_len,
                });
            }
            match self.state {
                State::LineStart => match self.whole_line(head) {
                    Some(()) => {}
                    None => self.begin_line(byte)?,
                },
                State::Name => self.name(head, byte)?,
                State::AfterColon { colon } => {
                    let start = self.position + usize::from(byte == b' ');
                    self.check_line(byte)?;
                    self.position = start;
                    self.state = State::Value { colon, start };
                }
                State::Value { colon, start } => self.value(head, byte, colon, start)?,
                State::LineEnd | State::HeadEnd => {
                    check_line_feed(byte)?;
                    self.position += 1;
                    if matches!(self.state, State::HeadEnd) {
                        return Ok(Some(self.position));
                    }
                    self.line_start = self.position;
                    self.state = State::LineStart;
                }
            }
        }
        Ok(None)
    }

    /// The fields that were found.
    pub(crate) fn fields(&self) -> &[FieldSpan] {
        &self.fields
    }

    /// Takes a line at once that is there with its end and without a fault. Every other is looked
    /// at byte by byte, to wait in the middle of it or to say what is wrong.
    fn whole_line(&mut self, head: &[u8]) -> Option<()> {
        let end = self.limits.max_head_len.min(head.len());
        let line = head.get(self.position..end)?;
        let colon = line.iter().position(|&byte| !is_token(byte))?;
        let value = line.get(colon..)?.strip_prefix(b":")?;
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let start = line.len() - value.len();
        let len = start + plain_len(value);
        let allowed = colon > 0
            && len <= self.limits.max_line_len
            && self.fields.len() < self.limits.max_fields;
        if !allowed || !line.get(len..)?.starts_with(b"\r\n") {
            return None;
        }
        self.fields.push(FieldSpan {
            name: Span::new(self.position, self.position + colon),
            value: Span::new(self.position + start, self.position + len),
        });
        self.position += len + 2;
        self.line_start = self.position;
        Some(())
    }

    fn begin_line(&mut self, byte: u8) -> Result<(), HeadError> {
        self.check_line(byte)?;
        self.state = match byte {
            b'\r' => State::HeadEnd,
            b'\n' => return Err(HeadError::BareLf),
            0 => return Err(HeadError::Nul),
            b' ' | b'\t' => return Err(HeadError::FoldedLine),
            b':' => return Err(HeadError::EmptyFieldName),
            _ if !is_token(byte) => return Err(HeadError::InvalidFieldName),
            _ if self.fields.len() >= self.limits.max_fields => {
                return Err(HeadError::TooManyFields {
                    max: self.limits.max_fields,
                });
            }
            _ => State::Name,
        };
        self.position += 1;
        Ok(())
    }

    fn name(&mut self, head: &[u8], byte: u8) -> Result<(), HeadError> {
        self.check_line(byte)?;
        match byte {
            b':' => {
                self.state = State::AfterColon {
                    colon: self.position,
                };
                self.position += 1;
                Ok(())
            }
            b'\r' => Err(HeadError::MissingColon),
            b'\n' => Err(HeadError::BareLf),
            0 => Err(HeadError::Nul),
            b' ' | b'\t' => Err(HeadError::SpaceBeforeColon),
            _ if !is_token(byte) => Err(HeadError::InvalidFieldName),
            _ => {
                let window = self.window(head);
                let run = window.iter().position(|&byte| !is_token(byte));
                self.position += run.unwrap_or(window.len());
                Ok(())
            }
        }
    }

    fn value(
        &mut self,
        head: &[u8],
        byte: u8,
        colon: usize,
        start: usize,
    ) -> Result<(), HeadError> {
        self.check_line(byte)?;
        match byte {
            b'\r' => {
                self.fields.push(FieldSpan {
                    name: Span::new(self.line_start, colon),
                    value: Span::new(start, self.position),
                });
                self.state = State::LineEnd;
                self.position += 1;
            }
            b'\n' => return Err(HeadError::BareLf),
            0 => return Err(HeadError::Nul),
            _ => self.position += plain_len(self.window(head)),
        }
        Ok(())
    }

    /// The bytes from the position on that no limit forbids.
    fn window<'a>(&self, head: &'a [u8]) -> &'a [u8] {
        let line_end = self.line_start.saturating_add(self.limits.max_line_len);
        let end = line_end.min(self.limits.max_head_len).min(head.len());
        head.get(self.position..end).unwrap_or_default()
    }

    /// Refuses a byte that makes its line too long; the CR after a line does not count.
    fn check_line(&self, byte: u8) -> Result<(), HeadError> {
        if byte != b'\r' && self.position - self.line_start >= self.limits.max_line_len {
            return Err(HeadError::LineTooLong {
                max: self.limits.max_line_len,
            });
        }
        Ok(())
    }
}

/// The limits with a head no longer than a [`Span`] can address.
pub(crate) fn addressable(limits: HeadLimits) -> HeadLimits {
    let max = usize::try_from(u32::MAX).unwrap_or(usize::MAX);
    limits.with_max_head_len(limits.max_head_len.min(max))
}

/// Whether the byte after a CR is the LF that it has to be.
pub(crate) const fn check_line_feed(byte: u8) -> Result<(), HeadError> {
    match byte {
        b'\n' => Ok(()),
        _ => Err(HeadError::BareCr),
    }
}

/// Whether a method or a field's name may hold this byte (RFC 9110 §5.6.2).
pub(crate) fn is_token(byte: u8) -> bool {
    TOKENS.get(usize::from(byte)).is_some_and(|&token| token)
}

/// How many bytes of `window` come before the first CR, LF or NUL.
pub(crate) fn plain_len(window: &[u8]) -> usize {
    let mut len = 0;
    loop {
        len += high_len(window.get(len..).unwrap_or_default());
        match window.get(len) {
            None | Some(b'\r' | b'\n' | 0) => return len,
            Some(_) => len += 1,
        }
    }
}

/// How many bytes of `window` come before the first that is no higher than CR.
fn high_len(window: &[u8]) -> usize {
    // Eight at a time. The subtraction sets the high bit of a byte that is lower than 0x0E, and of
    // none before it.
    let (words, rest) = window.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let low = word.wrapping_sub(EACH * 0x0E) & !word & (EACH * 0x80);
        if low != 0 {
            return 8 * index + low.trailing_zeros() as usize / 8;
        }
    }
    let high = rest.iter().position(|&byte| byte <= b'\r');
    window.len() - rest.len() + high.unwrap_or(rest.len())
}

/// An offset inside a head, which [`addressable`] keeps below 4 GiB.
fn offset(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

/// Room for as many fields from the start: a client that is no browser has no more.
const USUAL_FIELDS: usize = 8;

/// One in each byte of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// By byte, whether it is one of a token.
#[expect(clippy::indexing_slicing, reason = "while it is compiled")]
static TOKENS: [bool; 256] = {
    let mut tokens = [false; 256];
    let mut byte: u8 = 0;
    while byte < 0x7F {
        tokens[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'!' | b'#'
                    | b'$'
                    | b'%'
                    | b'&'
                    | b'\''
                    | b'*'
                    | b'+'
                    | b'-'
                    | b'.'
                    | b'^'
                    | b'_'
                    | b'`'
                    | b'|'
                    | b'~'
            );
        byte += 1;
    }
    tokens
};

#[cfg(test)]
mod tests {
    use super::plain_len;

    #[test]
    fn plain_bytes_are_counted_up_to_the_first_cr_lf_or_nul() {
        for plain in [
            "",
            "a",
            "a\tb",
            "\u{1}\u{c}",
            "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t",
            "16 bytes of text",
        ] {
            for len in 0..3 {
                let plain = plain.repeat(1 + len);
                assert_eq!(plain_len(plain.as_bytes()), plain.len());
                for end in ["\r", "\n", "\0", "\r\n", "\0\0 and more than sixteen bytes"] {
                    let window = [&plain, end].concat();
                    assert_eq!(plain_len(window.as_bytes()), plain.len(), "{window:?}");
                }
            }
        }
    }
}
