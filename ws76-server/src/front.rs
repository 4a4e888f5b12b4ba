//! What is a listener's own: which versions it serves, and what comes on its streams before the
//! request: the header of the PROXY protocol, then TLS.

use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(feature = "proxy")]
use crate::ProxyProtocol;
#[cfg(feature = "tls")]
use crate::Tls;
use crate::{Config, Peer, Versions, stream::Stream, unopened::Unopened};

/// What the streams of a listener pass before their request is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Front {
    /// What is served here, if it is not what the config says.
    pub(crate) versions: Option<Versions>,
    #[cfg(feature = "proxy")]
    pub(crate) proxy_protocol: Option<ProxyProtocol>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Front {
    /// Whether the request comes first.
    pub(crate) const fn is_open(&self) -> bool {
        #[cfg(feature = "proxy")]
        if self.proxy_protocol.is_some() {
            return false;
        }
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            return false;
        }
        true
    }

    /// Takes a stream to where its request begins, and says what is known of the client then. There
    /// is no time limit here.
    pub(crate) async fn pass<T>(
        &self,
        io: T,
        peer: Peer,
        config: &Config,
    ) -> Result<(Stream<T>, Peer), Unopened>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        #[cfg(feature = "proxy")]
        let (io, peer) = self.read_header(io, peer, config).await?;
        #[cfg(not(feature = "proxy"))]
        let _ = config;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let io = Stream::Tls(Box::new(tls.accept(io).await.map_err(Unopened::in_tls)?));
            return Ok((io, peer.with_scheme(crate::Scheme::Wss)));
        }
        Ok((Stream::Plain(io), peer))
    }

    #[cfg(feature = "proxy")]
    async fn read_header<T>(
        &self,
        mut io: T,
        peer: Peer,
        config: &Config,
    ) -> Result<(T, Peer), Unopened>
    where
        T: AsyncRead + Unpin,
    {
        let Some(protocol) = self.proxy_protocol else {
            return Ok((io, peer));
        };
        let trusted = &config.trusted_proxies;
        let is_trusted = peer.addr.is_some_and(|addr| trusted.contain(addr.ip()));
        if !is_trusted && !trusted.is_empty() {
            return Err(Unopened::ProxyHeader(
                std::io::ErrorKind::PermissionDenied.into(),
            ));
        }
        let read = protocol.read(&mut io, peer).await;
        let peer = read.map_err(Unopened::in_proxy_header)?;
        Ok((io, peer))
    }
}
