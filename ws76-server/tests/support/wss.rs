//! A client over TLS, and a certificate that it trusts.

use std::{net::SocketAddr, sync::Arc};

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use ws76_server::rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};

use super::{Client, REPLY, Speaks, edited, within};

pub(crate) type Wss = Client<TlsStream<TcpStream>>;

/// A certificate of a name, which signed itself.
pub(crate) fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["example.com".to_owned()]).unwrap()
}

pub(crate) fn tls(certified: &CertifiedKey<KeyPair>) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key);
    Arc::new(config.unwrap())
}

/// A client that trusts that certificate alone.
pub(crate) async fn connect(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let client = Client::connect(addr).await;
    connect_over(client.io, trusted).await
}

/// The handshake of TLS on a connection that is there.
pub(crate) async fn connect_over(
    io: TcpStream,
    trusted: &CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("example.com").unwrap();
    let connect = TlsConnector::from(Arc::new(config)).connect(name, io);
    within("a TLS handshake", connect).await
}

pub(crate) async fn wss(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
    speaks: Speaks,
) -> Wss {
    let io = connect(addr, trusted).await.unwrap();
    Client { io, speaks }
}

/// The reply, with the location that belongs to wss.
pub(crate) fn reply(speaks: Speaks) -> String {
    match speaks {
        Speaks::Draft76 => edited(REPLY, &[("ws://", "wss://")]),
        Speaks::Rfc6455 => speaks.reply().to_owned(),
    }
}

pub(crate) async fn open(
    addr: SocketAddr,
    trusted: &CertificateDer<'static>,
    speaks: Speaks,
) -> Wss {
    let mut client = wss(addr, trusted, speaks).await;
    client.write(speaks.request()).await;
    client.expect(reply(speaks)).await;
    client
}
