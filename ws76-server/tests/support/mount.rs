//! An endpoint in a hyper server on a free port.

use std::{convert::Infallible, net::SocketAddr};

use http_body_util::Full;
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream, duplex},
    task::{JoinHandle, JoinSet},
};
use ws76_server::{Config, Endpoint, Handler};

use super::{Client, Echo, REPLY, Speaks, listener};

/// The reply of [`REPLY`] with names as hyper writes them.
pub(crate) fn reply() -> String {
    lower_names(REPLY)
}

/// Names in lower case, up to the empty line.
pub(crate) fn lower_names(reply: &str) -> String {
    let (head, rest) = reply.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let mut lower = lines.next().unwrap().to_owned();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        lower += &format!("\r\n{}:{value}", name.to_ascii_lowercase());
    }
    lower + "\r\n\r\n" + rest
}

/// Serves a stream with hyper; every request is for the endpoint.
pub(crate) async fn serve<H: Handler>(
    endpoint: Endpoint<H>,
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    addr: SocketAddr,
) {
    let service = service_fn(async |request: Request<Incoming>| {
        let response = endpoint.upgrade(request, addr).await;
        Ok::<_, Infallible>(response.map(Full::new))
    });
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades()
        .await;
}

/// A client of such a server in memory, where paused time is no race.
pub(crate) fn connected<H: Handler>(endpoint: &Endpoint<H>) -> (DuplexStream, JoinHandle<()>) {
    let (client, io) = duplex(4 << 10);
    let addr = "127.0.0.1:1".parse().unwrap();
    (client, tokio::spawn(serve(endpoint.clone(), io, addr)))
}

/// A hyper server on a free port, that is stopped when it is dropped.
pub(crate) struct Mount {
    pub(crate) addr: SocketAddr,
    accept: JoinHandle<()>,
}

impl Mount {
    pub(crate) async fn of<H: Handler>(endpoint: &Endpoint<H>) -> Self {
        let (listener, endpoint) = (listener().await, endpoint.clone());
        let addr = listener.local_addr().unwrap();
        let accept = tokio::spawn(async move {
            let mut streams = JoinSet::new();
            while let Ok((stream, addr)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                streams.spawn(serve(endpoint.clone(), stream, addr));
            }
        });
        Self { addr, accept }
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::of(&Endpoint::new(Echo, config)).await
    }

    /// A connection, opened.
    pub(crate) async fn open(&self, speaks: Speaks) -> Client {
        let mut client = Client::request(self.addr, speaks.request()).await;
        client.speaks = speaks;
        client.expect(lower_names(speaks.reply())).await;
        client
    }

    /// The status of the answer to a request, behind which the connection is closed.
    pub(crate) async fn refused(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = Client::request(self.addr, request).await;
        let answer = String::from_utf8(client.read_to_end().await).unwrap();
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
        answer.split(' ').nth(1).unwrap().to_owned()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.accept.abort();
    }
}
