//! The servers that are compared, each in a file of its own, and what they all start with: the
//! runtime, the listener and the accept loop.

mod axum;
mod fastwebsockets;
mod floor;
mod hub;
mod least;
mod message_stream;
mod opening;
mod sockudo;
mod tcp;
mod tokio_websockets;
mod tungstenite;
mod ws76;

use std::{io, net::SocketAddr};

use clap::ValueEnum;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::{Builder, Runtime},
};

/// A server of the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Server {
    /// tokio moving the same bytes, with no protocol.
    Tcp,
    /// An echo of draft-76's frames by ws76-handshake, memchr and simdutf8, and nothing else.
    Floor,
    /// The least that an echo by ws76-codec costs with the interface that ws76-server has.
    Least,
    /// This repository's.
    Ws76,
    /// tokio-tungstenite with its defaults.
    TokioTungstenite,
    /// tokio-tungstenite with buffers of 4 KiB.
    #[value(name = "tokio-tungstenite-4k")]
    TokioTungstenite4k,
    /// fastwebsockets, on hyper.
    Fastwebsockets,
    /// tokio-websockets.
    TokioWebsockets,
    /// sockudo-ws.
    SockudoWs,
    /// axum's WebSocket.
    Axum,
}

/// What a server does with messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Sends each back.
    Echo,
    /// Sends each to all but its source.
    Broadcast,
    /// Reads them; bare TCP keeps no buffer for it, the others do as for an echo.
    Idle,
}

/// Serves until the process is ended. The address is printed first.
pub(crate) fn serve(server: Server, mode: Mode, threads: usize) -> io::Result<()> {
    if mode == Mode::Broadcast && matches!(server, Server::Floor | Server::Least) {
        return Err(io::Error::other("it does nothing but echo"));
    }
    runtime(threads)?.block_on(async {
        let listener = listen()?;
        println!("{}", listener.local_addr()?);
        match server {
            Server::Tcp => tcp::serve(listener, mode).await,
            Server::Floor => floor::serve(listener).await,
            Server::Least => least::serve(listener).await,
            Server::Ws76 => ws76::serve(listener, mode).await,
            Server::TokioTungstenite => {
                tungstenite::serve(listener, mode, tungstenite::Buffers::Default).await
            }
            Server::TokioTungstenite4k => {
                tungstenite::serve(listener, mode, tungstenite::Buffers::AsOurs).await
            }
            Server::Fastwebsockets => fastwebsockets::serve(listener, mode).await,
            Server::TokioWebsockets => tokio_websockets::serve(listener, mode).await,
            Server::SockudoWs => sockudo::serve(listener, mode).await,
            Server::Axum => axum::serve(listener, mode).await,
        }
    })
}

/// Listens with room for clients that come all at once: where there is none, they try again a second
/// later.
fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    socket.listen(BACKLOG)
}

fn runtime(threads: usize) -> io::Result<Runtime> {
    match threads {
        1 => Builder::new_current_thread().enable_all().build(),
        _ => Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build(),
    }
}

/// Spawns a task for each connection, with TCP_NODELAY set.
async fn accept<F>(listener: TcpListener, connection: impl Fn(TcpStream) -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(connection(stream));
    }
}

/// The kernel has a limit of its own, often 4,096.
const BACKLOG: u32 = 32_768;
