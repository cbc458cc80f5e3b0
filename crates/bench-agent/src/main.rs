//! `hotspan-bench-agent`: measures the agent from outside, beside nginx and a
//! bare hyper server, on one machine and in one run.
//!
//! The agent, the emulator that it fetches from, nginx and the bare server are
//! processes of their own; this program and `wrk` are the load. Servers have one
//! worker each and share a core, the load has another.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the one who runs it")]

mod bare;
mod contender;
mod http;
mod latency;
mod nginx;
mod process;
mod report;
mod setup;
mod steady;
mod throughput;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use report::Table;
use setup::Setup;

#[derive(Parser)]
#[command(about = "Measures the agent beside nginx and bare hyper", disable_version_flag = true)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// The bare server: one fixed body over hyper, and nothing else
    #[command(hide = true)]
    Bare(bare::Settings),
}

/// How much of it.
#[derive(Debug, Args)]
struct Options {
    /// The agent to measure
    #[arg(long, default_value = "target/release/hotspan-agent")]
    agent: PathBuf,
    /// How long each run at full speed takes, in seconds
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Runs at full speed for each server; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Alternated pairs of agent and bare hyper at low load; the median counts
    #[arg(long, default_value_t = 10)]
    pairs: usize,
    /// How long 10,000 lookups a second last at each door, in seconds; 0 leaves it out
    #[arg(long, default_value_t = 60)]
    steady: u64,
    /// Parts to leave out
    #[arg(long, value_enum, value_delimiter = ',')]
    without: Vec<Part>,
}

/// A part of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Requests a second at full speed.
    Throughput,
    /// How long one takes at low load.
    Latency,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.what {
        Some(What::Bare(settings)) => bare::run(&settings),
        None => measure(&arguments.options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> anyhow::Result<()> {
    report::heading();
    let setup = Setup::start(&options.agent)?;
    let mut table = Table::default();
    size(&setup, options, &mut table)?;
    if !options.without.contains(&Part::Throughput) {
        let run = Duration::from_secs(options.seconds);
        throughput::measure(&setup, run, options.rounds, &mut table)?;
    }
    if !options.without.contains(&Part::Latency) {
        latency::measure(&setup, options.pairs, &mut table)?;
    }
    if options.steady > 0 {
        steady::measure(&setup, Duration::from_secs(options.steady), &mut table)?;
    }
    let busy = setup.agent.process.memory_bytes()?;
    table.row("agent, memory after all this", report::mb(busy), "");
    table.row("audit log", setup.audit_lines()?, "");
    table.print();
    Ok(())
}

/// What the agent takes before anybody has asked.
fn size(setup: &Setup, options: &Options, table: &mut Table) -> anyhow::Result<()> {
    let idle = setup.agent.process.memory_bytes()?;
    table.row("agent, memory idle", report::mb(idle), "≤ 20 MB");
    let built = std::fs::metadata(&options.agent).context("the agent's binary")?.len();
    let what = match setup.stripped_bytes(&options.agent) {
        Some(stripped) => format!("{}, stripped {}", report::mb(built), report::mb(stripped)),
        None => format!("{} (not stripped: there is no strip)", report::mb(built)),
    };
    table.row("agent, binary", what, "≤ 20 MB");
    Ok(())
}
