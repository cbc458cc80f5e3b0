//! Running commands as named steps with their time.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

/// Runs a command in `root`, prints what it is and how long it took, and fails
/// when it fails.
pub(crate) fn run(root: &Path, title: &str, command: &mut Command) -> anyhow::Result<()> {
    println!("── {title}: {}", shown(command));
    let began = Instant::now();
    let status = command
        .current_dir(root)
        .status()
        .with_context(|| format!("{title}: could not start {}", shown(command)))?;
    if !status.success() {
        bail!("{title} failed ({status}): {}", shown(command));
    }
    println!("── {title}: ok in {:.1} s", began.elapsed().as_secs_f64());
    Ok(())
}

/// True when the command starts and exits with 0; its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

/// What the command prints; fails when it fails, with what it said.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("could not start {}", shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        bail!("{} failed ({}): {said}", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn shown(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
