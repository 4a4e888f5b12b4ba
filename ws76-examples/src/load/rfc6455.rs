//! What is RFC 6455's own: its frames, its opening handshake, and the pings of a server.
//!
//! Every frame is masked with the same key and every request has the same nonce, so that both are
//! made once. That is enough for a load; a client that pages of others run in must draw both anew.

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{error::LoadError, traffic::Traffic};

/// A text frame as a client sends it.
pub(super) fn client_frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 14);
    frame.push(FIN | TEXT);
    put_len(&mut frame, MASKED, text.len());
    put_masked(&mut frame, text.as_bytes());
    frame
}

/// A text frame as a server sends it.
pub(super) fn server_frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 10);
    frame.push(FIN | TEXT);
    put_len(&mut frame, 0, text.len());
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The request's head.
pub(super) fn request(host: &str, resource_name: &str) -> Vec<u8> {
    format!(
        "GET {resource_name} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nOrigin: http://{host}\r\nSec-WebSocket-Key: {NONCE}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// The value of `Sec-WebSocket-Accept` that the reply must have.
pub(super) fn accept_key() -> String {
    derive_accept_key(NONCE.as_bytes())
}

/// The length of the reply's head, once it is whole and right.
///
/// # Errors
///
/// What is wrong with it.
pub(super) fn check_reply(src: &[u8], accept_key: &str) -> Result<Option<usize>, LoadError> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut reply = httparse::Response::new(&mut fields);
    let head_len = match reply.parse(src) {
        Ok(httparse::Status::Complete(head_len)) => head_len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(LoadError::Reply("a malformed head")),
    };
    if reply.code != Some(101) {
        return Err(LoadError::Reply("the server does not answer with 101"));
    }
    let has = |name: &str, value: &str, ignore_case: bool| {
        let mut named = reply
            .headers
            .iter()
            .filter(|field| field.name.eq_ignore_ascii_case(name));
        let (first, second) = (named.next(), named.next());
        second.is_none()
            && first.is_some_and(|field| match ignore_case {
                true => field.value.eq_ignore_ascii_case(value.as_bytes()),
                false => field.value == value.as_bytes(),
            })
    };
    if !has("Upgrade", "websocket", true) || !has("Connection", "upgrade", true) {
        return Err(LoadError::Reply("no upgrade to a WebSocket"));
    }
    match has("Sec-WebSocket-Accept", accept_key, false) {
        true => Ok(Some(head_len)),
        false => Err(LoadError::Reply(
            "another Sec-WebSocket-Accept than expected",
        )),
    }
}

/// A closing frame of a client, with status 1000.
pub(super) fn closing_frame() -> Vec<u8> {
    let mut frame = vec![FIN | CLOSE, MASKED | 2];
    put_masked(&mut frame, &1000_u16.to_be_bytes());
    frame
}

/// Whether a frame that begins with this byte is a closing frame.
pub(super) fn is_closing(first: u8) -> bool {
    first & 0x0F == CLOSE
}

/// Whether these are control frames and nothing else; the last may be cut.
pub(super) fn are_control_frames(mut came: &[u8]) -> bool {
    while let [first, after @ ..] = came {
        if !matches!(first & 0x0F, CLOSE | PING | PONG) {
            return false;
        }
        let [len, payload @ ..] = after else {
            return true;
        };
        came = payload.get(usize::from(*len)..).unwrap_or_default();
    }
    true
}

/// The way around [`Traffic::check`] when something else came: a ping between two messages.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// What there is of a control frame that is not whole.
    held: Vec<u8>,
}

/// What one read brought.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Where in a round of messages the next byte will be.
    pub(super) at: usize,
    /// How many bytes were the messages' own.
    pub(super) len: usize,
    /// The answers to pings.
    pub(super) pongs: Vec<u8>,
}

impl Control {
    /// Whether the next bytes belong to a control frame.
    pub(super) fn is_open(&self) -> bool {
        !self.held.is_empty()
    }

    /// As [`Traffic::check`], with pings and pongs between the messages.
    ///
    /// # Errors
    ///
    /// What is neither a control frame nor what had to come.
    pub(super) fn sort(
        &mut self,
        traffic: &Traffic,
        at: usize,
        came: &[u8],
    ) -> Result<Sorted, LoadError> {
        let mut sorted = Sorted {
            at,
            ..Sorted::default()
        };
        let mut rest = came;
        while let [first, ..] = rest {
            let is_control =
                || traffic.begins_frame(sorted.at) && matches!(first & 0x0F, PING | PONG);
            let taken = if self.is_open() || is_control() {
                self.take(rest, &mut sorted.pongs)?
            } else {
                let taken = rest.len().min(traffic.left_of_frame(sorted.at));
                let (frame, _) = rest.split_at(taken);
                sorted.at = traffic.check(sorted.at, frame)?;
                sorted.len += taken;
                taken
            };
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(sorted)
    }

    /// Takes what belongs to the control frame, and answers it once it is a whole ping.
    fn take(&mut self, came: &[u8], pongs: &mut Vec<u8>) -> Result<usize, LoadError> {
        let mut taken = 0;
        for byte in came {
            self.held.push(*byte);
            taken += 1;
            let [first, len, payload @ ..] = self.held.as_slice() else {
                continue;
            };
            if first & 0xF0 != FIN || *len > MAX_CONTROL_LEN {
                return Err(LoadError::ControlFrame);
            }
            if payload.len() < usize::from(*len) {
                continue;
            }
            if first & 0x0F == PING {
                pongs.extend_from_slice(&[FIN | PONG, MASKED | *len]);
                put_masked(pongs, payload);
            }
            self.held.clear();
            break;
        }
        Ok(taken)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "each length is looked at before it is cast"
)]
fn put_len(frame: &mut Vec<u8>, masked: u8, len: usize) {
    match len {
        0..=125 => frame.push(masked | len as u8),
        126..=0xFFFF => {
            frame.push(masked | 126);
            frame.extend_from_slice(&(len as u16).to_be_bytes());
        }
        _ => {
            frame.push(masked | 127);
            frame.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

fn put_masked(frame: &mut Vec<u8>, payload: &[u8]) {
    frame.extend_from_slice(&MASKING_KEY);
    let key = MASKING_KEY.iter().cycle();
    frame.extend(payload.iter().zip(key).map(|(byte, key)| byte ^ key));
}

const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const MASKED: u8 = 0x80;
const MAX_CONTROL_LEN: u8 = 125;
const MASKING_KEY: [u8; 4] = [0xB5, 0x1E, 0x93, 0x6C];
/// Sixteen bytes in base64.
const NONCE: &str = "d3M3NiBsb2FkIHRlc3QhIQ==";

#[cfg(test)]
mod tests;
