//! Handlers that many tests use.

use std::future::pending;

use ws76_server::{Connection, Handler, Text};

/// Sends back what comes; waits while the client does not read.
#[derive(Debug)]
pub(crate) struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        let _ = connection.send(text).await;
    }
}

/// Does nothing.
#[derive(Debug)]
pub(crate) struct Quiet;

impl Handler for Quiet {}

/// Does what a message says: `close`, `panic`, or `stuck` for ever; sends back any other.
#[derive(Debug)]
pub(crate) struct Obedient;

impl Handler for Obedient {
    async fn on_message(&self, connection: &Connection, text: Text) {
        match text.as_str() {
            "close" => connection.close(),
            "panic" => panic!("as asked by the test"),
            "stuck" => pending().await,
            _ => {
                let _ = connection.send(text).await;
            }
        }
    }
}
