//! The server's binary: read the command line, run the command, say how it
//! ended. Everything else is in a file named after the command.

mod analyze;
mod backup;
mod cli;
mod demo;
mod logging;
mod open_files;
mod project;
mod serve;
mod settings;
mod sql;
mod user;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

/// Requests become thousands of small texts that one thread makes and another
/// drops: the case that the system's allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command failed; standard error says why.
const EXIT_FAILED: u8 = 3;

fn main() -> ExitCode {
    open_files::allow_many();
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            // Nothing is left to do when standard error is closed as well.
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}
