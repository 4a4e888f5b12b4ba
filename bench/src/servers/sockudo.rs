//! sockudo-ws, by its own opening handshake; its timeouts and pings are on, as by default.

use std::io;

use sockudo_ws::{Config, Message, Role, WebSocketStream, handshake::server_handshake};
use tokio::net::{TcpListener, TcpStream};

use super::{Mode, accept, hub::Hub, message_stream};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Echo | Mode::Idle => {
            accept(listener, async |stream| {
                if let Ok(stream) = open(stream).await {
                    message_stream::echo(stream, is_data).await;
                }
            })
            .await
        }
        Mode::Broadcast => {
            let hub = Hub::new();
            accept(listener, move |stream| {
                let hub = hub.clone();
                async move {
                    if let Ok(stream) = open(stream).await {
                        message_stream::broadcast(stream, hub.join(), is_data).await;
                    }
                }
            })
            .await
        }
    }
}

async fn open(mut stream: TcpStream) -> sockudo_ws::Result<WebSocketStream<TcpStream>> {
    let left = server_handshake(&mut stream).await?.leftover;
    Ok(WebSocketStream::from_raw_with_leftover(
        stream,
        Role::Server,
        Config::default(),
        left,
    ))
}

fn is_data(message: &Message) -> bool {
    matches!(message, Message::Text(_) | Message::Binary(_))
}
