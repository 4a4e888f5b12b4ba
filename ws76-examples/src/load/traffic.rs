//! The bytes of a load test: what a burst sends and what has to come back, made once for all
//! connections.

use bytes::BytesMut;
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
    /// A text of `len` bytes.
    fn text(self, len: usize) -> String {
        let mut text = String::with_capacity(len);
        if self == Self::Japanese {
            let characters = JAPANESE.chars().cycle();
            text.extend(characters.take(len / 3));
        }
        let letters = ('a'..='z').cycle().take(len - text.len());
        text.extend(letters);
        text
    }
}

/// The frames of a load test. The message is the same each time.
#[derive(Debug)]
pub(super) struct Traffic {
    pub(super) protocol: Protocol,
    /// The frames of one burst, as they are sent.
    burst: Vec<u8>,
    /// Length of one of them.
    sent_len: usize,
    /// Frames as the server has to send them, for a read that begins at any byte of the first.
    expected: Vec<u8>,
    /// Length of one of them.
    reply_len: usize,
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
        let text = kind.text(len);
        let (sent, reply) = match protocol {
            Protocol::Rfc6455 => (rfc6455::client_frame(&text), rfc6455::server_frame(&text)),
            Protocol::Tcp | Protocol::Draft76 => {
                let mut frame = BytesMut::with_capacity(text.len() + 2);
                encode_text(&text, &mut frame);
                (frame.to_vec(), frame.to_vec())
            }
        };
        let copies = 1 + read_len.div_ceil(reply.len());
        Self {
            protocol,
            burst: sent.repeat(in_flight),
            sent_len: sent.len(),
            expected: reply.repeat(copies),
            reply_len: reply.len(),
        }
    }

    pub(super) fn sent_len(&self) -> usize {
        self.sent_len
    }

    pub(super) fn reply_len(&self) -> usize {
        self.reply_len
    }

    /// What comes next when `written` bytes are out and `left` are to follow; perhaps not all of
    /// it. Never empty unless `left` is 0.
    pub(super) fn to_send(&self, written: u64, left: usize) -> &[u8] {
        let at = position(written, self.sent_len);
        let end = self.burst.len().min(at.saturating_add(left));
        self.burst.get(at..end).unwrap_or_default()
    }

    /// Compares what came with what has to come `at` bytes into a frame, and tells where in a frame
    /// the next byte will be.
    ///
    /// # Errors
    ///
    /// The first byte that differs.
    pub(super) fn check(&self, at: usize, came: &[u8]) -> Result<usize, LoadError> {
        let expected = self.expected.get(at..).unwrap_or_default();
        if expected.get(..came.len()) == Some(came) {
            let next = at + came.len();
            return Ok(if next < self.reply_len {
                next
            } else {
                next % self.reply_len
            });
        }
        let differs = expected
            .iter()
            .zip(came)
            .enumerate()
            .find(|(_, (expected, found))| expected != found);
        match differs {
            Some((index, (_, found)))
                if (at + index).is_multiple_of(self.reply_len) && self.is_closing(*found) =>
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

    /// Whether a frame that begins with this byte is a closing frame.
    pub(super) fn is_closing(&self, first: u8) -> bool {
        match self.protocol {
            Protocol::Tcp => false,
            Protocol::Draft76 => first == 0xFF,
            Protocol::Rfc6455 => rfc6455::is_closing(first),
        }
    }
}

/// Where in a frame of `len` bytes a stream of such frames is after `bytes`.
fn position(bytes: u64, len: usize) -> usize {
    usize::try_from(bytes % len as u64).unwrap_or_default()
}

const JAPANESE: &str =
    "色は匂へど散りぬるを我が世誰ぞ常ならむ有為の奥山今日越えて浅き夢見じ酔ひもせず";

#[cfg(test)]
mod tests;
