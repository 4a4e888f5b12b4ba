//! `ws76 conform`: the conformance suite against any draft-76 server that echoes.

use std::{
    io::{self, IsTerminal, Write},
    net::ToSocketAddrs,
    process::ExitCode,
    time::Duration,
};

use clap::ValueEnum;
use ws76_conform::{Case, Clause, Cuts, Report, Suite, Target};

use crate::arguments;

/// How the suite is run.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The server under test
    #[arg(value_name = "HOST:PORT")]
    server: String,
    /// The resource name of its echo
    #[arg(long, value_name = "PATH", default_value = "/echo", value_parser = arguments::path)]
    path: String,
    /// What the Host field says, if not HOST:PORT
    #[arg(long, value_name = "HOST")]
    host_header: Option<String>,
    /// Run the cases of this clause or threat only, such as F4 or T1
    #[arg(long, value_name = "CLAUSE", value_parser = clause)]
    only: Option<String>,
    /// Two-way cuts to feed each case in, besides whole and byte by byte; `none` is whole only
    #[arg(long, value_enum, default_value_t = CutsArg::Some)]
    cuts: CutsArg,
    /// Longest wait for bytes that have to come
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = arguments::some_seconds)]
    timeout: Duration,
    /// Demand what ws76 does where the draft leaves a choice, and what is only advice
    #[arg(long)]
    strict: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum CutsArg {
    None,
    Some,
    All,
}

/// Runs the suite and prints the report. Success: all that is demanded was kept.
pub(crate) fn run(args: &Args) -> ExitCode {
    match report(args) {
        Ok(report) if report.is_kept(args.strict) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ws76: {}: {error}", args.server);
            ExitCode::from(CANNOT_RUN)
        }
    }
}

fn report(args: &Args) -> io::Result<Report> {
    let mut addrs = args.server.to_socket_addrs()?;
    let addr = addrs
        .next()
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address"))?;
    let mut target = Target::new(addr);
    target.host = args.host_header.as_ref().unwrap_or(&args.server).clone();
    target.path.clone_from(&args.path);
    target.timeout = args.timeout;
    target.pause = PAUSE;
    target.awaits_close = args.strict;
    let cuts = match args.cuts {
        CutsArg::None => Cuts::None,
        CutsArg::Some => Cuts::Some,
        CutsArg::All => Cuts::All,
    };
    let suite = Suite::builtin().map_err(io::Error::other)?;
    let live = io::stderr().is_terminal();
    let report = suite.run(&target, cuts, args.only.as_deref(), |at, count, case| {
        if live {
            progress(at, count, case);
        }
    });
    if live {
        eprint!("{CLEAR_LINE}");
    }
    let report = report?;
    let mut out = io::stdout().lock();
    match args.json {
        true => serde_json::to_writer_pretty(&mut out, &report)?,
        false => write!(out, "{}", report.display(args.strict))?,
    }
    writeln!(out)?;
    Ok(report)
}

fn progress(at: usize, count: usize, case: &Case) {
    let name: String = case.name().chars().take(60).collect();
    eprint!("{CLEAR_LINE}{at}/{count} {}: {name}", case.subject());
}

fn clause(text: &str) -> Result<String, String> {
    let id = text.to_ascii_uppercase();
    match Clause::find(&id) {
        Some(_) => Ok(id),
        None => Err("no clause or threat has this id".to_owned()),
    }
}

/// Between the two pieces of a cut.
const PAUSE: Duration = Duration::from_millis(2);
/// The exit code when there is nothing to report: not that of a broken clause.
const CANNOT_RUN: u8 = 2;
const CLEAR_LINE: &str = "\r\x1b[K";
