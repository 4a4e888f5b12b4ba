//! The settings of the server, from flags and from a file: the same names in both, and flags win.

mod front;
mod values;

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Args;
pub(crate) use front::TlsFiles;
use front::{Proxies, Tls};
use serde::Deserialize;
use values::{Full, Reserved, Scheme, Slow, Utf8, Version};
pub(crate) use values::{Hosts, Listen, Log, MetricsFor, Origins};
use ws76_server::{Config, Location, Text};

/// What the demo server is started with.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Flags {
    /// Reads settings from a TOML file; flags win. SIGHUP reads it again
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Checks the settings and exits: 0, or 1 with what is wrong
    #[arg(long)]
    pub(crate) check: bool,
    #[command(flatten)]
    settings: Settings,
}

impl Flags {
    /// The settings of the file, as far as there is one, under those of the flags.
    ///
    /// # Errors
    ///
    /// `FILE:LINE: what is wrong`
    pub(crate) fn load(&self) -> Result<Loaded, String> {
        let file = match &self.config {
            None => Settings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                Settings::parse(&text).map_err(|(line, what)| match line {
                    Some(line) => format!("{}:{line}: {what}", path.display()),
                    None => format!("{}: {what}", path.display()),
                })?
            }
        };
        Ok(Loaded::new(&file, &self.settings))
    }
}

/// What a server is run with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Loaded {
    pub(crate) listen: Vec<Listen>,
    pub(crate) log: Log,
    pub(crate) metrics: MetricsFor,
    pub(crate) drain_delay: Duration,
    pub(crate) tls: TlsFiles,
    pub(crate) proxy_protocol: bool,
    pub(crate) config: Config,
}

impl Loaded {
    fn new(file: &Settings, flags: &Settings) -> Self {
        let both = [file, flags];
        let mut listen = both.into_iter().map(|one| &one.listen);
        let listen = listen.rfind(|list| !list.is_empty());
        let last = |get: fn(&Settings) -> Option<Duration>| both.into_iter().rev().find_map(get);
        Self {
            listen: listen.cloned().unwrap_or_else(|| vec![Listen::default()]),
            log: flags.log.or(file.log).unwrap_or_default(),
            metrics: flags.metrics.or(file.metrics).unwrap_or_default(),
            drain_delay: last(|one| one.drain_delay).unwrap_or_default(),
            tls: TlsFiles::of(both.map(|one| &one.tls)),
            proxy_protocol: both
                .into_iter()
                .rev()
                .find_map(|one| one.proxies.proxy_protocol())
                .unwrap_or_default(),
            config: both
                .into_iter()
                .fold(Config::new(), |config, one| one.apply(config)),
        }
    }

