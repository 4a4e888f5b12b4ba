//! A request for a WebSocket, whichever protocol it is for.

use std::{fmt, net::SocketAddr};

use ws76_handshake::{Head, Scheme};

/// The protocol that a connection speaks. Told apart once, in its request.
///
/// ```
/// use ws76_server::Protocol;
///
/// let hybi = Protocol::Hybi { version: 8 };
/// assert_eq!((hybi.kind(), hybi.to_string().as_str()), ("rfc6455", "hybi version 8"));
/// assert_eq!(Protocol::Draft76.kind(), "draft-76");
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// draft-75: served only where [`Versions`](crate::Versions) says so.
    Draft75,
    /// draft-76, which is hybi-00.
    Draft76,
    /// hybi-07 to hybi-12: frames as in RFC 6455, with `Sec-WebSocket-Version` 7 or 8.
    Hybi {
        /// The number in `Sec-WebSocket-Version`.
        version: u8,
    },
    /// RFC 6455.
    Rfc6455,
}

impl Protocol {
    /// The protocol's name where things are counted: `draft-75`, `draft-76` or `rfc6455`.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Draft75 => "draft-75",
            Self::Draft76 => "draft-76",
            Self::Hybi { .. } | Self::Rfc6455 => "rfc6455",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Draft75 => f.write_str("draft-75"),
            Self::Draft76 => f.write_str("draft-76"),
            Self::Hybi { version } => write!(f, "hybi version {version}"),
            Self::Rfc6455 => f.write_str("RFC 6455"),
        }
    }
}

/// Who is at the other end of a stream, as far as it is known before the request.
///
/// ```
/// use std::net::SocketAddr;
/// use ws76_server::{Peer, Scheme};
///
/// let addr = SocketAddr::from(([192, 0, 2, 1], 50_000));
/// let through_tls = Peer::new(addr).with_scheme(Scheme::Wss);
/// assert_eq!(through_tls.addr, Some(addr));
/// assert_eq!(Peer::default().addr, None); // a Unix socket has none
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// The client's address, where the stream has one.
    pub addr: Option<SocketAddr>,
    /// How the client reached us, where it is known: with [`Scheme::Wss`] the stream came through TLS.
    pub scheme: Option<Scheme>,
}

impl Peer {
    /// A client of that address.
    pub const fn new(addr: SocketAddr) -> Self {
        Self {
            addr: Some(addr),
            scheme: None,
        }
    }

    /// Sets how the client reached us.
    #[must_use]
    pub const fn with_scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = Some(scheme);
        self
    }
}

impl From<SocketAddr> for Peer {
    fn from(addr: SocketAddr) -> Self {
        Self::new(addr)
    }
}

/// A request for a WebSocket, checked, of either protocol. A clone shares its bytes.
///
/// ```
/// use ws76_server::{Protocol, Request, Scheme};
///
/// fn show(request: &Request) -> String {
///     let address = request.peer_addr().map_or("nobody".to_owned(), |addr| addr.to_string());
///     let secure = request.scheme() == Some(Scheme::Wss);
///     let cookie = request.field("cookie").is_some();
///     let old = request.protocol() == Protocol::Draft76;
///     let subprotocols: Vec<&str> = request.subprotocols().collect();
///     format!(
///         "{address} asks {} for {}: {secure} {cookie} {old} {subprotocols:?}",
///         request.host(),
///         request.resource_name(),
///     )
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Request {
    head: Head,
    protocol: Protocol,
    peer: Peer,
}

impl Request {
    pub(crate) fn new(head: &Head, protocol: Protocol, peer: Peer) -> Self {
        // Kept for the life of the connection: it must not keep the read buffer.
        Self {
            head: head.compact(),
            protocol,
            peer,
        }
    }

    /// The request's head.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The protocol it asks for.
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// The address of the client, where the stream has one.
    pub const fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer.addr
    }

    /// How the client reached us, as far as is known: [`Scheme::Wss`] through TLS, here or at a proxy.
    pub const fn scheme(&self) -> Option<Scheme> {
        self.peer.scheme
    }

    /// Path and query, as sent.
    pub fn resource_name(&self) -> &str {
        self.head.resource_name()
    }

    /// The resource name up to the first `?`.
    pub fn path(&self) -> &str {
        self.head.path()
    }

    /// The resource name behind the first `?`.
    pub fn query(&self) -> Option<&str> {
        self.head.query()
    }

    /// The host and port that the client asked.
    pub fn host(&self) -> &str {
        self.head.host()
    }

    /// Where the page that asks came from: an origin, `null`, or whatever a device puts there.
    pub fn origin(&self) -> Option<&str> {
        self.head.origin()
    }

    /// The subprotocols that the client asks for: one string in draft-76, a list in RFC 6455.
    pub fn subprotocols(&self) -> impl Iterator<Item = &str> {
        let one = self.head.subprotocol();
        let lists = match self.protocol {
            Protocol::Draft75 | Protocol::Draft76 => None,
            _ => Some(self.head.fields_named("Sec-WebSocket-Protocol")),
        };
        let list = lists
            .into_iter()
            .flatten()
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| value.split(','))
            .map(|value| value.trim_matches([' ', '\t']))
            .filter(|value| !value.is_empty());
        one.into_iter().chain(list)
    }

    /// The value of the first field of that name, in any case.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        self.head.field(name)
    }
}
