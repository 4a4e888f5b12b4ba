//! The servers whose cost is compared.

mod servers;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::servers::{Mode, Server};

/// What a message costs ws76, beside bare TCP and other WebSocket servers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(Serve),
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
    #[arg(long, default_value_t = 1)]
    threads: usize,
}

fn main() -> ExitCode {
    let Command::Serve(serve) = Cli::parse().command;
    match servers::serve(serve.name, serve.mode, serve.threads) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ws76-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
