//! What came from a server, read in the plainest way.

use crate::{
    request::{find, split},
    template::show,
};

/// Everything a server sent, and whether it has closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Observed {
    /// No whole head.
    Nothing { bytes: Vec<u8>, ended: bool },
    /// A final response.
    Final { reply: Reply, ended: bool },
    /// A 101 head, and not yet the 16 bytes.
    Head { reply: Reply, ended: bool },
    /// A 101 head and 16 bytes, then frames.
    Open {
        reply: Reply,
        response: [u8; 16],
        frames: Frames,
        ended: bool,
    },
}

/// The head of a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    /// Why it is no head as HTTP/1.1 wants it, if so.
    pub(crate) fault: Option<&'static str>,
    /// What follows the head.
    pub(crate) body: Vec<u8>,
}

/// The frames that a server sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frames {
    pub(crate) messages: Vec<Vec<u8>>,
    /// The closing frame came.
    pub(crate) closing: bool,
    /// What is no frame that a server sends, or comes behind its closing frame.
    pub(crate) garbage: Vec<u8>,
    /// A text frame that has no end yet.
    pub(crate) unfinished: bool,
}

impl Observed {
    pub(crate) fn read(bytes: &[u8], ended: bool) -> Self {
        let Some(end) = find(bytes, b"\r\n\r\n") else {
            return Self::Nothing {
                bytes: bytes.to_vec(),
                ended,
            };
        };
        let mut reply = Reply::read(&bytes[..end]);
        let rest = &bytes[end + 4..];
        if reply.status != 101 {
            reply.body = rest.to_vec();
            return Self::Final { reply, ended };
        }
        match rest.split_first_chunk::<16>() {
            None => {
                reply.body = rest.to_vec();
                Self::Head { reply, ended }
            }
            Some((response, frames)) => Self::Open {
                reply,
                response: *response,
                frames: Frames::read(frames),
                ended,
            },
        }
    }

    pub(crate) fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Nothing { .. } => None,
            Self::Final { reply, .. } | Self::Head { reply, .. } | Self::Open { reply, .. } => {
                Some(reply)
            }
        }
    }
}

impl Reply {
    fn read(head: &[u8]) -> Self {
        let mut reply = Self::default();
        let mut lines = split(head, b"\r\n").into_iter();
        let status_line = lines.next().unwrap_or_default();
        reply.status = status(status_line).unwrap_or_else(|| {
            reply.fault = Some("malformed status line");
            0
        });
        // Clients look for the second space (draft-76 §4.1).
        if reply.status == 101 && !status_line.starts_with(b"HTTP/1.1 101 ") {
            reply.fault = Some("status line does not begin with `HTTP/1.1 101 `");
        }
        for line in lines {
            if line.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
                reply.fault = Some("stray CR, LF or NUL in the head");
            }
            match line.iter().position(|&byte| byte == b':') {
                None | Some(0) => reply.fault = Some("line without a field name"),
                Some(colon) => {
                    let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
                    let value = &line[colon + 1..];
                    let value = value.strip_prefix(b" ").unwrap_or(value);
                    reply.fields.push((name, value.to_vec()));
                }
            }
        }
        reply
    }

    pub(crate) fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = self
            .fields
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| &value[..])
    }

    /// The length of the body, if the head says it.
    pub(crate) fn content_length(&self) -> Option<usize> {
        let length = self.values("content-length").next()?;
        std::str::from_utf8(length).ok()?.trim().parse().ok()
    }

    /// Whether nothing more can come for this request, which has a body or, as HEAD, has none.
    pub(crate) fn is_whole(&self, has_body: bool) -> bool {
        let chunked = self
            .values("transfer-encoding")
            .any(|value| value.eq_ignore_ascii_case(b"chunked"));
        match self.content_length() {
            _ if !has_body => true,
            Some(length) => self.body.len() >= length,
            None => chunked && self.body.ends_with(b"0\r\n\r\n"),
        }
    }

    /// Whether the server says that it will close.
    pub(crate) fn says_close(&self) -> bool {
        self.values("connection")
            .any(|value| value.eq_ignore_ascii_case(b"close"))
    }
}

