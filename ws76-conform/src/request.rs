//! The request of a case: the standard one with edits, and what its reply has to say.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use serde::Deserialize;

use crate::template::{Places, Template};

/// How the request of a case differs from the standard one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Edits {
    /// Another request line, without its CRLF.
    line: Option<Template>,
    /// Other values of fields of the standard request.
    set: BTreeMap<String, Template>,
    /// Other lines in place of fields of the standard request.
    replace: BTreeMap<String, Template>,
    /// Fields of the standard request to leave out.
    without: Vec<String>,
    /// Lines to add behind the fields, without their CRLF.
    add: Vec<Template>,
    /// All the fields, as lines.
    fields: Option<Vec<Template>>,
    /// The whole head as it is.
    raw: Option<Template>,
    /// Other last eight bytes.
    key3: Option<Template>,
}

impl Edits {
    /// Whether every field that is named exists, and in no two ways.
    pub(crate) fn check(&self) -> Result<(), String> {
        let mut names: Vec<&str> = self
            .set
            .keys()
            .chain(self.replace.keys())
            .chain(&self.without)
            .map(String::as_str)
            .collect();
        if let Some(name) = names
            .iter()
            .find(|name| !STANDARD.iter().any(|(known, _)| known == *name))
        {
            return Err(format!("no field {name} in the standard request"));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() < count {
            return Err("a field is edited twice".to_owned());
        }
        Ok(())
    }

    pub(crate) fn key3(&self, places: &Places<'_>) -> Vec<u8> {
        match &self.key3 {
            Some(key3) => key3.render(places),
            None => KEY3.to_vec(),
        }
    }

    /// The head with its empty line.
    pub(crate) fn head(&self, places: &Places<'_>) -> Vec<u8> {
        if let Some(raw) = &self.raw {
            return raw.render(places);
        }
        let mut lines = vec![match &self.line {
            Some(line) => line.render(places),
            None => Template::of(LINE).render(places),
        }];
        match &self.fields {
            Some(fields) => lines.extend(fields.iter().map(|line| line.render(places))),
            None => lines.extend(self.standard_fields(places)),
        }
        lines.extend(self.add.iter().map(|line| line.render(places)));
        let mut head = Vec::new();
        for line in lines {
            head.extend(line);
            head.extend(b"\r\n");
        }
        head.extend(b"\r\n");
        head
    }

    fn standard_fields(&self, places: &Places<'_>) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        for (name, value) in STANDARD {
            if self.without.iter().any(|without| without == name) {
                continue;
            }
            lines.push(match (self.replace.get(*name), self.set.get(*name)) {
                (Some(line), _) => line.render(places),
                (None, value_set) => {
                    let value = value_set.map_or_else(
                        || Template::of(value).render(places),
                        |value| value.render(places),
                    );
                    [name.as_bytes(), b": ", &value].concat()
                }
            });
        }
        lines
    }
}

/// What a request asks, read off its bytes in the plainest way, which passes over what is wrong:
/// for the replies of servers that accept it all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    resource_name: Vec<u8>,
    fields: Vec<(String, Vec<u8>)>,
}

impl Asked {
    pub(crate) fn read(head: &[u8]) -> Option<Self> {
        let end = find(head, b"\r\n\r\n")?;
        let mut lines = split(&head[..end], b"\r\n").into_iter();
        let line = lines.next().unwrap_or_default();
        let space = |byte: &u8| *byte == b' ';
        let resource_name = match (line.iter().position(space), line.iter().rposition(space)) {
            (Some(first), Some(last)) if first < last => line[first + 1..last].to_vec(),
            _ => Vec::new(),
        };
        let mut fields = Vec::new();
        for line in lines {
            let Some(colon) = line.iter().position(|&byte| byte == b':') else {
                continue;
            };
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            let value = &line[colon + 1..];
            fields.push((name, value.strip_prefix(b" ").unwrap_or(value).to_vec()));
        }
        Some(Self {
            resource_name,
            fields,
        })
    }

    fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| &value[..])
    }

    /// The 16 bytes, when both keys are keys.
    pub(crate) fn response(&self, key3: &[u8]) -> Option<[u8; 16]> {
        let part1 = part(self.field("sec-websocket-key1")?)?;
        let part2 = part(self.field("sec-websocket-key2")?)?;
        let challenge = [&part1.to_be_bytes()[..], &part2.to_be_bytes(), key3].concat();
        Some(Md5::digest(challenge).into())
    }

    /// The fields that the reply of this project has, names in lower case.
    pub(crate) fn reply(&self, scheme: &str) -> Vec<(String, Vec<u8>)> {
        let trim = |value: &[u8]| value.trim_ascii().to_vec();
        let mut fields = vec![
            ("upgrade".to_owned(), b"WebSocket".to_vec()),
            ("connection".to_owned(), b"Upgrade".to_vec()),
        ];
        if let Some(origin) = self.field("origin") {
            fields.push(("sec-websocket-origin".to_owned(), trim(origin)));
        }
        let host = trim(self.field("host").unwrap_or_default());
        let location = [scheme.as_bytes(), b"://", &host, &self.resource_name].concat();
        fields.push(("sec-websocket-location".to_owned(), location));
        if let Some(subprotocol) = self.field("sec-websocket-protocol") {
            fields.push(("sec-websocket-protocol".to_owned(), subprotocol.to_vec()));
        }
        fields
    }
}

/// Key number divided by spaces, on whole numbers of 128 bits: enough for every key that is to be
/// accepted, and another way than that of the crates under test.
fn part(key: &[u8]) -> Option<u32> {
    let digits: String = key
        .iter()
        .filter(|byte| byte.is_ascii_digit())
        .map(|&byte| char::from(byte))
        .collect();
    let number: u128 = match digits.trim_start_matches('0') {
        "" if digits.is_empty() => return None,
        "" => 0,
        digits => digits.parse().ok()?,
    };
    let spaces = key.split(|&byte| byte == b' ').count() as u128 - 1;
    if spaces == 0 || !number.is_multiple_of(spaces) {
        return None;
    }
    u32::try_from(number / spaces).ok()
}

/// Where `needle` first stands in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
}

/// The pieces of `bytes` between the separators.
pub(crate) fn split<'a>(mut bytes: &'a [u8], separator: &[u8]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    while let Some(at) = find(bytes, separator) {
        pieces.push(&bytes[..at]);
        bytes = &bytes[at + separator.len()..];
    }
    pieces.push(bytes);
    pieces
}

const LINE: &str = r"GET \{path} HTTP/1.1";

/// The standard request: that of WebKit, with the keys of draft-76 §1.2.
const STANDARD: &[(&str, &str)] = &[
    ("Upgrade", "WebSocket"),
    ("Connection", "Upgrade"),
    ("Host", r"\{host}"),
    ("Origin", "http://example.com"),
    ("Sec-WebSocket-Key1", "4 @1  46546xW%0l 1 5"),
    ("Sec-WebSocket-Key2", "12998 5 Y3 1  .P00"),
];

const KEY3: &[u8; 8] = b"^n:ds[4U";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_request_is_the_drafts_and_has_its_response() {
        let places = Places {
            host: "h",
            path: "/p",
            ..Places::default()
        };
        let edits = Edits::default();
        let head = edits.head(&places);
        assert!(head.starts_with(b"GET /p HTTP/1.1\r\nUpgrade: WebSocket\r\n"));
        let asked = Asked::read(&head).unwrap();
        assert_eq!(asked.response(KEY3), Some(*b"8jKS'y:G*Co,Wxa-"));
        assert_eq!(asked.reply("wss")[3].1, b"wss://h/p");
    }

    #[test]
    fn keys_are_divided_as_the_draft_says() {
        assert_eq!(part(b"12 "), Some(12));
        assert_eq!(part(b" 0 0"), Some(0));
        assert_eq!(part(&[&b" "[..], &[b'0'; 200], b"7"].concat()), Some(7));
        for none in [&b""[..], b" ", b"12", b"1 2 3", b" 4294967296"] {
            assert_eq!(part(none), None);
        }
    }
}
