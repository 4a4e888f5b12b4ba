//! The kernel's side of a stream, by hand.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;

use super::{TryWrite, Writer};

/// Takes as many bytes as it has room for.
#[derive(Clone, Debug)]
pub(crate) struct Kernel(Arc<Mutex<(usize, Vec<u8>)>>);

impl Kernel {
    pub(crate) fn new(room: usize) -> Self {
        Self(Arc::new(Mutex::new((room, Vec::new()))))
    }

    pub(crate) fn set_room(&self, room: usize) {
        self.0.lock().unwrap().0 = room;
    }

    /// All that it took.
    pub(crate) fn taken(&self) -> Vec<u8> {
        self.0.lock().unwrap().1.clone()
    }

    /// What writes to it.
    pub(crate) fn writer(&self) -> Writer {
        Writer::Of(Box::new(self.clone()))
    }
}

impl TryWrite for Kernel {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let (room, taken) = &mut *self.0.lock().unwrap();
        let count = bytes.len().min(*room);
        if count == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *room -= count;
        taken.extend_from_slice(&bytes[..count]);
        Ok(count)
    }
}

impl AsyncWrite for Kernel {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.try_write(bytes)
            .map_or(Poll::Pending, |count| Poll::Ready(Ok(count)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