    /// What differs in `new` and cannot be changed while the server runs.
    pub(crate) fn fixed(&self, new: &Self) -> Vec<&'static str> {
        let (ours, theirs) = (&self.config, &new.config);
        [
            ("listen", self.listen != new.listen),
            ("log", self.log != new.log),
            ("metrics", self.metrics != new.metrics),
            ("drain-delay", self.drain_delay != new.drain_delay),
            ("certificate", self.tls.certificate != new.tls.certificate),
            ("key", self.tls.key != new.tls.key),
            ("proxy-protocol", self.proxy_protocol != new.proxy_protocol),
            ("defer-accept", ours.defer_accept != theirs.defer_accept),
            (
                "max-connections",
                ours.max_connections != theirs.max_connections,
            ),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

/// What a file says, or the flags do. What neither says stays as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    /// Host name or address, and port, to listen on; may be given several times [default:
    /// localhost:9000]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<Listen>,
    /// What is told on standard error [default: warn]
    #[arg(long, value_name = "LEVEL")]
    log: Option<Log>,
    /// Who may read /metrics [default: loopback]
    #[arg(long, value_name = "WHO")]
    metrics: Option<MetricsFor>,
    /// Time between the signal to stop and the shutdown, in which /health says 503 [default: 0s]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "values::delay")]
    drain_delay: Option<Duration>,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    timeouts: Timeouts,
    #[command(flatten)]
    policy: Policy,
    #[command(flatten)]
    draft76: Draft76,
    #[command(flatten)]
    tls: Tls,
    #[command(flatten)]
    proxies: Proxies,
}

/// Limits, in bytes where the name ends in `-len`.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[command(next_help_heading = "Limits")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Limits {
    /// Most connections at a time [default: 10000]
    #[arg(long, value_name = "N")]
    max_connections: Option<NonZeroUsize>,
    /// Most connections of one address; an IPv6 /64 is one [default: no limit]
    #[arg(long, value_name = "N")]
    max_per_address: Option<NonZeroUsize>,
    /// Most connections that are still opening [default: 1024]
    #[arg(long, value_name = "N")]
    max_half_open: Option<NonZeroUsize>,
    /// Longest message, in both directions [default: 1048576]
    #[arg(long, value_name = "BYTES")]
    max_message_len: Option<usize>,
    /// Most messages in a connection's outbound queue [default: 1024]
    #[arg(long, value_name = "N")]
    max_queued_messages: Option<NonZeroUsize>,
    /// Most bytes in a connection's outbound queue [default: 262144]
    #[arg(long, value_name = "BYTES")]
    max_queued_len: Option<NonZeroUsize>,
    /// Longest head of a request [default: 16384]
    #[arg(long, value_name = "BYTES")]
    max_head_len: Option<NonZeroUsize>,
    /// Longest line of a head [default: 8192]
    #[arg(long, value_name = "BYTES")]
    max_line_len: Option<NonZeroUsize>,
    /// Longest resource name [default: 2048]
    #[arg(long, value_name = "BYTES")]
    max_resource_name_len: Option<NonZeroUsize>,
    /// Most fields of a head [default: 64]
    #[arg(long, value_name = "N")]
    max_fields: Option<NonZeroUsize>,
}

/// Times, such as `10s`, `500ms` or `1h 30m`.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[command(next_help_heading = "Timeouts")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Timeouts {
    /// For the opening handshake [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    handshake_timeout: Option<Duration>,
    /// For the closing handshake [default: 5s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    closing_timeout: Option<Duration>,
    /// Without a byte from the client [default: 120s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    idle_timeout: Option<Duration>,
    /// Without a byte from an RFC 6455 client, after which it gets a ping [default: 25s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    ping_interval: Option<Duration>,
    /// For its answer [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    pong_timeout: Option<Duration>,
    /// For a write that makes no progress [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    write_timeout: Option<Duration>,
    /// For a shutdown, before what is left is aborted [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    shutdown_timeout: Option<Duration>,
    /// After which a connection is closed, with up to a tenth added [default: none]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    max_lifetime: Option<Duration>,
}

/// Who is served, and what happens to those who are too many or too slow.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[command(next_help_heading = "Policies")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Policy {
    /// Pages that may connect: `any`; or of `same-host` or `https://example.com,…`, with `missing`
    /// and `null` where these are let in [default: any]
    #[arg(long, value_name = "LIST")]
    origins: Option<Origins>,
    /// Names that the server answers to: `any`, or `example.com,example.com:9000,…` [default: any]
    #[arg(long, value_name = "LIST")]
    hosts: Option<Hosts>,
    /// Protocols that are served [default: draft-76,rfc6455]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    versions: Option<Vec<Version>>,
    /// Clients that come when there are `max-connections` [default: wait]
    #[arg(long, value_name = "WHAT")]
    when_full: Option<Full>,
    /// A connection whose outbound queue is full [default: disconnect]
    #[arg(long, value_name = "WHAT")]
    slow_receiver: Option<Slow>,
    /// Whether Linux keeps a connection until there is something to read, a second at most [default: false]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    defer_accept: Option<bool>,
}

