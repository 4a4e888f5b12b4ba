//! The setters of [`Config`].

use std::time::Duration;

use ws76_codec::{DecoderConfig, Text};
use ws76_handshake::{HeadLimits, Location, Scheme};

#[cfg(feature = "keepalive")]
use super::Keepalive;
use super::{BinaryMessages, Config, Heartbeat, SlowReceiver, Timers, WhenFull};
use crate::{Hosts, Origins, Versions};

impl Config {
    /// Sets the limits on the head of a request.
    #[must_use]
    pub const fn with_head(mut self, limits: HeadLimits) -> Self {
        self.head = limits;
        self
    }

    /// Sets the limits and policies for frames.
    ///
    /// ```
    /// use ws76_server::{Config, DecoderConfig, InvalidUtf8};
    ///
    /// let frames = DecoderConfig::new().with_invalid_utf8(InvalidUtf8::Replace);
    /// let config = Config::new().with_frames(frames);
    /// assert_eq!(config.frames.max_message_len, 1 << 20);
    /// ```
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
        self.scheme = Some(scheme);
        self
    }

    /// Sets the location that is sent to draft-76 clients, but for the request's resource name, which
    /// is added: with `wss://example.com/live` a request for `/chat?room=1` gets
    /// `wss://example.com/live/chat?room=1`.
    ///
    /// ```
    /// use ws76_server::{Config, Location, ValueError};
    ///
    /// // For clients of `wss://example.com/live/chat` the server sees a request for `/chat`.
    /// let public = Location::parse("wss://example.com/live")?;
    /// let config = Config::new().with_public_location(public);
    /// # Ok::<(), ValueError>(())
    /// ```
    #[must_use]
    pub fn with_public_location(mut self, location: Location) -> Self {
        self.public_location = Some(location);
        self
    }

    /// Sets which proxies are believed in what they say of a client.
    #[cfg(feature = "proxy")]
    #[must_use]
    pub fn with_trusted_proxies(mut self, trusted: crate::TrustedProxies) -> Self {
        self.trusted_proxies = trusted;
        self
    }

    /// Sets what happens to clients that come when there are `max_connections`.
    #[must_use]
    pub const fn with_when_full(mut self, choice: WhenFull) -> Self {
        self.when_full = choice;
        self
    }

    /// Sets who keeps the timers of connections.
    #[must_use]
    pub const fn with_timers(mut self, choice: Timers) -> Self {
        self.timers = choice;
        self
    }

    /// Sets the most connections of one address.
    #[must_use]
    pub const fn with_max_per_address(mut self, max: usize) -> Self {
        self.max_per_address = Some(max);
        self
    }

    /// Sets the time after which a connection is closed, to which up to a tenth is added.
    #[must_use]
    pub const fn with_max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = Some(lifetime);
        self
    }

    /// Sets the text for draft-76 clients from which nothing came for `interval`.
    #[must_use]
    pub fn with_heartbeat(mut self, text: impl Into<Text>, interval: Duration) -> Self {
        let text = text.into();
        self.heartbeat = Some(Heartbeat { text, interval });
        self
    }

    /// Sets what happens to binary messages of RFC 6455 clients.
    #[must_use]
    pub const fn with_binary(mut self, choice: BinaryMessages) -> Self {
        self.binary = choice;
        self
    }

    /// Sets which pages may open a connection.
    #[must_use]
    pub fn with_origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
        self
    }

    /// Sets the names that the server answers to.
    #[must_use]
    pub fn with_hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets the protocols that are served.
    #[must_use]
    pub const fn with_versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Sets the probes of TCP.
    #[cfg(feature = "keepalive")]
    #[must_use]
    pub const fn with_keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// Sends no probes of TCP.
    #[cfg(feature = "keepalive")]
    #[must_use]
    pub const fn without_keepalive(mut self) -> Self {
        self.keepalive = None;
        self
    }

    /// Sets the time for what was written to be acknowledged.
    #[cfg(feature = "keepalive")]
    #[must_use]
    pub const fn with_user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = Some(timeout);
        self
    }

    /// Leaves it to the kernel how long what was written may stay without acknowledgement.
    #[cfg(feature = "keepalive")]
    #[must_use]
    pub const fn without_user_timeout(mut self) -> Self {
        self.user_timeout = None;
        self
    }

    /// Sets whether the kernel keeps a connection until there is something to read.
    ///
    /// ```
    /// use ws76_server::Config;
    ///
    /// let config = Config::new().with_defer_accept(true);
    /// assert!(config.defer_accept);
    /// ```
    #[cfg(feature = "defer-accept")]
    #[must_use]
    pub const fn with_defer_accept(mut self, defers: bool) -> Self {
        self.defer_accept = defers;
        self
    }

    /// Sets the most fragments of one message of an RFC 6455 client.
    #[must_use]
    pub const fn with_max_fragments(mut self, max: usize) -> Self {
        self.max_fragments = max;
        self
    }
}
