//! The twin of `events` without the feature `tracing`: it tells nobody.

use std::io;

use ws76_handshake::{HandshakeError, Head};

use crate::{CloseReason, ConnectionId, Peer, Protocol, unopened::Unopened};

pub(crate) const fn in_span<F>(_: &Peer, serve: F) -> F {
    serve
}

pub(crate) const fn head(_: &Head, _: Option<&Peer>) {}

pub(crate) const fn malformed(_: &HandshakeError) {}

pub(crate) const fn opened(_: ConnectionId, _: Protocol) {}

pub(crate) const fn answered(_: u16) {}

pub(crate) const fn unopened(_: &Unopened) {}

pub(crate) const fn closed(_: CloseReason) {}

pub(crate) const fn full(_: ConnectionId) {}

pub(crate) const fn accept_failed(_: &io::Error) {}

pub(crate) const fn draining(_: usize) {}

pub(crate) const fn aborting(_: usize) {}
