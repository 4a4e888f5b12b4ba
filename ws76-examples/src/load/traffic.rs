//! The bytes of a load test: what a burst sends and what has to come back, made once for all
//! connections.

use clap::ValueEnum;
use serde::Serialize;
use ws76_codec::encode_text;

use super::{error::LoadError, rfc6455};

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
pub(super) enum Protocol {
    /// No handshake, and draft-76's frames
    #[serde(rename = "tcp")]
    Tcp,
    #[value(name = "draft-76")]
    #[serde(rename = "draft-76")]
    Draft76,
    #[serde(rename = "rfc6455")]
    Rfc6455,
}

impl Protocol {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Draft76 => "draft-76",
            Self::Rfc6455 => "rfc6455",
        }
    }
}

/// What the texts are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum TextKind {
    Ascii,
    /// Characters of three bytes, filled up with ASCII to the exact length
    Japanese,
}

impl TextKind {
    /// The text of `len` bytes that has this number: it differs from those before it, if it is long enough
    /// for that.
    fn text(self, len: usize, number: usize) -> String {
        let mut text = String::with_capacity(len);
        if self == Self::Japanese {
            text.extend(numbered(JAPANESE.chars(), number).take(len / 3));
        }
        let letters = numbered('a'..='z', number).take(len - text.len());
        text.extend(letters);
        text
    }
}

/// These characters, over and over. With which of them it begins, and how many are left out behind that, says
/// the number.
fn numbered(
    characters: impl Iterator<Item = char> + Clone,
    number: usize,
) -> impl Iterator<Item = char> {
    let count = characters.clone().count();
    let all = characters.cycle();
    let (first, left_out) = (number % count, number / count % count);
    let rest = all.clone().skip(first + 1 + left_out);
    all.skip(first).take(1).chain(rest)
}

/// The frames of a load test: as many as there are messages under way, each with another text, over and over.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) protocol: Protocol,
    /// Frames as the server has to send them: all messages at least twice, and as many as a read may bring
    /// that begins at any byte of the first ones.
    replies: Vec<u8>,
    /// Length of one of them.
    reply_len: usize,
    /// Length of all that differ.
    round_len: usize,
    /// Frames as they are sent, all messages twice, where these are others.
    sent: Option<Vec<u8>>,
    /// Length of one of them.
    sent_len: usize,
}

impl Traffic {
    /// For reads of at most `read_len` bytes.
    pub(super) fn new(
        protocol: Protocol,
        kind: TextKind,
        len: usize,
        in_flight: usize,
        read_len: usize,
    ) -> Self {
        let texts = || (0..in_flight).map(|number| kind.text(len, number));
        let (replies, sent) = match protocol {
            Protocol::Rfc6455 => (
                texts()
                    .flat_map(|text| rfc6455::server_frame(&text))
                    .collect(),
                Some(
                    texts()
                        .flat_map(|text| rfc6455::client_frame(&text))
                        .collect::<Vec<_>>(),
                ),
            ),
            Protocol::Tcp | Protocol::Draft76 => {
                let mut frames = Vec::with_capacity(in_flight * (len + 2));
                texts().for_each(|text| encode_text(&text, &mut frames));
                (frames, None)
            }
        };
        let round_len = replies.len();
        let reply_len = round_len / in_flight;
        Self {
            protocol,
            reply_len,
            round_len,
            sent_len: sent
                .as_ref()
                .map_or(reply_len, |sent| sent.len() / in_flight),
            replies: replies.repeat(1 + read_len.div_ceil(round_len)),
            sent: sent.map(|sent| sent.repeat(2)),
        }
    }

    pub(super) fn sent_len(&self) -> usize {
        self.sent_len
    }

    pub(super) fn reply_len(&self) -> usize {
        self.reply_len
    }

    /// What comes next when `written` bytes are out and `left` are to follow: all of it, if that is no more than
    /// the messages under way. Never empty unless `left` is 0.
    pub(super) fn to_send(&self, written: u64, left: usize) -> &[u8] {
        let frames = self.sent.as_ref().unwrap_or(&self.replies);
        let round_len = self.round_len / self.reply_len * self.sent_len;
        let at = usize::try_from(written % round_len as u64).unwrap_or_default();
        let end = frames.len().min(at.saturating_add(left));
        frames.get(at..end).unwrap_or_default()
    }

    /// Compares what came with what has to come `at` bytes into a round of messages, and tells where in a round
    /// the next byte will be.
    ///
    /// # Errors
    ///
    /// The first byte that differs.
    pub(super) fn check(&self, at: usize, came: &[u8]) -> Result<usize, LoadError> {
        let expected = self.replies.get(at..).unwrap_or_default();
        if expected.get(..came.len()) == Some(came) {
            let next = at + came.len();
            return Ok(if next < self.round_len {
                next
            } else {
                next % self.round_len
            });
        }
        let differs = expected
            .iter()
            .zip(came)
            .enumerate()
            .find(|(_, (expected, found))| expected != found);
        match differs {
            Some((index, (_, found)))
                if self.begins_frame(at + index) && self.is_closing(*found) =>
            {
                Err(LoadError::ClosingFrame)
            }
            Some((index, (&expected, &found))) => Err(LoadError::Differs {
                at: (at + index) % self.reply_len,
                expected,
                found,
            }),
            // More than a read holds: callers never have so much.
            None => Err(LoadError::Extra(came.len())),
        }
    }

    /// Whether a frame begins `at` bytes into a round.
    pub(super) fn begins_frame(&self, at: usize) -> bool {
        at.is_multiple_of(self.reply_len)
    }

    /// How many bytes are left of the frame that is under way there; all, where it begins.
    pub(super) fn left_of_frame(&self, at: usize) -> usize {
        self.reply_len - at % self.reply_len
    }

    /// Whether a frame that begins with this byte is a closing frame.
    pub(super) fn is_closing(&self, first: u8) -> bool {
        match self.protocol {
            Protocol::Tcp => false,
            Protocol::Draft76 => first == 0xFF,
            Protocol::Rfc6455 => rfc6455::is_closing(first),
        }
    }
}

const JAPANESE: &str =
    "色は匂へど散りぬるを我が世誰ぞ常ならむ有為の奥山今日越えて浅き夢見じ酔ひもせず";

#[cfg(test)]
mod tests;
