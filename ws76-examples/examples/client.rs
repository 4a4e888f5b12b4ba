//! The pure crates alone, on the other side: a blocking draft-76 client on `std::net`.
//!
//! `cargo run --example client ws://localhost:9000/echo` sends each line of its input as a message
//! and prints each message that comes. At the end of the input it begins the closing handshake.
//! There are no timeouts here: a server that never answers is waited for.

use std::{
    env,
    error::Error,
    io::{self, Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use bytes::BytesMut;
use ws76_codec::{ClosingHandshake, Decoder, DecoderConfig, EncodedFrame, Frame};
use ws76_handshake::{ClientHandshake, ClientRequest, Location, Origin, Scheme};

fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: client URL")?;
    let location = Location::parse(&url)?;
    if location.scheme() == Scheme::Wss {
        return Err("there is no TLS in this example".into());
    }
    let mut stream = TcpStream::connect(location.host())?;

    // A browser names the origin of the page; without a page it is what the server welcomes.
    let origin = Origin::try_from(format!("http://{}", location.host()).as_str())?;
    let mut random = [0; 32];
    getrandom::fill(&mut random)?;
    let (mut src, mut dst) = (BytesMut::new(), BytesMut::new());
    let request = ClientRequest::new(location, origin);
    let mut handshake = ClientHandshake::start(request, &random, &mut dst);
    stream.write_all(&dst)?;
    while handshake.read(&mut src)?.is_none() {
        read(&mut stream, &mut src)?;
    }

    let sender = Arc::new(Mutex::new(Sender {
        stream: stream.try_clone()?,
        closing: ClosingHandshake::new(),
    }));
    let of_lines = Arc::clone(&sender);
    // When a write fails, so does the read below, unless the server has closed in order.
    thread::spawn(move || send_lines(&of_lines));
    // What the handshake has left in `src` are frames: the server may have spoken first.
    let mut decoder = Decoder::new(DecoderConfig::new());
    loop {
        match decoder.decode(&mut src)? {
            Some(Frame::Text(text)) => println!("{text}"),
            Some(Frame::Closing) => return Ok(close(&sender)?),
            Some(Frame::Reserved { .. }) => {}
            None => read(&mut stream, &mut src)?,
        }
    }
}

/// The write side. Nothing may follow our closing frame.
struct Sender {
    stream: TcpStream,
    closing: ClosingHandshake,
}

/// A line that is not UTF-8 ends the lines as the end of the input does.
fn send_lines(sender: &Mutex<Sender>) -> io::Result<()> {
    for line in io::stdin().lines().map_while(Result::ok) {
        let Sender { stream, closing } = &mut *lock(sender);
        if closing.can_send() {
            stream.write_all(EncodedFrame::text(&line).as_bytes())?;
        }
    }
    close(sender)
}

/// Begins the closing handshake or, when the server has begun it, answers.
fn close(sender: &Mutex<Sender>) -> io::Result<()> {
    let Sender { stream, closing } = &mut *lock(sender);
    if closing.can_send() {
        closing.sent();
        stream.write_all(EncodedFrame::closing().as_bytes())?;
    }
    Ok(())
}

fn lock(sender: &Mutex<Sender>) -> MutexGuard<'_, Sender> {
    sender.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read(stream: &mut TcpStream, src: &mut BytesMut) -> Result<(), Box<dyn Error>> {
    let mut chunk = [0; 4096];
    let len = stream.read(&mut chunk)?;
    if len == 0 {
        return Err("server closed the connection".into());
    }
    src.extend_from_slice(&chunk[..len]);
    Ok(())
}
