//! The demo server: a canvas that people share, an echo, and a broadcast, on one port.

mod canvas;
mod drawing;
mod run;
mod watch;

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use canvas::Canvas;
pub(crate) use run::run;
use watch::Watch;
use ws76_server::{
    CloseReason, Connection, ConnectionId, Decision, Handler, Head, Request, Response, Status,
    Subprotocol, Text,
};

/// What is served, by path.
#[derive(Debug, Default)]
struct Demo {
    canvas: Canvas,
    broadcast: Room,
    watch: Arc<Watch>,
}

impl Demo {
    fn new(watch: Arc<Watch>) -> Self {
        Self {
            watch,
            ..Self::default()
        }
    }
}

impl Handler for Demo {
    async fn on_request(&self, request: &Request) -> Decision {
        match request.path() {
            "/" | "/echo" | "/broadcast" | "/canvas" => {}
            _ => return Decision::refuse(Status::NOT_FOUND),
        }
        // The demo speaks whatever subprotocol it is asked for.
        match request.subprotocols().next().map(Subprotocol::try_from) {
            None => Decision::accept(),
            Some(Ok(first)) => Decision::accept().with_subprotocol(first),
            Some(Err(_)) => Decision::refuse(Status::BAD_REQUEST),
        }
    }

    async fn on_http(&self, head: &Head, peer: Option<SocketAddr>) -> Response {
        let nothing = || watch::text(Status::NOT_FOUND, "There is nothing here.\n");
        match head.path() {
            "/" => {
                let page = Response::new(Status::OK).with_body(include_str!("page.html"));
                watch::of_kind(page, "text/html; charset=utf-8")
            }
            "/echo" | "/broadcast" | "/canvas" => Response::upgrade_required(),
            "/health" => self.watch.health(),
            "/metrics" => self.watch.metrics(head, peer).unwrap_or_else(nothing),
            _ => nothing(),
        }
    }

    async fn on_open(&self, connection: &Connection) {
        match connection.request().path() {
            "/canvas" => self.canvas.join(connection),
            "/broadcast" => self.broadcast.enter(connection),
            _ => {}
        }
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        match connection.request().path() {
            "/canvas" => self.canvas.message(connection, &text),
            "/broadcast" => self.broadcast.send_to_others(connection.id(), &text),
            // A client that does not read its echoes is asked for no more messages meanwhile.
            _ => drop(connection.send(text).await),
        }
    }

    async fn on_closed(&self, connection: &Connection, _: CloseReason) {
        match connection.request().path() {
            "/canvas" => self.canvas.leave(connection),
            "/broadcast" => self.broadcast.leave(connection.id()),
            _ => {}
        }
    }
}

/// Those who are connected to one path.
#[derive(Debug, Default)]
struct Room(Mutex<BTreeMap<ConnectionId, Connection>>);

impl Room {
    fn enter(&self, connection: &Connection) {
        self.members().insert(connection.id(), connection.clone());
    }

    fn leave(&self, id: ConnectionId) {
        self.members().remove(&id);
    }

    fn send_to_others(&self, source: ConnectionId, text: &Text) {
        for (id, member) in self.members().iter().filter(|(id, _)| **id != source) {
            // One that does not read is dropped, as `Config::slow_receiver` says.
            let _ = member.registry().unicast(*id, text);
        }
    }

    fn members(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, Connection>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
