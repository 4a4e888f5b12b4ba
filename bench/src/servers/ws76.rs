//! ws76-server, for both protocols, with its defaults but for the count of connections, the timers, which are the
//! kernel's, and the accepts, which are deferred.

use std::io;

use tokio::net::TcpListener;
use ws76_server::{Config, Connection, Handler, Server, Text, Timers};

use super::Mode;

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    let config = Config::new()
        .with_max_connections(MAX_CONNECTIONS)
        .with_timers(Timers::Kernel)
        .with_defer_accept(true);
    let server = Server::new(listener).with_config(config);
    match mode {
        Mode::Echo | Mode::Idle => server.serve(Echo).await,
        Mode::Broadcast => server.serve(Broadcast).await,
    }
}

struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        // A connection that closes meanwhile needs no answer.
        let _ = connection.send(text).await;
    }
}

struct Broadcast;

impl Handler for Broadcast {
    async fn on_message(&self, connection: &Connection, text: Text) {
        connection.registry().broadcast(connection.id(), text);
    }
}

/// Beyond the largest case; the peers have no such limit.
const MAX_CONNECTIONS: usize = 30_000;
