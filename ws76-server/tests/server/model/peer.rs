//! A client that takes frames apart, and answers a closing frame or hangs up.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{Client, Speaks, within};

/// What the client of one connection has read and written.
pub(crate) struct Peer {
    client: Client,
    buf: Vec<u8>,
    /// Texts received, since they were last taken.
    pub(crate) got: Vec<String>,
    /// The payload of the server's closing frame.
    pub(crate) closing: Option<Vec<u8>>,
    /// How the stream ended, when it has.
    pub(crate) end: Option<Result<(), std::io::ErrorKind>>,
    /// Whether it answers a closing frame, or ends TCP instead.
    answers: bool,
    pub(crate) sent_closing: bool,
    pub(crate) finished: bool,
}

impl Peer {
    pub(crate) const fn new(client: Client, answers: bool) -> Self {
        Self {
            client,
            buf: Vec::new(),
            got: Vec::new(),
            closing: None,
            end: None,
            answers,
            sent_closing: false,
            finished: false,
        }
    }

    /// Whether it may still send a message.
    pub(crate) const fn may_send(&self) -> bool {
        !self.sent_closing && !self.finished
    }

    /// Whether the bytes read end with a part of a frame.
    pub(crate) const fn has_part(&self) -> bool {
        !self.buf.is_empty()
    }

    /// Sends messages with one write.
    pub(crate) async fn send(&mut self, texts: &[String]) {
        let speaks = self.client.speaks;
        let bytes: Vec<u8> = texts.iter().flat_map(|text| speaks.text(text)).collect();
        self.client.write(bytes).await;
    }

    pub(crate) async fn send_closing(&mut self) {
        self.sent_closing = true;
        let closing = self.client.speaks.closing();
        // The server may be gone: whether it saw this is for its closed event to say.
        let _ = within("a write", self.client.io.write_all(&closing)).await;
    }

    pub(crate) async fn finish(&mut self) {
        self.finished = true;
        let _ = self.client.io.shutdown().await;
    }

    /// Reads until the stream ends, and ends it from here, too.
    pub(crate) async fn hang_up(mut self) -> Self {
        self.read_to_end().await;
        self.finish().await;
        self
    }

    pub(crate) fn reset(self) {
        self.client.reset();
    }

    /// Reads until that text came, or the stream ended.
    pub(crate) async fn read_until(&mut self, text: &str) {
        while self.end.is_none() && self.got.last().is_none_or(|last| last != text) {
            self.read().await;
        }
    }

    /// Reads until the stream ends, doing on the way what a closing frame asks for.
    pub(crate) async fn read_to_end(&mut self) {
        while self.end.is_none() {
            self.read().await;
            if self.closing.is_some() && self.may_send() && self.end.is_none() {
                if self.answers {
                    self.send_closing().await;
                } else {
                    self.finish().await;
                }
            }
        }
    }

    async fn read(&mut self) {
        match within("bytes", self.client.io.read_buf(&mut self.buf)).await {
            Ok(0) => self.end = Some(Ok(())),
            Ok(_) => while self.take_frame() {},
            Err(error) => self.end = Some(Err(error.kind())),
        }
    }

    /// Takes a whole frame off what was read. There is never anything but frames (P1), and nothing
    /// behind a closing frame (X2).
    fn take_frame(&mut self) -> bool {
        if self.buf.is_empty() {
            return false;
        }
        assert_eq!(self.closing, None, "bytes behind the closing frame");
        let Some((opcode, from, to, len)) = frame(self.client.speaks, &self.buf) else {
            return false;
        };
        let payload = self.buf[from..to].to_vec();
        self.buf.drain(..len);
        match opcode {
            Opcode::Text => self.got.push(String::from_utf8(payload).expect("UTF-8")),
            Opcode::Closing => self.closing = Some(payload),
        }
        true
    }
}

enum Opcode {
    Text,
    Closing,
}

/// The first frame of `buf` when it is whole: its payload's range, and its length.
fn frame(speaks: Speaks, buf: &[u8]) -> Option<(Opcode, usize, usize, usize)> {
    match (speaks, buf[0]) {
        (Speaks::Draft76, 0x00) => {
            let end = buf.iter().position(|&byte| byte == 0xff)?;
            Some((Opcode::Text, 1, end, end + 1))
        }
        (Speaks::Draft76, 0xff) => {
            let length = *buf.get(1)?;
            assert_eq!(length, 0, "not a closing frame");
            Some((Opcode::Closing, 2, 2, 2))
        }
        (Speaks::Rfc6455, first @ (0x81 | 0x88)) => {
            let (from, len) = match *buf.get(1)? {
                126 => (
                    4,
                    usize::from(u16::from_be_bytes([*buf.get(2)?, *buf.get(3)?])),
                ),
                len @ 0..126 => (2, usize::from(len)),
                len => panic!("no frame of a server begins with {first:#x} {len:#x}"),
            };
            let opcode = if first == 0x81 {
                Opcode::Text
            } else {
                Opcode::Closing
            };
            (buf.len() >= from + len).then_some((opcode, from, from + len, from + len))
        }
        (speaks, first) => panic!("{first:#x} begins no frame of {speaks:?}"),
    }
}
