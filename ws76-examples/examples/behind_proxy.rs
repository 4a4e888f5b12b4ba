//! An echo server behind a proxy, which tells each client who the server takes it for.
//!
//! `cargo run --example behind_proxy -- --trust 127.0.0.1` behind nginx, which says in
//! `X-Forwarded-For` and `X-Forwarded-Proto` who the client is; `--proxy-protocol` behind HAProxy;
//! `--proxy-protocol --wss` behind stunnel. The configurations of these stand in README.md.
//!
//! With `--chain PEM --key PEM` the server speaks TLS itself, and SIGHUP has it read both again.

use std::path::PathBuf;

use clap::Parser;
use ws76_server::{
    Config, Connection, Handler, ProxyProtocol, Scheme, Server, Text, Tls, TrustedProxies,
};

#[derive(Parser)]
struct Options {
    /// The port to listen on, of 127.0.0.1; 0 takes any that is free
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// A proxy to believe, as an address or a network; may be given more than once
    #[arg(long)]
    trust: Vec<String>,
    /// Expect the PROXY protocol on every connection
    #[arg(long)]
    proxy_protocol: bool,
    /// Every client comes through TLS, which the proxy ends and does not tell
    #[arg(long)]
    wss: bool,
    /// Serve TLS with the certificates of this file
    #[arg(long, requires = "key")]
    chain: Option<PathBuf>,
    /// Serve TLS with the private key of this file
    #[arg(long, requires = "chain")]
    key: Option<PathBuf>,
}

struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        if text.as_str() == "who am I?" {
            let addr = connection.peer_addr();
            let answer = addr.map_or_else(|| "nobody".to_owned(), |addr| addr.to_string());
            connection.send(answer).await.ok();
        } else {
            connection.send(text).await.ok();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse();
    let mut config = Config::new().with_trusted_proxies(TrustedProxies::list(&options.trust)?);
    if options.wss {
        config = config.with_scheme(Scheme::Wss);
    }
    let mut server = Server::bind("127.0.0.1", options.port)
        .await?
        .with_config(config);
    if options.proxy_protocol {
        server = server.with_proxy_protocol(ProxyProtocol::new());
    }
    if let (Some(chain), Some(key)) = (options.chain, options.key) {
        let tls = Tls::from_pem_files(chain, key)?;
        server = server.with_tls(tls.clone());
        reload_on_hangup(tls)?;
    }
    for addr in server.local_addrs()? {
        println!("listening on {addr}");
    }
    server
        .serve(Echo)
        .with_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    Ok(())
}

#[cfg(unix)]
fn reload_on_hangup(tls: Tls) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match tls.reload() {
                Ok(()) => println!("certificates read again"),
                Err(error) => eprintln!("certificates stay as they were: {error}"),
            }
        }
    });
    Ok(())
}

#[cfg(not(unix))]
fn reload_on_hangup(_: Tls) -> std::io::Result<()> {
    Ok(())
}
