//! Echo and broadcast on a stream of messages that is a sink of messages too, which all peers but
//! fastwebsockets have: all that a read brought is answered, and flushed once.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;
use futures_sink::Sink;

use tokio::sync::mpsc;

use super::hub::Source;

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

/// The same for a stream that flushes before it gives the next message: all that are there are
/// collected first.
pub(crate) async fn echo_collected<S, M, E>(mut stream: S, is_data: impl Fn(&M) -> bool)
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
