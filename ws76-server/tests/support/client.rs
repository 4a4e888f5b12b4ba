//! A client of raw bytes, in the words of either protocol.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use super::within;

/// The protocols that the server was built with.
#[cfg(feature = "rfc6455")]
pub(crate) const BOTH: &[Speaks] = &[Speaks::Draft76, Speaks::Rfc6455];
#[cfg(not(feature = "rfc6455"))]
pub(crate) const BOTH: &[Speaks] = &[Speaks::Draft76];

/// The head of the request of draft-76 §1.2, without a subprotocol.
pub(crate) const HEAD: &str = "GET /demo HTTP/1.1\r\n\
    Host: example.com\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\
    Upgrade: WebSocket\r\n\
    Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n\
    Origin: http://example.com\r\n\
    \r\n";
/// Its key 3.
pub(crate) const KEY3: &str = "^n:ds[4U";
/// The whole reply to it (draft-76 §5.2): head and response.
pub(crate) const REPLY: &str = "HTTP/1.1 101 WebSocket Protocol Handshake\r\n\
    Upgrade: WebSocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Origin: http://example.com\r\n\
    Sec-WebSocket-Location: ws://example.com/demo\r\n\
    \r\n8jKS'y:G*Co,Wxa-";

/// The request of RFC 6455 §1.3, with its key.
const RFC6455_HEAD: &str = "GET /demo HTTP/1.1\r\n\
    Host: example.com\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
    Origin: http://example.com\r\n\
    Sec-WebSocket-Version: 13\r\n\
    \r\n";
const RFC6455_REPLY: &str = "HTTP/1.1 101 Switching Protocols\r\n\
    Upgrade: websocket\r\n\
    Connection: Upgrade\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
    \r\n";

/// A text with some pieces of it replaced; each piece must be there.
pub(crate) fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    let mut text = text.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "{from:?} is not in the request");
        text = text.replacen(from, to, 1);
    }
    text
}

/// The protocol of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Draft76,
    Rfc6455,
}

impl Speaks {
    /// The request that opens a connection; all that the client sends for it.
    pub(crate) fn request(self) -> String {
        match self {
            Self::Draft76 => format!("{HEAD}{KEY3}"),
            Self::Rfc6455 => RFC6455_HEAD.to_owned(),
        }
    }

    /// The whole reply to [`Self::request`].
    pub(crate) fn reply(self) -> &'static str {
        match self {
            Self::Draft76 => REPLY,
            Self::Rfc6455 => RFC6455_REPLY,
        }
    }

    /// A message as a client sends it.
    pub(crate) fn text(self, text: &str) -> Vec<u8> {
        match self {
            Self::Draft76 => [b"\x00", text.as_bytes(), b"\xff"].concat(),
            Self::Rfc6455 => masked(0x81, text.as_bytes()),
        }
    }

    /// A message as a server sends it.
    pub(crate) fn sent(self, text: &str) -> Vec<u8> {
        match self {
            Self::Draft76 => self.text(text),
            Self::Rfc6455 => [&head(0x81, text.len(), 0)[..], text.as_bytes()].concat(),
        }
    }

    /// A closing frame as a client sends it.
    pub(crate) fn closing(self) -> Vec<u8> {
        match self {
            Self::Draft76 => b"\xff\x00".to_vec(),
            Self::Rfc6455 => masked(0x88, &1000_u16.to_be_bytes()),
        }
    }

    /// A closing frame as a server sends it; draft-76 has no codes.
    pub(crate) fn sent_closing(self, code: u16) -> Vec<u8> {
        match self {
            Self::Draft76 => b"\xff\x00".to_vec(),
            Self::Rfc6455 => [b"\x88\x02", &code.to_be_bytes()[..]].concat(),
        }
    }
}

/// A masked frame of RFC 6455 §5.2.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = head(first, payload.len(), 0x80);
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

fn head(first: u8, len: usize, mask: u8) -> Vec<u8> {
    let mut head = vec![first];
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len), _) if len < 126 => head.push(mask | len),
        (_, Ok(len)) => {
            head.push(mask | 126);
            head.extend(len.to_be_bytes());
        }
        _ => {
            head.push(mask | 127);
            head.extend((len as u64).to_be_bytes());
        }
    }
    head
}

/// One connection to a server, over TCP or what is on top of it.
#[derive(Debug)]
pub(crate) struct Client<T = TcpStream> {
    pub(crate) io: T,
    pub(crate) speaks: Speaks,
}

