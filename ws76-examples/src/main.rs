//! `ws76`: the demo server of the ws76 crates, the conformance suite, and the load generator.

mod arguments;
mod conform;
mod demo;
mod load;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A WebSocket server for draft-76 and RFC 6455 clients on one port.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: settings::Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the draft-76 conformance suite against a server that echoes
    Conform(conform::Args),
    /// Puts a server under load, checks every byte that it sends, and measures
    Load(load::Args),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli.command {
        Some(Command::Conform(args)) => conform::run(&args),
        Some(Command::Load(args)) => load::run(&args),
        None => serve(cli.flags),
    }
}

#[tokio::main]
async fn serve(flags: settings::Flags) -> ExitCode {
    match demo::run(flags).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ws76: {error}");
            ExitCode::FAILURE
        }
    }
}
