//! The end of the connections: the closing handshake, before which nothing may come any more.
//!
//! The server ends the TCP connection first then, so that no port of this side has to wait. Bare TCP
//! has no such end, and a server need not keep to its protocol there: what is left is reset.

use std::{cell::RefCell, rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use ws76_codec::EncodedFrame;

use super::{connection::Connection, error::LoadError, rfc6455, traffic::Protocol};

/// Closes them all.
///
/// # Errors
///
/// When something else comes than the server's closing frame.
pub(super) async fn close(
    protocol: Protocol,
    connections: Vec<Rc<RefCell<Connection>>>,
) -> Result<(), LoadError> {
    let mut tasks = JoinSet::new();
    for connection in connections.into_iter().filter_map(Rc::into_inner) {
        let connection = connection.into_inner();
        match protocol {
            Protocol::Tcp => connection.reset(),
            Protocol::Draft76 | Protocol::Rfc6455 => {
                tasks.spawn_local(shake_hands(protocol, connection.into_stream()));
            }
        }
    }
    while let Some(closed) = tasks.join_next().await {
        closed.map_err(|error| LoadError::Internal(error.into()))??;
    }
    Ok(())
}

async fn shake_hands(protocol: Protocol, mut stream: TcpStream) -> Result<(), LoadError> {
    let ours = match protocol {
        Protocol::Rfc6455 => rfc6455::closing_frame(),
        Protocol::Tcp | Protocol::Draft76 => EncodedFrame::closing().as_bytes().to_vec(),
    };
    let mut came = Vec::new();
    let exchange = async {
        stream.write_all(&ours).await?;
        (&mut stream).take(MAX_LEN).read_to_end(&mut came).await
    };
    // That it answers and ends in time is not what is measured here.
    let ended = timeout(PATIENCE, exchange).await;
    let is_right = match protocol {
        Protocol::Rfc6455 => rfc6455::are_control_frames(&came),
        Protocol::Tcp | Protocol::Draft76 => ours.starts_with(&came),
    };
    if !is_right {
        return Err(LoadError::AtTheEnd);
    }
    if !matches!(ended, Ok(Ok(_))) {
        Connection::new(stream).reset();
    }
    Ok(())
}

/// With a server that does not close.
const PATIENCE: Duration = Duration::from_secs(2);
/// More than any closing frame with what may stand before it.
const MAX_LEN: u64 = 1 << 12;
