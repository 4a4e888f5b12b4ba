//! What a server does wrong is found, and ends the test with exit code 1; 2 if it cannot start.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::Command,
    time::Duration,
};

use bytes::BytesMut;
use ws76_handshake::{Accept, HeadLimits, Incoming, RequestReader};

use super::{figures, load, servers};

/// A test that fails with this exit code, prints no figures, and says this.
#[track_caller]
fn assert_fails(scenario: &str, args: &[&str], addr: SocketAddr, code: i32, says: &str) {
    let mut all = vec!["--json", "--warm-up", "0", "--duration", "0.2"];
    all.extend(["--connections", "3", "--timeout", "2"]);
    all.extend(args);
    let (found, stdout, stderr) = load(scenario, &all, addr);
    assert!(stderr.contains(says), "{says:?} is not in {stderr:?}");
    assert_eq!((found, stdout.as_str()), (Some(code), ""));
}

/// Bare TCP with 3 under way, against a server that changes what it echoes of each connection from
/// the second read on.
#[track_caller]
fn assert_found(says: &str, change: fn(&mut Vec<u8>)) {
    let addr = servers::bare(move |mut stream: TcpStream| {
        let mut buffer = [0; 4096];
        let mut is_first = true;
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            let mut reply = buffer[..len].to_vec();
            if !is_first {
                change(&mut reply);
            }
            is_first = false;
            if reply.is_empty() || stream.write_all(&reply).is_err() {
                return;
            }
        }
    });
    let args = ["--protocol", "tcp", "--in-flight", "3"];
    assert_fails("echo", &args, addr, 1, says);
}

#[test]
fn corrupted_byte_is_found() {
    assert_found("byte 5 of a frame is 0x67, not 0x66", |reply| {
        reply[39] ^= 1
    });
}

#[test]
fn missing_byte_is_found() {
    assert_found("byte 7 of a frame is 0x68, not 0x67", |reply| {
        reply.remove(7);
    });
}

#[test]
fn dropped_message_is_found() {
    assert_found("nothing came for 2s", |reply| reply.truncate(68));
}

#[test]
fn duplicated_message_is_found() {
    assert_found("34 bytes came that nothing was sent for", |reply| {
        reply.extend_from_within(..34);
    });
}

#[test]
fn exchanged_bytes_are_found() {
    assert_found("byte 1 of a frame is 0x62, not 0x61", |reply| {
        reply.swap(1, 2)
    });
}

#[test]
fn exchanged_messages_are_found() {
    assert_found("byte 1 of a frame is 0x63, not 0x62", |reply| {
        reply[34..].rotate_left(34);
    });
}

#[test]
fn closed_connection_is_found() {
    assert_found("the server closed a connection", Vec::clear);
}

#[test]
fn cut_reply_is_found() {
    let addr = servers::bare(|mut stream: TcpStream| {
        let mut buffer = [0; 4096];
        let _ = stream.read(&mut buffer);
        let _ = stream.write_all(&buffer[..20]);
    });
    let says = "the server closed a connection";
    assert_fails("echo", &["--protocol", "tcp"], addr, 1, says);
}

#[test]
fn message_after_the_last_reply_is_found() {
    let addr = servers::bare(|mut stream: TcpStream| {
        let silence = Duration::from_millis(30);
        stream.set_read_timeout(Some(silence)).unwrap();
        let mut buffer = [0; 4096];
        let mut last = Vec::new();
        loop {
            match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(len) => last = buffer[..len].to_vec(),
                Err(_) => {}
            }
            if stream.write_all(&last).is_err() {
                return;
            }
        }
    });
    let args = ["--protocol", "tcp"];
    let says = "34 bytes came that nothing was sent for";
    assert_fails("echo", &args, addr, 1, says);
}

/// Draft-76 as it should be, but for what is sent before the closing frame.
fn closing_with(last: &'static [u8]) -> SocketAddr {
    servers::bare(move |mut stream: TcpStream| {
        let (mut src, mut dst) = (BytesMut::new(), BytesMut::new());
        let receive = |stream: &mut TcpStream, src: &mut BytesMut| {
            let mut buffer = [0; 4096];
            let len = stream.read(&mut buffer).unwrap();
            src.extend_from_slice(&buffer[..len]);
        };
        let mut reader = RequestReader::new(HeadLimits::new());
        let request = loop {
            match reader.read(&mut src).unwrap() {
                Some(Incoming::WebSocket(request)) => break request,
                Some(other) => panic!("{other:?}"),
                None => receive(&mut stream, &mut src),
            }
        };
        let mut awaiting = request.accept(Accept::new(), &mut dst).unwrap();
        while awaiting.read(&mut src, &mut dst).is_none() {
            receive(&mut stream, &mut src);
        }
        stream.write_all(&dst).unwrap();
        while !src.starts_with(b"\xFF\x00") {
            receive(&mut stream, &mut src);
        }
        stream.write_all(&[last, b"\xFF\x00"].concat()).unwrap();
    })
}

