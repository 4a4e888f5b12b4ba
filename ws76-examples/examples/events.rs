//! The receive loop: one task, one match, and state that needs no lock.
//!
//! `cargo run --example events`

use std::collections::HashMap;

use ws76_server::{Event, Server};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let (mut events, registry) = Server::bind("localhost", 9000).await?.into_events();
    let mut messages = HashMap::new();
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            _ = tokio::signal::ctrl_c() => {
                events.shutdown();
                events.recv().await
            }
        };
        match event {
            Some(Event::Open(connection)) => {
                messages.insert(connection.id(), 0_u64);
            }
            Some(Event::Message(connection, text)) => {
                let count = messages.entry(connection.id()).or_default();
                *count += 1;
                registry
                    .unicast(connection.id(), format!("{count}: {text}"))
                    .ok();
                registry.broadcast(connection.id(), text);
            }
            Some(Event::Error(id, error)) => println!("{id} failed: {error}"),
            Some(Event::Closed(id, reason)) => {
                let count = messages.remove(&id).unwrap_or_default();
                println!("{id} {reason}, after {count} messages");
            }
            Some(_) => {}
            None => return Ok(()),
        }
    }
}
