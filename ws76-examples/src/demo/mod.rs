//! The demo server: a canvas that people share, an echo, and a broadcast, on one port.

mod canvas;
mod drawing;

use std::{collections::BTreeMap, future::Future, io, net::SocketAddr, sync::Mutex};

use canvas::Canvas;
use tokio::signal;
use ws76_server::{
    CloseReason, Connection, ConnectionId, Decision, FieldValue, Handler, Head, Request, Response,
    Server, Status, Subprotocol, Text,
};

/// What the demo server is started with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Host name or address, and port, to listen on
    #[arg(long, value_name = "ADDR:PORT", default_value = "localhost:9000", value_parser = listen)]
    listen: (String, u16),
}

/// Serves until Ctrl-C or SIGTERM, then drains.
pub(crate) async fn run(args: Args) -> io::Result<()> {
    let (host, port) = args.listen;
    let stop = stop()?;
    let server = Server::bind(&host, port).await.map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("cannot listen on {host}:{port}: {error}"),
        )
    })?;
    let port = server.local_addrs()?.first().map_or(port, SocketAddr::port);
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    println!("Open http://{host}:{port}/ in a browser, or in several, and draw.");
    println!("WebSockets, draft-76 and RFC 6455: ws://{host}:{port}/echo /broadcast /canvas");
    server.serve(Demo::default()).with_shutdown(stop).await?;
    println!("Every connection is closed.");
    Ok(())
}

/// Ready at Ctrl-C or SIGTERM. Says so, since draining may take a while.
fn stop() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())?;
    Ok(async move {
        #[cfg(unix)]
        let terminated = terminate.recv();
        #[cfg(not(unix))]
        let terminated = std::future::pending::<Option<()>>();
        tokio::select! {
            result = signal::ctrl_c() => if result.is_err() { std::future::pending().await },
            _ = terminated => {}
        }
        println!("Closing every connection.");
    })
}

/// `ADDR:PORT`, where an IPv6 address stands in brackets.
fn listen(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text
        .rsplit_once(':')
        .ok_or("no port: ADDR:PORT is wanted")?;
    let port = port
        .parse()
        .map_err(|error| format!("port {port:?}: {error}"))?;
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if host.is_empty() {
        return Err("no address: ADDR:PORT is wanted".to_owned());
    }
    Ok((host.to_owned(), port))
}

/// What is served, by path.
#[derive(Debug, Default)]
struct Demo {
    canvas: Canvas,
    broadcast: Room,
}

impl Handler for Demo {
    async fn on_request(&self, request: &Request) -> Decision {
        match request.path() {
            "/" | "/echo" | "/broadcast" | "/canvas" => {}
            _ => return Decision::refuse(Status::NOT_FOUND),
        }
        // The demo speaks whatever subprotocol it is asked for.
        match request.subprotocols().next().map(Subprotocol::try_from) {
            None => Decision::accept(),
            Some(Ok(first)) => Decision::accept().with_subprotocol(first),
            Some(Err(_)) => Decision::refuse(Status::BAD_REQUEST),
        }
    }

    async fn on_http(&self, head: &Head, _: Option<SocketAddr>) -> Response {
        let (status, kind, body) = match head.path() {
            "/" => (
                Status::OK,
                "text/html; charset=utf-8",
                include_str!("page.html"),
            ),
            "/echo" | "/broadcast" | "/canvas" => return Response::upgrade_required(),
            _ => (
                Status::NOT_FOUND,
                "text/plain; charset=utf-8",
                "There is nothing here.\n",
            ),
        };
        let response = Response::new(status).with_body(body);
        match FieldValue::try_from(kind) {
            Ok(kind) => response.with_content_type(kind),
            Err(_) => response,
        }
    }

    async fn on_open(&self, connection: &Connection) {
        match connection.request().path() {
            "/canvas" => self.canvas.join(connection),
            "/broadcast" => self.broadcast.enter(connection),
            _ => {}
        }
    }

    async fn on_message(&self, connection: &Connection, text: Text) {
        match connection.request().path() {
            "/canvas" => self.canvas.message(connection, &text),
            "/broadcast" => self.broadcast.send_to_others(connection.id(), &text),
            // A client that does not read its echoes is asked for no more messages meanwhile.
            _ => drop(connection.send(text).await),
        }
    }

    async fn on_closed(&self, connection: &Connection, _: CloseReason) {
        match connection.request().path() {
            "/canvas" => self.canvas.leave(connection),
            "/broadcast" => self.broadcast.leave(connection.id()),
            _ => {}
        }
    }
}

/// Those who are connected to one path.
#[derive(Debug, Default)]
struct Room(Mutex<BTreeMap<ConnectionId, Connection>>);

impl Room {
    fn enter(&self, connection: &Connection) {
        self.members().insert(connection.id(), connection.clone());
    }

    fn leave(&self, id: ConnectionId) {
        self.members().remove(&id);
    }

    fn send_to_others(&self, source: ConnectionId, text: &Text) {
        for (id, member) in self.members().iter().filter(|(id, _)| **id != source) {
            // One that does not read is dropped, as `Config::slow_receiver` says.
            let _ = member.registry().unicast(*id, text);
        }
    }

    fn members(&self) -> std::sync::MutexGuard<'_, BTreeMap<ConnectionId, Connection>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
