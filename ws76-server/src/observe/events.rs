//! The span of a connection, and the events in it. None of them has a field of the request other
//! than its path, nor anything of a message.

use std::{future::Future, io};

use tracing::{Instrument, Span, debug, error, field, field::Empty, info, info_span, warn};
use ws76_handshake::{HandshakeError, Head};

use crate::{CloseReason, ConnectionId, Peer, Protocol, unopened::Unopened};

/// Puts what is done with a stream into a span of its own.
pub(crate) fn in_span<F: Future>(
    peer: &Peer,
    serve: F,
) -> impl Future<Output = F::Output> + use<F> {
    let span = info_span!(
        target: TARGET,
        "connection",
        id = Empty,
        path = Empty,
        protocol = Empty,
        peer = peer.addr.map(field::display),
        client = Empty,
    );
    serve.instrument(span)
}

/// The head of the request is there, and with it the client behind a trusted proxy.
pub(crate) fn head(head: &Head, client: Option<&Peer>) {
    if let Some(addr) = client.and_then(|client| client.addr) {
        Span::current().record("client", field::display(addr));
    }
    // Not the query, in which some put secrets.
    Span::current().record("path", head.path());
}

/// The request is not one that the protocol allows.
pub(crate) fn malformed(error: &HandshakeError) {
    debug!(target: TARGET, %error, "malformed request");
}

pub(crate) fn opened(id: ConnectionId, protocol: Protocol) {
    let span = Span::current();
    span.record("id", id.get());
    span.record("protocol", protocol.kind());
    info!(target: TARGET, "opened");
}

/// A final answer to a request.
pub(crate) fn answered(status: u16) {
    match status {
        ..400 => debug!(target: TARGET, status, "answered"),
        400..500 => info!(target: TARGET, status, "refused"),
        _ => warn!(target: TARGET, status, "refused"),
    }
}

/// The stream is at its end, and nothing came of it.
pub(crate) fn unopened(why: &Unopened) {
    let reason = why.kind();
    match why {
        #[cfg(feature = "proxy")]
        Unopened::ProxyHeader(_) => info!(target: TARGET, reason, "not opened: {why}"),
        #[cfg(feature = "tls")]
        Unopened::Tls(_) => info!(target: TARGET, reason, "not opened: {why}"),
        _ => debug!(target: TARGET, reason, "not opened: {why}"),
    }
}

pub(crate) fn closed(reason: CloseReason) {
    let (kind, clean) = (reason.kind(), reason.is_clean());
    match reason {
        CloseReason::HandlerPanic => {
            error!(target: TARGET, reason = kind, clean, "closed: {reason}")
        }
        CloseReason::SlowReceiver => {
            warn!(target: TARGET, reason = kind, clean, "closed: {reason}")
        }
        _ => info!(target: TARGET, reason = kind, clean, "closed: {reason}"),
    }
}

/// A message found no room in the queue of that connection, and what the policy says was done.
pub(crate) fn full(id: ConnectionId) {
    debug!(target: TARGET, receiver = id.get(), "outbound queue is full");
}

pub(crate) fn accept_failed(error: &io::Error) {
    warn!(target: TARGET, %error, "cannot accept");
}

pub(crate) fn draining(open: usize) {
    info!(target: TARGET, open, "shutdown begins");
}

pub(crate) fn aborting(open: usize) {
    warn!(target: TARGET, open, "shutdown took too long");
}

/// One name for all of it, whatever the modules are called.
const TARGET: &str = "ws76_server";
