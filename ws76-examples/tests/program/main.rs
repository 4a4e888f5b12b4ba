//! The program itself: its settings, signals and sockets.

#![cfg(unix)]

mod front;
mod running;

use std::{net::TcpListener, os::fd::OwnedFd, process::Command};

use running::{File, Running, echo, get, open, run, ws76};

#[test]
fn check_tells_whether_settings_are_right() {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/ws76.toml");
    let (code, stdout, stderr) = run(&["--config", good, "--check"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(stdout, "The settings are right.\n");
}

#[test]
fn check_tells_file_and_line_of_what_is_wrong() {
    let file = File::new(
        "wrong.toml",
        "log = \"warn\"\n[limits]\nmax-conections = 5\n",
    );
    let (code, stdout, stderr) = run(&["--config", file.name(), "--check"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let begin = format!("ws76: {}:3: unknown field `max-conections`", file.name());
    assert!(stderr.starts_with(&begin), "{stderr}");
    // Without --check it does not start either.
    assert_eq!(run(&["--config", file.name()]).0, Some(1));
    let (code, _, stderr) = run(&["--config", "/nowhere/ws76.toml", "--check"]);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("ws76: /nowhere/ws76.toml: "), "{stderr}");
}

#[test]
fn every_address_is_served_until_sigterm() {
    let running = Running::start(ws76(&["--listen=127.0.0.1:0", "--listen=localhost:0"]));
    let first = running.addr();
    running.stdout.expect("Open http://localhost:");
    assert!(get(first, "/").contains("<canvas"));
    assert_eq!(open(first).0, "HTTP/1.1 101 Switching Protocols");
    running.signal("TERM");
    running.stdout.expect("Every connection is closed.");
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn sighup_reads_the_file_again_and_a_broken_one_changes_nothing() {
    let file = File::new("reload.toml", "listen = [\"127.0.0.1:0\"]\n");
    let running = Running::start(ws76(&["--config", file.name()]));
    let addr = running.addr();
    let (line, mut early) = open(addr);
    assert_eq!(line, "HTTP/1.1 101 Switching Protocols");

    file.write("[policy]\nhosts = [\"other.example\"]\n");
    running.signal("HUP");
    running.stdout.expect("The settings were read again.");
    running.stdout.expect("Not before a restart: listen.");
    assert_eq!(open(addr).0, "HTTP/1.1 403 Forbidden");

    file.write("[policy]\nhost = [\"tv.example\"]\n");
    running.signal("HUP");
    let line = running.stderr.expect("ws76: ");
    let place = format!("ws76: {}:2: unknown field `host`", file.name());
    assert!(line.starts_with(&place), "{line}");
    assert!(line.ends_with("; the settings stay as they were"), "{line}");
    assert_eq!(open(addr).0, "HTTP/1.1 403 Forbidden");

    // The connection that was there before still is.
    echo(&mut early);
}

#[test]
fn passed_sockets_are_served() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    // Its standard input, which a shell puts where systemd does, under the process id to be.
    let script =
        "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" --listen=127.0.0.1:0";
    let mut command = Command::new("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_ws76")]);
    command.stdin(OwnedFd::from(listener));
    let running = Running::start(command);
    running.stdout.expect(&format!("Listening on {addr}"));
    assert!(get(addr, "/health").ends_with("\r\n\r\nok\n"));
}

#[test]
fn health_says_503_between_the_signal_and_the_shutdown() {
    let running = Running::start(ws76(&["--listen=127.0.0.1:0", "--drain-delay=1h"]));
    let addr = running.addr();
    assert!(get(addr, "/health").starts_with("HTTP/1.1 200 OK\r\n"));
    running.signal("TERM");
    running.stdout.expect("Draining.");
    let health = get(addr, "/health");
    assert!(
        health.starts_with("HTTP/1.1 503 ") && health.ends_with("draining\n"),
        "{health}"
    );
    assert_eq!(
        open(addr).0,
        "HTTP/1.1 101 Switching Protocols",
        "it still serves"
    );
    running.signal("TERM");
    running.stdout.expect("Every connection is closed.");
    assert_eq!(running.ended(), Some(0));
}

#[test]
fn metrics_are_prometheus_text() {
    let running = Running::start(ws76(&["--listen=127.0.0.1:0"]));
    let addr = running.addr();
    let (_, mut stream) = open(addr);
    echo(&mut stream);
    get(addr, "/nothing");
    let metrics = get(addr, "/metrics");
    let kind = "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(metrics.contains(kind), "{metrics}");
    for line in [
        "# TYPE ws76_connections gauge",
        "ws76_connections{protocol=\"rfc6455\"} 1",
        "ws76_answered_total{status=\"404\"} 1",
        "# HELP ws76_sent_bytes_total Bytes handed to the kernel on open connections",
        "ws76_handshake_seconds_count{protocol=\"rfc6455\"} 1",
        "ws76_handshake_seconds_bucket{protocol=\"rfc6455\",le=\"+Inf\"} 1",
    ] {
        assert!(
            metrics.lines().any(|one| one == line),
            "{line} in\n{metrics}"
        );
    }
    drop(stream);
    let nobody = Running::start(ws76(&["--listen=127.0.0.1:0", "--metrics=nobody"]));
    assert!(get(nobody.addr(), "/metrics").starts_with("HTTP/1.1 404 "));
}

#[test]
fn log_tells_of_connections_on_standard_error() {
    let running = Running::start(ws76(&["--listen=127.0.0.1:0", "--log=info"]));
    let (_, stream) = open(running.addr());
    let line = running.stderr.expect("opened");
    assert!(line.contains("INFO") && line.contains("/echo"), "{line}");
    drop(stream);
    running.stderr.expect("closed by the client");
}
