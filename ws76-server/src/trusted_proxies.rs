//! Which proxies are believed.

use std::{net::IpAddr, sync::Arc};

use ipnet::IpNet;
use thiserror::Error;

/// The proxies that are believed in what they say of a client: in the fields `X-Forwarded-For` and
/// `X-Forwarded-Proto`, and in the PROXY protocol. Anybody can send these.
///
/// ```
/// use ws76_server::{Config, TrustedProxies};
///
/// # fn main() -> Result<(), ws76_server::NetworkError> {
/// let trusted = TrustedProxies::list(["127.0.0.1", "10.0.0.0/8", "fd00::/8"])?;
/// let config = Config::new().with_trusted_proxies(trusted);
/// assert_ne!(config.trusted_proxies, TrustedProxies::none());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Option<Arc<[IpNet]>>);

impl TrustedProxies {
    /// Nobody is believed: the default.
    pub const fn none() -> Self {
        Self(None)
    }

    /// Those with these addresses (`10.1.2.3`), or in these networks (`10.0.0.0/8`, `fd00::/8`).
    ///
    /// # Errors
    ///
    /// When one of them is neither.
    pub fn list<I>(networks: I) -> Result<Self, NetworkError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let networks = networks.into_iter().enumerate();
        let networks = networks.map(|(position, text)| {
            let text = text.as_ref();
            let addr = text.parse::<IpAddr>().map(IpNet::from);
            addr.or_else(|_| text.parse::<IpNet>())
                .map_err(|_| NetworkError { position })
        });
        Ok(Self(Some(networks.collect::<Result<_, _>>()?)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|networks| networks.is_empty())
    }

    /// An IPv4 address that came as an IPv6 one is looked for as what it is.
    pub(crate) fn contain(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        let networks = self.0.iter().flat_map(|networks| networks.iter());
        networks.into_iter().any(|network| network.contains(&addr))
    }
}

/// What should be an address or a network is neither.
///
/// ```
/// use ws76_server::{NetworkError, TrustedProxies};
///
/// let error = TrustedProxies::list(["::1", "10.0.0.0/33"]).err();
/// assert_eq!(error.map(|error| error.position), Some(1));
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("neither an address nor a network at position {position} of the list")]
pub struct NetworkError {
    /// Where it stands in the list, counted from 0.
    pub position: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_trusted_and_their_neighbours_are_not() {
        let list = ["127.0.0.1", "10.1.0.0/16", "2001:db8::/32", "::1"];
        let trusted = TrustedProxies::list(list).unwrap();
        let contains = |text: &str| trusted.contain(text.parse().unwrap());
        for addr in [
            "127.0.0.1",
            "::ffff:127.0.0.1",
            "10.1.0.0",
            "10.1.255.255",
            "::ffff:10.1.2.3",
            "2001:db8:ffff::1",
            "::1",
        ] {
            assert!(contains(addr), "{addr}");
        }
        for addr in [
            "127.0.0.2",
            "10.0.255.255",
            "10.2.0.0",
            "2001:db9::",
            "::2",
            "::127.0.0.1",
        ] {
            assert!(!contains(addr), "{addr}");
        }
        assert!(!trusted.is_empty());
    }

    #[test]
    fn nobody_is_trusted_unless_listed() {
        let nobody: [&str; 0] = [];
        for trusted in [
            TrustedProxies::none(),
            TrustedProxies::list(nobody).unwrap(),
        ] {
            assert!(trusted.is_empty());
            assert!(!trusted.contain("127.0.0.1".parse().unwrap()));
        }
    }

    #[test]
    fn what_is_neither_address_nor_network_is_an_error_that_says_where() {
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0/8",
            "10.0.0.0/",
            " ::1",
        ] {
            let error = TrustedProxies::list(["10.0.0.1", text]).unwrap_err();
            assert_eq!(error, NetworkError { position: 1 }, "{text:?}");
        }
    }
}
