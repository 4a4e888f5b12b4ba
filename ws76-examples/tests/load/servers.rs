//! Servers to put under load: the demo, and small ones on threads that speak no protocol.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
};

/// The demo server, killed when this is dropped.
pub(crate) struct Demo {
    child: Child,
    pub(crate) addr: SocketAddr,
}

impl Demo {
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ws76"));
        let command = command.args(["--listen", "127.0.0.1:0"]).args(flags);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines
            .map_while(Result::ok)
            .find(|line| line.contains("ws://"));
        let line = line.unwrap();
        let (_, rest) = line.split_once("ws://").unwrap();
        let addr = rest.split_once('/').unwrap().0.parse().unwrap();
        Self { child, addr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that does `serve` with each connection, on a thread of its own.
pub(crate) fn bare(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    addr
}

/// Echoes bytes.
pub(crate) fn echo(mut stream: TcpStream) {
    let mut writer = stream.try_clone().unwrap();
    let _ = std::io::copy(&mut stream, &mut writer);
}

/// A server that sends what it receives to all others, or to the source too.
pub(crate) fn broadcast(to_source: bool) -> SocketAddr {
    let all: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    bare(move |mut stream| {
        all.lock().unwrap().push(stream.try_clone().unwrap());
        let source = stream.peer_addr().unwrap();
        let mut buffer = [0; 4096];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            for mut other in all.lock().unwrap().iter() {
                if to_source || other.peer_addr().is_ok_and(|addr| addr != source) {
                    let _ = other.write_all(&buffer[..len]);
                }
            }
        }
    })
}
