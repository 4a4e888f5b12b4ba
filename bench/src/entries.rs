//! Who is compared: a server and the protocol that it is spoken to in.

use crate::{load::Scenario, servers::Server};

/// One column of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// What `--servers` names.
    pub(crate) name: &'static str,
    /// What the table calls it.
    pub(crate) label: &'static str,
    pub(crate) server: Server,
    /// As `ws76 load --protocol` takes it.
    pub(crate) protocol: &'static str,
    /// Whether it does nothing else, once it is connected.
    pub(crate) only_echoes: bool,
}

impl Entry {
    /// Whether it is measured there.
    pub(crate) const fn is_for(&self, scenario: Scenario) -> bool {
        !self.only_echoes || matches!(scenario, Scenario::Echo | Scenario::Connect)
    }
}

/// What all others are measured by.
pub(crate) const BARE: Entry = Entry {
    name: "tcp",
    label: "bare TCP",
    server: Server::Tcp,
    protocol: "tcp",
    only_echoes: false,
};

/// What it costs to find and check texts by the crates that do that, without a server.
pub(crate) const FLOOR: Entry = Entry {
    name: "floor",
    label: "memchr and simdutf8, no server",
    server: Server::Floor,
    protocol: "draft-76",
    only_echoes: true,
};

/// What it costs to call a handler with texts, and to queue what it sends.
pub(crate) const LEAST: Entry = Entry {
    name: "least",
    label: "ws76-codec, lock and handler",
    server: Server::Least,
    protocol: "draft-76",
    only_echoes: true,
};

/// What has to keep the goals.
pub(crate) const DRAFT76: Entry = Entry {
    name: "ws76-draft-76",
    label: "ws76, draft-76",
    server: Server::Ws76,
    protocol: "draft-76",
    only_echoes: false,
};

/// All but bare TCP, in the order of the table.
pub(crate) const OTHERS: [Entry; 10] = [
    FLOOR,
    LEAST,
    DRAFT76,
    rfc6455("ws76-rfc6455", "ws76, RFC 6455", Server::Ws76),
    rfc6455(
        "tokio-tungstenite",
        "tokio-tungstenite",
        Server::TokioTungstenite,
    ),
    rfc6455(
        "tokio-tungstenite-4k",
        "tokio-tungstenite, our buffers",
        Server::TokioTungstenite4k,
    ),
    rfc6455("fastwebsockets", "fastwebsockets", Server::Fastwebsockets),
    rfc6455(
        "tokio-websockets",
        "tokio-websockets",
        Server::TokioWebsockets,
    ),
    rfc6455("sockudo-ws", "sockudo-ws", Server::SockudoWs),
    rfc6455("axum", "axum", Server::Axum),
];

const fn rfc6455(name: &'static str, label: &'static str, server: Server) -> Entry {
    Entry {
        name,
        label,
        server,
        protocol: "rfc6455",
        only_echoes: false,
    }
}
