//! tokio-websockets, by its own opening handshake. Its stream flushes before it gives the next
//! message; so a batch is collected first, and its sink holds more of it than by default.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::{Config, Error, Message, ServerBuilder, WebSocketStream};

use super::{Mode, accept, hub::Hub, message_stream};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Echo | Mode::Idle => {
            accept(listener, async |stream| {
                if let Ok(stream) = open(stream).await {
                    message_stream::echo_collected(stream, is_data).await;
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

async fn open(stream: TcpStream) -> Result<WebSocketStream<TcpStream>, Error> {
    let config = Config::default().flush_threshold(FLUSH_LEN);
    Ok(ServerBuilder::new().config(config).accept(stream).await?.1)
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

const FLUSH_LEN: usize = 64 << 10;
