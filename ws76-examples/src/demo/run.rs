//! The life of the server: its listeners, its signals, its end.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use listenfd::ListenFd;
use tokio::{net::TcpListener, signal, time::sleep};
use ws76_server::{Endpoint, ProxyProtocol, Server, Timers, Tls};

use super::{Demo, watch};
use crate::settings::{Flags, Listen, Loaded};

/// Serves until Ctrl-C or SIGTERM, then drains.
///
/// # Errors
///
/// What is wrong with the settings, with `FILE:LINE` where they come from one; or why nothing can be
/// listened on.
pub(crate) async fn run(flags: Flags) -> Result<(), String> {
    let loaded = flags.load()?;
    let tls = loaded.tls.read()?;
    if flags.check {
        println!("The settings are right.");
        return Ok(());
    }
    serve(flags, loaded, tls).await
}

async fn serve(flags: Flags, loaded: Loaded, tls: Option<Tls>) -> Result<(), String> {
    watch::log(loaded.log);
    let watch = Arc::new(watch::Watch::new(loaded.metrics)?);
    let drained = Arc::clone(&watch);
    let mut signals = Signals::new().map_err(|error| error.to_string())?;
    let reloads = reloads().map_err(|error| error.to_string())?;
    let mut server = match passed(&mut ListenFd::from_env())? {
        Some(server) => {
            for addr in addresses(&server)? {
                println!("Listening on {addr}, which was passed.");
            }
            server
        }
        None => bind(&loaded.listen, tls.is_some()).await?,
    };
    if loaded.proxy_protocol {
        server = server.with_proxy_protocol(ProxyProtocol::new());
    }
    if let Some(tls) = &tls {
        server = server.with_tls(tls.clone());
    }
    let serve = server
        .with_config(loaded.config.clone().with_timers(Timers::Kernel))
        .serve(Demo::new(watch));
    let endpoint = serve.endpoint().clone();
    let delay = loaded.drain_delay;
    let serve = serve
        .with_shutdown(async move {
            signals.next().await;
            drained.drain();
            if delay > Duration::ZERO {
                println!("Draining.");
                // Whoever is in a hurry signals again.
                tokio::select! {
                    () = sleep(delay) => {}
                    () = signals.next() => {}
                }
            }
            // Says so, since it may take a while.
            println!("Closing every connection.");
        })
        .into_future();
    tokio::select! {
        result = serve => result.map_err(|error| error.to_string())?,
        () = reload(reloads, &flags, &loaded, tls.as_ref(), &endpoint) => {}
    }
    println!("Every connection is closed.");
    Ok(())
}

/// Listens on all of these.
async fn bind(listen: &[Listen], tls: bool) -> Result<Server, String> {
    let (http, ws) = if tls {
        ("https", "wss")
    } else {
        ("http", "ws")
    };
    let mut all: Option<Server> = None;
    for one in listen {
        let server = Server::bind(&one.host, one.port)
            .await
            .map_err(|error| format!("cannot listen on {one}: {error}"))?;
        let addrs = addresses(&server)?;
        let at = Listen {
            host: one.host.clone(),
            port: addrs.first().map_or(one.port, SocketAddr::port),
        };
        println!("Open {http}://{at}/ in a browser, or in several, and draw.");
        println!("WebSockets, draft-76 and RFC 6455: {ws}://{at}/echo /broadcast /canvas");
        all = Some(match all {
            Some(others) => others.and(server),
            None => server,
        });
    }
    all.ok_or_else(|| "there is nothing to listen on".to_owned())
}

/// The sockets that systemd, or whoever started this, has opened for it; none is the usual case.
fn passed(sockets: &mut ListenFd) -> Result<Option<Server>, String> {
    let mut all: Option<Server> = None;
    for index in 0..sockets.len() {
        let failed = |error: io::Error| format!("socket {index} that was passed: {error}");
        let Some(listener) = sockets.take_tcp_listener(index).map_err(failed)? else {
            continue;
        };
        listener.set_nonblocking(true).map_err(failed)?;
        let server = Server::new(TcpListener::from_std(listener).map_err(failed)?);
        all = Some(match all {
            Some(others) => others.and(server),
            None => server,
        });
    }
    Ok(all)
}

fn addresses(server: &Server) -> Result<Vec<SocketAddr>, String> {
    server.local_addrs().map_err(|error| error.to_string())
}

/// Reads settings and certificates again whenever that is asked for. Never ready.
async fn reload(
    mut reloads: Reloads,
    flags: &Flags,
    started: &Loaded,
    tls: Option<&Tls>,
    endpoint: &Endpoint<Demo>,
) {
    loop {
        reloads.next().await;
        match again(flags, started, tls) {
            Ok(new) => {
                let fixed = started.fixed(&new);
                endpoint.set_config(new.config);
                println!("The settings were read again.");
                if !fixed.is_empty() {
                    println!("Not before a restart: {}.", fixed.join(", "));
                }
            }
            Err(error) => eprintln!("ws76: {error}; the settings stay as they were"),
        }
    }
}

/// The settings as they are now, if they and the certificates are right, which are used from now on.
fn again(flags: &Flags, started: &Loaded, tls: Option<&Tls>) -> Result<Loaded, String> {
    let new = flags.load()?;
    match tls {
        Some(tls) if new.tls == started.tls => {
            tls.reload().map_err(|error| new.tls.failed(&error))?;
        }
        _ => drop(new.tls.read()?),
    }
    Ok(new)
}

/// Ctrl-C and SIGTERM.
struct Signals {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            terminate: signal::unix::signal(signal::unix::SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        let terminated = self.terminate.recv();
        #[cfg(not(unix))]
        let terminated = std::future::pending::<Option<()>>();
        tokio::select! {
            result = signal::ctrl_c() => if result.is_err() { std::future::pending().await },
            _ = terminated => {}
        }
    }
}

/// SIGHUP, where there is one.
struct Reloads {
    #[cfg(unix)]
    hangup: signal::unix::Signal,
}

fn reloads() -> io::Result<Reloads> {
    Ok(Reloads {
        #[cfg(unix)]
        hangup: signal::unix::signal(signal::unix::SignalKind::hangup())?,
    })
}

impl Reloads {
    async fn next(&mut self) {
        #[cfg(unix)]
        let hangup = self.hangup.recv();
        #[cfg(not(unix))]
        let hangup = std::future::pending::<Option<()>>();
        if hangup.await.is_none() {
            std::future::pending().await
        }
    }
}
