//! The pure crates alone: a draft-76 echo server on `std::net` and one thread a client.
//!
//! `cargo run --example blocking_std`. There are no timeouts or limits on clients here: those are
//! the work of `ws76-server`.

use std::{
    error::Error,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};

use bytes::BytesMut;
use ws76_codec::{ClosingHandshake, Decoder, DecoderConfig, Frame, encode_closing};
use ws76_handshake::{Accept, HeadLimits, Incoming, RequestReader, Response};

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("localhost:9000")?;
    for stream in listener.incoming() {
        let stream = stream?;
        thread::spawn(|| {
            if let Err(error) = serve(stream) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let (mut src, mut dst) = (BytesMut::new(), BytesMut::new());
    let mut reader = RequestReader::new(HeadLimits::new());
    let incoming = loop {
        match reader.read(&mut src) {
            Ok(Some(incoming)) => break incoming,
            Ok(None) => read(&mut stream, &mut src)?,
            Err(error) => {
                error.response().write(&mut dst);
                return Ok(stream.write_all(&dst)?);
            }
        }
    };
    let Incoming::WebSocket(request) = incoming else {
        Response::upgrade_required().write(&mut dst);
        return Ok(stream.write_all(&dst)?);
    };

    // The 101 head goes out before key 3 has come: a proxy may be waiting for it.
    let mut awaiting = request.accept(Accept::new(), &mut dst)?;
    let established = awaiting.read(&mut src, &mut dst);
    stream.write_all(&dst.split())?;
    if established.is_none() {
        while awaiting.read(&mut src, &mut dst).is_none() {
            read(&mut stream, &mut src)?;
        }
        stream.write_all(&dst.split())?;
    }

    let mut decoder = Decoder::new(DecoderConfig::new());
    let mut closing = ClosingHandshake::new();
    while !closing.is_finished() {
        match decoder.decode(&mut src)? {
            Some(Frame::Text(text)) => text.encode(&mut dst),
            Some(Frame::Closing) if closing.received() => {
                encode_closing(&mut dst);
                closing.sent();
            }
            Some(_) => {}
            None => {
                stream.write_all(&dst.split())?;
                read(&mut stream, &mut src)?;
            }
        }
    }
    Ok(stream.write_all(&dst)?)
}

fn read(stream: &mut TcpStream, src: &mut BytesMut) -> Result<(), Box<dyn Error>> {
    let mut chunk = [0; 4096];
    let len = stream.read(&mut chunk)?;
    if len == 0 {
        return Err("client closed the connection".into());
    }
    src.extend_from_slice(&chunk[..len]);
    Ok(())
}
