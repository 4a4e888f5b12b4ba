//! An endpoint in a hyper server: both protocols over real sockets, and what is refused.

#![cfg(feature = "hyper")]

mod support;

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use http_body_util::{Empty, Full};
use hyper::{
    Request, StatusCode, Version,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, duplex},
    sync::mpsc,
    task::{JoinHandle, JoinSet},
};
use ws76_server::{
    CloseReason, Config, Connection, ConnectionError, Decision, Endpoint, FieldName, FieldValue,
    Handler, Origins, Server, Status, Subprotocol, Text, Versions, WhenFull,
};

use support::{BOTH, Client, Echo, HEAD, KEY3, REPLY, Seen, Speaks, edited, listener, within};

/// The reply of [`REPLY`] with names as hyper writes them.
fn reply() -> String {
    lower_names(REPLY)
}

/// Names in lower case, up to the empty line.
fn lower_names(reply: &str) -> String {
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
async fn serve<H: Handler>(
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

/// A hyper server on a free port, that is stopped when it is dropped.
struct Mount {
    addr: SocketAddr,
    accept: JoinHandle<()>,
}

impl Mount {
    async fn of<H: Handler>(endpoint: &Endpoint<H>) -> Self {
        let (listener, endpoint) = (listener().await, endpoint.clone());
        let addr = listener.local_addr().unwrap();
        let accept = tokio::spawn(async move {
            let mut streams = JoinSet::new();
            while let Ok((stream, addr)) = listener.accept().await {
                streams.spawn(serve(endpoint.clone(), stream, addr));
            }
        });
        Self { addr, accept }
    }

    async fn with(config: Config) -> Self {
        Self::of(&Endpoint::new(Echo, config)).await
    }

    /// A connection, opened.
    async fn open(&self, speaks: Speaks) -> Client {
        let mut client = Client::request(self.addr, speaks.request()).await;
        client.speaks = speaks;
        client.expect(lower_names(speaks.reply())).await;
        client
    }

    /// The status of the answer to a request, behind which the connection is closed.
    async fn refused(&self, request: impl AsRef<[u8]>) -> String {
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

#[tokio::test]
async fn both_protocols_open_echo_and_close() {
    let mount = Mount::with(Config::new()).await;
    for &speaks in BOTH {
        let mut client = mount.open(speaks).await;
        client.send("hello").await;
        client.expect_text("hello").await;
        client.send_closing().await;
        client.expect_end(speaks.sent_closing(1000)).await;
    }
}

#[tokio::test]
async fn r1_to_r8_whole_reply_is_that_of_the_draft_but_for_the_case_of_names() {
    let mount = Mount::with(Config::new()).await;
    let mut client = Client::request(mount.addr, [HEAD, KEY3].concat()).await;
    client.expect(reply()).await;
    client.send_closing().await;
    client.expect_end(b"\xff\x00").await;
}


#[tokio::test]
async fn h11_key3_announced_as_a_body_is_key3() {
    let mount = Mount::with(Config::new()).await;
    let request = edited(HEAD, &[("\r\n\r\n", "\r\nContent-Length: 8\r\n\r\n")]);
    let mut client = Client::request(mount.addr, &request).await;
    let reply = reply();
    let (head, response) = reply.split_at(reply.len() - 16);
    client.expect(head).await;
    client.write(&KEY3[..3]).await;
    client.write([KEY3[3..].as_bytes(), b"\0a\xff"].concat()).await;
    client.expect(response).await;
    client.expect(b"\0a\xff").await;
}
