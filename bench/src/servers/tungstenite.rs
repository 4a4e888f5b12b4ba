//! tokio-tungstenite: with its defaults, and by hand with buffers of 4 KiB.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{Error, Message, protocol::WebSocketConfig},
};

use super::{
    Mode,
    message_stream::{self, Flushes},
};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Buffers {
    Default,
    AsOurs,
}

pub(crate) async fn serve(listener: TcpListener, mode: Mode, buffers: Buffers) -> io::Result<()> {
    message_stream::serve(
        listener,
        mode,
        Flushes::WhenAsked,
        move |stream| open(stream, buffers),
        is_data,
    )
    .await
}

async fn open(stream: TcpStream, buffers: Buffers) -> Result<WebSocketStream<TcpStream>, Error> {
    let config = match buffers {
        Buffers::Default => None,
        // What ws76-server reads in one piece it hands on in smaller ones, which would be more reads
        // here.
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
