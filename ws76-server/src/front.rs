//! What a listener's streams pass before the request: TLS, where it is served.

use std::io;

use tokio::io::{AsyncRead, AsyncWrite};

#[cfg(feature = "tls")]
use crate::Tls;
use crate::{Config, Peer, stream::Stream};

/// What the streams of a listener pass before their request is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Front {
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Tls>,
}

impl Front {
    /// Takes a stream to where its request begins, and says what is known of the client then. There
    /// is no time limit here.
    pub(crate) async fn pass<T>(
        &self,
        io: T,
        peer: Peer,
        _: &Config,
    ) -> io::Result<(Stream<T>, Peer)>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let io = Stream::Tls(Box::new(tls.accept(io).await?));
            return Ok((io, peer.with_scheme(crate::Scheme::Wss)));
        }
        Ok((Stream::Plain(io), peer))
    }
}
