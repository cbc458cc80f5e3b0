//! The command line: which commands there are and what they are given.

use std::future::Future;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

use crate::settings::{Layers, Settings};
use crate::{analyze, backup, demo, project, serve, settings, sql, user};

/// Finds the calls your requests make and nobody meant.
#[derive(Debug, Parser)]
#[command(
    name = "hotspan",
    version,
    after_help = "Exit codes: 0 done (analyze: nothing found), 1 analyze: findings, \
                  2 wrong usage (analyze: a file was unusable; sql: a statement that writes or makes \
                  no sense), 3 the command failed."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Receive spans, keep them, analyse them, show them.
    Serve(Layers),
    /// Serve a recorded incident from a temporary directory.
    Demo(Layers),
    /// Analyse exported traces without a server.
    Analyze(analyze::Arguments),
    /// Copy a data directory, while a server runs on it or not.
    Backup(backup::Arguments),
    /// Projects: who may send.
    #[command(subcommand)]
    Project(project::Command),
    /// Users: who may look.
    #[command(subcommand)]
    User(user::Command),
    /// Ask the stored spans in SQL; works beside a running server.
    Sql(sql::Arguments),
    /// Print every setting as a Markdown table.
    Settings,
}

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Serve(layers) => done(wait(serve::run(Settings::resolve(&layers)?))),
        Command::Demo(layers) => done(wait(demo::run(Settings::resolve(&layers)?))),
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Backup(arguments) => done(wait(backup::run(arguments))),
        Command::Project(command) => done(wait(project::run(command))),
        Command::User(command) => done(wait(user::run(command))),
        Command::Sql(arguments) => sql::run(&arguments),
        Command::Settings => done(print(&settings::markdown())),
    }
}

fn done(outcome: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    outcome.map(|()| ExitCode::SUCCESS)
}

fn wait(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Runtime::new().context("start the async runtime")?.block_on(work)
}

/// Writes a line to standard output, at once: whoever started this process may
/// be waiting for it.
pub(crate) fn print(line: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("write to standard output")
}
