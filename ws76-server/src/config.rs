//! Limits, timeouts and policies of a server. Every limit is finite by default.

use std::time::Duration;

use ws76_codec::DecoderConfig;
use ws76_handshake::{HeadLimits, Scheme};

/// What happens when a message is for a connection whose outbound queue is full, and the sender
/// does not wait for room ([`Registry`](crate::Registry)'s `unicast`, `broadcast` and `send_all`).
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

/// Limits, timeouts and policies of a [`Server`](crate::Server), for both protocols alike.
///
/// ```
/// use std::time::Duration;
/// use ws76_server::Config;
///
/// let config = Config::new()
///     .with_max_message_len(64 << 10)
///     .with_idle_timeout(Duration::from_secs(60));
/// assert_eq!(config.max_connections, 10_000);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// Limits on the head of a request; 16 KiB, lines of 8 KiB, resource names of 2 KiB and 64
    /// fields by default. Costs at most one head for each half-open connection.
    pub head: HeadLimits,
    /// Frames of draft-76: the longest message, reserved frames, invalid UTF-8. Its
    /// `max_message_len` (1 MiB by default) is the longest message of both protocols, in both
    /// directions. Costs one message for each connection while it arrives.
    pub frames: DecoderConfig,
    /// Most messages in the outbound queue of a connection; 1,024 by default.
    pub max_queued_messages: usize,
    /// Most bytes, as draft-76 frames, in the outbound queue of a connection; 256 KiB by default. A
    /// longer message is taken when the queue is empty. Costs this much memory for each connection
    /// that does not read.
    pub max_queued_len: usize,
    /// What happens when a connection's outbound queue is full; it is dropped by default.
    pub slow_receiver: SlowReceiver,
    /// Most connections at a time, those that are opening included; 10,000 by default. Further
    /// clients wait: one for each address listened on, the others in the kernel's backlog.
    pub max_connections: usize,
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
    /// The scheme in the location that a draft-76 client compares with its own URL;
    /// [`Scheme::Ws`] by default. [`Scheme::Wss`] when something in front ends TLS.
    pub scheme: Scheme,
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
            max_half_open: 1024,
            handshake_timeout: Duration::from_secs(10),
            closing_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(120),
            ping_interval: Duration::from_secs(25),
            pong_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(30),
            scheme: Scheme::Ws,
        }
    }

    /// Sets the limits on the head of a request.
    #[must_use]
    pub const fn with_head(mut self, limits: HeadLimits) -> Self {
        self.head = limits;
        self
    }

    /// Sets the limits and policies for frames.
    #[must_use]
    pub const fn with_frames(mut self, frames: DecoderConfig) -> Self {
        self.frames = frames;
        self
    }

    /// Sets the most bytes of UTF-8 in one message, in both directions.
    #[must_use]
    pub const fn with_max_message_len(mut self, max: usize) -> Self {
        self.frames = self.frames.with_max_message_len(max);
        self
    }

    /// Sets the most messages in the outbound queue of a connection.
    #[must_use]
    pub const fn with_max_queued_messages(mut self, max: usize) -> Self {
        self.max_queued_messages = max;
        self
    }

    /// Sets the most bytes in the outbound queue of a connection.
    #[must_use]
    pub const fn with_max_queued_len(mut self, max: usize) -> Self {
        self.max_queued_len = max;
        self
    }

    /// Sets what happens when a connection's outbound queue is full.
    #[must_use]
    pub const fn with_slow_receiver(mut self, policy: SlowReceiver) -> Self {
        self.slow_receiver = policy;
        self
    }

    /// Sets the most connections at a time.
    #[must_use]
    pub const fn with_max_connections(mut self, max: usize) -> Self {
        self.max_connections = max;
        self
    }

    /// Sets the most connections that have not finished their opening handshake.
    #[must_use]
    pub const fn with_max_half_open(mut self, max: usize) -> Self {
        self.max_half_open = max;
        self
    }

    /// Sets the time for the opening handshake.
    #[must_use]
    pub const fn with_handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Sets the time for the closing handshake.
    #[must_use]
    pub const fn with_closing_timeout(mut self, timeout: Duration) -> Self {
        self.closing_timeout = timeout;
        self
    }

    /// Sets the time without a byte from the client after which it is closed.
    #[must_use]
    pub const fn with_idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Sets the time without a byte from an RFC 6455 client after which it is sent a ping.
    #[must_use]
    pub const fn with_ping_interval(mut self, interval: Duration) -> Self {
        self.ping_interval = interval;
        self
    }

    /// Sets the time for an RFC 6455 client to answer a ping.
    #[must_use]
    pub const fn with_pong_timeout(mut self, timeout: Duration) -> Self {
        self.pong_timeout = timeout;
        self
    }

    /// Sets the time that a write may make no progress.
    #[must_use]
    pub const fn with_write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// Sets the time that a graceful shutdown may take.
    #[must_use]
    pub const fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    /// Sets the scheme in the location that is sent to draft-76 clients.
    #[must_use]
    pub const fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}
