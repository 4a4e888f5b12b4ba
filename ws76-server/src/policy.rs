//! Who may open a connection: one place for both protocols, asked before any 101 and before the
//! handler.

use std::sync::Arc;

use ws76_handshake::{Response, Status};

use crate::{Config, Protocol, Request};

/// Which pages may open a connection (draft-76 §5.2, field `Origin`).
///
/// Browsers tell the truth about where a page came from, and nothing else keeps a foreign page from
/// using a visitor's cookies here (cross-site WebSocket hijacking). Other clients may send what they
/// like. Devices often send `null`, `file://` or no origin at all; each of these is a choice of its own.
///
/// ```
/// use ws76_server::{Config, Origins};
///
/// // Pages of one site, and devices that do not say where their page came from.
/// let origins = Origins::list(["https://example.com"]).with_missing();
/// let config = Config::new().with_origins(origins);
///
/// let own_pages = Origins::same_host().with_null(); // and those of files
/// assert_ne!(own_pages, Origins::any());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    allowed: Allowed,
    missing: bool,
    null: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Allowed {
    Any,
    SameHost,
    List(Arc<[Box<str>]>),
}

impl Origins {
    /// Any origin, `null` and none: the default, which leaves it to the handler.
    pub const fn any() -> Self {
        Self {
            allowed: Allowed::Any,
            missing: true,
            null: true,
        }
    }

    /// Pages of the host, with its port, that the request is for; neither `null` nor none.
    pub const fn same_host() -> Self {
        Self {
            allowed: Allowed::SameHost,
            missing: false,
            null: false,
        }
    }

    /// These origins only, each as a browser sends it (`https://example.com`), compared byte for
    /// byte; neither `null` nor none.
    pub fn list<I>(origins: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        Self {
            allowed: Allowed::List(origins.into_iter().map(Into::into).collect()),
            missing: false,
            null: false,
        }
    }

    /// Requests without an origin too.
    #[must_use]
    pub fn with_missing(mut self) -> Self {
        self.missing = true;
        self
    }

    /// The origin `null` too: pages of files and of sandboxed frames, wherever these came from.
    #[must_use]
    pub fn with_null(mut self) -> Self {
        self.null = true;
        self
    }

    fn allow(&self, request: &Request) -> bool {
        if self.missing && self.null && matches!(self.allowed, Allowed::Any) {
            return true;
        }
        match (request.origin(), &self.allowed) {
            (None, _) => self.missing,
            (Some("null"), _) => self.null,
            (Some(_), Allowed::Any) => true,
            (Some(origin), Allowed::SameHost) => origin
                .split_once("://")
                .is_some_and(|(_, host)| host.eq_ignore_ascii_case(request.host())),
            (Some(origin), Allowed::List(list)) => list.iter().any(|one| **one == *origin),
        }
    }
}

impl Default for Origins {
    fn default() -> Self {
        Self::any()
    }
}

/// The names that the server answers to (draft-76 §5.2, field `Host`): a list keeps out pages that
/// had their own name resolved to this address (DNS rebinding).
///
/// ```
/// use ws76_server::{Config, Hosts};
///
/// let hosts = Hosts::list(["example.com", "tv.example:9000"]);
/// let config = Config::new().with_hosts(hosts);
/// assert_ne!(config.hosts, Hosts::any());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts(Option<Arc<[Box<str>]>>);

impl Hosts {
    /// Any name: the default.
    pub const fn any() -> Self {
        Self(None)
    }

    /// These names only, in any case: `example.com` with any port, `example.com:9000` with that one.
    pub fn list<I>(hosts: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<Box<str>>,
    {
        Self(Some(hosts.into_iter().map(Into::into).collect()))
    }

    fn allow(&self, host: &str) -> bool {
        let Some(list) = &self.0 else {
            return true;
        };
        let name = without_port(host);
        list.iter()
            .any(|one| one.eq_ignore_ascii_case(host) || one.eq_ignore_ascii_case(name))
    }
}

/// A host without its port; the colons of an IPv6 address stand in brackets.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// The protocols that are served: of all listeners by [`Config::versions`], of some by
/// [`Server::with_versions`](crate::Server::with_versions).
///
/// ```
/// use ws76_server::{Config, Versions};
///
/// // Nothing but devices here, old ones among them.
/// let versions = Versions::new().with_draft75(true).with_rfc6455(false);
/// let config = Config::new().with_versions(versions);
/// assert!(config.versions.draft76);
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    /// draft-75, off by default: nothing in it proves that the client has read the handshake.
    pub draft75: bool,
    /// draft-76, on by default. Its frames are not masked: a transparent proxy that does not know
    /// WebSocket can be made to take them for HTTP.
    pub draft76: bool,
    /// RFC 6455 and hybi-07 to -12, on by default; needs the feature `rfc6455`.
    pub rfc6455: bool,
}

impl Versions {
    /// The defaults.
    pub const fn new() -> Self {
        Self {
            draft75: false,
            draft76: true,
            rfc6455: true,
        }
    }

    /// Sets whether draft-75 is served.
    #[must_use]
    pub const fn with_draft75(mut self, served: bool) -> Self {
        self.draft75 = served;
        self
    }

    /// Sets whether draft-76 is served.
    #[must_use]
    pub const fn with_draft76(mut self, served: bool) -> Self {
        self.draft76 = served;
        self
    }

    /// Sets whether RFC 6455 is served.
    #[must_use]
    pub const fn with_rfc6455(mut self, served: bool) -> Self {
        self.rfc6455 = served;
        self
    }

    const fn serve(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Draft75 => self.draft75,
            Protocol::Draft76 => self.draft76,
            Protocol::Hybi { .. } | Protocol::Rfc6455 => self.rfc6455,
        }
    }

    /// The answer to a client that asks for nothing that is served.
    pub(crate) fn upgrade_required(self) -> Response {
        if self.rfc6455 && cfg!(feature = "rfc6455") {
            Response::upgrade_required()
        } else {
            Response::draft76_required()
        }
    }
}

impl Default for Versions {
    fn default() -> Self {
        Self::new()
    }
}

/// Asks every policy of `config`, where these versions are served.
pub(crate) fn check(
    config: &Config,
    versions: Versions,
    request: &Request,
) -> Result<(), Response> {
    if !versions.serve(request.protocol()) {
        return Err(versions.upgrade_required());
    }
    // With no list there is no need to look for the host.
    let is_host_allowed = config.hosts.0.is_none() || config.hosts.allow(request.host());
    if !is_host_allowed || !config.origins.allow(request) {
        return Err(Status::FORBIDDEN.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_without_a_port_is_allowed_with_any() {
        let hosts = Hosts::list(["example.com", "[::1]", "10.0.0.1:9000"]);
        for host in [
            "example.com",
            "EXAMPLE.com:80",
            "[::1]:9000",
            "10.0.0.1:9000",
        ] {
            assert!(hosts.allow(host), "{host}");
        }
        for host in [
            "example.com.evil",
            "a.example.com",
            "[::1",
            "10.0.0.1",
            "10.0.0.1:80",
        ] {
            assert!(!hosts.allow(host), "{host}");
        }
        assert!(Hosts::any().allow("anything"));
    }
}
