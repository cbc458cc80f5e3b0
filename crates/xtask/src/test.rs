//! `cargo xtask test`: every check and test, in the order that fails fastest.
//!
//! All steps share the release profile and one target directory, so that the
//! heavy dependencies are compiled once and what is tested is what ships.

use std::path::Path;
use std::process::Command;

use crate::{matrix, setup, step, tidy};

pub(crate) fn run(root: &Path, quick: bool) -> anyhow::Result<()> {
    tidy::run(root)?;
    format(root)?;
    let live = if quick {
        println!("skipped: live apps and browser: --quick was given");
        None
    } else {
        Some(setup::run(root)?)
    };
    lint(root)?;
    build(root)?;
    tests(root, live.as_ref())?;
    match live {
        Some(live) => sdks(root, &live),
        None => Ok(()),
    }
}

/// Real SDKs at the agent's doors, in short. The program of the Rust SDK is an
/// example, which the tests have built.
fn sdks(root: &Path, live: &setup::Live) -> anyhow::Result<()> {
    let wanted = matrix::Wanted { short: true, ..matrix::Wanted::default() };
    matrix::with(root, live, &root.join("target/release"), &wanted)
}

fn format(root: &Path) -> anyhow::Result<()> {
    if !step::succeeds(Command::new("cargo").args(["fmt", "--version"])) {
        println!("skipped: formatting: this toolchain has no rustfmt");
        return Ok(());
    }
    step::run(root, "format", Command::new("cargo").args(["fmt", "--all", "--check"]))
}

fn lint(root: &Path) -> anyhow::Result<()> {
    if !step::succeeds(Command::new("cargo").args(["clippy", "--version"])) {
        println!("skipped: lints: this toolchain has no clippy");
        return Ok(());
    }
    let mut clippy = Command::new("cargo");
    clippy.args(["clippy", "--release", "--locked", "--workspace", "--all-targets", "--quiet"]);
    clippy.args(["--", "-D", "warnings"]);
    step::run(root, "lints", &mut clippy)
}

/// The end-to-end tests start the real binaries, so those are built first.
fn build(root: &Path) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--workspace", "--bins"]);
    step::run(root, "build", &mut cargo)
}

fn tests(root: &Path, live: Option<&setup::Live>) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--release", "--locked", "--workspace", "--no-fail-fast"]);
    cargo.env("HOTSPAN_BIN_DIR", root.join("target/release"));
    match live {
        Some(live) => {
            cargo.envs(live.variables.iter().map(|(name, path)| (*name, path)));
        }
        None => {
            cargo.env("HOTSPAN_TEST_QUICK", "1");
        }
    }
    step::run(root, "tests", &mut cargo)
}
