//! A stream with or without TLS, and the write side of one that all who send may write to.

#[cfg(all(test, not(ws76_loom)))]
pub(crate) mod kernel;

use std::{
    any::Any,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The write side of a stream, which others than its driver may write to.
#[derive(Debug)]
pub(crate) enum Writer {
    Tcp(OwnedWriteHalf),
    #[cfg(test)]
    Of(Box<dyn TryWrite>),
}

/// What the tests write to.
#[cfg(test)]
pub(crate) trait TryWrite: AsyncWrite + std::fmt::Debug + Send + Unpin {
    /// Writes what can be written at once.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
}

impl Writer {
    /// Writes what can be written at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.try_write(bytes),
            #[cfg(test)]
            Self::Of(io) => io.try_write(bytes),
        }
    }

    /// Lets go of the write side without shutting it down: its driver has, where that is of use,
    /// and closes the stream.
    pub(crate) fn forget(self) {
        match self {
            Self::Tcp(tcp) => tcp.forget(),
            #[cfg(test)]
            Self::Of(_) => {}
        }
    }

    /// As [`Self::try_write`].
    pub(crate) fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(tcp) => tcp.try_write_vectored(slices),
            #[cfg(test)]
            Self::Of(io) => io.try_write(slices.first().map_or(&[], |first| first)),
        }
    }
}

impl AsyncWrite for Writer {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write(cx, buf),
            #[cfg(test)]
            Self::Of(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, bufs),
            #[cfg(test)]
            Self::Of(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(tcp) => tcp.is_write_vectored(),
            #[cfg(test)]
            Self::Of(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_flush(cx),
            #[cfg(test)]
            Self::Of(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            #[cfg(test)]
            Self::Of(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

/// A stream from where the request begins.
#[derive(Debug)]
pub(crate) enum Stream<T> {
    Plain(T),
    /// A TCP connection whose write side was given away.
    Reader(OwnedReadHalf),
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::server::TlsStream<T>>),
}

impl<T: 'static> Stream<T> {
    /// Gives the write side away, if others can write to it: a TCP connection's, without TLS.
    pub(crate) fn split(self) -> (Self, Option<Writer>) {
        let Self::Plain(io) = self else {
            return (self, None);
        };
        match cast::<T, TcpStream>(io) {
            Ok(tcp) => {
                let (reader, writer) = tcp.into_split();
                (Self::Reader(reader), Some(Writer::Tcp(writer)))
            }
            Err(io) => (Self::Plain(io), None),
        }
    }
}

impl<T> Stream<T> {
    /// Ready when there is something to read, and where that is not known.
    #[inline]
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Reader(io) => io.as_ref().poll_read_ready(cx).map(|_| ()),
            _ => Poll::Ready(()),
        }
    }
}

/// `value` as what it is, if that is a `U`.
#[expect(clippy::expect_used, reason = "only a `U` is taken")]
fn cast<T: 'static, U: 'static>(value: T) -> Result<U, T> {
    let mut value = Some(value);
    let any: &mut dyn Any = &mut value;
    match any.downcast_mut::<Option<U>>().and_then(Option::take) {
        Some(value) => Ok(value),
        None => Err(value.expect("still there")),
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Reader(io) => Pin::new(io).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(io) => match Pin::new(io).poll_read(cx, buf) {
                // TCP ended without a word of TLS. Whether that was the end of what the client had
                // to say shows in its frames, as it does without TLS.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                read => read,
            },
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Reader(_) => Poll::Ready(Err(given_away())),
            #[cfg(feature = "tls")]
            Self::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write_vectored(cx, bufs),
            Self::Reader(_) => Poll::Ready(Err(given_away())),
            #[cfg(feature = "tls")]
            Self::Tls(io) => Pin::new(io).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(io) => io.is_write_vectored(),
            Self::Reader(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(io) => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            // Nothing was written here.
            Self::Reader(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    /// Ends TLS with its `close_notify`, where there is TLS, and then the write side.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Reader(_) => Poll::Ready(Err(given_away())),
            #[cfg(feature = "tls")]
            Self::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

fn given_away() -> io::Error {
    io::ErrorKind::BrokenPipe.into()
}
