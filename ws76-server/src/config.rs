//! Limits, timeouts and policies of a server. Every limit is finite by default.

mod setters;

use std::time::Duration;

use ws76_codec::{DecoderConfig, Text};
use ws76_handshake::{HeadLimits, Location, Scheme};

#[cfg(feature = "proxy")]
use crate::TrustedProxies;
use crate::{Hosts, Origins, Versions};

/// What happens when a message is for a connection whose outbound queue is full, and the sender
/// does not wait for room ([`Registry`](crate::Registry)'s `unicast`, `broadcast` and `send_all`).
///
/// ```
/// use ws76_server::{Config, SlowReceiver};
///
/// // Only the latest news count.
/// let config = Config::new()
///     .with_slow_receiver(SlowReceiver::DropOldest)
///     .with_max_queued_messages(16)
///     .with_max_queued_len(64 << 10);
/// assert_eq!(config.slow_receiver, SlowReceiver::DropOldest);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowReceiver {
    /// The connection is dropped at once, with what is in its queue.
    #[default]
    Disconnect,
    /// The new message is dropped.
    DropNewest,
    /// The oldest messages are dropped until the new one fits; one that is partly written stays.
    DropOldest,
}

/// What happens to a client that comes when there are [`Config::max_connections`].
///
/// ```
/// use ws76_server::{Config, WhenFull};
///
/// let config = Config::new().with_max_connections(500).with_when_full(WhenFull::Refuse);
/// assert_eq!(config.when_full, WhenFull::Refuse);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It waits: one for each address listened on, the others in the kernel's backlog.
    #[default]
    Wait,
    /// It is answered 503. At most [`Config::max_half_open`] are answered at a time.
    Refuse,
}

/// Who keeps the timers of open connections, and of requests that are waited for. It is looked at when
/// an endpoint is made, and never again.
///
/// A runtime in which something is due some day has the kernel set a timer whenever it waits for
/// events, which a server with little to do does after each message. The timers of a close, of TLS and
/// of the PROXY protocol are the runtime's anyhow: they do not last.
///
/// ```
/// use ws76_server::{Config, Timers};
///
/// let config = Config::new();
/// # #[cfg(feature = "timerfd")]
/// let config = config.with_timers(Timers::Kernel);
/// # #[cfg(feature = "timerfd")]
/// assert_ne!(config.timers, Timers::default());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Timers {
    /// The runtime that a connection is served in. Its time can be paused in tests.
    #[default]
    Runtime,
    /// Linux, through one descriptor for all connections of an endpoint (timerfd), with the feature
    /// `timerfd`; the runtime, on other systems or where there is no descriptor to be had. What is due may be
    /// late by 5 ms, and time cannot be paused. The runtime's I/O has to be enabled, or there is a panic.
    /// One task waits for the descriptor: an endpoint whose connections are in several runtimes needs that
    /// of the first to run until it is dropped.
    #[cfg(feature = "timerfd")]
    Kernel,
}

/// What happens to a binary message, which only RFC 6455 clients can send.
///
/// ```
/// use ws76_server::{BinaryMessages, Config};
///
/// let config = Config::new().with_binary(BinaryMessages::Deliver);
/// assert_ne!(config.binary, BinaryMessages::default());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BinaryMessages {
    /// The connection is closed with 1003.
    #[default]
    Refuse,
    /// It is for [`Handler::on_binary`](crate::Handler::on_binary).
    Deliver,
}

/// A text that is sent to draft-76 clients from which nothing comes, since draft-76 has no ping.
///
/// What it says is up to the application: its pages should answer it, for it is their answer that
/// keeps a connection from being idle. RFC 6455 clients get pings instead.
///
/// ```
/// use std::time::Duration;
/// use ws76_server::Config;
///
/// let config = Config::new().with_heartbeat("are you there?", Duration::from_secs(30));
/// assert!(config.heartbeat.is_some_and(|heartbeat| heartbeat.interval.as_secs() == 30));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// The text.
    pub text: Text,
    /// Time without a byte from the client after which the text is sent, again and again; at least a
    /// second.
    pub interval: Duration,
}

