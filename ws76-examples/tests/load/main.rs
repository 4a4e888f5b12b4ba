//! `ws76 load`: every scenario against the demo server and against bare TCP, and each fault of a
//! server.

#![cfg(unix)]

mod faults;
mod interrupted;
mod live;
mod servers;

use std::{
    net::SocketAddr,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use servers::{Demo, bare};

/// Runs `ws76 load` against a server: exit code, standard output and standard error.
fn load(scenario: &str, args: &[&str], addr: SocketAddr) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ws76"));
    let command = command
        .args(["load", scenario, &addr.to_string()])
        .args(args);
    let Output {
        status,
        stdout,
        stderr,
    } = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// The figures of a short test with few connections, in which nothing is wrong.
fn figures(scenario: &str, args: &[&str], addr: SocketAddr) -> Value {
    let mut all = vec!["--json", "--warm-up", "0.05", "--duration", "0.2"];
    all.extend(["--connections", "5"]);
    all.extend(args);
    let (code, stdout, stderr) = load(scenario, &all, addr);
    assert_eq!(
        (code, stderr.as_str()),
        (Some(0), ""),
        "{scenario} {args:?}"
    );
    serde_json::from_str(&stdout).unwrap()
}

fn number(figures: &Value, pointer: &str) -> f64 {
    let value = figures.pointer(pointer).and_then(Value::as_f64);
    value.unwrap_or_else(|| panic!("no {pointer} in {figures}"))
}

/// What has to hold of every test that carries messages of `reply_len` bytes each.
fn check_messages(figures: &Value, reply_len: f64) {
    let messages = number(figures, "/messages");
    assert!(messages > 0.0, "{figures}");
    // What is under way at either end of the window counts on one side only.
    let slack = number(figures, "/connections") * number(figures, "/in_flight") * reply_len;
    let bytes_in = number(figures, "/bytes_in");
    assert!(
        (bytes_in - messages * reply_len).abs() <= slack,
        "{figures}"
    );
    let latencies = ["min", "p50", "p90", "p99", "p99_9", "max"];
    let latencies = latencies.map(|name| number(figures, &format!("/latency_us/{name}")));
    assert!(latencies.is_sorted() && latencies[0] > 0.0, "{figures}");
}

#[test]
fn demo_server_passes_every_scenario_in_both_protocols() {
    let demo = Demo::start(&[]);
    for protocol in ["draft-76", "rfc6455"] {
        let run = |scenario, args: &[&str]| {
            let args = [&["--protocol", protocol], args].concat();
            let figures = figures(scenario, &args, demo.addr);
            assert_eq!(figures["scenario"], scenario);
            assert_eq!(figures["protocol"], protocol);
            assert_eq!(figures["server"], Value::Null);
            figures
        };
        check_messages(&run("echo", &[]), 34.0);
        check_messages(&run("echo", &["--in-flight", "7", "--len", "10"]), 12.0);
        check_messages(&run("broadcast", &[]), 34.0);
        check_messages(&run("broadcast", &["--in-flight", "4"]), 34.0);
        let figures = run("idle", &[]);
        assert_eq!(figures["messages"], 0);
        assert_eq!(figures["bytes_in"], 0);
        let figures = run("connect", &[]);
        assert!(number(&figures, "/messages") > 0.0);
        assert!(number(&figures, "/latency_us/min") > 0.0);
    }
}

#[test]
fn every_length_and_japanese_come_back_whole() {
    let demo = Demo::start(&[]);
    for (len, rfc6455) in [
        ("0", 2.0),
        ("125", 127.0),
        ("126", 130.0),
        ("70000", 70_010.0),
    ] {
        let args = ["--text", "japanese", "--in-flight", "3", "--len", len];
        let draft76 = len.parse::<f64>().unwrap() + 2.0;
        check_messages(&figures("echo", &args, demo.addr), draft76);
        let args = [&args[..], &["--protocol", "rfc6455"]].concat();
        check_messages(&figures("echo", &args, demo.addr), rfc6455);
    }
}

#[test]
fn bare_tcp_passes_every_scenario() {
    let echo = bare(servers::echo);
    let run = |scenario, addr| figures(scenario, &["--protocol", "tcp"], addr);
    check_messages(&run("echo", echo), 34.0);
    assert_eq!(run("idle", echo)["messages"], 0);
    assert!(number(&run("connect", echo), "/messages") > 0.0);
    check_messages(&run("broadcast", servers::broadcast(false)), 34.0);
}

#[test]
fn pings_of_a_server_are_answered() {
    // Who does not answer is closed within the window.
    let demo = Demo::start(&["--ping-interval", "30ms", "--pong-timeout", "100ms"]);
    for scenario in ["idle", "broadcast"] {
        let args = ["--protocol", "rfc6455", "--duration", "0.5"];
        let figures = figures(scenario, &args, demo.addr);
        assert!(number(&figures, "/bytes_in") > 0.0, "{figures}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn costs_of_the_servers_process_are_measured() {
    let demo = Demo::start(&[]);
    let pid = demo.id().to_string();
    let figures = figures("echo", &["--pid", &pid], demo.addr);
    for name in [
        "cpu_seconds",
        "cpu_us_per_message",
        "memory_before",
        "memory_idle",
    ] {
        assert!(
            number(&figures, &format!("/server/{name}")) > 0.0,
            "{figures}"
        );
    }
    number(&figures, "/server/memory_per_connection");
    assert!(number(&figures, "/load/cpu_seconds") > 0.0, "{figures}");
    assert!(number(&figures, "/load/busy") > 0.0, "{figures}");
    assert!(figures["load"]["is_bottleneck"].is_boolean());
}

#[test]
fn people_get_a_summary() {
    let demo = Demo::start(&[]);
    let args = ["--connections", "2", "--warm-up", "0", "--duration", "0.1"];
    let (code, stdout, _) = load("echo", &args, demo.addr);
    assert_eq!(code, Some(0));
    assert!(
        stdout.starts_with("echo, draft-76: 2 connections\n"),
        "{stdout}"
    );
    assert!(stdout.contains("latency in µs: min "), "{stdout}");
}

#[cfg(target_os = "linux")]
#[test]
fn summary_says_what_a_server_cost_for_each_of_what() {
    let demo = Demo::start(&[]);
    let pid = demo.id().to_string();
    for (scenario, each) in [("echo", "a message"), ("connect", "an opening handshake")] {
        let args = ["--pid", &pid, "--connections", "2", "--duration", "0.2"];
        let (_, stdout, _) = load(scenario, &args, demo.addr);
        assert!(stdout.contains(&format!(" µs {each}\n")), "{stdout}");
    }
}
