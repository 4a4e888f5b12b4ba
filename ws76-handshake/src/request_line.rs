//! The request line, byte for byte (draft-76 §5.1).
//!
//! The resource name is what stands between the first space and the last ` HTTP/1.1` of the line.
//! WebKit 534 sends raw spaces in it, so that the first space after it says nothing.

use crate::error::{HandshakeError, HeadError};
use crate::limits::HeadLimits;
use crate::scan::{self, Span};

/// Where the parts of the request line stand, once it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine {
    pub(crate) method: Span,
    pub(crate) resource_name: Span,
    /// The first byte after the line's CRLF.
    pub(crate) end: usize,
}

/// The resumable scan over the request line.
#[derive(Debug)]
pub(crate) struct RequestLineScanner {
    position: usize,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Method,
    /// After the first space; `start` is where the resource name begins.
    Target {
        start: usize,
    },
    LineEnd {
        method: Span,
        resource_name: Span,
    },
}

impl RequestLineScanner {
    pub(crate) const fn new() -> Self {
        Self {
            position: 0,
            state: State::Method,
        }
    }

    /// Goes on through `head`, which begins where the request begins.
    pub(crate) fn scan(
        &mut self,
        head: &[u8],
        limits: HeadLimits,
    ) -> Result<Option<RequestLine>, HandshakeError> {
        let limits = scan::addressable(limits);
        while let Some(&byte) = head.get(self.position) {
            if self.position >= limits.max_head_len {
                return Err(HeadError::HeadTooLong {
                    max: limits.max_head_len,
                }
                .into());
            }
            self.state = match self.state {
                State::Method => self.method(byte, limits)?,
                State::Target { start } => self.target(head, byte, start, limits)?,
                State::LineEnd {
                    method,
                    resource_name,
                } => {
                    scan::check_line_feed(byte)?;
                    let end = self.position + 1;
                    return Ok(Some(RequestLine {
                        method,
                        resource_name,
                        end,
                    }));
                }
            };
            self.position += 1;
        }
        Ok(None)
    }

    fn method(&self, byte: u8, limits: HeadLimits) -> Result<State, HandshakeError> {
        self.check_line(byte, limits)?;
        match byte {
            b' ' if self.position > 0 => Ok(State::Target {
                start: self.position + 1,
            }),
            b'\n' => Err(HeadError::BareLf.into()),
            0 => Err(HeadError::Nul.into()),
            _ if scan::is_token(byte) => Ok(State::Method),
            _ => Err(HandshakeError::MalformedRequestLine),
        }
    }

    fn target(
        &mut self,
        head: &[u8],
        byte: u8,
        start: usize,
        limits: HeadLimits,
    ) -> Result<State, HandshakeError> {
        self.check_line(byte, limits)?;
        // The version may still follow, so the limit is that of the name and the version. A line
        // that ends with the version then holds a name within its limit.
        let max = limits.max_resource_name_len;
        let max_target_len = max.saturating_add(VERSION.len());
        match byte {
            b'\r' => {
                let target = head.get(start..self.position).unwrap_or_default();
                let Some(name) = target.strip_suffix(VERSION) else {
                    return Err(HandshakeError::UnsupportedHttpVersion);
                };
                Ok(State::LineEnd {
                    method: Span::new(0, start - 1),
                    resource_name: Span::new(start, start + name.len()),
                })
            }
            _ if self.position - start >= max_target_len => {
                Err(HandshakeError::ResourceNameTooLong { max })
            }
            b'\n' => Err(HeadError::BareLf.into()),
            0 => Err(HeadError::Nul.into()),
            _ if self.position == start && byte != b'/' => Err(HandshakeError::InvalidResourceName),
            0x20..=0x7E => {
                // The rest of such bytes too, as far as no limit forbids one.
                let end = start
                    .saturating_add(max_target_len)
                    .min(limits.max_line_len);
                let end = end.min(limits.max_head_len).min(head.len());
                let rest = head.get(self.position + 1..end).unwrap_or_default();
                let run = rest.iter().position(|byte| !matches!(byte, 0x20..=0x7E));
                self.position += run.unwrap_or(rest.len());
                Ok(State::Target { start })
            }
            _ => Err(HandshakeError::InvalidResourceName),
        }
    }

    /// Refuses a byte that makes the line too long; the CR after it does not count.
    fn check_line(&self, byte: u8, limits: HeadLimits) -> Result<(), HandshakeError> {
        if byte != b'\r' && self.position >= limits.max_line_len {
            return Err(HandshakeError::RequestLineTooLong {
                max: limits.max_line_len,
            });
        }
        Ok(())
    }
}

const VERSION: &[u8] = b" HTTP/1.1";
