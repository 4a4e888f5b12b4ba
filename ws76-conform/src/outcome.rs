//! What a case may come to, and whether it did.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;

use crate::{
    observed::{Frames, Observed, Reply},
    request::Asked,
    template::{Places, Template, show},
};

/// One thing that a case may come to.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) enum Outcome {
    /// A 101 with the right response; then these messages and this end.
    Accepted { echo: Vec<Template>, end: End },
    /// A 101, whatever its response.
    Switched,
    /// A 101 head, then the end of the stream.
    Unanswered,
    /// A final status in this range.
    Status(u16, u16),
    /// Closed without a byte.
    Dropped,
}

/// How the frames of a server end.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum End {
    /// Not at all: one more message is echoed.
    #[default]
    Open,
    /// A closing frame, then the end of the stream.
    Closing,
    /// The end of the stream without a closing frame.
    Eof,
    /// The end of the stream, with or without a closing frame.
    Closed,
}

/// What the reply of an accepted request has to say.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyRules {
    /// Fields that are there exactly once, with this value.
    pub(crate) fields: BTreeMap<String, Template>,
    /// Fields that are not there.
    pub(crate) absent: Vec<String>,
    /// The 16 bytes, where a case writes them out.
    pub(crate) digest: Option<Template>,
    /// Fields that the pure server was told to add.
    pub(crate) added: Vec<(String, String)>,
    /// The scheme of the location.
    pub(crate) scheme: &'static str,
}

/// What was sent, as far as the outcome depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) places: Places<'a>,
    /// The message that asks whether the connection is open was sent.
    pub(crate) probed: bool,
}

impl Outcome {
    /// Whether the server is to be asked for one more echo at the end.
    pub(crate) const fn probes(&self) -> bool {
        matches!(self, Self::Accepted { end: End::Open, .. })
    }

    /// Whether a 101 can be right.
    pub(crate) const fn switches(&self) -> bool {
        !matches!(self, Self::Status(..) | Self::Dropped)
    }

    /// Whether this is what came; `strict` is as this project does it.
    pub(crate) fn check(
        &self,
        observed: &Observed,
        rules: &ReplyRules,
        sent: &Sent<'_>,
        strict: bool,
    ) -> Result<(), String> {
        match (self, observed) {
            // What is no response at all is a way to close, if not a good one.
            (Self::Dropped, Observed::Nothing { bytes, ended: true })
                if bytes.is_empty() || !strict =>
            {
                Ok(())
            }
            (Self::Status(low, high), Observed::Final { reply, ended }) => {
                check_final(reply, *ended, *low, *high, strict)
            }
            (Self::Switched, Observed::Head { .. } | Observed::Open { .. }) => Ok(()),
            (Self::Unanswered, Observed::Head { reply, ended: true }) if reply.body.is_empty() => {
                Ok(())
            }
            (
                Self::Accepted { echo, end },
                Observed::Open {
                    reply,
                    response,
                    frames,
                    ended,
                },
            ) => {
                rules.check(reply, response, &sent.places, strict)?;
                check_frames(frames, *ended, echo, *end, sent)
            }
            _ => Err(String::new()),
        }
    }
}

impl ReplyRules {
    fn check(
        &self,
        reply: &Reply,
        response: &[u8; 16],
        places: &Places<'_>,
        strict: bool,
    ) -> Result<(), String> {
        if let Some(fault) = reply.fault {
            return Err(fault.to_owned());
        }
        let asked = Asked::read(places.head);
        let right = match &self.digest {
            Some(digest) => Some(digest.render(places)),
            None => asked
                .as_ref()
                .and_then(|asked| asked.response(places.key3))
                .map(Vec::from),
        };
        if right.as_deref() != Some(&response[..]) {
            return Err(format!("wrong response `{}`", show(response)));
        }
        for (name, value) in &self.fields {
            check_field(reply, name, &value.render(places))?;
        }
        for name in &self.absent {
            if let Some(value) = reply.values(name).next() {
                return Err(format!("unasked `{name}: {}`", show(value)));
            }
        }
        if strict {
            let mut fields = asked
                .map(|asked| asked.reply(self.scheme))
                .unwrap_or_default();
            for (name, value) in &self.added {
                fields.push((name.to_ascii_lowercase(), value.clone().into_bytes()));
            }
            for (name, value) in &fields {
                check_field(reply, name, value)?;
            }
            if let Some((name, value)) = reply.fields.iter().find(|field| !fields.contains(field)) {
                return Err(format!("unknown `{name}: {}`", show(value)));
            }
        }
        Ok(())
    }
}

