//! A bare TCP connection that others write to: at once where its socket has room, otherwise by a
//! task that lives until it has caught up.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Buf, Bytes};
use tokio::net::TcpStream;

#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    /// What the socket had no room for. While there is any, a task writes it.
    waiting: Mutex<VecDeque<Bytes>>,
}

impl Peer {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            waiting: Mutex::new(VecDeque::new()),
        }
    }

    pub(crate) async fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Writes `bytes`, in order behind all that came before.
    pub(crate) fn write(self: &Arc<Self>, bytes: &Bytes) {
        let mut waiting = self.waiting();
        let caught_up = waiting.is_empty();
        waiting.push_back(bytes.clone());
        // An error shows at the next read, too.
        if caught_up && self.write_waiting(&mut waiting).is_ok() && !waiting.is_empty() {
            drop(waiting);
            tokio::spawn(self.clone().catch_up());
        }
    }

    async fn catch_up(self: Arc<Self>) {
        while self.stream.writable().await.is_ok() {
            let mut waiting = self.waiting();
            if self.write_waiting(&mut waiting).is_err() || waiting.is_empty() {
                return;
            }
        }
    }

    /// Writes until nothing is left or the socket is full.
    fn write_waiting(&self, waiting: &mut VecDeque<Bytes>) -> io::Result<()> {
        while let Some(bytes) = waiting.front_mut() {
            match self.stream.try_write(bytes) {
                Ok(len) if len == bytes.len() => drop(waiting.pop_front()),
                Ok(len) => bytes.advance(len),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
