//! `cargo xtask matrix`: real SDKs at every door of the agent, beside the same
//! with no agent, and through an outage of upstream.
//!
//! Every trial has an emulated metadata service and an agent of its own, so
//! that what is counted is what one program did.

mod cells;
mod host;
mod outage;
mod replay;
mod run;
mod sdks;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail};
use clap::Args;

use crate::{setup, step};
use sdks::{Installed, SDKS};

/// What to try.
#[derive(Args, Default)]
pub(crate) struct Wanted {
    /// Fewer calls, and an outage of 20 seconds with two lives
    #[arg(long)]
    pub(crate) short: bool,
    /// Only the outage, of three minutes
    #[arg(long)]
    pub(crate) outage: bool,
}

pub(crate) fn run(root: &Path, wanted: &Wanted) -> anyhow::Result<()> {
    let live = setup::sdks(root)?;
    let binaries = match std::env::var_os("HOTSPAN_BIN_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => build(root)?,
    };
    with(root, &live, &binaries, wanted)
}

/// With what is installed and built already.
pub(crate) fn with(
    root: &Path,
    live: &setup::Live,
    binaries: &Path,
    wanted: &Wanted,
) -> anyhow::Result<()> {
    let part = |name| live.variables.iter().find(|(one, _)| *one == name).map(|(_, at)| at.clone());
    let installed = Installed {
        programs: root.join("crates/agent/tests/sdks"),
        binaries: binaries.to_owned(),
        venv: part("HOTSPAN_LIVE_VENV"),
        node: part("HOTSPAN_LIVE_NODE"),
        go: part("HOTSPAN_LIVE_GO"),
        java: part("HOTSPAN_LIVE_JAVA"),
    };
    let mut wrong = documented(root)?;
    if !wanted.outage {
        wrong.extend(cells::run(&installed, wanted.short)?);
        wrong.extend(replay::run(&installed)?);
    }
    if wanted.outage || wanted.short {
        wrong.extend(outage::run(&installed, wanted.short)?);
    }
    wrong.iter().for_each(|line| println!("wrong: {line}"));
    if wrong.is_empty() { Ok(()) } else { bail!("matrix: {} things are wrong", wrong.len()) }
}

/// The agent, and the Rust SDK's program.
fn build(root: &Path) -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--package", "hotspan-agent"]);
    cargo.args(["--bin", "hotspan-agent", "--example", "sdk"]);
    step::run(root, "build", &mut cargo)?;
    Ok(root.join("target/release"))
}

/// Lines that `docs/agent.md` ought to have and has not.
fn documented(root: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("docs/agent.md")).context("docs/agent.md")?;
    let missing = SDKS.iter().map(sdks::Sdk::documented);
    let missing = missing.filter(|line| !text.lines().any(|there| there == line));
    Ok(missing.map(|line| format!("docs/agent.md does not say {line}")).collect())
}

/// Does all of `items`, so many at once; the answers come in their order.
fn side_by_side<T: Sync, R: Send>(
    items: &[T],
    at_once: usize,
    work: impl Fn(usize, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at) else { return };
                    let result = work(at, item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

/// `1.234` milliseconds, or a dash.
fn millis(time: Option<std::time::Duration>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| format!("{:.2}", time.as_secs_f64() * 1_000.0))
}
