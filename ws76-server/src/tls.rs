//! TLS, by rustls: certificates that are exchanged while the server runs.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, ServerConfig,
        crypto::ring,
        pki_types::{
            CertificateDer, PrivateKeyDer,
            pem::{self, PemObject},
        },
    },
    server::TlsStream,
};

/// The TLS side of a [`Server`](crate::Server): TLS 1.2 and 1.3, with certificates that can be
/// exchanged while it serves. A clone is a handle of the same.
///
/// Connections that come after an exchange get the new certificate; those that are there stay.
///
/// Devices of draft-76's age often know TLS 1.0 only, which rustls does not have: put a proxy that
/// does in front of the server.
///
/// ```no_run
/// use ws76_server::{Server, Tls};
///
/// # async fn run(handler: impl ws76_server::Handler) -> Result<(), Box<dyn std::error::Error>> {
/// let tls = Tls::from_pem_files("chain.pem", "key.pem")?;
/// let server = Server::bind("localhost", 9443).await?.with_tls(tls.clone());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Inner>);

struct Inner {
    config: RwLock<Arc<ServerConfig>>,
    files: Option<Files>,
}

#[derive(Debug)]
struct Files {
    chain: PathBuf,
    key: PathBuf,
}

impl Tls {
    /// TLS with a rustls configuration of one's own.
    pub fn new(config: Arc<ServerConfig>) -> Self {
        Self(Arc::new(Inner {
            config: RwLock::new(config),
            files: None,
        }))
    }

    /// TLS with the certificates of one PEM file, the server's own first, and the private key of
    /// another (which may be the same). No client certificates are asked for.
    ///
    /// Reads the files, which blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or does not hold what it should, or the key is not that of the
    /// certificate.
    pub fn from_pem_files(
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsError> {
        let (chain, key) = (chain.into(), key.into());
        let files = Files { chain, key };
        let config = files.read()?;
        Ok(Self(Arc::new(Inner {
            config: RwLock::new(Arc::new(config)),
            files: Some(files),
        })))
    }

    /// Reads the files of [`Self::from_pem_files`] again, for the connections that come from now on.
    /// Blocks for as long as that takes.
    ///
    /// # Errors
    ///
    /// As [`Self::from_pem_files`], and when there are no files. What was there before stays then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let files = self.0.files.as_ref().ok_or(TlsError::NoFiles)?;
        self.replace(Arc::new(files.read()?));
        Ok(())
    }

    /// Sets the configuration of the connections that come from now on.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use ws76_server::{Tls, rustls::ServerConfig};
    ///
    /// /// Serves TLS with what another part of the application keeps up to date.
    /// fn exchange(tls: &Tls, config: Arc<ServerConfig>) {
    ///     tls.replace(config);
    /// }
    /// ```
    pub fn replace(&self, config: Arc<ServerConfig>) {
        // Nothing panics while this lock is held, so poison means nothing.
        let current = self.0.config.write();
        *current.unwrap_or_else(PoisonError::into_inner) = config;
    }

    fn config(&self) -> Arc<ServerConfig> {
        let config = self.0.config.read();
        Arc::clone(&config.unwrap_or_else(PoisonError::into_inner))
    }

    /// The TLS handshake.
    pub(crate) async fn accept<T>(&self, io: T) -> io::Result<TlsStream<T>>
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let acceptor = TlsAcceptor::from(self.config());
        let limit = |session: &mut rustls::ServerConnection| {
            session.set_buffer_limit(Some(MAX_BUFFERED_LEN));
        };
        acceptor.accept_with(io, limit).await
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.0.files)
            .finish_non_exhaustive()
    }
}

impl Files {
    fn read(&self) -> Result<ServerConfig, TlsError> {
        let chain = certificates(&self.chain).map_err(TlsError::Certificates)?;
        if chain.is_empty() {
            return Err(TlsError::Certificates(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(TlsError::Key)?;
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(TlsError::Unusable)
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    CertificateDer::pem_file_iter(path)?.collect()
}

/// Why certificates and a key cannot be used.
///
/// ```
/// use ws76_server::{Tls, TlsError};
///
/// let result = Tls::from_pem_files("/nowhere/chain.pem", "/nowhere/key.pem");
/// assert!(matches!(result, Err(TlsError::Certificates(_))));
/// ```
#[non_exhaustive]
#[derive(Debug, Error)]
pub enum TlsError {
    /// The certificates cannot be read.
    #[error("certificates cannot be read")]
    Certificates(#[source] pem::Error),
    /// The private key cannot be read.
    #[error("private key cannot be read")]
    Key(#[source] pem::Error),
    /// They were read, and rustls does not take them.
    #[error("certificates and key cannot be used")]
    Unusable(#[source] rustls::Error),
    /// There are no files to read again.
    #[error("not made from files")]
    NoFiles,
}

/// Bytes that are encrypted before the kernel takes them, so that it shows when it takes none: a
/// record of TLS.
const MAX_BUFFERED_LEN: usize = 16 << 10;
