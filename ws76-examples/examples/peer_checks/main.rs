//! What `interop/run` asks of draft-76 servers that others wrote, with the client's side of the pure
//! crates.
//!
//! `peer_checks PEER ws://127.0.0.1:PORT`, where PEER is `perl`, `faye` or `driver`, one of the
//! servers in `interop`. Prints a line for each check, and fails if one does.

mod checks;
mod connection;
mod refusals;

use std::{env, error::Error, process::ExitCode};

/// The peers differ in what they do, and in what they can be made to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    /// `perl_server.pl`: Protocol::WebSocket.
    Perl,
    /// `faye_server.mjs faye`: faye-websocket.
    Faye,
    /// `faye_server.mjs driver`: websocket-driver.
    Driver,
}

impl Peer {
    fn from_arg(arg: &str) -> Option<Self> {
        match arg {
            "perl" => Some(Self::Perl),
            "faye" => Some(Self::Faye),
            "driver" => Some(Self::Driver),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Perl => "Perl",
            Self::Faye => "faye-websocket",
            Self::Driver => "websocket-driver",
        }
    }

    /// Whether it waits for our FF 00 after its own. faye's packages close the connection at once.
    fn waits_for_closing(self) -> bool {
        self == Self::Perl
    }
}

fn main() -> ExitCode {
    let args: Vec<_> = env::args().skip(1).collect();
    let [peer, base] = args.as_slice() else {
        return usage();
    };
    let Some(peer) = Peer::from_arg(peer) else {
        return usage();
    };
    let mut report = Report {
        name: peer.name(),
        failed: false,
    };
    checks::run(peer, base, &mut report);
    refusals::run(peer, base, &mut report);
    ExitCode::from(u8::from(report.failed))
}

fn usage() -> ExitCode {
    eprintln!("usage: peer_checks perl|faye|driver ws://HOST:PORT");
    ExitCode::from(2)
}

#[derive(Debug)]
struct Report {
    name: &'static str,
    failed: bool,
}

impl Report {
    fn check(&mut self, what: &str, steps: impl FnOnce() -> Result<(), Box<dyn Error>>) {
        let what = format!("draft-76, our client and {}: {what}", self.name);
        match steps() {
            Ok(()) => println!("ok   {what}"),
            Err(error) => {
                self.failed = true;
                println!("FAIL {what}: {error}");
            }
        }
    }
}
