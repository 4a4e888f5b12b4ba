//! The cases: how they stand in the files, and what they hold.

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use ws76_handshake::{FieldName, FieldValue};

use crate::{
    clauses::Clause,
    outcome::{Outcome, Outcomes, ReplyRules},
    request::Edits,
    template::{Places, Template, show},
};

/// One claim about a server: what is sent, and what may come back.
///
/// ```
/// use ws76_conform::{CaseError, Suite};
///
/// for case in Suite::builtin()?.cases().iter().filter(|case| !case.is_pure()) {
///     let ids: Vec<&str> = case.clauses().iter().map(|clause| clause.id).collect();
///     let advice = if case.is_advice() { " (advice)" } else { "" };
///     println!("{}: {}{advice}, {}", case.subject(), case.name(), ids.join(" "));
/// }
/// # Ok::<(), CaseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Case {
    subject: &'static str,
    name: String,
    clauses: Vec<&'static Clause>,
    should: bool,
    pub(crate) edits: Edits,
    pub(crate) steps: Vec<Step>,
    /// The opening goes before the steps, and is no part of the case.
    pub(crate) opens_first: bool,
    pub(crate) ours: Vec<Outcome>,
    pub(crate) anybody: Vec<Outcome>,
    pub(crate) rules: ReplyRules,
    /// Settings of the pure server; a case with some is for it alone.
    pub(crate) pure: Option<PureConfig>,
}

impl Case {
    /// The file it stands in, without its ending: `opening`, `keys` and so on.
    #[must_use]
    pub const fn subject(&self) -> &'static str {
        self.subject
    }

    /// The claim, in words. No two cases have the same.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The clauses and threats that it is about.
    #[must_use]
    pub fn clauses(&self) -> &[&'static Clause] {
        &self.clauses
    }

    /// Whether it is advice: the letter of the draft does not demand it of anybody.
    #[must_use]
    pub const fn is_advice(&self) -> bool {
        self.should
    }

    /// Whether it is about settings of `ws76-codec` or `ws76-handshake`, and can be run by
    /// [`run_pure`](crate::run_pure) alone.
    #[must_use]
    pub const fn is_pure(&self) -> bool {
        self.pure.is_some()
    }

    /// What the cuts of a feeding apply to, one for each step that sends.
    pub(crate) fn sends(&self, places: &Places<'_>) -> Vec<Vec<u8>> {
        let sends = self.steps.iter().filter_map(|step| match step {
            Step::Send(bytes) => Some(bytes.render(places)),
            _ => None,
        });
        sends.collect()
    }

    /// What is sent, for people.
    pub(crate) fn summary(&self, places: &Places<'_>) -> String {
        let mut sent: Vec<String> = Vec::new();
        for step in &self.steps {
            sent.push(match step {
                Step::Send(bytes) if *bytes == Template::of(REQUEST) => self.difference(places),
                Step::Send(bytes) => match bytes.render(places) {
                    head if head == places.head => "the head".to_owned(),
                    bytes => format!("`{}`", show(&bytes)),
                },
                Step::AwaitHead => "(101 head awaited)".to_owned(),
                Step::AwaitResponse => "(16 bytes awaited)".to_owned(),
                Step::AwaitMessages(count) => format!("({count} awaited)"),
                Step::Eof => "(EOF)".to_owned(),
                Step::Close => "(the server closes)".to_owned(),
            });
        }
        sent.join(" ")
    }

    /// The lines of the request that the standard request does not have.
    fn difference(&self, places: &Places<'_>) -> String {
        let standard = Edits::default().head(places);
        let known = crate::request::split(&standard, b"\r\n");
        let own = crate::request::split(places.head, b"\r\n");
        let mut parts: Vec<String> = own
            .iter()
            .filter(|line| !known.contains(line))
            .map(|line| format!("`{}`", show(line)))
            .collect();
        let missing = known.iter().filter(|line| !own.contains(line));
        if parts.is_empty() {
            parts.extend(missing.map(|line| format!("no `{}`", show(line))));
        }
        match parts.is_empty() {
            true => "the standard request".to_owned(),
            false => parts.join(", "),
        }
    }
}

/// Something that happens in a case.
#[derive(Clone, Debug, Deserialize)]
pub(crate) enum Step {
    /// These bytes are sent.
    #[serde(rename = "send")]
    Send(Template),
    /// The 101 head is there, and nothing behind it.
    #[serde(rename = "await head")]
    AwaitHead,
    /// The 16 bytes are there.
    #[serde(rename = "await response")]
    AwaitResponse,
    /// So many messages are there.
    #[serde(rename = "await messages")]
    AwaitMessages(usize),
    /// The client closes its direction of the connection.
    #[serde(rename = "eof")]
    Eof,
    /// The server begins the closing handshake; the pure server only.
    #[serde(rename = "close")]
    Close,
}