/// Probes of TCP on a silent connection.
///
/// ```
/// use std::time::Duration;
/// use ws76_server::{Config, Keepalive};
///
/// let keepalive = Keepalive::new()
///     .with_idle(Duration::from_secs(30))
///     .with_interval(Duration::from_secs(5))
///     .with_probes(3);
/// let config = Config::new()
///     .with_keepalive(keepalive)
///     .with_user_timeout(Duration::from_secs(45));
/// let kernel = Config::new().without_keepalive().without_user_timeout(); // its own defaults
/// assert_ne!(config, kernel);
/// ```
#[cfg(feature = "keepalive")]
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Time between probes.
    pub interval: Duration,
    /// Probes without an answer after which the connection is gone.
    pub probes: u32,
}

#[cfg(feature = "keepalive")]
impl Keepalive {
    /// The defaults: after 60 s, every 15 s, 4 times.
    pub const fn new() -> Self {
        Self {
            idle: Duration::from_secs(60),
            interval: Duration::from_secs(15),
            probes: 4,
        }
    }

    /// Sets the silence before the first probe.
    #[must_use]
    pub const fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// Sets the time between probes.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets the count of probes.
    #[must_use]
    pub const fn with_probes(mut self, probes: u32) -> Self {
        self.probes = probes;
        self
    }
}

#[cfg(feature = "keepalive")]
impl Default for Keepalive {
    fn default() -> Self {
        Self::new()
    }
}

