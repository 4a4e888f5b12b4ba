//! tokio-websockets, by its own opening handshake. Its stream flushes before it gives the next
//! message; so a batch is collected first, and its sink holds more of it than by default.

use std::io;

use tokio::net::{TcpListener, TcpStream};
use tokio_websockets::{Config, Error, Message, ServerBuilder, WebSocketStream};

use super::{
    Mode,
    message_stream::{self, Flushes},
};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    message_stream::serve(listener, mode, Flushes::BeforeReading, open, is_data).await
}

async fn open(stream: TcpStream) -> Result<WebSocketStream<TcpStream>, Error> {
    let config = Config::default().flush_threshold(FLUSH_LEN);
    Ok(ServerBuilder::new().config(config).accept(stream).await?.1)
}

fn is_data(message: &Message) -> bool {
    message.is_text() || message.is_binary()
}

const FLUSH_LEN: usize = 64 << 10;