#[test]
fn message_before_the_closing_frame_is_found() {
    let args = ["--connections", "2"];
    assert_eq!(figures("idle", &args, closing_with(b""))["messages"], 0);
    let says = "something else than a closing frame came at the end";
    assert_fails("idle", &args, closing_with(b"\x00late\xFF"), 1, says);
}

#[test]
fn message_that_nobody_sent_is_found_by_the_idle() {
    let addr = servers::bare(|mut stream: TcpStream| {
        let _ = stream.write_all(b"\x00hello\xFF");
        let _ = stream.read(&mut [0]);
    });
    let says = "7 bytes came that nothing was sent for";
    assert_fails("idle", &["--protocol", "tcp"], addr, 1, says);
}

#[test]
fn broadcast_to_its_source_is_found() {
    let addr = servers::broadcast(true);
    let says = "34 bytes came that nothing was sent for";
    assert_fails("broadcast", &["--protocol", "tcp"], addr, 1, says);
}

#[test]
fn broadcast_to_nobody_is_found() {
    let addr = servers::bare(|mut stream: TcpStream| {
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    let says = "nothing came for 2s";
    assert_fails("broadcast", &["--protocol", "tcp"], addr, 1, says);
}

/// A server that reads a request and answers with this.
fn answering(reply: &'static [u8]) -> SocketAddr {
    servers::bare(move |mut stream: TcpStream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(reply);
        let _ = stream.read(&mut [0]);
    })
}

#[test]
fn refusal_is_found_in_both_protocols() {
    let addr = answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_fails("echo", &[], addr, 1, "server answered with status 403");
    let says = "does not answer with 101";
    assert_fails("connect", &["--protocol", "rfc6455"], addr, 1, says);
}

#[test]
fn wrong_responses_to_challenges_are_found() {
    let addr = answering(
        b"HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\n\
          Connection: Upgrade\r\nSec-WebSocket-Origin: http://test\r\n\
          Sec-WebSocket-Location: ws://test/echo\r\n\r\n0123456789abcdef",
    );
    let says = "wrong response to the challenge";
    assert_fails("echo", &["--host-header", "test"], addr, 1, says);
    let addr = answering(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
          Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    let says = "another Sec-WebSocket-Accept";
    assert_fails("echo", &["--protocol", "rfc6455"], addr, 1, says);
}

#[test]
fn server_that_never_answers_is_given_up() {
    let says = "not open after 2s";
    assert_fails("idle", &[], answering(b""), 1, says);
}

#[test]
fn other_bytes_than_the_request_are_found_by_connect() {
    let addr = answering(&[b'x'; 1024]);
    let says = "other bytes than were sent";
    assert_fails("connect", &["--protocol", "tcp"], addr, 1, says);
}

#[test]
fn what_cannot_start_has_an_exit_code_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let pid = ["--pid", "4294967295"];
    assert_fails("echo", &pid, addr, 2, "no figures of process 4294967295");
    let long = ["--len", "1000000", "--in-flight", "1000"];
    assert_fails("echo", &long, addr, 2, "bytes under way in one connection");
    drop(listener);
    assert_fails("echo", &[], addr, 2, "cannot connect");
}

#[test]
fn server_without_a_port_is_told() {
    let program = env!("CARGO_BIN_EXE_ws76");
    for server in ["localhost", "[::1]", "localhost:", "localhost:http"] {
        let output = Command::new(program)
            .args(["load", "echo", server])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{server}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("HOST:PORT is needed"), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn limit_on_open_files_is_told_before_anything_is_opened() {
    let program = env!("CARGO_BIN_EXE_ws76");
    let script = format!("ulimit -n 100; exec '{program}' load echo --connections 85 127.0.0.1:1");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("the limit is 100: try `ulimit -n 101`"),
        "{stderr}"
    );
}
