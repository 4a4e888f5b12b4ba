//! A server for WebSocket draft-76 (hixie-76, hybi-00) and RFC 6455 clients, on one port and with
//! one handler.
//!
//! All you have to write is what the handler does:
//!
//! ```no_run
//! use ws76_server::{Connection, Handler, Server, Text};
//!
//! struct Echo;
//!
//! impl Handler for Echo {
//!     async fn on_message(&self, connection: &Connection, text: Text) {
//!         connection.registry().unicast(connection.id(), text).ok();
//!     }
//! }
//!
//! # async fn serve() -> std::io::Result<()> {
//! Server::bind("localhost", 9000).await?.serve(Echo).await
//! # }
//! ```
//!
//! - [`Server`] listens; [`Config`] holds its limits, timeouts and policies, all finite by default.
//! - A [`Handler`] hears of each connection: [`on_open`](Handler::on_open), then
//!   [`on_message`](Handler::on_message) for each message, at most one
//!   [`on_error`](Handler::on_error), and [`on_closed`](Handler::on_closed) exactly once, never two
//!   of these at a time. It also decides on requests ([`Decision`]) and answers plain HTTP.
//! - [`Connection`] is a handle that sends from any task; [`Registry`] reaches all of them:
//!   `unicast`, `broadcast` (all but the source) and `send_all`.
//! - [`Events`] is the other style: a loop that receives what a handler would be called with.
//! - [`Endpoint`] is a server without listeners: it serves any stream, beside listeners or alone.
//!
//! Draft-76 is spoken by `ws76-handshake` and `ws76-codec`, hybi-07 to RFC 6455 by
//! `tokio-tungstenite` (feature `rfc6455`, on by default). Neither version is told apart after the
//! request: same handler, same registry, same limits. Messages are text; a binary message of an
//! RFC 6455 client closes its connection with 1003, unless [`Config::binary`] lets it in.
//!
//! # Draft-76 proves nothing about the client
//!
//! The MD5 challenge shows that both sides speak draft-76, no more: it does not authenticate
//! anybody. Frames are not masked, so that a transparent proxy can be made to take them for HTTP.
//! Say who may connect ([`Origins`], [`Hosts`], [`Versions`], which a listener may have of its own:
//! [`Server::with_versions`]), decide on cookies in [`Handler::on_request`], and put TLS in front.
//!
//! # Memory
//!
//! At most connections x (read buffer + one message in + outbound queue) + half-open connections x
//! head + the payloads of broadcasts under way; see the fields of [`Config`] for each term. The read
//! buffer, of 256 KiB, belongs to the thread: a connection that waits has one only while 32 KiB
//! and more are left of what it has read. Of those a thread keeps up to 16, and up to 727 KiB for the queues
//! that are filled next, and 64 KiB for the short frames that are sent to many.
//!
//! A connection that has said nothing yet takes 2.3 KiB of the process's memory when it is of draft-76,
//! and 3.7 KiB of RFC 6455.
//!
//! # Speed
//!
//! Build with `lto = "thin"` and `codegen-units = 1` in `[profile.release]`: a message is handled in more
//! than one crate, and costs 3 to 5 % less then; profile-guided optimization takes off as much again, or more.
//! With little to do at a time, the feature `timerfd` and `Timers::Kernel` spare a message the timer that a
//! runtime sets whenever it waits. Where clients come and go, the feature `defer-accept` and
//! `Config::defer_accept` have Linux hand a connection over with its first bytes.
//!
//! # Features
//!
//! | feature | by default | what it adds | to the smallest program |
//! | --- | --- | --- | --- |
//! | `rfc6455` | yes | RFC 6455 and hybi-07 to -12, through tokio-tungstenite | 185 KB |
//! | `keepalive` | yes | TCP keepalive and user timeout, through socket2 | 1 KB |
//! | `defer-accept` | no | Linux waits for the first bytes of a connection, through nix | nothing |
//! | `timerfd` | no | Linux keeps the timers of connections, through nix | 38 KB |
//! | `simd` | yes | UTF-8 checked with simdutf8 | 5 KB |
//! | `tls` | no | wss on the server's own listeners, through rustls | 490 KB; in use 1,280 KB |
//! | `proxy` | no | `X-Forwarded-*` from trusted networks, and the PROXY protocol | 25 KB |
//! | `hyper` | no | connections taken over from a hyper 1 server or axum 0.8 | nothing before it is in use |
//! | `metrics` | no | as below | 17 KB |
//! | `tracing` | no | as below | 37 KB |
//!
//! Each only adds. The smallest program is an echo server without features, 820 KB when stripped and
//! built with thin LTO for Linux on x86-64. Without any of them the crate speaks draft-76 and depends
//! on tokio, tokio-util, bytes, thiserror and the two pure crates.
//!
//! # Metrics and events
//!
//! [`Endpoint::stats`] has what was done in numbers, and needs no feature. With the feature
//! `metrics` the facade of that name is told the following. Install its
//! recorder before the endpoint or server is made. A driver counts for itself and tells the sum at
//! the end of each turn, so that a message costs no more than without.
//!
//! | metric | kind | label | what |
//! | --- | --- | --- | --- |
//! | `ws76_streams_total` | counter | | streams taken, whatever became of them |
//! | `ws76_half_open` | gauge | | connections whose opening handshake is under way |
//! | `ws76_handshake_seconds` | histogram | `protocol` | from taking a stream to the end of its handshake |
//! | `ws76_opened_total` | counter | `protocol` | connections opened: `draft-75`, `draft-76`, `rfc6455` |
//! | `ws76_connections` | gauge | `protocol` | connections that are open |
//! | `ws76_closed_total` | counter | `reason` | connections closed, by [`CloseReason::kind`] |
//! | `ws76_answered_total` | counter | `status` | requests answered without a 101: refusals, plain HTTP |
//! | `ws76_unopened_total` | counter | `reason` | streams that ended before either: [`Stats::unopened`] |
//! | `ws76_received_messages_total`, `ws76_received_bytes_total` | counter | | as in [`Stats`] |
//! | `ws76_sent_messages_total`, `ws76_sent_bytes_total` | counter | | as in [`Stats`] |
//! | `ws76_dropped_messages_total` | counter | | messages queued and never sent |
//! | `ws76_full_total` | counter | | messages not queued, as the queue was full ([`SlowReceiver`]) |
//! | `ws76_queued_messages` | gauge | | messages in all outbound queues, as of each driver's last turn |
//! | `ws76_broadcast_seconds` | histogram | | time to put one message into the queues of all it is for |
//! | `ws76_accept_failures_total` | counter | | failures to accept, which were waited out |
//!
//! With the feature `tracing` each stream has a span `connection` of level INFO and target
//! `ws76_server`, in which the handler is called too, with the fields `peer`, and as soon as they are
//! known `client` (behind a trusted proxy), `path` (without the query), `protocol` and `id`. Its events hold neither messages nor
//! fields of the request:
//!
//! | event | level | fields |
//! | --- | --- | --- |
//! | opened | INFO | |
//! | closed | INFO; a slow receiver WARN, a handler's panic ERROR | `reason`, `clean`; why in words |
//! | refused | INFO; from 500 on WARN | `status` |
//! | answered, below 400 | DEBUG | `status` |
//! | malformed request, which is refused next | DEBUG | `error` |
//! | ended before it was opened or answered | DEBUG; a bad PROXY header or TLS handshake INFO | `reason`; why in words |
//! | outbound queue is full | DEBUG | `receiver`: the id |
//! | cannot accept | WARN | `error` |
//! | shutdown begins; took too long | INFO; WARN | `open`: connections |

