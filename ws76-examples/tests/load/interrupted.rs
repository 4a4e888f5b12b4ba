//! Ctrl-C: what was measured is reported, and nothing where nothing was.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
};

use serde_json::Value;

use super::{number, servers};

/// A test that would take an hour, interrupted once the server has said so.
fn interrupted(args: &[&str], addr: SocketAddr, now: &Receiver<()>) -> Output {
    let child = Command::new(env!("CARGO_BIN_EXE_ws76"))
        .args(["load", "echo", &addr.to_string(), "--connections", "1"])
        .args(["--json", "--warm-up", "0", "--duration", "3600"])
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    now.recv().unwrap();
    interrupt(&child);
    child.wait_with_output().unwrap()
}

/// As Ctrl-C does.
pub(super) fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn interrupt_ends_the_window() {
    let (tell, now) = mpsc::channel();
    let addr = servers::bare(move |mut stream: TcpStream| {
        let mut buffer = [0; 4096];
        let mut reads = 0;
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            reads += 1;
            // Two have come back whole when the third is sent.
            if reads == 3 {
                let _ = tell.send(());
            }
            if stream.write_all(&buffer[..len]).is_err() {
                return;
            }
        }
    });
    let output = interrupted(&["--protocol", "tcp"], addr, &now);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(number(&figures, "/messages") >= 2.0, "{figures}");
    assert!(number(&figures, "/seconds") < 3600.0, "{figures}");
}

#[test]
fn interrupt_before_the_window_ends_the_test() {
    let (tell, now) = mpsc::channel();
    let addr = servers::bare(move |mut stream: TcpStream| {
        let _ = stream.read(&mut [0]);
        let _ = tell.send(());
        // Until the other side is gone.
        while let Ok(1..) = stream.read(&mut [0; 4096]) {}
    });
    let output = interrupted(&["--timeout", "3600"], addr, &now);
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    assert_eq!(output.stdout, b"");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("interrupted"), "{stderr}");
}
