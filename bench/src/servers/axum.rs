//! axum's WebSocket, from its extractor.

use std::io;

use axum::{
    Router,
    extract::ws::{Message, WebSocketUpgrade},
    routing::any,
    serve::ListenerExt,
};
use tokio::net::TcpListener;

use super::{Mode, hub::Hub, message_stream};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    let listener = listener.tap_io(|stream| {
        // Where that fails the stream is dead, and a read says so.
        let _ = stream.set_nodelay(true);
    });
    let router = match mode {
        Mode::Echo | Mode::Idle => {
            Router::new().fallback(any(async |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(async |stream| message_stream::echo(stream, is_data).await)
            }))
        }
        Mode::Broadcast => {
            let hub = Hub::new();
            Router::new().fallback(any(async move |upgrade: WebSocketUpgrade| {
                let hub = hub.clone();
                upgrade.on_upgrade(async move |stream| {
                    message_stream::broadcast(stream, hub.join(), is_data).await;
                })
            }))
        }
    };
    axum::serve(listener, router).await
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
