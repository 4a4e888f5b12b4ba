//! The seed's General Server: open, message, closed and error events; unicast, broadcast, send_all.
//!
//! `cargo run --example general`

use ws76_server::{CloseReason, Connection, ConnectionError, Handler, Server, Text};

struct General;

impl Handler for General {
    async fn on_open(&self, connection: &Connection) {
        println!("{} opened, {}", connection.id(), connection.protocol());
        let registry = connection.registry();
        registry.unicast(connection.id(), "welcome").ok();
        registry.broadcast(connection.id(), format!("{} is here", connection.id()));
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        let delivery = connection
            .registry()
            .send_all(format!("{}: {text}", connection.id()));
        println!(
            "{} said {text:?} to {} people",
            connection.id(),
            delivery.queued
        );
    }

    async fn on_error(&self, connection: &Connection, error: ConnectionError) {
        match error {
            ConnectionError::Io(posix) => println!("{} failed: {}", connection.id(), posix.name()),
            error => println!("{} failed: {error}", connection.id()),
        }
    }

    async fn on_closed(&self, connection: &Connection, reason: CloseReason) {
        println!("{} {reason}", connection.id());
        connection
            .registry()
            .send_all(format!("{} has left", connection.id()));
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    Server::bind("localhost", 9000)
        .await?
        .serve(General)
        .with_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await
}
