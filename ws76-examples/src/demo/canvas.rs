//! The shared canvas: who is on it, and the texts that keep their drawings the same.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use ws76_server::{Connection, ConnectionId, Protocol};

use super::drawing::Drawing;

/// The canvas and those who draw on it.
#[derive(Debug, Default)]
pub(crate) struct Canvas(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    drawing: Drawing,
    members: BTreeMap<ConnectionId, Connection>,
}

impl Canvas {
    /// Welcomes a newcomer, before anything else can reach it.
    pub(crate) fn join(&self, connection: &Connection) {
        let mut state = self.lock();
        let joined = state
            .drawing
            .join(connection.id().get(), label(connection.protocol()));
        state.send(&joined.for_others);
        state.members.insert(connection.id(), connection.clone());
        // The queue is empty still, and takes a text of any length up to a message's.
        let _ = connection.try_send(&*joined.welcome);
    }

    /// Applies what somebody sent, and tells everybody.
    pub(crate) fn message(&self, connection: &Connection, text: &str) {
        if text == STILL_HERE {
            return;
        }
        let mut state = self.lock();
        match state.drawing.message(connection.id().get(), text) {
            Ok(text) => state.send(&text),
            Err(refusal) => {
                let _ = connection
                    .registry()
                    .unicast(connection.id(), refusal.to_json());
            }
        }
    }

    /// Says good-bye for somebody who left.
    pub(crate) fn leave(&self, connection: &Connection) {
        let mut state = self.lock();
        state.members.remove(&connection.id());
        if let Some(text) = state.drawing.leave(connection.id().get()) {
            state.send(&text);
        }
    }

    /// Texts are queued under this lock too, so that everybody gets them in the same order.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn send(&self, text: &str) {
        for (id, member) in &self.members {
            // One that does not read is dropped, as `Config::slow_receiver` says.
            let _ = member.registry().unicast(*id, text);
        }
    }
}

const fn label(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Draft76 => "draft-76",
        Protocol::Hybi { .. } => "hybi",
        _ => "RFC 6455",
    }
}

/// What a page sends now and then when nobody draws, so as not to be idle.
const STILL_HERE: &str = r#"{"type":"here"}"#;
