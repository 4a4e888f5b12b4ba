//! What an echo of draft-76's texts costs at least by the crates that a codec is made of: memchr looks
//! for the ends of frames, simdutf8 checks what is before them, and they are sent from where they were
//! read. Before that is the opening handshake by `ws76-handshake`. There is no handler, no lock, no
//! timeout and no limit to a message. No byte is searched twice or copied, but for the beginning of a
//! frame whose end has not come.

use std::io;

use memchr::memchr;
use simdutf8::basic::from_utf8;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{
    accept,
    opening::{invalid, open},
};

pub(crate) async fn serve(listener: TcpListener) -> io::Result<()> {
    accept(listener, async |stream| drop(echo(stream).await)).await
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = open(&mut stream).await?.to_vec();
    let mut end = buffer.len();
    let mut searched = 0;
    loop {
        let read = buffer.get(..end).unwrap_or_default();
        let (frames, result) = whole_texts(read, searched);
        stream.write_all(frames).await?;
        result?;
        let answered = frames.len();
        let unread = end - answered;
        buffer.copy_within(answered..end, 0);
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

/// The whole frames at the front, each of which has a text, up to the first that is something else. The
/// first `searched` bytes have no end of a frame.
fn whole_texts(read: &[u8], mut searched: usize) -> (&[u8], io::Result<()>) {
    let mut rest = read;
    let mut result = Ok(());
    while let Some(at) = memchr(TERMINATOR, rest.get(searched..).unwrap_or_default()) {
        let (frame, behind) = rest.split_at(searched + at);
        searched = 0;
        if frame.first() != Some(&TEXT) || from_utf8(frame).is_err() {
            result = Err(invalid("no text"));
            break;
        }
        rest = behind.get(1..).unwrap_or_default();
    }
    let (texts, _) = read.split_at(read.len() - rest.len());
    (texts, result)
}

const TEXT: u8 = 0x00;
const TERMINATOR: u8 = 0xff;
const MIN_BUFFER_LEN: usize = 1 << 10;
const BUFFER_LEN: usize = 64 << 10;