/// Limits, timeouts and policies of a [`Server`](crate::Server), for both protocols alike.
///
/// ```
/// use std::time::Duration;
/// use ws76_server::{Config, HeadLimits, Scheme};
///
/// let config = Config::new()
///     .with_max_message_len(64 << 10)
///     .with_head(HeadLimits::new().with_max_fields(32))
///     .with_max_half_open(256)
///     .with_max_per_address(20)
///     .with_max_fragments(64)
///     .with_scheme(Scheme::Wss);
/// assert_eq!(config.max_connections, 10_000);
///
/// let patient = config
///     .with_handshake_timeout(Duration::from_secs(30))
///     .with_idle_timeout(Duration::from_secs(600))
///     .with_ping_interval(Duration::from_secs(60))
///     .with_pong_timeout(Duration::from_secs(30))
///     .with_write_timeout(Duration::from_secs(30))
///     .with_closing_timeout(Duration::from_secs(10))
///     .with_shutdown_timeout(Duration::from_secs(60))
///     .with_max_lifetime(Duration::from_secs(86_400));
/// assert!(patient.max_lifetime.is_some());
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Limits on the head of a request; 16 KiB, lines of 8 KiB, resource names of 2 KiB and 64
    /// fields by default. Costs at most one head for each half-open connection.
    pub head: HeadLimits,
    /// Frames of draft-76: the longest message, reserved frames, invalid UTF-8. Its
    /// `max_message_len` (1 MiB by default) is the longest message of both protocols, in both
    /// directions. Costs one message for each connection while it arrives.
    pub frames: DecoderConfig,
    /// Most messages in the outbound queue of a connection; 1,024 by default. Costs up to 48 bytes for
    /// each that waits.
    pub max_queued_messages: usize,
    /// Most bytes, as frames, in the outbound queue of a connection; 256 KiB by default. A
    /// longer message is taken when the queue is empty. Costs up to twice this much memory for each
    /// connection that does not read; the payload of a broadcast is shared by all, but for a short one.
    pub max_queued_len: usize,
    /// What happens when a connection's outbound queue is full; it is dropped by default.
    pub slow_receiver: SlowReceiver,
    /// Most connections at a time, those that are opening included; 10,000 by default. At the start
    /// it is lowered to the process's limit on open files less 32, where the system tells that
    /// limit: to serve more, raise it (`ulimit -n`, systemd's `LimitNOFILE`).
    pub max_connections: usize,
    /// What happens to further clients; they wait by default.
    pub when_full: WhenFull,
    /// Who keeps the timers of connections; their runtime by default.
    pub timers: Timers,
    /// Most connections of one address, further requests being answered 429; no limit by default.
    /// An IPv6 /64 counts as one address. Costs some 60 bytes for each address.
    pub max_per_address: Option<usize>,
    /// Most connections that have not finished their opening handshake; 1,024 by default. When
    /// there are more, the oldest is closed.
    pub max_half_open: usize,
    /// Time from accepting a connection to the end of its opening handshake; 10 s by default.
    pub handshake_timeout: Duration,
    /// Time for the closing handshake, with what is queued before it, and after it as much again for
    /// the client to close TCP; 5 s by default.
    pub closing_timeout: Duration,
    /// Time without a byte from the client after which it is closed; 120 s by default. RFC 6455
    /// clients answer pings and are never idle while they live. Draft-76 has no ping: let the page
    /// send something now and then, or choose a longer time.
    pub idle_timeout: Duration,
    /// Time without a byte from an RFC 6455 client after which it is sent a ping; 25 s by default.
    pub ping_interval: Duration,
    /// Time for an RFC 6455 client to answer a ping; 10 s by default.
    pub pong_timeout: Duration,
    /// Time that a write may make no progress; 10 s by default.
    pub write_timeout: Duration,
    /// Time that a graceful shutdown may take before what is left is aborted; 30 s by default.
    pub shutdown_timeout: Duration,
    /// Time after which a connection is closed, however lively it is; none by default. Up to a tenth
    /// more is added to each, so that they do not all come back at once.
    pub max_lifetime: Option<Duration>,
    /// A text for draft-76 clients that are silent; none by default.
    pub heartbeat: Option<Heartbeat>,
    /// Probes of TCP by which the kernel finds clients that are gone without a word; by default after
    /// 60 s of silence, every 15 s, 4 times.
    #[cfg(feature = "keepalive")]
    pub keepalive: Option<Keepalive>,
    /// Time after which the kernel gives a connection up when what was written is not acknowledged
    /// (`TCP_USER_TIMEOUT`, Linux only); 60 s by default.
    #[cfg(feature = "keepalive")]
    pub user_timeout: Option<Duration>,
    /// Whether the kernel keeps a connection until there is something to read, a second at most
    /// (`TCP_DEFER_ACCEPT`, Linux only); no by default. Opening handshakes cost less then. In all that is
    /// served here the client speaks first; one that does not is seen, and its times begin, a second
    /// later. A listener keeps what it had when it began to accept.
    #[cfg(feature = "defer-accept")]
    pub defer_accept: bool,
    /// Most fragments of one message of an RFC 6455 client; 4,096 by default. The heads of all but the
    /// first count as bytes of the message.
    pub max_fragments: usize,
    /// What happens to binary messages of RFC 6455 clients; they are refused by default.
    pub binary: BinaryMessages,
    /// Which pages may open a connection; any by default.
    pub origins: Origins,
    /// The names that the server answers to; any by default.
    pub hosts: Hosts,
    /// The protocols that are served where a listener has none of its own
    /// ([`Server::with_versions`](crate::Server::with_versions)); draft-76 and RFC 6455 by default.
    pub versions: Versions,
    /// The scheme in the location that a draft-76 client compares with its own URL. By default it
    /// is what is known of the connection: [`Scheme::Wss`] if it came through TLS, here or as a
    /// trusted proxy says, otherwise [`Scheme::Ws`].
    pub scheme: Option<Scheme>,
    /// Scheme, host and what stands before the resource name in that location, for a proxy that
    /// changes more than the scheme; by default host and resource name are the request's.
    pub public_location: Option<Location>,
    /// The proxies that are believed in what they say of a client; none by default. What they say is
    /// then its address everywhere ([`Request::peer_addr`](crate::Request::peer_addr),
    /// [`Config::max_per_address`]; with port 0 if they say none) and the scheme of its location.
    #[cfg(feature = "proxy")]
    pub trusted_proxies: TrustedProxies,
}

impl Config {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            head: HeadLimits::new(),
            frames: DecoderConfig::new(),
            max_queued_messages: 1024,
            max_queued_len: 256 << 10,
            slow_receiver: SlowReceiver::Disconnect,
            max_connections: 10_000,
            when_full: WhenFull::Wait,
            timers: Timers::Runtime,
            max_per_address: None,
            max_half_open: 1024,
            handshake_timeout: Duration::from_secs(10),
            closing_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(120),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            max_lifetime: None,
            max_fragments: 4096,
            heartbeat: None,
            #[cfg(feature = "keepalive")]
            keepalive: Some(Keepalive::new()),
            #[cfg(feature = "keepalive")]
            user_timeout: Some(Duration::from_secs(60)),
            #[cfg(feature = "defer-accept")]
            defer_accept: false,
            binary: BinaryMessages::Refuse,
            origins: Origins::any(),
            hosts: Hosts::any(),
            versions: Versions::new(),
            scheme: None,
            public_location: None,
            #[cfg(feature = "proxy")]
            trusted_proxies: TrustedProxies::none(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
