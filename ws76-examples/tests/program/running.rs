//! The program as it runs, and what asks it.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// A file of settings, for as long as this is there.
pub(crate) struct File(PathBuf);

impl File {
    pub(crate) fn new(name: &str, text: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn write(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }

    pub(crate) fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) fn ws76(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws76"));
    command.args(args).stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = ws76(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// A server that runs, and is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) stdout: Lines<ChildStdout>,
    pub(crate) stderr: Lines<ChildStderr>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// The address that it says it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        let line = self.stdout.expect("WebSockets, ");
        let (_, rest) = line.split_once("://").unwrap();
        rest.split_once('/').unwrap().0.parse().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &id]).status();
        assert!(status.unwrap().success());
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> Option<i32> {
        while self.stdout.next().is_some() {}
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of a stream that another process writes.
pub(crate) struct Lines<R> {
    lines: mpsc::Receiver<String>,
    of: std::marker::PhantomData<R>,
}

impl<R: Read + Send + 'static> Lines<R> {
    pub(crate) fn of(stream: R) -> Self {
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            let lines = BufReader::new(stream).lines();
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let of = std::marker::PhantomData;
        Self { lines, of }
    }

    /// The next line; none at the end. Nothing is measured by the time that this has.
    pub(crate) fn next(&self) -> Option<String> {
        match self.lines.recv_timeout(Duration::from_secs(60)) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("waited in vain for a line"),
        }
    }

    /// Skips up to the line that has this in it.
    pub(crate) fn expect(&self, part: &str) -> String {
        loop {
            match self.next() {
                Some(line) if line.contains(part) => return line,
                Some(_) => {}
                None => panic!("no line with {part:?}"),
            }
        }
    }
}

pub(crate) fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// The first line of the answer to a request of RFC 6455, and its stream.
pub(crate) fn open(addr: SocketAddr) -> (String, TcpStream) {
    let mut stream = TcpStream::connect(addr).unwrap();
    let request = "GET /echo HTTP/1.1\r\nHost: tv.example\r\nUpgrade: websocket\r\n\
        Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut lines = BufReader::new(&stream).lines();
    let line = lines.next().unwrap().unwrap();
    lines
        .find(|line| line.as_ref().unwrap().is_empty())
        .expect("the end of the head")
        .unwrap();
    (line, stream)
}

/// Sends an empty message, masked with zeros, and gets it back.
pub(crate) fn echo(stream: &mut TcpStream) {
    stream.write_all(&[0x81, 0x80, 0, 0, 0, 0]).unwrap();
    let mut echo = [0; 2];
    stream.read_exact(&mut echo).unwrap();
    assert_eq!(echo, [0x81, 0x00]);
}
