//! Bytes as a case writes them: text with escapes, places to fill in, and repeats.

use serde::Deserialize;

/// Bytes with places that are filled in for each server.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(try_from = "Written")]
pub(crate) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Bytes(Vec<u8>),
    Repeat(Vec<u8>, usize),
    Place(Place),
}

/// What is only known when a case runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Host,
    Path,
    Head,
    Key3,
}

/// What stands in the places.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Places<'a> {
    pub(crate) host: &'a str,
    pub(crate) path: &'a str,
    pub(crate) head: &'a [u8],
    pub(crate) key3: &'a [u8],
}

impl Template {
    /// A text of the crate itself; one with a fault becomes nothing, which every test would show.
    pub(crate) fn of(text: &str) -> Self {
        Self(parse(text).unwrap_or_default())
    }

    pub(crate) fn render(&self, places: &Places<'_>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in &self.0 {
            match piece {
                Piece::Bytes(literal) => bytes.extend_from_slice(literal),
                Piece::Repeat(unit, times) => bytes.extend(unit.repeat(*times)),
                Piece::Place(place) => bytes.extend_from_slice(match place {
                    Place::Host => places.host.as_bytes(),
                    Place::Path => places.path.as_bytes(),
                    Place::Head => places.head,
                    Place::Key3 => places.key3,
                }),
            }
        }
        bytes
    }
}

/// How it stands in a file: `'text'`, `{ repeat = 'text', times = 3 }` or a list of these.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    One(WrittenPiece),
    Many(Vec<WrittenPiece>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenPiece {
    Text(String),
    Repeat { repeat: String, times: usize },
}

impl TryFrom<Written> for Template {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let pieces = match written {
            Written::One(piece) => vec![piece],
            Written::Many(pieces) => pieces,
        };
        let mut all = Vec::new();
        for piece in pieces {
            match piece {
                WrittenPiece::Text(text) => all.extend(parse(&text)?),
                WrittenPiece::Repeat { repeat, times } => match &parse(&repeat)?[..] {
                    [Piece::Bytes(unit)] => all.push(Piece::Repeat(unit.clone(), times)),
                    _ => return Err(format!("cannot repeat {repeat:?}")),
                },
            }
        }
        Ok(Self(all))
    }
}

fn parse(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('\\') {
        literal.extend_from_slice(before.as_bytes());
        let simple = [
            ("r", b'\r'),
            ("n", b'\n'),
            ("t", b'\t'),
            ("0", 0),
            ("\\", b'\\'),
        ];
        let places = [
            ("{host}", Place::Host),
            ("{path}", Place::Path),
            ("{head}", Place::Head),
            ("{key3}", Place::Key3),
        ];
        let simple = simple
            .iter()
            .find_map(|(name, byte)| escaped.strip_prefix(name).map(|rest| (*byte, rest)));
        let place = places
            .iter()
            .find_map(|(name, place)| escaped.strip_prefix(name).map(|rest| (*place, rest)));
        rest = if let Some((byte, rest)) = simple {
            literal.push(byte);
            rest
        } else if let Some((place, rest)) = place {
            if !literal.is_empty() {
                pieces.push(Piece::Bytes(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Place(place));
            rest
        } else {
            let (byte, rest) = hex(escaped).ok_or_else(|| format!("unknown escape in {text:?}"))?;
            literal.push(byte);
            rest
        };
    }
    literal.extend_from_slice(rest.as_bytes());
    if !literal.is_empty() {
        pieces.push(Piece::Bytes(literal));
    }
    Ok(pieces)
}

/// The byte of `xHH`, and what follows.
fn hex(escaped: &str) -> Option<(u8, &str)> {
    let (digits, rest) = escaped.strip_prefix('x')?.split_at_checked(2)?;
    Some((u8::from_str_radix(digits, 16).ok()?, rest))
}

/// Bytes for people: printable ASCII as it is, the rest escaped as in the cases, cut when long.
pub(crate) fn show(bytes: &[u8]) -> String {
    let mut text = String::new();
    for (at, &byte) in bytes.iter().enumerate() {
        if at >= SHOWN {
            return format!("{text}… ({} bytes)", bytes.len());
        }
        match byte {
            b'\r' => text.push_str("\\r"),
            b'\n' => text.push_str("\\n"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// Bytes that are shown.
const SHOWN: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_places_and_repeats_are_filled_in() {
        #[derive(Deserialize)]
        struct File {
            bytes: Template,
        }
        let file: File = toml::from_str(
            r"bytes = ['a\r\n\t\\\xff\{host}{host}', { repeat = '\x00b', times = 2 }]",
        )
        .unwrap();
        let places = Places {
            host: "h:1",
            ..Places::default()
        };
        assert_eq!(
            file.bytes.render(&places),
            b"a\r\n\t\\\xffh:1{host}\x00b\x00b"
        );
        for wrong in [r"bytes = '\q'", r"bytes = '\xg0'", r"bytes = '\x0'"] {
            assert!(toml::from_str::<File>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_are_shown_as_they_are_written() {
        assert_eq!(show(b"a\\\r\n\x00\xff"), r"a\\\r\n\x00\xff");
        assert!(show(&[b'a'; 100]).ends_with("… (100 bytes)"));
    }
}
