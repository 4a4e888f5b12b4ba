//! Measures what a message costs ws76, beside bare TCP and other WebSocket servers.
//!
//! A server is a process of its own, started by `serve`; the load comes from `ws76 load`, which
//! verifies every byte and says how much CPU time the server took for a message.

mod cases;
mod entries;
mod growth;
mod load;
mod machine;
mod perf;
mod plot;
mod process;
mod report;
mod results;
mod rounds;
mod run;
mod servers;
mod statistics;
mod table;
mod verdict;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::{
    growth::Grow,
    report::Report,
    run::{Run, at_least_one},
    servers::{Mode, Server},
};

/// What a message costs ws76, beside bare TCP and other WebSocket servers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
    Run(Run),
    Growth(Grow),
    Report(Report),
}

/// Serves until it is ended; prints the address first.
#[derive(Debug, Args)]
struct Serve {
    /// Which server.
    name: Server,
    /// What it does with messages.
    #[arg(long)]
    mode: Mode,
    /// Worker threads of the runtime.
    #[arg(long, default_value_t = 1, value_parser = at_least_one)]
    threads: usize,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(serve) => servers::serve(serve.name, serve.mode, serve.threads),
        Command::Run(run) => run.run(),
        Command::Growth(growth) => growth.run(),
        Command::Report(report) => report.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ws76-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
