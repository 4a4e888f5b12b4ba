//! `ws76 load`: puts a server under load, checks every byte that it sends, and measures.
//!
//! One thread does it all, as cheaply as can be: the bytes of a burst and of its replies are made
//! once, a burst is one write, and what comes is compared as one slice. No frame is parsed.

mod broadcast;
mod closing;
mod connect;
mod connection;
mod echo;
mod error;
mod live;
mod opening;
mod process;
mod report;
mod rfc6455;
mod run;
mod schedule;
mod traffic;

use std::{
    io::{self, Write},
    net::ToSocketAddrs,
    process::ExitCode,
    time::Duration,
};

use clap::ValueEnum;
use error::LoadError;
use opening::Opener;
use process::Process;
use report::Report;
use serde::Serialize;
use traffic::{Protocol, TextKind, Traffic};

use crate::arguments;

/// How the load is made.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP, args_override_self = true)]
pub(crate) struct Args {
    /// What the connections do
    #[arg(value_enum)]
    scenario: Scenario,
    /// The server
    #[arg(value_name = "HOST:PORT")]
    server: String,
    /// What is spoken
    #[arg(long, value_enum, default_value_t = Protocol::Draft76)]
    protocol: Protocol,
    /// Connections; a broadcast has a source besides
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = count)]
    connections: usize,
    /// Messages under way: of each connection in echo, of the source in broadcast
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = count)]
    in_flight: usize,
    /// Length of the text
    #[arg(long, value_name = "BYTES", default_value_t = 32)]
    len: usize,
    /// What the text is made of
    #[arg(long, value_enum, default_value_t = TextKind::Ascii)]
    text: TextKind,
    /// Time under load before the measured window
    #[arg(long, value_name = "SECONDS", default_value = "0.5", value_parser = arguments::seconds)]
    warm_up: Duration,
    /// The measured window
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = arguments::some_seconds)]
    duration: Duration,
    /// The resource name [default: /echo, or /broadcast for broadcast]
    #[arg(long, value_name = "PATH", value_parser = arguments::path)]
    path: Option<String>,
    /// What the Host field says, if not HOST:PORT
    #[arg(long, value_name = "HOST")]
    host_header: Option<String>,
    /// The server's process, whose CPU time and memory are to be measured
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Longest wait for something that has to come
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = arguments::some_seconds)]
    timeout: Duration,
}

/// What the connections do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Scenario {
    /// Each sends a burst of messages, and the next when all replies are there
    Echo,
    /// A source sends, all others receive
    Broadcast,
    /// Connections that are open and silent; their memory is what counts
    Idle,
    /// Each opens, ends by a reset, and opens again
    Connect,
}

impl Scenario {
    fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Broadcast => "broadcast",
            Self::Idle => "idle",
            Self::Connect => "connect",
        }
    }
}

impl Args {
    fn traffic(&self) -> Traffic {
        let Self {
            protocol,
            text,
            len,
            in_flight,
            ..
        } = *self;
        Traffic::new(protocol, text, len, in_flight, run::READ_LEN)
    }

    /// The connections that stay: all, but for those that are opened again and again.
    fn staying(&self) -> usize {
        match self.scenario {
            Scenario::Echo | Scenario::Idle => self.connections,
            Scenario::Broadcast => self.connections + 1,
            Scenario::Connect => 0,
        }
    }

    fn opener(&self) -> Result<Opener, LoadError> {
        let port = self.server.rsplit_once(':').map(|(_, port)| port);
        if port.is_none_or(|port| port.parse::<u16>().is_err()) {
            return Err(LoadError::NoPort);
        }
        let addrs = self.server.to_socket_addrs().map_err(LoadError::Address)?;
        let path = match self.scenario {
            Scenario::Broadcast => "/broadcast",
            _ => "/echo",
        };
        Opener::new(
            addrs.collect(),
            self.protocol,
            self.scenario == Scenario::Connect,
            self.host_header.as_ref().unwrap_or(&self.server),
            self.path.as_deref().unwrap_or(path),
            self.timeout,
        )
    }

    fn check_burst(&self) -> Result<(), LoadError> {
        let frame_len = self.len.saturating_add(MAX_OVERHEAD);
        match frame_len.saturating_mul(self.in_flight) <= MAX_BURST_LEN {
            true => Ok(()),
            false => Err(LoadError::BurstTooLong { max: MAX_BURST_LEN }),
        }
    }

    fn check_file_limit(&self) -> Result<(), LoadError> {
        let needed = self.connections.saturating_add(OTHER_FILES) as u64;
        match process::file_limit() {
            Some(limit) if limit < needed => Err(LoadError::FileLimit { needed, limit }),
            _ => Ok(()),
        }
    }
}

/// Runs the test and prints what it found. Success: every byte was right.
pub(crate) fn run(args: &Args) -> ExitCode {
    match report(args).and_then(|report| print(args, &report)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ws76: {}: {error}", args.server);
            error.exit_code()
        }
    }
}

fn report(args: &Args) -> Result<Report, LoadError> {
    args.check_burst()?;
    args.check_file_limit()?;
    let server = args.pid.map(Process::find).transpose()?;
    let opener = args.opener()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(LoadError::Internal)?;
    runtime.block_on(schedule::run(args, opener, server))
}

fn print(args: &Args, report: &Report) -> Result<(), LoadError> {
    let mut out = io::stdout().lock();
    let printed = match args.json {
        true => serde_json::to_writer(&mut out, report)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out)),
        false => write!(out, "{report}"),
    };
    printed.map_err(LoadError::Output)
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be above 0".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("not a number".to_owned()),
    }
}

/// Files that are open besides the connections.
const OTHER_FILES: usize = 16;
/// All bytes of a burst are held in memory, twice.
const MAX_BURST_LEN: usize = 1 << 28;
/// Of a frame beside its text.
const MAX_OVERHEAD: usize = 14;
const AFTER_HELP: &str = "\
Every byte that the server sends is compared with what it has to send; messages that are under way at
once differ, if they are long enough. A wrong, missing or additional byte, messages that changed
places, a lost connection, and a wait beyond the timeout end the test with exit code 1; 2 means that
it could not even start. Latency is the time from the write of a burst to its last reply (echo),
from the source's write to each delivery (broadcast), or of the opening (connect).

Ctrl-C ends the measured window, and what was measured is reported; before and behind that it ends the
test with exit code 130.

There is one thread. When it is busy for 95 % of the window or more, the summary says that the load
generator itself is the bottleneck.

A server that drops clients which are silent for long has to be told of a broadcast or an idle test
of that length: in draft-76 no client can answer a ping. RFC 6455's pings are answered.

With `--protocol tcp` the server is one that echoes (or broadcasts) bytes without a handshake. For
`connect` it has to echo the request of draft-76. RFC 6455's frames are all masked with one key.";
