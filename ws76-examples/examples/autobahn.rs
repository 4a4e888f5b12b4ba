//! What the Autobahn testsuite tests: an echo server with room for its longest messages, 16 MiB, and
//! their fragments.
//!
//! `cargo run --example autobahn 127.0.0.1:9001`, which `interop/autobahn/run` does with a free port.

use std::{env, io};

use bytes::Bytes;
use tokio::net::TcpListener;
use ws76_server::{BinaryMessages, Config, Connection, Handler, Server, Text};

struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        // Fails when the client has gone meanwhile.
        connection.send(text).await.ok();
    }

    async fn on_binary(&self, connection: &Connection, bytes: Bytes) {
        connection.send_binary(bytes).await.ok();
    }
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
    println!("Listening at ws://{}/", listener.local_addr()?);
    let config = Config::new()
        .with_max_message_len(16 << 20)
        // Its cases cut 4 MiB into pieces of 64 bytes.
        .with_max_fragments(1 << 17)
        .with_binary(BinaryMessages::Deliver);
    Server::new(listener).with_config(config).serve(Echo).await
}
