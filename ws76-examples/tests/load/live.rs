//! What a person at a terminal sees while a test runs.

use std::{
    borrow::Cow,
    fs::File,
    io::Read,
    process::{Command, Stdio},
};

use nix::pty::{OpenptyResult, openpty};

use super::{
    interrupted::interrupt,
    servers::{bare, echo},
};

/// What comes from a terminal, until there is nobody at its other side.
struct Screen {
    terminal: File,
    shown: Vec<u8>,
}

impl Screen {
    /// Whether more came.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 4096];
        // Linux has an error for what is the end elsewhere.
        let len = self.terminal.read(&mut buffer).unwrap_or(0);
        self.shown.extend_from_slice(&buffer[..len]);
        len > 0
    }

    fn shown(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.shown)
    }

    /// Whether there was a line as is asked for; each is shown in the place of the one before it.
    fn has_shown(&self, is_it: impl Fn(&str) -> bool) -> bool {
        let shown = self.shown();
        let (whole, _) = shown.rsplit_once(CLEAR_LINE).unwrap_or_default();
        whole.split(CLEAR_LINE).any(is_it)
    }
}

#[test]
fn terminal_has_a_line_until_the_test_is_over() {
    let OpenptyResult { master, slave } = openpty(None, None).unwrap();
    // A copy is not inherited by what other tests run.
    let [master, slave] = [master, slave].map(|fd| fd.try_clone().unwrap());
    let child = Command::new(env!("CARGO_BIN_EXE_ws76"))
        .args(["load", "echo", &bare(echo).to_string()])
        .args(["--protocol", "tcp", "--connections", "3"])
        .args(["--warm-up", "0", "--duration", "30"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(slave)
        .spawn()
        .unwrap();
    let mut screen = Screen {
        terminal: master.into(),
        shown: Vec::new(),
    };
    let is_progress = |line: &str| {
        let rate = line
            .strip_prefix("measuring: 3 opened, ")
            .and_then(|line| line.split_once(" messages a second, median "));
        rate.is_some_and(|(rate, median)| {
            rate.parse::<u64>().unwrap() > 0 && median.ends_with('s') && !median.starts_with("0")
        })
    };
    while !screen.has_shown(is_progress) {
        assert!(screen.read(), "{:?}", screen.shown());
    }
    interrupt(&child);
    while screen.read() {}
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{:?}", screen.shown());
    let shown = screen.shown();
    assert!(shown.ends_with(CLEAR_LINE), "{shown:?}");
    assert!(output.stdout.starts_with(b"echo, tcp: 3 connections\n"));
}

const CLEAR_LINE: &str = "\r\x1b[K";
