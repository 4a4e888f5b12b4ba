//! sockudo-ws, by its own opening handshake; its timeouts and pings are on, as by default.

use std::io;

use sockudo_ws::{Config, Message, Role, WebSocketStream, handshake::server_handshake};
use tokio::net::{TcpListener, TcpStream};

use super::{
    Mode,
    message_stream::{self, Flushes},
};

pub(crate) async fn serve(listener: TcpListener, mode: Mode) -> io::Result<()> {
    message_stream::serve(listener, mode, Flushes::WhenAsked, open, is_data).await
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
