//! fastwebsockets on hyper, as its documentation shows. Its echo writes each frame by itself: its
//! reader does not tell when the next frame would have to be waited for. A broadcast has the halves
//! split, and a buffer behind the writer that is flushed when the channel is empty.

use std::{convert::Infallible, io};

use bytes::Bytes;
use fastwebsockets::{
    FragmentCollector, FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError,
    WebSocketWrite,
    upgrade::{UpgradeFut, upgrade},
};
use http_body_util::Empty;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite, BufWriter},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{
    Mode, accept,
    hub::{Hub, Source},
};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Echo | Mode::Idle => {
            accept(listener, |stream| {
                upgraded(stream, async |socket| drop(echo(socket).await))
            })
            .await
        }
        Mode::Broadcast => {
            let hub = Hub::new();
            accept(listener, move |stream| {
                let hub = hub.clone();
                upgraded(stream, move |socket| {
                    let hub = hub.clone();
                    async move { drop(broadcast(socket, hub).await) }
                })
            })
            .await
        }
    }
}

/// Answers a request, and spawns what follows.
async fn upgraded<F>(stream: TcpStream, then: impl Fn(UpgradeFut) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let answer = |mut request: Request<Incoming>| {
        let response = match upgrade(&mut request) {
            Ok((response, socket)) => {
                tokio::spawn(then(socket));
                response
            }
            Err(_) => {
                let mut response = Response::new(Empty::<Bytes>::new());
                *response.status_mut() = hyper::StatusCode::BAD_REQUEST;
                response
            }
        };
        async { Ok::<_, Infallible>(response) }
    };
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service_fn(answer))
        .with_upgrades()
        .await;
}

async fn echo(socket: UpgradeFut) -> Result<(), WebSocketError> {
    let mut socket = FragmentCollector::new(socket.await?);
    loop {
        let frame = socket.read_frame().await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => socket.write_frame(frame).await?,
            _ => {}
        }
    }
}

async fn broadcast(socket: UpgradeFut, hub: Hub<Bytes>) -> Result<(), WebSocketError> {
    let (reader, writer) = socket.await?.split(|stream| {
        let (reader, writer) = tokio::io::split(stream);
        (reader, BufWriter::new(writer))
    });
    let (source, receiver) = hub.join();
    tokio::select! {
        read = read(FragmentCollectorRead::new(reader), source) => read,
        written = write(writer, receiver) => written,
    }
}

async fn read<R: AsyncRead + Unpin>(
    mut reader: FragmentCollectorRead<R>,
    source: Source<Bytes>,
) -> Result<(), WebSocketError> {
    loop {
        // The load generator sends no ping, and after its closing frame there is nothing to say.
        let mut no_answer = async |_| Ok::<_, WebSocketError>(());
        let frame = reader.read_frame(&mut no_answer).await?;
        match frame.opcode {
            OpCode::Close => return Ok(()),
            OpCode::Text | OpCode::Binary => {
                let bytes = match frame.payload {
                    Payload::Bytes(bytes) => bytes.freeze(),
                    payload => Vec::from(payload).into(),
                };
                source.broadcast(&bytes);
            }
            _ => {}
        }
    }
}

async fn write<W: AsyncWrite + Unpin>(
    mut writer: WebSocketWrite<W>,
    mut receiver: mpsc::Receiver<Bytes>,
) -> Result<(), WebSocketError> {
    let mut next = receiver.recv().await;
    while let Some(bytes) = next {
        writer
            .write_frame(Frame::text(Payload::Borrowed(&bytes)))
            .await?;
        next = match receiver.try_recv() {
            Ok(bytes) => Some(bytes),
            Err(_) => {
                writer.flush().await?;
                receiver.recv().await
            }
        };
    }
    Ok(())
}
