//! `hotspan-bench`: measures a running server from outside, as its clients do.
//!
//! This program is the load: it starts the real server as another process,
//! sends it requests that were encoded beforehand, and reads what the server
//! and the system say about the cost. Nothing of the server is linked in.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it talks to the one who runs it")]

mod disk;
mod load;
mod measure;
mod random;
mod report;
mod run;
mod server;
mod shape;
mod template;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

#[derive(Parser)]
#[command(about = "Measures a hotspan server from outside", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Send as fast as the server acknowledges, or at a rate; CPU, memory, latency.
    Ingest(run::ingest::Options),
    /// Bytes a span on disk, after everything is flushed and compacted.
    Size(run::size::Options),
    /// Time of each page's data and of searches over many spans.
    Query(run::query::Options),
    /// The disk's own fsync beside the server's acknowledgements, and restart
    /// with a full log.
    Wal(run::wal::Options),
}

/// What every measurement needs.
#[derive(Debug, Clone, Args)]
struct Common {
    /// The server to measure.
    #[arg(long, default_value = "target/release/hotspan")]
    server: PathBuf,
    /// Where data directories are made; a temporary folder there is removed afterwards.
    #[arg(long, default_value = "target/bench")]
    folder: PathBuf,
    /// What spans look like.
    #[arg(long, value_enum, default_value = "jaeger")]
    shape: shape::Shape,
    /// Spans in one request.
    #[arg(long, default_value_t = 1_000)]
    batch: usize,
    /// How requests travel.
    #[arg(long, value_enum, default_value = "http")]
    transport: Transport,
}

/// How requests travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Transport {
    /// OTLP/HTTP with protobuf bodies.
    Http,
    /// OTLP/gRPC.
    Grpc,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(anyhow::Error::from).and_then(|runtime| {
        runtime.block_on(async {
            match arguments.what {
                What::Ingest(options) => run::ingest::run(&options).await,
                What::Size(options) => run::size::run(&options).await,
                What::Query(options) => run::query::run(&options).await,
                What::Wal(options) => run::wal::run(&options).await,
            }
        })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