/// What only draft-76 clients notice.
#[derive(Clone, Debug, Default, PartialEq, Args, Deserialize)]
#[command(next_help_heading = "Draft-76")]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Draft76 {
    /// Scheme of the location in the reply [default: that of the connection]
    #[arg(long, value_name = "SCHEME")]
    scheme: Option<Scheme>,
    /// Location in the reply, but for the request's resource name: `wss://example.com/live`
    #[arg(long, value_name = "LOCATION", value_parser = values::location)]
    #[serde(deserialize_with = "values::some_location")]
    public_location: Option<Location>,
    /// Reserved frames [default: reject]
    #[arg(long, value_name = "WHAT")]
    reserved_frames: Option<Reserved>,
    /// Text that is not UTF-8 [default: reject]
    #[arg(long, value_name = "WHAT")]
    invalid_utf8: Option<Utf8>,
    /// Text for silent clients, since draft-76 has no ping [default: none]
    #[arg(long, value_name = "TEXT")]
    heartbeat: Option<String>,
    /// Silence after which the heartbeat is sent [default: 25s]
    #[arg(long, value_name = "TIME", value_parser = values::time)]
    #[serde(deserialize_with = "values::some_time")]
    heartbeat_interval: Option<Duration>,
}

impl Settings {
    /// The settings in a file.
    ///
    /// # Errors
    ///
    /// The line, and what is wrong there.
    fn parse(text: &str) -> Result<Self, (Option<usize>, String)> {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            (line, error.message().trim_end().replace('\n', "; "))
        })
    }

    /// `config`, with what is said here.
    fn apply(&self, mut config: Config) -> Config {
        self.limits.apply(&mut config);
        self.timeouts.apply(&mut config);
        self.policy.apply(&mut config);
        self.draft76.apply(&mut config);
        self.proxies.apply(&mut config);
        config
    }
}

impl Limits {
    fn apply(&self, config: &mut Config) {
        let number = |value: Option<NonZeroUsize>| value.map(NonZeroUsize::get);
        set(&mut config.max_connections, number(self.max_connections));
        if let Some(max) = self.max_per_address {
            config.max_per_address = Some(max.get());
        }
        set(&mut config.max_half_open, number(self.max_half_open));
        set(&mut config.frames.max_message_len, self.max_message_len);
        set(
            &mut config.max_queued_messages,
            number(self.max_queued_messages),
        );
        set(&mut config.max_queued_len, number(self.max_queued_len));
        let head = &mut config.head;
        set(&mut head.max_head_len, number(self.max_head_len));
        set(&mut head.max_line_len, number(self.max_line_len));
        set(
            &mut head.max_resource_name_len,
            number(self.max_resource_name_len),
        );
        set(&mut head.max_fields, number(self.max_fields));
    }
}

impl Timeouts {
    fn apply(&self, config: &mut Config) {
        set(&mut config.handshake_timeout, self.handshake_timeout);
        set(&mut config.closing_timeout, self.closing_timeout);
        set(&mut config.idle_timeout, self.idle_timeout);
        set(&mut config.ping_interval, self.ping_interval);
        set(&mut config.pong_timeout, self.pong_timeout);
        set(&mut config.write_timeout, self.write_timeout);
        set(&mut config.shutdown_timeout, self.shutdown_timeout);
        config.max_lifetime = self.max_lifetime.or(config.max_lifetime);
    }
}

impl Policy {
    fn apply(&self, config: &mut Config) {
        set(&mut config.origins, self.origins.clone().map(|list| list.0));
        set(&mut config.hosts, self.hosts.clone().map(|list| list.0));
        set(
            &mut config.versions,
            self.versions.as_deref().map(values::versions),
        );
        set(&mut config.when_full, self.when_full.map(Into::into));
        set(
            &mut config.slow_receiver,
            self.slow_receiver.map(Into::into),
        );
        set(&mut config.defer_accept, self.defer_accept);
    }
}

impl Draft76 {
    fn apply(&self, config: &mut Config) {
        config.scheme = self.scheme.map(Into::into).or(config.scheme);
        if let Some(location) = &self.public_location {
            config.public_location = Some(location.clone());
        }
        let frames = &mut config.frames;
        set(
            &mut frames.reserved_frames,
            self.reserved_frames.map(Into::into),
        );
        set(&mut frames.invalid_utf8, self.invalid_utf8.map(Into::into));
        let before = config.heartbeat.take();
        let interval = before.as_ref().map(|before| before.interval);
        let interval = self
            .heartbeat_interval
            .or(interval)
            .unwrap_or(HEARTBEAT_INTERVAL);
        let text = self.heartbeat.as_deref().map(Text::from);
        if let Some(text) = text.or_else(|| before.map(|before| before.text)) {
            *config = config.clone().with_heartbeat(text, interval);
        }
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests;
