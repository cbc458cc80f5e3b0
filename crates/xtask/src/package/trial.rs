//! Installs the packages, upgrades, removes and purges them, in a copy of this
//! system that only the trial sees. Nothing of ours may be left behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::step;

const SCRIPT: &str = include_str!("trial.sh");
/// What any installation changes, as paths begin.
const USUAL: [&str; 12] = [
    "etc/.pwd.lock",
    "etc/group",
    "etc/gshadow",
    "etc/passwd",
    "etc/shadow",
    "etc/subgid",
    "etc/subuid",
    "run/lock",
    "run/systemd",
    "var/lib/dpkg/",
    "var/lib/systemd/deb-systemd-helper-",
    "var/log/dpkg.log",
];

pub(super) fn run(root: &Path, packages: &[PathBuf]) -> anyhow::Result<()> {
    if let Some(reason) = lacks() {
        println!("skipped: installing, removing and purging: {reason}");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("trial.sh");
    let work = folder.path().join("work");
    std::fs::write(&script, SCRIPT)?;
    std::fs::create_dir(&work)?;
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh"]).arg(&script).arg(&work).args(packages).current_dir(root);
    let output = command.output().context("unshare")?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    println!(
        "{}",
        told.lines().filter(|line| line.starts_with("ok ")).collect::<Vec<_>>().join("\n")
    );
    let wrong = wrong(&told);
    if !wrong.is_empty() {
        bail!("packages: {}", wrong.join("\n"));
    }
    if !output.status.success() || !told.ends_with("done\n") {
        bail!("the trial of the packages did not end ({}): {told}{said}", output.status);
    }
    println!("packages: nothing is left behind");
    Ok(())
}

/// What failed, and what is left that no installation leaves.
fn wrong(told: &str) -> Vec<&str> {
    let is_wrong = |line: &&str| {
        line.strip_prefix("left ").map_or(line.starts_with("FAILED "), |path| {
            !USUAL.iter().any(|usual| path.starts_with(usual)) || path.contains("hotspan")
        })
    };
    told.lines().filter(is_wrong).collect()
}

/// Why this machine cannot do it.
fn lacks() -> Option<String> {
    let shell = |script: &str| step::succeeds(Command::new("sh").args(["-c", script]));
    let needed = [
        ("command -v dpkg", "it has no dpkg"),
        ("command -v systemd-sysusers && command -v deb-systemd-helper", "it has no systemd"),
        ("test $(id -u) = 0", "root only may mount"),
        ("unshare --mount true", "the kernel lets nobody mount here"),
        ("! dpkg-query -W hotspan hotspan-agent", "a package of ours is installed"),
    ];
    let reason = needed.into_iter().find(|(script, _)| !shell(script))?.1;
    Some(reason.to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_left_and_what_failed() {
        for (line, is_wrong) in [
            ("ok installed", false),
            ("done", false),
            ("FAILED installed: dependency problems", true),
            ("left etc/passwd-", false),
            ("left var/lib/dpkg/status", false),
            ("left var/lib/dpkg/info/hotspan.list", true),
            ("left var/lib/hotspan", true),
            ("left var/lib/systemd/deb-systemd-helper-enabled/hotspan.service.dsh-also", true),
            ("left run/hotspan-agent", true),
            ("left etc/systemd/system/sockets.target.wants/x.socket", true),
            ("left a line in etc/passwd", true),
        ] {
            assert_eq!(super::wrong(line), if is_wrong { vec![line] } else { vec![] }, "{line}");
        }
    }
}