/// Settings of the server in memory.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PureConfig {
    /// Reserved frames are skipped.
    pub(crate) skip_reserved: bool,
    /// Invalid UTF-8 is replaced.
    pub(crate) replace_utf8: bool,
    pub(crate) max_message_len: Option<usize>,
    pub(crate) max_reserved_len: Option<u64>,
    pub(crate) max_length_bytes: Option<u8>,
    pub(crate) max_head_len: Option<usize>,
    pub(crate) max_fields: Option<usize>,
    /// The client is reached through TLS.
    pub(crate) wss: bool,
    /// Fields that the handler adds to the 101 head.
    pub(crate) fields: BTreeMap<String, String>,
    /// The handler refuses with this status.
    pub(crate) reject: Option<u16>,
}

/// A file of cases that cannot be used.
///
/// ```
/// use ws76_conform::{CaseError, Suite};
///
/// fn count() -> Result<usize, CaseError> {
///     Ok(Suite::builtin()?.cases().len())
/// }
/// assert!(count().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseError(String);

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CaseError {}

/// Reads the cases of one file.
pub(crate) fn parse(subject: &'static str, text: &str) -> Result<Vec<Case>, CaseError> {
    let file: File =
        toml::from_str(text).map_err(|error| CaseError(format!("{subject}.toml: {error}")))?;
    let cases = file.case.into_iter().map(|written| {
        let name = written.name.clone();
        written
            .case(subject)
            .map_err(|error| CaseError(format!("{subject}.toml, {name:?}: {error}")))
    });
    cases.collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Written>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Written {
    name: String,
    clauses: Vec<String>,
    #[serde(default)]
    advice: bool,
    /// For readers: why the expectations are what they are.
    #[serde(default, rename = "note")]
    _note: Option<String>,
    #[serde(default)]
    request: Edits,
    frames: Option<Template>,
    steps: Option<Vec<Step>>,
    expect: Option<Outcomes>,
    ours: Option<Outcomes>,
    anybody: Option<Outcomes>,
    #[serde(default)]
    reply: BTreeMap<String, Template>,
    #[serde(default)]
    absent: Vec<String>,
    digest: Option<Template>,
    pure: Option<PureConfig>,
}

impl Written {
    fn case(self, subject: &'static str) -> Result<Case, String> {
        self.request.check()?;
        let clauses = self.clauses.iter().map(|id| {
            Clause::find(id).ok_or_else(|| format!("no clause or threat has the id {id}"))
        });
        let clauses: Vec<_> = clauses.collect::<Result<_, _>>()?;
        if clauses.is_empty() {
            return Err("no clauses".to_owned());
        }
        let opens_first = self.frames.is_some();
        let steps = match (self.frames, self.steps) {
            (Some(_), Some(_)) => return Err("frames and steps".to_owned()),
            (Some(frames), None) => vec![Step::Send(frames)],
            (None, Some(steps)) => steps,
            (None, None) => vec![Step::Send(Template::of(REQUEST))],
        };
        let (ours, anybody): (Vec<Outcome>, Vec<Outcome>) =
            match (self.expect, self.ours, self.anybody) {
                (Some(both), None, None) => {
                    let both: Vec<_> = both.into();
                    (both.clone(), both)
                }
                (None, Some(ours), Some(anybody)) => (ours.into(), anybody.into()),
                (None, Some(ours), None) => {
                    let ours: Vec<_> = ours.into();
                    let refused = ours
                        .iter()
                        .all(|one| matches!(one, Outcome::Status(400.., _)));
                    if !refused {
                        return Err("ours without anybody is for refusals only".to_owned());
                    }
                    (ours, vec![Outcome::Status(400, 499), Outcome::Dropped])
                }
                _ => return Err("expect, or ours and anybody, are wanted".to_owned()),
            };
        let pure = self.pure;
        if pure.is_none() && steps.iter().any(|step| matches!(step, Step::Close)) {
            return Err("only a pure server can be told to close".to_owned());
        }
        // What no handler can add does not come.
        let possible = |(name, value): &(&String, &String)| {
            FieldName::try_from(&name[..]).is_ok() && FieldValue::try_from(&value[..]).is_ok()
        };
        let added = pure.iter().flat_map(|pure| &pure.fields).filter(possible);
        let rules = ReplyRules {
            fields: self.reply,
            absent: self.absent,
            digest: self.digest,
            added: added
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            scheme: match &pure {
                Some(PureConfig { wss: true, .. }) => "wss",
                _ => "ws",
            },
        };
        Ok(Case {
            subject,
            name: self.name,
            clauses,
            should: self.advice,
            edits: self.request,
            steps,
            opens_first,
            ours,
            anybody,
            rules,
            pure,
        })
    }
}

/// The request and its last eight bytes at once.
pub(crate) const REQUEST: &str = r"\{head}\{key3}";
