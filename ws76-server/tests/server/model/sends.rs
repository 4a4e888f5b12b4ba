//! Sends whose circumstances and outcome are recorded, by the test itself and by the handler.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{Notify, mpsc};
use ws76_server::{Connection, ConnectionId, Delivery, Handler, Registry, SendError, Text};

/// For whom a message is, and by which method.
#[derive(Clone, Debug)]
pub(crate) enum To {
    /// `Registry::unicast`.
    One(ConnectionId),
    /// `Registry::broadcast`, from that source.
    But(ConnectionId),
    /// `Registry::send_all`.
    All,
    /// `Connection::try_send`.
    Try(Connection),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    One(Result<(), SendError>),
    Many(Delivery),
}

/// A send that is done.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) to: To,
    pub(crate) text: String,
    pub(crate) outcome: Outcome,
}

pub(crate) fn send(registry: &Registry, to: To, text: String) -> Record {
    let outcome = match &to {
        To::One(id) => Outcome::One(registry.unicast(*id, &text)),
        To::But(id) => Outcome::Many(registry.broadcast(*id, &text)),
        To::All => Outcome::Many(registry.send_all(&text)),
        To::Try(connection) => Outcome::One(connection.try_send(&text)),
    };
    Record { to, text, outcome }
}

/// Lets a handler wait until the test says so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates(Arc<Mutex<HashMap<u64, Arc<Notify>>>>);

impl Gates {
    pub(crate) fn of(&self, id: u64) -> Arc<Notify> {
        Arc::clone(self.0.lock().unwrap().entry(id).or_default())
    }
}

/// What a message makes the handler do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Say,
    Echo,
    Relay,
    All,
    Hold,
    Close,
    Panic,
}

impl Command {
    const ALL: [(&str, Self); 7] = [
        ("say", Self::Say),
        ("echo", Self::Echo),
        ("relay", Self::Relay),
        ("all", Self::All),
        ("hold", Self::Hold),
        ("close", Self::Close),
        ("panic", Self::Panic),
    ];

    pub(crate) const fn sends(self) -> bool {
        matches!(self, Self::Echo | Self::Relay | Self::All)
    }

    /// The message of a client that asks for this, with a text to send on.
    pub(crate) fn message(self, text: &str) -> String {
        let named = Self::ALL.iter().find(|(_, command)| *command == self);
        format!("{}#{text}", named.expect("all are named").0)
    }
}

/// Does what the messages of its clients say.
#[derive(Debug)]
pub(crate) struct Commanded {
    pub(crate) records: mpsc::UnboundedSender<Record>,
    pub(crate) gates: Gates,
}

impl Handler for Commanded {
    async fn on_message(&self, connection: &Connection, text: Text) {
        let (name, text) = text.as_str().split_once('#').expect("a command");
        let named = Command::ALL.iter().find(|(known, _)| *known == name);
        let to = match named.expect("a known command").1 {
            Command::Say => return,
            Command::Hold => return self.gates.of(connection.id().get()).notified().await,
            Command::Close => return connection.close(),
            // As `panic!`, without its message.
            Command::Panic => std::panic::resume_unwind(Box::new("as asked by the test")),
            Command::Echo => To::One(connection.id()),
            Command::Relay => To::But(connection.id()),
            Command::All => To::All,
        };
        let record = send(connection.registry(), to, text.to_owned());
        let _ = self.records.send(record);
    }
}