fn check_field(reply: &Reply, name: &str, wanted: &[u8]) -> Result<(), String> {
    let values: Vec<&[u8]> = reply.values(name).collect();
    // A client compares this one, and only this one, in any case (draft-76 §4.1).
    let any_case = name.eq_ignore_ascii_case("connection");
    match values[..] {
        [value] if value == wanted || any_case && value.eq_ignore_ascii_case(wanted) => Ok(()),
        [value] => Err(format!("`{name}: {}`", show(value))),
        [] => Err(format!("no {name}")),
        _ => Err(format!("{} fields {name}", values.len())),
    }
}

fn check_final(
    reply: &Reply,
    ended: bool,
    low: u16,
    high: u16,
    strict: bool,
) -> Result<(), String> {
    if let Some(fault) = reply.fault {
        return Err(fault.to_owned());
    }
    if !(low..=high).contains(&reply.status) {
        return Err(String::new());
    }
    if !strict {
        return Ok(());
    }
    if !(ended && reply.says_close()) {
        return Err("says no `Connection: close`, or does not close".to_owned());
    }
    // An answer to HEAD has a length and no body.
    let length = reply.content_length().unwrap_or_default();
    if !reply.body.is_empty() && reply.body.len() != length {
        return Err("body is not as long as the head says".to_owned());
    }
    Ok(())
}

fn check_frames(
    frames: &Frames,
    ended: bool,
    echo: &[Template],
    end: End,
    sent: &Sent<'_>,
) -> Result<(), String> {
    let mut messages = &frames.messages[..];
    let mut open = false;
    if sent.probed
        && let [before @ .., last] = messages
        && last == PROBE_TEXT
    {
        messages = before;
        open = true;
    }
    let echoed = messages.len() == echo.len()
        && messages
            .iter()
            .zip(echo)
            .all(|(message, echo)| *message == echo.render(&sent.places));
    let ends = match end {
        End::Open => open && !frames.closing,
        End::Closing => ended && frames.closing && !open,
        End::Eof => ended && !frames.closing && !open,
        End::Closed => ended && !open,
    };
    if echoed && ends && frames.garbage.is_empty() && !frames.unfinished {
        return Ok(());
    }
    Err(String::new())
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switched => f.write_str("101"),
            Self::Unanswered => f.write_str("101, closed"),
            Self::Dropped => f.write_str("closed"),
            Self::Status(low, high) if low == high => write!(f, "{low}"),
            Self::Status(low, high) => write!(f, "{low} to {high}"),
            Self::Accepted { echo, end } => {
                f.write_str("101")?;
                match echo.len() {
                    0 => {}
                    1..=4 => {
                        for text in echo {
                            let text = text.render(&Places::default());
                            write!(f, ", `{}`", show(&text))?;
                        }
                    }
                    count => write!(f, ", {count} messages")?,
                }
                f.write_str(match end {
                    End::Open => ", still open",
                    End::Closing => ", FF 00, EOF",
                    End::Eof => ", EOF",
                    End::Closed => ", FF 00 or not, EOF",
                })
            }
        }
    }
}

/// One outcome or several.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Outcomes {
    One(Outcome),
    Many(Vec<Outcome>),
}

impl From<Outcomes> for Vec<Outcome> {
    fn from(outcomes: Outcomes) -> Self {
        match outcomes {
            Outcomes::One(one) => vec![one],
            Outcomes::Many(many) => many,
        }
    }
}

/// How it stands in a file: a word, or a table for what follows the 101.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Frames(WrittenFrames),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFrames {
    #[serde(default)]
    echo: Vec<Template>,
    /// How often the messages of `echo` come.
    #[serde(default = "once")]
    times: usize,
    #[serde(default)]
    end: End,
}

const fn once() -> usize {
    1
}

impl TryFrom<Written> for Outcome {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let word = match written {
            Written::Frames(WrittenFrames { echo, times, end }) => {
                let echo = echo
                    .iter()
                    .cycle()
                    .take(echo.len() * times)
                    .cloned()
                    .collect();
                return Ok(Self::Accepted { echo, end });
            }
            Written::Word(word) => word,
        };
        Ok(match &word[..] {
            "accepted" => Self::Accepted {
                echo: Vec::new(),
                end: End::Open,
            },
            "101" => Self::Switched,
            "101 closed" => Self::Unanswered,
            "closed" => Self::Dropped,
            "http" => Self::Status(200, 599),
            "4xx" => Self::Status(400, 499),
            code => match code.parse() {
                Ok(code @ 200..=599) => Self::Status(code, code),
                _ => return Err(format!("unknown outcome {word:?}")),
            },
        })
    }
}

/// The message that asks whether the connection is open.
pub(crate) const PROBE_TEXT: &[u8] = b"still open?";
/// Its frame.
pub(crate) const PROBE: &[u8] = b"\x00still open?\xff";
