//! One connection to a peer: a blocking socket, and the pure crates.

use std::{
    error::Error,
    io::{self, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use bytes::BytesMut;
use ws76_codec::{Decoder, DecoderConfig, Frame, Text, encode_text};
use ws76_handshake::{
    ClientHandshake, ClientRequest, FieldName, FieldValue, Location, Origin, Reply, Subprotocol,
};

/// What a client asks for, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) resource_name: &'a str,
    pub(crate) subprotocol: Option<&'a str>,
    pub(crate) fields: &'a [(&'a str, &'a str)],
    /// The server's own address if it is `None`.
    pub(crate) origin: Option<&'a str>,
    /// Whether key 3 is sent only when the head of the reply has come.
    pub(crate) key3_late: bool,
    /// Whether each read takes one byte.
    pub(crate) single_bytes: bool,
}

impl<'a> Ask<'a> {
    pub(crate) const fn of(resource_name: &'a str) -> Self {
        Self {
            resource_name,
            subprotocol: None,
            fields: &[],
            origin: None,
            key3_late: false,
            single_bytes: false,
        }
    }
}

/// A connection whose opening handshake is done.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    src: BytesMut,
    decoder: Decoder,
    read_len: usize,
}

impl Connection {
    /// Connects to `base`, which is `ws://HOST:PORT`, and does the opening handshake. The error is a
    /// `ReplyError` when the reply is refused.
    pub(crate) fn open(base: &str, ask: &Ask<'_>) -> Result<(Self, Reply), Box<dyn Error>> {
        let location = Location::parse(&format!("{base}{}", ask.resource_name))?;
        let stream = TcpStream::connect(location.host())?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut connection = Self {
            stream,
            src: BytesMut::new(),
            decoder: Decoder::new(DecoderConfig::new()),
            read_len: if ask.single_bytes { 1 } else { 64 << 10 },
        };

        let origin = format!("http://{}", location.host());
        let origin = Origin::try_from(ask.origin.unwrap_or(&origin))?;
        let mut request = ClientRequest::new(location, origin);
        if let Some(subprotocol) = ask.subprotocol {
            request = request.with_subprotocol(Subprotocol::try_from(subprotocol)?);
        }
        for (name, value) in ask.fields {
            request =
                request.with_field(FieldName::try_from(*name)?, FieldValue::try_from(*value)?);
        }
        let mut random = [0; 32];
        getrandom::fill(&mut random)?;
        let mut dst = BytesMut::new();
        let handshake = ClientHandshake::start(request, &random, &mut dst);
        let reply = connection.handshake(handshake, &dst, ask.key3_late)?;
        Ok((connection, reply))
    }

    fn handshake(
        &mut self,
        mut handshake: ClientHandshake,
        request: &[u8],
        key3_late: bool,
    ) -> Result<Reply, Box<dyn Error>> {
        if key3_late {
            let (head, key3) = request.split_at(request.len() - KEY3_LEN);
            self.write(head)?;
            while !self.src.ends_with(b"\r\n\r\n") {
                self.read()?;
            }
            if handshake.read(&mut self.src)?.is_some() || !self.src.is_empty() {
                return Err("there is more than a head before key 3 was sent".into());
            }
            self.write(key3)?;
        } else {
            self.write(request)?;
        }
        loop {
            match handshake.read(&mut self.src)? {
                Some(reply) => return Ok(reply),
                None => self.read()?,
            }
        }
    }

    /// Sends texts in one write, and wants the same texts back and nothing else.
    pub(crate) fn echo(&mut self, texts: &[&str]) -> Result<(), Box<dyn Error>> {
        let mut frames = Vec::new();
        for text in texts {
            encode_text(text, &mut frames);
        }
        let stream = self.stream.try_clone()?;
        // The server reads no more of a client that does not.
        let (written, received) = thread::scope(|scope| {
            let writer = scope.spawn(move || (&stream).write_all(&frames));
            let received: Result<Vec<_>, _> = texts.iter().map(|_| self.text()).collect();
            (writer.join(), received)
        });
        written.map_err(|_| "the writer panicked")??;
        for (received, sent) in received?.iter().zip(texts) {
            same("text", received.as_str(), *sent)?;
        }
        same("bytes that nothing asked for", &self.src[..], b"")
    }

    /// The next frame has to be a text.
    pub(crate) fn text(&mut self) -> Result<Text, Box<dyn Error>> {
        match self.frame()? {
            Frame::Text(text) => Ok(text),
            other => Err(format!("no text but {other:?}").into()),
        }
    }

    pub(crate) fn frame(&mut self) -> Result<Frame, Box<dyn Error>> {
        loop {
            match self.decoder.decode(&mut self.src)? {
                Some(frame) => return Ok(frame),
                None => self.read()?,
            }
        }
    }

    /// The bytes that come before the end of the stream.
    pub(crate) fn rest(&mut self) -> Result<Vec<u8>, Box<dyn Error>> {
        let mut rest = self.src.split().to_vec();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => Ok(rest),
            Err(error) => Err(format!("{}, after {}", describe(&error), shown(&rest)).into()),
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        (&self.stream).write_all(bytes)
    }

    fn read(&mut self) -> Result<(), Box<dyn Error>> {
        let mut chunk = vec![0; self.read_len];
        let len = (&self.stream)
            .read(&mut chunk)
            .map_err(|error| describe(&error))?;
        if len == 0 {
            return Err(format!("end of the stream after {}", shown(&self.src)).into());
        }
        self.src.extend_from_slice(&chunk[..len]);
        Ok(())
    }
}

/// Fails unless both are the same.
pub(crate) fn same<T: AsRef<[u8]>>(what: &str, got: T, expected: T) -> Result<(), Box<dyn Error>> {
    let (got, expected) = (got.as_ref(), expected.as_ref());
    if got == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {}, got {}", shown(expected), shown(got)).into())
}

/// Bytes for people; the middle of something long is left out.
fn shown(bytes: &[u8]) -> String {
    let len = bytes.len();
    match (bytes.get(..120), bytes.get(len.saturating_sub(60)..)) {
        (Some(first), Some(last)) if len > 200 => {
            let (first, last) = (first.escape_ascii(), last.escape_ascii());
            format!("{len} bytes \"{first} ... {last}\"")
        }
        _ => format!("{len} bytes \"{}\"", bytes.escape_ascii()),
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            format!("nothing came for {} s", TIMEOUT.as_secs())
        }
        _ => error.to_string(),
    }
}

const KEY3_LEN: usize = 8;
const TIMEOUT: Duration = Duration::from_secs(10);
