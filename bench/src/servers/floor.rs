//! What an echo of draft-76's texts costs at least by the crates that a codec is made of: memchr looks
//! for the ends of frames, simdutf8 checks what is before them, memcpy makes the replies. Before that is
//! the opening handshake by `ws76-handshake`. There is no handler, no lock, no timeout and no limit to a
//! message. No byte is searched twice.

use std::{error::Error, io};

use bytes::BytesMut;
use memchr::memchr;
use simdutf8::basic::from_utf8;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use ws76_handshake::{Accept, HeadLimits, Incoming, RequestReader};

use super::accept;

pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    accept(listener, async |stream| drop(echo(stream).await)).await
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = open(&mut stream).await?.to_vec();
    let mut end = buffer.len();
    let mut searched = 0;
    let mut replies = Vec::new();
    loop {
        let frames = buffer.get(..end).unwrap_or_default();
        let rest_len = answer(frames, searched, &mut replies).map(<[u8]>::len);
        stream.write_all(&replies).await?;
        replies.clear();
        let unread = rest_len?;
        buffer.copy_within(end - unread..end, 0);
        // As long as reads fill it, up to what bare TCP has, or to the length of a message.
        let was_filled = end == buffer.len();
        if was_filled && (end < BUFFER_LEN || unread == end) {
            buffer.resize((2 * end).max(MIN_BUFFER_LEN), 0);
        }
        let free = buffer.get_mut(unread..).unwrap_or_default();
        let len = stream.read(free).await?;
        if len == 0 {
            return Ok(());
        }
        end = unread + len;
        searched = unread;
    }
}

/// Takes the opening handshake, and returns what has come behind it.
async fn open(stream: &mut TcpStream) -> io::Result<BytesMut> {
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

fn invalid<E: Into<Box<dyn Error + Send + Sync>>>(error: E) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Answers every whole frame with the same text, and returns what is behind them. The first `searched`
/// bytes have no end of a frame.
fn answer<'a>(
    mut frames: &'a [u8],
    mut searched: usize,
    replies: &mut Vec<u8>,
) -> io::Result<&'a [u8]> {
    while let Some(at) = memchr(TERMINATOR, frames.get(searched..).unwrap_or_default()) {
        let (frame, rest) = frames.split_at(searched + at);
        searched = 0;
        let [TEXT, text @ ..] = frame else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let text = from_utf8(text).map_err(|_| io::ErrorKind::InvalidData)?;
        replies.push(TEXT);
        replies.extend_from_slice(text.as_bytes());
        replies.push(TERMINATOR);
        frames = rest.get(1..).unwrap_or_default();
    }
    Ok(frames)
}

const TEXT: u8 = 0x00;
const TERMINATOR: u8 = 0xff;
/// As long as most heads at most.
const HEAD_LEN: usize = 1 << 10;
const MIN_BUFFER_LEN: usize = 1 << 10;
const BUFFER_LEN: usize = 64 << 10;
