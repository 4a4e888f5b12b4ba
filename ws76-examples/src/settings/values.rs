//! The values of settings: what they look like in a flag and in a file.

use std::{fmt, str::FromStr, time::Duration};

use clap::ValueEnum;
use serde::{Deserialize, Deserializer, de::Error as _};
use ws76_server::{InvalidUtf8, Location, ReservedFrames, SlowReceiver, Versions, WhenFull};

/// Host name or address, and port, to listen on: `ADDR:PORT`, where an IPv6 address stands in
/// brackets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Listen {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 9000,
        }
    }
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or("no port: ADDR:PORT is wanted")?;
        let port = port
            .parse()
            .map_err(|error| format!("port {port:?}: {error}"))?;
        let host = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host);
        if host.is_empty() {
            return Err("no address: ADDR:PORT is wanted".to_owned());
        }
        let host = host.to_owned();
        Ok(Self { host, port })
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|error| format!("{text:?}: {error}"))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Pages that may connect.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Origins(pub(crate) ws76_server::Origins);

impl FromStr for Origins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(list(text))
    }
}

impl TryFrom<Vec<String>> for Origins {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        let has = |word: &str| words.iter().any(|one| one == word);
        let named: Vec<String> = words
            .iter()
            .filter(|one| !matches!(one.as_str(), "any" | "same-host" | "missing" | "null"))
            .cloned()
            .collect();
        if let Some(odd) = named.iter().find(|one| !is_origin(one)) {
            return Err(format!(
                "origin {odd:?}: `https://example.com` is wanted, or any, same-host, missing, null"
            ));
        }
        let mut origins = match (has("any"), has("same-host"), named.is_empty()) {
            (true, _, _) if words.len() > 1 => return Err("any origin is all there are".to_owned()),
            (true, _, _) => return Ok(Self(ws76_server::Origins::any())),
            (_, true, false) => {
                return Err("same-host and a list of origins exclude each other".to_owned());
            }
            (_, true, true) => ws76_server::Origins::same_host(),
            (_, false, _) => ws76_server::Origins::list(named),
        };
        if has("missing") {
            origins = origins.with_missing();
        }
        if has("null") {
            origins = origins.with_null();
        }
        Ok(Self(origins))
    }
}

/// Whether a browser could send this: a scheme and a host, and nothing behind them.
fn is_origin(text: &str) -> bool {
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    let parts = text.split_once("://");
    let empty = |(scheme, host): (&str, &str)| scheme.is_empty() || host.is_empty();
    visible && parts.is_some_and(|parts| !empty(parts) && !parts.1.contains('/'))
}

/// Names that the server answers to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Hosts(pub(crate) ws76_server::Hosts);

impl FromStr for Hosts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(list(text))
    }
}

impl TryFrom<Vec<String>> for Hosts {
    type Error = String;

    fn try_from(words: Vec<String>) -> Result<Self, String> {
        if words == ["any"] {
            return Ok(Self(ws76_server::Hosts::any()));
        }
        let is_host = |one: &&String| {
            let visible = one.bytes().all(|byte| byte.is_ascii_graphic());
            !one.is_empty() && *one != "any" && visible && !one.contains('/')
        };
        match words.iter().find(|one| !is_host(one)) {
            Some(odd) => Err(format!(
                "host {odd:?}: a name, with a port or without, is wanted"
            )),
            None => Ok(Self(ws76_server::Hosts::list(words))),
        }
    }
}

/// What stands between commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(|one| one.trim().to_owned()).collect()
}

/// A protocol that may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
pub(crate) enum Version {
    #[value(name = "draft-75")]
    #[serde(rename = "draft-75")]
    Draft75,
    #[value(name = "draft-76")]
    #[serde(rename = "draft-76")]
    Draft76,
    #[value(name = "rfc6455")]
    #[serde(rename = "rfc6455")]
    Rfc6455,
}

pub(crate) fn versions(list: &[Version]) -> Versions {
    Versions::new()
        .with_draft75(list.contains(&Version::Draft75))
        .with_draft76(list.contains(&Version::Draft76))
        .with_rfc6455(list.contains(&Version::Rfc6455))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Full {
    Wait,
    Refuse,
}

impl From<Full> for WhenFull {
    fn from(value: Full) -> Self {
        match value {
            Full::Wait => Self::Wait,
            Full::Refuse => Self::Refuse,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Slow {
    Disconnect,
    DropNewest,
    DropOldest,
}

impl From<Slow> for SlowReceiver {
    fn from(value: Slow) -> Self {
        match value {
            Slow::Disconnect => Self::Disconnect,
            Slow::DropNewest => Self::DropNewest,
            Slow::DropOldest => Self::DropOldest,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scheme {
    Ws,
    Wss,
}

impl From<Scheme> for ws76_server::Scheme {
    fn from(value: Scheme) -> Self {
        match value {
            Scheme::Ws => Self::Ws,
            Scheme::Wss => Self::Wss,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reserved {
    Reject,
    Skip,
}

impl From<Reserved> for ReservedFrames {
    fn from(value: Reserved) -> Self {
        match value {
            Reserved::Reject => Self::Reject,
            Reserved::Skip => Self::Skip,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Utf8 {
    Reject,
    Replace,
}

impl From<Utf8> for InvalidUtf8 {
    fn from(value: Utf8) -> Self {
        match value {
            Utf8::Reject => Self::Reject,
            Utf8::Replace => Self::Replace,
        }
    }
}

/// Who may read `/metrics`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MetricsFor {
    /// Nobody: nothing is measured
    Nobody,
    /// Clients of this machine that come through no proxy
    #[default]
    Loopback,
    /// Whoever can connect
    Anybody,
}

/// The least that is told on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Log {
    Off,
    Error,
    #[default]
    Warn,
    Info,
    Debug,
    Trace,
}

/// A time above zero.
pub(crate) fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("a time above zero is wanted".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("time {text:?}: {error}; such as 10s is wanted")),
    }
}

pub(crate) fn some_time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    time(&text).map(Some).map_err(D::Error::custom)
}

pub(crate) fn delay<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(from)?;
    let delay = humantime::parse_duration(&text);
    delay.map(Some).map_err(D::Error::custom)
}

pub(crate) fn location(text: &str) -> Result<Location, String> {
    Location::parse(text).map_err(|error| format!("location {text:?}: {error}"))
}

pub(crate) fn some_location<'de, D>(from: D) -> Result<Option<Location>, D::Error>
where
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    location(&text).map(Some).map_err(D::Error::custom)
}