impl Frames {
    fn read(mut bytes: &[u8]) -> Self {
        let mut frames = Self::default();
        loop {
            match bytes {
                [] => return frames,
                [0x00, rest @ ..] if !frames.closing => {
                    let Some(end) = rest.iter().position(|&byte| byte == 0xff) else {
                        frames.unfinished = true;
                        return frames;
                    };
                    frames.messages.push(rest[..end].to_vec());
                    bytes = &rest[end + 1..];
                }
                [0xff] if !frames.closing => {
                    frames.unfinished = true;
                    return frames;
                }
                [0xff, 0x00, rest @ ..] if !frames.closing => {
                    frames.closing = true;
                    bytes = rest;
                }
                garbage => {
                    frames.garbage = garbage.to_vec();
                    return frames;
                }
            }
        }
    }

    fn describe(&self, ended: bool) -> String {
        let mut parts = Vec::new();
        match self.messages.len() {
            0 => {}
            count @ 1..=4 => {
                let texts = self.messages.iter().take(count);
                parts.extend(texts.map(|text| format!("`{}`", show(text))));
            }
            count => parts.push(format!("{count} messages")),
        }
        if self.closing {
            parts.push("FF 00".to_owned());
        }
        if !self.garbage.is_empty() {
            let place = if self.closing {
                "behind FF 00"
            } else {
                "in the stream"
            };
            parts.push(format!("`{}` {place}", show(&self.garbage)));
        }
        if self.unfinished {
            parts.push("a frame without end".to_owned());
        }
        parts.push(if ended { "EOF" } else { "no EOF" }.to_owned());
        parts.join(", ")
    }
}

fn status(line: &[u8]) -> Option<u16> {
    let rest = line
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    match rest {
        [a, b, c] | [a, b, c, b' ', ..] => {
            let digits = [*a, *b, *c];
            std::str::from_utf8(&digits).ok()?.parse().ok()
        }
        _ => None,
    }
}

impl std::fmt::Display for Observed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let end = |ended: &bool| if *ended { "closed" } else { "no answer" };
        match self {
            Self::Nothing { bytes, ended } if bytes.is_empty() => f.write_str(end(ended)),
            Self::Nothing { bytes, ended } => write!(f, "`{}`, {}", show(bytes), end(ended)),
            Self::Final { reply, ended } => {
                write!(f, "{}", reply.status)?;
                match (reply.fault, ended) {
                    (Some(fault), _) => write!(f, " ({fault})"),
                    (None, false) => f.write_str(", not closed"),
                    (None, true) => Ok(()),
                }
            }
            Self::Head { reply, ended } => {
                let after = if *ended { "closed" } else { "nothing" };
                write!(f, "101, then {after} instead of 16 bytes")?;
                if !reply.body.is_empty() {
                    write!(f, ": `{}`", show(&reply.body))?;
                }
                Ok(())
            }
            Self::Open { frames, ended, .. } => write!(f, "101, {}", frames.describe(*ended)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_and_frames_are_taken_apart() {
        let bytes = b"HTTP/1.1 101 x\r\nA: b\r\n\r\n0123456789abcdef\x00hi\xff\xff\x00junk";
        let Observed::Open {
            reply,
            response,
            frames,
            ended: true,
        } = Observed::read(bytes, true)
        else {
            panic!("not open")
        };
        assert_eq!(reply.fields, [("a".to_owned(), b"b".to_vec())]);
        assert_eq!(&response, b"0123456789abcdef");
        assert_eq!(
            (frames.messages, frames.closing),
            (vec![b"hi".to_vec()], true)
        );
        assert_eq!(frames.garbage, b"junk");
    }

    #[test]
    fn faults_of_a_head_are_seen() {
        for (head, fault) in [
            ("HTTP/1.1 1O1 x\r\n\r\n", "malformed status line"),
            ("HTTP/1.1 400 x\r\nA\r\n\r\n", "line without a field name"),
            ("HTTP/1.1 400 x\r\n: a\r\n\r\n", "line without a field name"),
            (
                "HTTP/1.1 400 x\r\nA: \n\r\n\r\n",
                "stray CR, LF or NUL in the head",
            ),
        ] {
            let Observed::Final { reply, .. } = Observed::read(head.as_bytes(), true) else {
                panic!("{head:?}")
            };
            assert_eq!(reply.fault, Some(fault), "{head:?}");
        }
    }
}