#![cfg_attr(
    not(test),
    warn(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)
)]

mod accept;
mod addresses;
mod clock;
mod close_status;
mod config;
mod connection;
mod draft76;
mod driver;
mod end;
mod endpoint;
mod error;
mod event;
mod file_limit;
#[cfg(feature = "proxy")]
mod forwarded;
mod framed;
mod front;
mod half_open;
mod handler;
#[cfg(all(test, ws76_loom))]
mod interleavings;
mod line;
#[cfg(feature = "hyper")]
mod mount;
mod observe;
mod opening;
mod outbox;
mod payload;
mod policy;
#[cfg(feature = "proxy")]
mod proxy_protocol;
mod read_buffer;
mod registry;
mod request;
#[cfg(feature = "rfc6455")]
mod rfc6455;
mod server;
mod socket;
mod stats;
mod stream;
mod sync;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "proxy")]
mod trusted_proxies;
mod turn;
mod unopened;
mod wire;

/// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

pub use close_status::CloseStatus;
#[cfg(feature = "keepalive")]
pub use config::Keepalive;
pub use config::{BinaryMessages, Config, Heartbeat, SlowReceiver, Timers, WhenFull};
pub use connection::{Connection, ConnectionId};
pub use endpoint::Endpoint;
pub use error::{CloseReason, ConnectionError, Posix, Rfc6455Error, SendError, Timeout};
pub use event::{Event, Events};
pub use framed::{Draft76Codec, FramedError};
pub use handler::{Decision, Handler};
pub use payload::AsText;
pub use policy::{Hosts, Origins, Versions};
#[cfg(feature = "proxy")]
pub use proxy_protocol::ProxyProtocol;
pub use registry::{Delivery, Registry};
pub use request::{Peer, Protocol, Request};
pub use server::{Serve, Server};
pub use stats::Stats;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError};
#[cfg(feature = "tls")]
pub use tokio_rustls::rustls;
#[cfg(feature = "proxy")]
pub use trusted_proxies::{NetworkError, TrustedProxies};
pub use ws76_codec::{
    DecodeError, DecoderConfig, EncodedFrame, Frame, InvalidUtf8, ReservedFrames, Text,
};
pub use ws76_handshake::{
    FieldName, FieldValue, HandshakeError, Head, HeadLimits, Location, Response, Scheme, Status,
    Subprotocol, ValueError,
};
