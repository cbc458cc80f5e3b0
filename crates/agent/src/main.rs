//! `hotspan-agent`: the program that runs on hosts. Reads arguments, starts what
//! they name, waits for the signal to stop. What it serves is in the modules.

mod duration;
mod emulated;
mod emulator;
mod request_log;

use std::io::stderr;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Runs on hosts next to the applications that Hotspan watches.
#[derive(Parser)]
#[command(name = "hotspan-agent", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Emulate the EC2 instance metadata service, with faults if wanted
    Imds(emulator::Settings),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("HOTSPAN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).init();
    let outcome = match arguments.command {
        Command::Imds(settings) => emulator::run(settings),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
