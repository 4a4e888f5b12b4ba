//! `ws76`: the demo server of the ws76 crates.

mod demo;

use std::process::ExitCode;

use clap::Parser;

/// A WebSocket server for draft-76 and RFC 6455 clients on one port.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(flatten)]
    demo: demo::Args,
}

#[tokio::main]
async fn main() -> ExitCode {
    match demo::run(Cli::parse().demo).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ws76: {error}");
            ExitCode::FAILURE
        }
    }
}
