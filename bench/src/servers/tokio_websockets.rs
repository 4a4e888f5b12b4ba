//! tokio-websockets, by its own opening handshake.

use std::io;

use tokio::net::TcpListener;
use tokio_websockets::{Message, ServerBuilder};

use super::{Mode, accept, hub::Hub, message_stream};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    match mode {
        Mode::Echo | Mode::Idle => {
            accept(listener, async |stream| {
                if let Ok((_, stream)) = ServerBuilder::new().accept(stream).await {
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
                    if let Ok((_, stream)) = ServerBuilder::new().accept(stream).await {
                        message_stream::broadcast(stream, hub.join(), is_data).await;
                    }
                }
            })
            .await
        }
    }
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}
