//! Replies that a client has to refuse, and by which check: what these servers do by themselves, and
//! what they do when they are given another request than the one that came.

use ws76_handshake::{KnownField, ReplyError};

use super::{
    Peer, Report,
    connection::{Ask, Connection},
};

pub(super) fn run(peer: Peer, base: &str, report: &mut Report) {
    for refusal in REFUSALS {
        if !refusal.peers.contains(&peer) {
            continue;
        }
        let Refusal {
            what, ask, error, ..
        } = refusal;
        report.check(
            &format!("refused, {error}: {what}"),
            || match Connection::open(base, ask) {
                Ok(_) => Err("the reply was accepted".into()),
                Err(other) if other.downcast_ref() == Some(error) => Ok(()),
                Err(other) => Err(format!("the error is: {other}").into()),
            },
        );
    }
}

struct Refusal {
    what: &'static str,
    ask: Ask<'static>,
    peers: &'static [Peer],
    error: ReplyError,
}

const ALL: &[Peer] = &[Peer::Perl, Peer::Faye, Peer::Driver];
const ALTERED: &[Peer] = &[Peer::Perl, Peer::Faye];

const REFUSALS: &[Refusal] = &[
    // What they do by themselves.
    Refusal {
        what: "the server names wss, as X-Forwarded-Proto says",
        ask: Ask {
            fields: &[("X-Forwarded-Proto", "https")],
            ..Ask::of("/echo")
        },
        peers: ALL,
        error: ReplyError::FieldDiffers(KnownField::SecWebSocketLocation),
    },
    Refusal {
        what: "the server names wss to a page that came by https",
        ask: Ask {
            origin: Some("https://page.example"),
            ..Ask::of("/echo")
        },
        peers: &[Peer::Perl],
        error: ReplyError::FieldDiffers(KnownField::SecWebSocketLocation),
    },
    Refusal {
        what: "the server names no subprotocol, one was asked for",
        ask: Ask {
            subprotocol: Some("chat"),
            ..Ask::of("/echo")
        },
        peers: ALL,
        error: ReplyError::MissingField(KnownField::SecWebSocketProtocol),
    },
    Refusal {
        what: "the server names another subprotocol than was asked for",
        ask: Ask {
            subprotocol: Some("chat"),
            ..Ask::of("/other-subprotocol")
        },
        peers: ALL,
        error: ReplyError::FieldDiffers(KnownField::SecWebSocketProtocol),
    },
    Refusal {
        what: "the server names a subprotocol, none was asked for",
        ask: Ask::of("/other-subprotocol"),
        peers: ALL,
        error: ReplyError::SubprotocolUnasked,
    },
    // What they do with another request.
    Refusal {
        what: "the request came from another origin",
        ask: Ask::of("/wrong-origin"),
        peers: ALTERED,
        error: ReplyError::FieldDiffers(KnownField::SecWebSocketOrigin),
    },
    Refusal {
        what: "the request was for another host",
        ask: Ask::of("/wrong-location"),
        peers: ALTERED,
        error: ReplyError::FieldDiffers(KnownField::SecWebSocketLocation),
    },
    Refusal {
        what: "the request had another key 3",
        ask: Ask::of("/wrong-response"),
        peers: ALTERED,
        error: ReplyError::WrongResponse,
    },
    Refusal {
        what: "the request had no keys, so the reply is draft-75's",
        ask: Ask::of("/draft-75"),
        peers: ALTERED,
        error: ReplyError::MissingField(KnownField::SecWebSocketOrigin),
    },
    Refusal {
        what: "the request had the key of RFC 6455, and so has the reply",
        ask: Ask::of("/rfc-6455"),
        peers: &[Peer::Faye],
        error: ReplyError::FieldDiffers(KnownField::Upgrade),
    },
    Refusal {
        what: "the request had the key of RFC 6455, and so has the reply",
        ask: Ask::of("/rfc-6455"),
        peers: &[Peer::Perl], // which says `Upgrade: WebSocket` all the same
        error: ReplyError::MissingField(KnownField::SecWebSocketOrigin),
    },
    Refusal {
        what: "the request had no origin",
        ask: Ask::of("/no-origin"),
        peers: &[Peer::Faye],
        error: ReplyError::MissingField(KnownField::SecWebSocketOrigin),
    },
    Refusal {
        what: "the request had a key that is no multiple of its spaces",
        ask: Ask::of("/bad-key"),
        peers: &[Peer::Faye],
        error: ReplyError::Status { code: 400 },
    },
    Refusal {
        what: "the request is forbidden",
        ask: Ask::of("/forbidden"),
        peers: &[Peer::Faye],
        error: ReplyError::Status { code: 403 },
    },
];
