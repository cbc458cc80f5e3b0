//! `hotspan-agent`: the program that runs on hosts. Reads arguments, starts what
//! they name, waits for the signal to stop. What it serves is in the modules.

mod admin;
mod client;
mod control;
mod documents;
mod doors;
mod duration;
mod emulated;
mod emulator;
mod exit;
mod hardening;
mod helper;
mod ledger;
mod live;
mod owners;
mod privileges;
mod report;
mod request_log;
mod roles;
mod run;
mod settings;
mod status;
mod token_file;
mod tokens;

use std::io::{IsTerminal, stderr};
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
    /// Keep AWS credentials ready for every process of this host
    Run(run::RunSettings),
    /// Say whether a configuration is right
    CheckConfig(run::Configuration),
    /// Print credentials from a running agent, for credential_process
    Credentials(client::RoleSettings),
    /// Print how a running agent is
    Status(client::StatusSettings),
    /// Have a running agent fetch credentials now
    Refresh(client::RoleSettings),
    /// Emulate the EC2 instance metadata service, with faults if wanted
    Imds(emulator::Settings),
    /// The privileged half of `run`, which starts it
    #[command(hide = true)]
    Helper(helper::HelperSettings),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_env("HOTSPAN_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
    let outcome = match arguments.command {
        Command::Run(settings) => run::run(&settings),
        Command::CheckConfig(configuration) => run::check_config(&configuration),
        Command::Credentials(settings) => client::credentials(&settings),
        Command::Status(settings) => client::status(&settings),
        Command::Refresh(settings) => client::refresh(&settings),
        Command::Imds(settings) => emulator::run(settings),
        Command::Helper(settings) => helper::run(&settings),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            exit::code_of(&error)
        }
    }
}
