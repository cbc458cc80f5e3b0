//! The services' units: whether systemd takes them as they are written, and how
//! much of the system they leave open to what runs in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::PACKAGES;
use crate::step;

/// The most that a service may leave open, of 10. The agent hears the network
/// and starts as root to give token files away; the server needs nothing.
const EXPOSURE_MAX: [(&str, f64); 2] = [("hotspan-agent.service", 3.5), ("hotspan.service", 2.0)];

/// Has systemd check all units. Says what each service leaves open.
pub(super) fn check(root: &Path) -> anyhow::Result<String> {
    if !step::succeeds(Command::new("systemd-analyze").arg("--version")) {
        return Ok("skipped: units: this machine has no systemd-analyze".to_owned());
    }
    verify(root)?;
    let mut told = Vec::new();
    for (name, most) in EXPOSURE_MAX {
        let unit = all(root)?.into_iter().find(|path| path.ends_with(name));
        let exposure = exposure(&unit.with_context(|| format!("{name} is in no package"))?)?;
        if exposure > most {
            bail!(
                "{name} leaves {exposure} of 10 open, at most {most}; see systemd-analyze security"
            );
        }
        told.push(format!("{name}: exposure {exposure} of 10"));
    }
    Ok(told.join("\n"))
}

/// The units of both packages.
fn all(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut units = Vec::new();
    for package in PACKAGES {
        for entry in std::fs::read_dir(root.join(package.folder).join("packaging"))? {
            let path = entry?.path();
            let suffix = path.extension().and_then(|suffix| suffix.to_str());
            if matches!(suffix, Some("service" | "socket")) {
                units.push(path);
            }
        }
    }
    units.sort();
    Ok(units)
}

/// systemd looks for the program of a service; here another stands for it.
fn verify(root: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut command = Command::new("systemd-analyze");
    // The colon keeps the places where the system's own units are.
    command.env("SYSTEMD_UNIT_PATH", format!("{}:", folder.path().display()));
    command.args(["verify", "--man=no"]);
    for unit in all(root)? {
        let text = std::fs::read_to_string(&unit)?;
        let there = folder.path().join(unit.file_name().context("a unit without a name")?);
        let lines = text.lines().map(|line| match line.strip_prefix("ExecStart=/usr/bin/") {
            Some(_) => "ExecStart=/bin/true",
            None => line,
        });
        std::fs::write(&there, lines.collect::<Vec<_>>().join("\n"))?;
        command.arg(&there);
    }
    let output = command.output().context("systemd-analyze")?;
    // It says what it does not know, and ends well all the same.
    let said = String::from_utf8_lossy(&output.stderr);
    // Units of the system that ours name may have troubles of their own.
    let of_ours = said.lines().any(|line| line.contains("hotspan"));
    if !output.status.success() || of_ours {
        bail!("systemd-analyze verify ({}): {said}", output.status);
    }
    Ok(())
}

fn exposure(unit: &Path) -> anyhow::Result<f64> {
    let mut command = Command::new("systemd-analyze");
    let text = step::output(command.args(["security", "--offline=true", "--no-pager"]).arg(unit))?;
    // → Overall exposure level for hotspan.service: 1.1 OK 🙂
    let level = text.lines().find_map(|line| line.split_once("Overall exposure level for "));
    let figure = level.and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse().ok());
    figure.with_context(|| format!("systemd-analyze security tells no level: {text}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn systemd_takes_the_units_and_they_leave_little_open() {
        let told = super::check(&crate::workspace_root()).expect("units that are right");
        println!("{told}");
    }
}