impl Client {
    /// Connects, and says nothing.
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let io = within("a connection", TcpStream::connect(addr)).await;
        Self::from(io.unwrap())
    }

    /// Connects with a small receive buffer in the kernel, to be a slow reader after few bytes.
    pub(crate) async fn connect_narrow(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4 << 10).unwrap();
        Self::from(socket.connect(addr).await.unwrap())
    }

    /// Connects and writes.
    pub(crate) async fn request(addr: SocketAddr, bytes: impl AsRef<[u8]>) -> Self {
        let mut client = Self::connect(addr).await;
        client.write(bytes).await;
        client
    }

    /// Connects and opens a connection of that protocol.
    pub(crate) async fn open(addr: SocketAddr, speaks: Speaks) -> Self {
        Self::connect(addr).await.opened(speaks).await
    }

    /// Ends TCP with a RST.
    pub(crate) fn reset(self) {
        self.io.set_zero_linger().unwrap();
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    /// Opens a connection of that protocol.
    pub(crate) async fn opened(mut self, speaks: Speaks) -> Self {
        self.speaks = speaks;
        self.write(speaks.request()).await;
        self.expect(speaks.reply()).await;
        self
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let write = async {
            self.io.write_all(bytes.as_ref()).await?;
            self.io.flush().await
        };
        within("a write", write).await.unwrap();
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, text: &str) {
        self.write(self.speaks.text(text)).await;
    }

    /// Sends a closing frame.
    pub(crate) async fn send_closing(&mut self) {
        self.write(self.speaks.closing()).await;
    }

    /// Reads as many bytes as are expected, and compares them.
    pub(crate) async fn expect(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        let got = self.read_exact(bytes.len()).await;
        assert_same(&got, bytes);
    }

    /// Reads one message and compares it.
    pub(crate) async fn expect_text(&mut self, text: &str) {
        self.expect(self.speaks.sent(text)).await;
    }

    /// Reads one message of up to 65,535 bytes, whatever it says; `None` for a closing frame.
    pub(crate) async fn next_text(&mut self) -> Option<String> {
        let io = &mut self.io;
        let read = async {
            let mut text = Vec::new();
            match (self.speaks, io.read_u8().await?) {
                (Speaks::Draft76, 0x00) => loop {
                    match io.read_u8().await? {
                        0xff => break,
                        byte => text.push(byte),
                    }
                },
                (Speaks::Rfc6455, 0x81) => {
                    let len = match io.read_u8().await? {
                        126 => io.read_u16().await?,
                        len => len.into(),
                    };
                    text.resize(len.into(), 0);
                    io.read_exact(&mut text).await?;
                }
                (Speaks::Draft76, 0xff) | (Speaks::Rfc6455, 0x88) => return Ok(None),
                (_, byte) => panic!("a frame that begins with {byte:#x}"),
            }
            std::io::Result::Ok(Some(String::from_utf8(text).unwrap()))
        };
        within("a message", read).await.unwrap()
    }

    /// Reads all that still comes, up to the end of the stream, and compares it.
    pub(crate) async fn expect_end(&mut self, bytes: impl AsRef<[u8]>) {
        let got = self.read_to_end().await;
        assert_same(&got, bytes.as_ref());
    }

    /// Reads so many bytes, or fewer when the stream ends before.
    pub(crate) async fn read_exact(&mut self, len: usize) -> Vec<u8> {
        let mut got = Vec::new();
        let mut part = (&mut self.io).take(len as u64);
        let read = within("bytes", part.read_to_end(&mut got)).await;
        read.unwrap_or_else(|error| panic!("{error} after {:?}", got.escape_ascii().to_string()));
        got
    }

    /// Reads up to the end of the stream, which must be orderly.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        let mut got = Vec::new();
        within("the end of the stream", self.io.read_to_end(&mut got))
            .await
            .unwrap_or_else(|error| panic!("{error} after {:?}", got.escape_ascii().to_string()));
        got
    }

    /// Shuts the write side down: a FIN.
    pub(crate) async fn finish(&mut self) {
        self.io.shutdown().await.unwrap();
    }
}

impl From<TcpStream> for Client {
    fn from(io: TcpStream) -> Self {
        io.set_nodelay(true).unwrap();
        Self {
            io,
            speaks: Speaks::Draft76,
        }
    }
}

/// Compares whole byte strings, and shows where they differ.
#[track_caller]
pub(crate) fn assert_same(got: &[u8], expected: &[u8]) {
    if got == expected {
        return;
    }
    let at = got.iter().zip(expected).take_while(|(a, b)| a == b).count();
    let show = |bytes: &[u8]| {
        let from = at.saturating_sub(40);
        bytes[from..bytes.len().min(at + 400)]
            .escape_ascii()
            .to_string()
    };
    panic!(
        "bytes differ from {at} on\n     got {} bytes: …{}\nexpected {} bytes: …{}",
        got.len(),
        show(got),
        expected.len(),
        show(expected)
    );
}
