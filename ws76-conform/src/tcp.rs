//! The client's end of a real connection.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use crate::conversation::{Address, Peer};

/// The server under test, and how it is talked to.
///
/// ```
/// use std::time::Duration;
/// use ws76_conform::Target;
///
/// let mut target = Target::new("127.0.0.1:9000".parse()?);
/// target.host = "tv.example".to_owned();
/// target.path = "/echo".to_owned();
/// target.timeout = Duration::from_secs(2);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What the `Host` field says.
    pub host: String,
    /// The resource name of its echo, beginning with a slash.
    pub path: String,
    /// How long to wait for bytes that have to come. It bounds a hang; nothing waits for its own
    /// sake.
    pub timeout: Duration,
    /// How long to wait between the two pieces of a cut, so that the server can read the first by
    /// itself. The system may still hand both over at once, or cut elsewhere: TCP promises neither.
    pub pause: Duration,
    /// Whether to see to it that the server closes behind a refusal that says so. Only the strict
    /// expectation demands it, and it costs the timeout wherever a server does not.
    pub awaits_close: bool,
}

impl Target {
    /// A server at this address, with its echo at `/`.
    #[must_use]
    pub fn new(addr: SocketAddr) -> Self {
        Self {
            addr,
            host: addr.to_string(),
            path: "/".to_owned(),
            timeout: Duration::from_secs(5),
            pause: Duration::from_millis(1),
            awaits_close: true,
        }
    }

    pub(crate) fn address(&self) -> Address<'_> {
        Address {
            host: &self.host,
            path: &self.path,
        }
    }
}

/// A connection whose bytes are read by a thread of their own, so that neither side ever waits for
/// the other to read.
#[derive(Debug)]
pub(crate) struct TcpPeer {
    stream: TcpStream,
    chunks: Receiver<Vec<u8>>,
    received: Vec<u8>,
    ended: bool,
    timeout: Duration,
    pause: Duration,
    awaits_close: bool,
}

impl TcpPeer {
    pub(crate) fn connect(target: &Target) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target.addr, target.timeout)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(target.timeout))?;
        let mut reader = stream.try_clone()?;
        let (sender, chunks) = mpsc::channel();
        thread::Builder::new().spawn(move || {
            let mut chunk = vec![0; 64 << 10];
            // A reset is an end of the stream like others: the client has its bytes or not.
            while let Ok(len @ 1..) = reader.read(&mut chunk) {
                if sender.send(chunk[..len].to_vec()).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self {
            stream,
            chunks,
            received: Vec::new(),
            ended: false,
            timeout: target.timeout,
            pause: target.pause,
            awaits_close: target.awaits_close,
        })
    }
}

impl Peer for TcpPeer {
    fn send(&mut self, bytes: &[u8]) {
        // A server that has refused may have closed: what it said counts.
        let _ = self.stream.write_all(bytes);
    }

    fn pause(&mut self) {
        thread::sleep(self.pause);
    }

    fn shut_down(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn close(&mut self) {}

    fn receive(&mut self) -> bool {
        match self.chunks.recv_timeout(self.timeout) {
            Ok(chunk) => {
                self.received.extend(chunk);
                self.received.extend(self.chunks.try_iter().flatten());
                true
            }
            Err(mpsc::RecvTimeoutError::Disconnected) if !self.ended => {
                self.ended = true;
                true
            }
            Err(_) => false,
        }
    }

    fn received(&self) -> &[u8] {
        &self.received
    }

    fn ended(&self) -> bool {
        self.ended
    }

    fn awaits_close(&self) -> bool {
        self.awaits_close
    }

    fn least_piece(&self, len: usize) -> usize {
        len.div_ceil(4096).max(1)
    }
}

impl Drop for TcpPeer {
    fn drop(&mut self) {
        // Ends the thread that reads.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
