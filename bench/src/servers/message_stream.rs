//! Echo and broadcast on a stream of messages that is a sink of messages too, which all peers but
//! fastwebsockets have: all that a read brought is answered, and flushed once.

use std::{
    collections::VecDeque,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;

use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

use super::{
    Mode, accept,
    hub::{Hub, Source},
};

/// When a stream writes what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flushes {
    /// When it is asked to.
    WhenAsked,
    /// Before it gives the next message, too: so a batch is collected before any of it is answered.
    BeforeReading,
}

/// Serves connections that `open` makes streams of messages of, those for which `is_data` holds.
pub(crate) async fn serve<F, S, M, E>(
    listener: TcpListener,
    mode: Mode,
    flushes: Flushes,
    open: impl Fn(TcpStream) -> F,
    is_data: fn(&M) -> bool,
) -> io::Result<()>
where
    F: Future<Output = Result<S, E>> + Send + 'static,
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin + Send,
    M: Clone + Send + 'static,
    E: Send,
{
    let hub = Hub::new();
    accept(listener, |stream| {
        let (hub, stream) = (hub.clone(), open(stream));
        async move {
            // A handshake that fails is the load generator's to report.
            let Ok(stream) = stream.await else { return };
            match (mode, flushes) {
                (Mode::Broadcast, _) => broadcast(stream, hub.join(), is_data).await,
                (_, Flushes::WhenAsked) => echo(stream, is_data).await,
                (_, Flushes::BeforeReading) => echo_collected(stream, is_data).await,
            }
        }
    })
    .await
}

/// Sends messages back for which `is_data` holds, until the connection ends.
pub(crate) async fn echo<S, M, E>(mut stream: S, is_data: impl Fn(&M) -> bool)
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    // A connection that breaks is the load generator's to report.
    let _ = poll_fn(|cx| poll_echo(Pin::new(&mut stream), cx, &is_data)).await;
}

fn poll_echo<S, M, E>(
    mut stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    is_data: &impl Fn(&M) -> bool,
) -> Poll<Result<(), E>>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E>,
{
    loop {
        // Room for the answer before its message is taken.
        ready!(stream.as_mut().poll_ready(cx))?;
        match stream.as_mut().poll_next(cx)? {
            Poll::Ready(Some(message)) if is_data(&message) => {
                stream.as_mut().start_send(message)?;
            }
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Pending => {
                ready!(stream.as_mut().poll_flush(cx))?;
                return Poll::Pending;
            }
        }
    }
}

/// The same for a stream that [`Flushes::BeforeReading`].
async fn echo_collected<S, M, E>(mut stream: S, is_data: impl Fn(&M) -> bool)
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    let mut batch = VecDeque::new();
    let _ = poll_fn(|cx| poll_collected(Pin::new(&mut stream), cx, &mut batch, &is_data)).await;
}

fn poll_collected<S, M, E>(
    mut stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    batch: &mut VecDeque<M>,
    is_data: &impl Fn(&M) -> bool,
) -> Poll<Result<(), E>>
where
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E>,
{
    loop {
        while !batch.is_empty() {
            ready!(stream.as_mut().poll_ready(cx))?;
            if let Some(message) = batch.pop_front() {
                stream.as_mut().start_send(message)?;
            }
        }
        ready!(stream.as_mut().poll_flush(cx))?;
        while batch.len() < MAX_BATCH {
            match stream.as_mut().poll_next(cx)? {
                Poll::Ready(Some(message)) if is_data(&message) => batch.push_back(message),
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return Poll::Ready(Ok(())),
                Poll::Pending if batch.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
    }
}

/// Sends messages for which `is_data` holds to all others, and writes what the others send, until
/// the connection ends.
pub(crate) async fn broadcast<S, M, E>(
    mut stream: S,
    (source, mut receiver): (Source<M>, mpsc::Receiver<M>),
    is_data: impl Fn(&M) -> bool,
) where
    M: Clone,
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E> + Unpin,
{
    let _ =
        poll_fn(|cx| poll_broadcast(Pin::new(&mut stream), cx, &source, &mut receiver, &is_data))
            .await;
}

fn poll_broadcast<S, M, E>(
    mut stream: Pin<&mut S>,
    cx: &mut Context<'_>,
    source: &Source<M>,
    receiver: &mut mpsc::Receiver<M>,
    is_data: &impl Fn(&M) -> bool,
) -> Poll<Result<(), E>>
where
    M: Clone,
    S: Stream<Item = Result<M, E>> + Sink<M, Error = E>,
{
    let mut is_written = false;
    while stream.as_mut().poll_ready(cx)?.is_ready() {
        match receiver.poll_recv(cx) {
            Poll::Ready(Some(message)) => stream.as_mut().start_send(message)?,
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Pending => break,
        }
        is_written = true;
    }
    if is_written {
        let _ = stream.as_mut().poll_flush(cx)?;
    }
    loop {
        match ready!(stream.as_mut().poll_next(cx)?) {
            Some(message) if is_data(&message) => source.broadcast(&message),
            Some(_) => {}
            None => return Poll::Ready(Ok(())),
        }
    }
}

/// More messages than a read brings in any case.
const MAX_BATCH: usize = 256;
