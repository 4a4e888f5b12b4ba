//! tokio-tungstenite: with its defaults, and by hand with the buffers that ws76-server gives it.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

use super::{Mode, accept, hub::Hub, message_stream};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Buffers {
    Default,
    AsOurs,
}

pub(crate) async fn serve(listener: TcpListener, mode: Mode, buffers: Buffers) -> io::Result<()> {
    match mode {
        Mode::Echo | Mode::Idle => {
            accept(listener, move |stream| async move {
                if let Ok(stream) = open(stream, buffers).await {
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
                    if let Ok(stream) = open(stream, buffers).await {
                        message_stream::broadcast(stream, hub.join(), is_data).await;
                    }
                }
            })
            .await
        }
    }
}

async fn open(stream: TcpStream, buffers: Buffers) -> Result<WebSocketStream<TcpStream>, Error> {
    let config = match buffers {
        Buffers::Default => None,
        // The same as in ws76-server's module `rfc6455`.
        Buffers::AsOurs => Some(
            WebSocketConfig::default()
                .read_buffer_size(BUFFER_LEN)
                .write_buffer_size(BUFFER_LEN)
                .max_write_buffer_size(BUFFER_LEN + MAX_MESSAGE_LEN + 256)
                .max_message_size(Some(MAX_MESSAGE_LEN))
                .max_frame_size(Some(MAX_MESSAGE_LEN)),
        ),
    };
    accept_async_with_config(stream, config).await
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

const BUFFER_LEN: usize = 4 << 10;
const MAX_MESSAGE_LEN: usize = 1 << 20;
