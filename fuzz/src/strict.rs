//! A strict reader of heads, whole inputs only, for both directions.

/// A head, and what follows it.
#[derive(Clone, Debug)]
pub(crate) struct Message<'a> {
    pub(crate) first_line: &'a [u8],
    /// Names, and what stands after the colon and at most one space.
    pub(crate) fields: Vec<(&'a [u8], &'a [u8])>,
    pub(crate) body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Reads lines that end with CRLF up to an empty one. `None` if that is missing, or if
    /// anything is not as it has to be.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = head_len(bytes)?;
        let mut lines = Vec::new();
        let mut rest = &bytes[..end - 2];
        while let Some(at) = find(rest, b"\r\n") {
            lines.push(&rest[..at]);
            rest = &rest[at + 2..];
        }
        let (&first_line, lines) = lines.split_first()?;
        if first_line.iter().any(|byte| b"\r\n\0".contains(byte)) {
            return None;
        }
        let mut fields = Vec::new();
        for line in lines {
            let colon = line.iter().position(|&byte| byte == b':')?;
            let (name, value) = (&line[..colon], &line[colon + 1..]);
            if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
                return None;
            }
            if value.iter().any(|byte| b"\r\n\0".contains(byte)) {
                return None;
            }
            fields.push((name, value.strip_prefix(b" ").unwrap_or(value)));
        }
        Some(Self {
            first_line,
            fields,
            body: &bytes[end..],
        })
    }

    /// All values of this name, in any case.
    pub(crate) fn values(&self, name: &str) -> Vec<&'a [u8]> {
        let named = |field: &&(&[u8], &[u8])| field.0.eq_ignore_ascii_case(name.as_bytes());
        self.fields
            .iter()
            .filter(named)
            .map(|field| field.1)
            .collect()
    }

    /// The value of this name if there is just one field of it.
    pub(crate) fn only(&self, name: &str) -> Option<&'a [u8]> {
        match self.values(name)[..] {
            [value] => Some(value),
            _ => None,
        }
    }

    /// Asserts that these are the fields, all of them and in this case, in any order.
    pub(crate) fn assert_fields(&self, expected: &[(&str, &[u8])]) {
        let mut fields = self.fields.clone();
        let mut expected: Vec<_> = expected
            .iter()
            .map(|(name, value)| (name.as_bytes(), *value))
            .collect();
        fields.sort_unstable();
        expected.sort_unstable();
        assert_eq!(fields, expected);
    }
}

/// Asserts that this is one whole final response and nothing behind it, and returns the code.
pub(crate) fn assert_final_response(bytes: &[u8]) -> u16 {
    let message = Message::parse(bytes).expect("a response is well formed");
    let line = std::str::from_utf8(message.first_line).expect("a status line is ASCII");
    let (code, reason) = line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|line| line.split_once(' '))
        .expect("a status line has a code and a reason");
    let code: u16 = code.parse().expect("a code is a number");
    assert!((200..=599).contains(&code) && !reason.is_empty(), "{line}");
    assert_eq!(message.only("Connection"), Some(&b"close"[..]));
    let len = message.body.len().to_string();
    match code {
        204 | 304 => assert!(message.values("Content-Length").is_empty() && len == "0"),
        205 => assert!(message.only("Content-Length") == Some(b"0") && len == "0"),
        _ => assert_eq!(message.only("Content-Length"), Some(len.as_bytes())),
    }
    code
}

/// The length of a head with its empty line, if that is there.
pub(crate) fn head_len(bytes: &[u8]) -> Option<usize> {
    find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

/// The value without the spaces and tabs around it.
pub(crate) fn trimmed(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Whether a comma list holds the word, in any case.
pub(crate) fn list_holds(list: &[u8], word: &str) -> bool {
    list.split(|&byte| byte == b',')
        .any(|item| trimmed(item).eq_ignore_ascii_case(word.as_bytes()))
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
