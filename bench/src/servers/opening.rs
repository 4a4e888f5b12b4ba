//! The opening handshake of draft-76 by `ws76-handshake`, for servers without a server crate.

use std::{error::Error, io};

use bytes::BytesMut;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use ws76_handshake::{Accept, HeadLimits, Incoming, RequestReader};

/// Takes the opening handshake, and returns what has come behind it.
pub(super) async fn open(stream: &mut TcpStream) -> io::Result<BytesMut> {
    let (mut src, mut dst) = (BytesMut::with_capacity(HEAD_LEN), BytesMut::new());
    let mut reader = RequestReader::new(HeadLimits::new());
    let request = loop {
        match reader.read(&mut src).map_err(invalid)? {
            None => read_more(stream, &mut src).await?,
            Some(Incoming::WebSocket(request)) => break request,
            Some(_) => return Err(invalid("not draft-76")),
        }
    };
    let mut opening = request.accept(Accept::new(), &mut dst).map_err(invalid)?;
    loop {
        let is_open = opening.read(&mut src, &mut dst).is_some();
        stream.write_all(&dst).await?;
        if is_open {
            return Ok(src);
        }
        dst.clear();
        read_more(stream, &mut src).await?;
    }
}

async fn read_more(stream: &mut TcpStream, src: &mut BytesMut) -> io::Result<()> {
    match stream.read_buf(src).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

pub(super) fn invalid<E: Into<Box<dyn Error + Send + Sync>>>(error: E) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// More than most heads.
const HEAD_LEN: usize = 1 << 10;
