//! The address that a reply names, and that a client asks for: [`Location`].

use alloc::string::String;
use core::fmt;

use crate::value::{self, Ascii, ValueError};

/// How a location begins: whether TLS stands between the client and the server.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Location, Scheme, ValueError};
///
/// let location = Location::parse("wss://example.com/chat")?;
/// assert_eq!(location.scheme(), Scheme::Wss);
/// assert_eq!(Scheme::default().prefix(), "ws://");
/// # Ok::<(), ValueError>(())
/// ```
#[expect(
    clippy::exhaustive_enums,
    reason = "the draft is frozen: two schemes are all"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// `ws`: plain TCP.
    #[default]
    Ws,
    /// `wss`: TLS, here or at a terminator in front.
    Wss,
}

impl Scheme {
    /// The scheme and what separates it from the host: `ws://` or `wss://`.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Ws => "ws://",
            Self::Wss => "wss://",
        }
    }
}

/// Scheme, host with its port, and resource name: `ws://example.com:8080/chat?room=1`.
///
/// A client compares the server's location with its own byte for byte (draft-76 §4.1): write it
/// as browsers do, with a lower-case host and no port that is the scheme's default.
///
/// # Examples
///
/// ```
/// use ws76_handshake::{Location, Scheme, ValueError};
///
/// let location = Location::parse("wss://example.com/chat?room=1")?;
/// assert_eq!(location, Location::new(Scheme::Wss, "example.com", "/chat?room=1")?);
/// assert_eq!(location.host(), "example.com");
/// assert_eq!(Location::parse("http://example.com/"), Err(ValueError::UnknownScheme));
/// # Ok::<(), ValueError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    text: Ascii,
    scheme: Scheme,
    host_len: usize,
}

impl Location {
    /// Puts a location together.
    ///
    /// # Errors
    ///
    /// When the host is empty or holds anything but visible ASCII without delimiters, or the
    /// resource name does not begin with `/` or holds anything but U+0020 to U+007E.
    pub fn new(scheme: Scheme, host: &str, resource_name: &str) -> Result<Self, ValueError> {
        value::check_host(host.as_bytes())?;
        value::check_resource_name(resource_name.as_bytes())?;
        let mut text = String::with_capacity(
            scheme
                .prefix()
                .len()
                .saturating_add(host.len())
                .saturating_add(resource_name.len()),
        );
        text.push_str(scheme.prefix());
        text.push_str(host);
        text.push_str(resource_name);
        Ok(Self {
            text: Ascii::from_string(text),
            scheme,
            host_len: host.len(),
        })
    }

    /// Takes a location apart. Without a `/` after the host the resource name is `/`.
    ///
    /// # Errors
    ///
    /// When it begins with neither `ws://` nor `wss://` (in lower case), and as in
    /// [`new`](Self::new).
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        let (scheme, rest) = if let Some(rest) = text.strip_prefix(Scheme::Ws.prefix()) {
            (Scheme::Ws, rest)
        } else if let Some(rest) = text.strip_prefix(Scheme::Wss.prefix()) {
            (Scheme::Wss, rest)
        } else {
            return Err(ValueError::UnknownScheme);
        };
        match rest
            .find('/')
            .and_then(|slash| rest.split_at_checked(slash))
        {
            Some((host, resource_name)) => Self::new(scheme, host, resource_name),
            None => Self::new(scheme, rest, "/"),
        }
    }

    /// Whether it is `ws` or `wss`.
    #[must_use]
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, with the port if there is one.
    #[must_use]
    pub fn host(&self) -> &str {
        let start = self.scheme.prefix().len();
        self.as_str()
            .get(start..start + self.host_len)
            .unwrap_or_default()
    }

    /// Path and query, beginning with `/`.
    #[must_use]
    pub fn resource_name(&self) -> &str {
        self.as_str()
            .get(self.scheme.prefix().len() + self.host_len..)
            .unwrap_or_default()
    }

    /// The whole location as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }
}

impl TryFrom<&str> for Location {
    type Error = ValueError;

    fn try_from(text: &str) -> Result<Self, ValueError> {
        Self::parse(text)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Location").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
