//! `cargo xtask`: the chores of the house, in the language of the house.
//!
//! Only reading arguments and choosing a chore happens here. Each chore has a
//! file of its own; nothing here is part of the product.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore talks to the person who runs it"
)]

mod bench;
mod matrix;
mod package;
mod score;
mod setup;
mod step;
mod test;
mod tidy;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The chores of this repository", disable_version_flag = true)]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Check house rules: file headers, sizes, crate edges, licences.
    Tidy,
    /// Install what the live tests need (Debian, PyPI, npm, Go and Maven packages).
    Setup,
    /// Measure from outside: the server (`ingest`, `size`, `query` or `wal`) or
    /// the `agent`.
    #[command(disable_help_flag = true)]
    Bench {
        /// Handed on; `bench ingest --help` and `bench agent --help` list them.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Make the Debian packages and check them: contents, services, removal.
    Package {
        /// Only this one: `hotspan-agent` or `hotspan`.
        name: Option<String>,
        /// Take the programs as they are in the release folder.
        #[arg(long)]
        no_build: bool,
    },
    /// Try real SDKs at the doors of the agent.
    Matrix(matrix::Wanted),
    /// Score the detectors on the labelled corpus; fails under the marks.
    Score,
    /// Install what is missing and run every check and test.
    Test {
        /// Skip the parts that need other languages or a browser.
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> ExitCode {
    let root = workspace_root();
    let outcome = match Arguments::parse().chore {
        Chore::Tidy => tidy::run(&root),
        Chore::Setup => setup::run(&root).map(|_| ()),
        Chore::Bench { arguments } => bench::run(&root, &arguments),
        Chore::Package { name, no_build } => package::run(&root, name.as_deref(), no_build),
        Chore::Matrix(wanted) => matrix::run(&root, &wanted),
        Chore::Score => score::run(),
        Chore::Test { quick } => test::run(&root, quick),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace, known from where this crate was built.
fn workspace_root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}
