//! The seed's Simple Echo Server: each message goes back to where it came from.
//!
//! `cargo run --example echo`, then in a browser's console:
//! `var ws = new WebSocket("ws://localhost:9000")` and so on.

use ws76_server::{Connection, Handler, Server, Text};

struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        connection.registry().unicast(connection.id(), text).ok();
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    Server::bind("localhost", 9000).await?.serve(Echo).await
}
