//! What an echo of draft-76's texts costs at least by the crates that a codec is made of: memchr looks
//! for the ends of frames, simdutf8 checks what is before them, memcpy makes the replies. There is no
//! handshake, no handler, no lock, no limit and no timeout. No byte is searched twice.

use std::io;

use memchr::memchr;
use simdutf8::basic::from_utf8;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::accept;

pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    accept(listener, async |stream| drop(echo(stream).await)).await
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; MIN_BUFFER_LEN];
    let mut replies = Vec::new();
    let mut unread = 0;
    loop {
        if unread == buffer.len() {
            buffer.resize(2 * unread, 0);
        }
        let len = stream
            .read(buffer.get_mut(unread..).unwrap_or_default())
            .await?;
        if len == 0 {
            return Ok(());
        }
        let end = unread + len;
        let frames = buffer.get(..end).unwrap_or_default();
        let answered = answer(frames, unread, &mut replies);
        let rest_len = answered.map(<[u8]>::len);
        stream.write_all(&replies).await?;
        unread = rest_len?;
        buffer.copy_within(end - unread..end, 0);
        replies.clear();
    }
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
const MIN_BUFFER_LEN: usize = 64 << 10;
