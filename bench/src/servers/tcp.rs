//! The measure of all others: tokio moving the bytes of draft-76, knowing nothing of them.

mod peer;

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use self::peer::Peer;
use super::{Mode, accept};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Echo => accept(listener, async |stream| drop(echo(stream).await)).await,
        Mode::Broadcast => {
            let peers = Peers::default();
            accept(listener, move |stream| {
                let (peers, joined) = (peers.clone(), peers.join(stream));
                async move { drop(broadcast(joined, peers).await) }
            })
            .await
        }
        Mode::Idle => accept(listener, async |stream| drop(read(stream).await)).await,
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let len = stream.read(&mut buffer).await?;
        if len == 0 {
            return Ok(());
        }
        stream
            .write_all(buffer.get(..len).unwrap_or_default())
            .await?;
    }
}

/// What a connection costs at least: a task that waits until there is something to read.
async fn read(stream: TcpStream) -> io::Result<()> {
    loop {
        stream.readable().await?;
        match stream.try_read(&mut [0; 1024]) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

/// Writes what a read brought to all others, as it is.
async fn broadcast((id, peer): (u64, Arc<Peer>), peers: Peers) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_LEN];
    let result = loop {
        match peer.read(&mut buffer).await {
            Ok(0) => break Ok(()),
            Ok(len) => {
                let bytes = Bytes::copy_from_slice(buffer.get(..len).unwrap_or_default());
                let open = peers.open();
                for (_, peer) in open.peers.iter().filter(|(other, _)| **other != id) {
                    peer.write(&bytes);
                }
            }
            Err(error) => break Err(error),
        }
    };
    peers.open().peers.remove(&id);
    result
}

/// All connections.
#[derive(Clone, Debug, Default)]
struct Peers(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    next_id: u64,
    peers: HashMap<u64, Arc<Peer>>,
}

impl Peers {
    /// Adds a connection, before any that comes later can send.
    fn join(&self, stream: TcpStream) -> (u64, Arc<Peer>) {
        let peer = Arc::new(Peer::new(stream));
        let mut open = self.open();
        let id = open.next_id;
        open.next_id += 1;
        open.peers.insert(id, peer.clone());
        (id, peer)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const BUFFER_LEN: usize = 64 << 10;
