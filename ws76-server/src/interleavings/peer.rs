//! A client, and the stream to it.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{Protocol, stream::TryWrite, sync};

/// A client that has sent what it sends before it reads, answers a closing frame, and hangs up when
/// the server does.
///
/// What it received is no part of what is checked, so it is behind a lock that loom does not see.
/// The kernel's buffer is: it wakes the driver from another thread.
#[derive(Debug)]
pub(super) struct Peer {
    protocol: Protocol,
    answers: bool,
    wire: Mutex<Wire>,
    /// `None` takes everything at once.
    kernel: Option<sync::Mutex<Kernel>>,
}

#[derive(Debug, Default)]
struct Wire {
    received: Vec<u8>,
    sends: Vec<u8>,
    answered: bool,
    shutdowns: usize,
}

/// What the kernel takes.
#[derive(Debug)]
struct Kernel {
    room: usize,
    reset: bool,
    writer: Option<Waker>,
}

/// What a client has received, in frames.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) texts: Vec<String>,
    /// A closing frame came, behind everything else.
    pub(super) closing: bool,
    /// There is a frame that has not come in whole.
    pub(super) part: bool,
}

impl Peer {
    /// A client that takes everything at once.
    pub(super) fn new(protocol: Protocol) -> Arc<Self> {
        Arc::new(Self::with(protocol, None))
    }

    /// A client for which the kernel takes so many bytes, until it reads.
    pub(super) fn with_room(protocol: Protocol, room: usize) -> Arc<Self> {
        Arc::new(Self::with(protocol, Some(room)))
    }

    /// A client that takes everything at once, never answers a closing frame, and hangs up when the
    /// server gives it up.
    pub(super) fn unanswering(protocol: Protocol) -> Arc<Self> {
        Arc::new(Self {
            answers: false,
            ..Self::with(protocol, None)
        })
    }

    /// A client that has sent that already.
    pub(super) fn sending(protocol: Protocol, texts: &[&str]) -> Arc<Self> {
        let peer = Self::with(protocol, None);
        for text in texts {
            let head = [0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0];
            peer.wire.lock().unwrap().sends.extend(match protocol {
                Protocol::Draft76 => [&[0x00], text.as_bytes(), &[0xff]].concat(),
                _ => [&head, text.as_bytes()].concat(),
            });
        }
        Arc::new(peer)
    }

    fn with(protocol: Protocol, room: Option<usize>) -> Self {
        let kernel = room.map(|room| {
            sync::Mutex::new(Kernel {
                room,
                reset: false,
                writer: None,
            })
        });
        Self {
            protocol,
            answers: true,
            wire: Mutex::default(),
            kernel,
        }
    }

    pub(super) const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The client reads so much that the kernel takes `room` bytes more.
    pub(super) fn read(&self, room: usize) {
        self.change(|kernel| kernel.room += room);
    }

    /// The client sends a RST.
    pub(super) fn reset(&self) {
        self.change(|kernel| kernel.reset = true);
    }

    fn change(&self, change: impl FnOnce(&mut Kernel)) {
        let mut kernel = self.kernel.as_ref().expect("a kernel").lock().unwrap();
        change(&mut kernel);
        let writer = kernel.writer.take();
        drop(kernel);
        if let Some(writer) = writer {
            writer.wake();
        }
    }

    /// P1: all of it is whole frames in a row, and nothing is behind a closing frame.
    pub(super) fn received(&self) -> Received {
        let wire = self.wire.lock().unwrap();
        let mut bytes = &wire.received[..];
        let mut received = Received {
            texts: Vec::new(),
            closing: false,
            part: false,
        };
        while !bytes.is_empty() {
            assert!(!received.closing, "{bytes:?} behind the closing frame");
            let text = match (self.protocol, bytes) {
                (Protocol::Draft76, [0xff, 0x00, rest @ ..])
                | (Protocol::Rfc6455, [0x88, 0x02, _, _, rest @ ..]) => {
                    received.closing = true;
                    bytes = rest;
                    continue;
                }
                (Protocol::Draft76, [0x00, rest @ ..]) => {
                    let end = rest.iter().position(|byte| *byte == 0xff);
                    end.map(|end| (&rest[..end], &rest[end + 1..]))
                }
                (Protocol::Rfc6455, [0x81, 126, high, low, rest @ ..]) => {
                    rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))
                }
                (Protocol::Rfc6455, [0x81, len @ 0..126, rest @ ..]) => {
                    rest.split_at_checked(usize::from(*len))
                }
                (Protocol::Rfc6455, [0x81] | [0x81, 126, ..]) => None,
                _ => panic!("{bytes:?} is no frame"),
            };
            let Some((text, rest)) = text else {
                received.part = true;
                break;
            };
            let text = std::str::from_utf8(text).unwrap();
            // A long text is known by its first letter.
            received.texts.push(text.trim_end_matches('.').to_owned());
            bytes = rest;
        }
        received
    }
}

/// The server's end of the stream to a client.
#[derive(Debug)]
pub(super) struct Stream(Arc<Peer>);

impl Stream {
    pub(super) fn new(peer: &Arc<Peer>) -> Self {
        Self(Arc::clone(peer))
    }

    /// Hands so much of it to the kernel as it takes; where that is nothing, `cx` is woken later.
    fn write(&self, bytes: &[u8], cx: Option<&Context<'_>>) -> Poll<io::Result<usize>> {
        let mut count = bytes.len();
        if let Some(kernel) = &self.0.kernel {
            let mut kernel = kernel.lock().unwrap();
            if kernel.reset {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            if kernel.room == 0 {
                if let Some(cx) = cx {
                    kernel.writer = Some(cx.waker().clone());
                }
                return Poll::Pending;
            }
            count = count.min(kernel.room);
            kernel.room -= count;
        }
        let mut wire = self.0.wire.lock().unwrap();
        assert_eq!(wire.shutdowns, 0, "a write after the shutdown");
        wire.received.extend_from_slice(&bytes[..count]);
        Poll::Ready(Ok(count))
    }
}

impl TryWrite for Stream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self.write(bytes, None) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(buf, Some(cx))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.wire.lock().unwrap().shutdowns += 1;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let closing = self.0.received().closing;
        // Towards draft-76 the server shuts down behind its closing frame, and once more when it
        // does not wait for the answer any more.
        let waits = closing && !self.0.answers && self.0.protocol == Protocol::Draft76;
        let mut wire = self.0.wire.lock().unwrap();
        if closing && self.0.answers && !wire.answered {
            wire.answered = true;
            wire.sends.extend_from_slice(match self.0.protocol {
                Protocol::Draft76 => &[0xff, 0x00],
                _ => &[0x88, 0x80, 0, 0, 0, 0],
            });
        }
        if !wire.sends.is_empty() {
            buf.put_slice(&wire.sends);
            wire.sends.clear();
            Poll::Ready(Ok(()))
        } else if wire.shutdowns > usize::from(waits) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }
}
