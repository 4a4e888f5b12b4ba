//! In a web application of axum's: a page, a WebSocket of both protocols beside it, and a route that
//! sends to all who are there.
//!
//! `cargo run --example axum [HOST:PORT]`, then
//! `curl -d 'tea is ready' http://localhost:9000/announce`

use std::{io, net::SocketAddr, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{Html, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use tokio::net::TcpListener;
use ws76_server::{Config, Connection, Endpoint, Handler, Text};

/// Sends back what comes.
struct Echo;

impl Handler for Echo {
    async fn on_message(&self, connection: &Connection, text: Text) {
        connection.registry().unicast(connection.id(), text).ok();
    }
}

/// The requests of both protocols, and the answer to what is neither.
async fn websocket(
    State(endpoint): State<Endpoint<Echo>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    endpoint.upgrade(request, peer).await.map(Body::from)
}

async fn announce(State(endpoint): State<Endpoint<Echo>>, text: String) -> String {
    let delivery = endpoint.registry().send_all(text);
    format!("queued for {}\n", delivery.queued)
}

async fn page() -> Html<&'static str> {
    Html(PAGE)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let endpoint = Endpoint::new(
        Echo,
        Config::new().with_shutdown_timeout(Duration::from_secs(5)),
    );
    let app = Router::new()
        .route("/", get(page))
        .route("/ws", get(websocket))
        .route("/announce", post(announce))
        .with_state(endpoint.clone())
        .into_make_service_with_connect_info::<SocketAddr>();

    let addr = std::env::args().nth(1);
    let listener = TcpListener::bind(addr.as_deref().unwrap_or("localhost:9000")).await?;
    println!("http://{}/", listener.local_addr()?);
    // Or the response to key 3 waits for an acknowledgement of the head.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, app)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    // axum does not know of the connections that it gave away.
    endpoint.shutdown().await;
    Ok(())
}

/// Works in a browser of 2010 too.
const PAGE: &str = "<!DOCTYPE html><title>ws76 in axum</title><pre id=log></pre><script>
var ws = new WebSocket('ws://' + location.host + '/ws');
function log(text) {
  document.getElementById('log').appendChild(document.createTextNode(text + '\\n'));
}
ws.onopen = function() { log('open'); setTimeout(function() { ws.send('hello'); }, 0); };
ws.onmessage = function(message) { log(message.data); };
ws.onclose = function() { log('closed'); };
</script>";
