//! Installs what the live tests need and says what could not be had.
//!
//! Everything but Debian's packages goes below `target/live`, so that a clone
//! can be removed without a trace.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step;

pub(crate) mod deb;

/// Debian's packages: the Ruby side of the live tests and the browser.
const DEBIAN: [&str; 10] = [
    "ruby",
    "ruby-aws-sdk-s3",
    "ruby-sentry-ruby",
    "ruby-sentry-rails",
    "ruby-railties",
    "ruby-actionpack",
    "puma",
    "chromium",
    "chromium-driver",
    "python3-venv",
];

/// Environment for the tests: where the installed parts are.
pub(crate) struct Live {
    /// `HOTSPAN_LIVE_*` variables; a part that is missing has none.
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
}

/// Installs whatever is missing. A part that cannot be had is named with the
/// reason and left out; the tests that need it then report themselves skipped.
pub(crate) fn run(root: &Path) -> anyhow::Result<Live> {
    let live = root.join("target/live");
    std::fs::create_dir_all(&live)?;
    let mut variables = Vec::new();
    debian();
    match python(root, &live) {
        Ok(venv) => variables.push(("HOTSPAN_LIVE_VENV", venv)),
        Err(error) => println!("skipped: live Python apps: {error:#}"),
    }
    match node(root, &live) {
        Ok(modules) => variables.push(("HOTSPAN_LIVE_NODE", modules)),
        Err(error) => println!("skipped: live Node apps: {error:#}"),
    }
    Ok(Live { variables })
}

fn debian() {
    let missing: Vec<&str> = DEBIAN.into_iter().filter(|package| !is_installed(package)).collect();
    if missing.is_empty() {
        return;
    }
    if !step::succeeds(Command::new("apt-get").arg("--version")) {
        println!("skipped: {}: this machine has no apt-get", missing.join(" "));
        return;
    }
    let elevate = !step::succeeds(Command::new("sh").args(["-c", "test $(id -u) = 0"]));
    for arguments in [vec!["update", "-q"], [vec!["install", "-yq"], missing.clone()].concat()] {
        let mut command = Command::new(if elevate { "sudo" } else { "apt-get" });
        if elevate {
            command.args(["-n", "apt-get"]);
        }
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        if let Err(error) = step::run(Path::new("/"), "debian packages", &mut command) {
            println!("skipped: {}: {error:#}", missing.join(" "));
            return;
        }
    }
}

fn is_installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f=${Status}", package])
        .output()
        .is_ok_and(|output| output.stdout.ends_with(b"install ok installed"))
}

fn python(root: &Path, live: &Path) -> anyhow::Result<PathBuf> {
    let venv = live.join("venv");
    let requirements = root.join("crates/hotspan/tests/live/requirements.txt");
    if is_fresh(&requirements, &venv.join("installed.txt")) {
        return Ok(venv);
    }
    step::run(root, "python venv", Command::new("python3").arg("-m").arg("venv").arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]).arg(&requirements);
    step::run(root, "python packages", &mut pip)?;
    std::fs::copy(&requirements, venv.join("installed.txt"))?;
    Ok(venv)
}

fn node(root: &Path, live: &Path) -> anyhow::Result<PathBuf> {
    let folder = live.join("node");
    let manifest = root.join("crates/hotspan/tests/live/package.json");
    if is_fresh(&manifest, &folder.join("installed.json")) {
        return Ok(folder);
    }
    std::fs::create_dir_all(&folder)?;
    std::fs::copy(&manifest, folder.join("package.json"))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]).arg(&folder);
    step::run(root, "node packages", &mut npm)?;
    std::fs::copy(&manifest, folder.join("installed.json"))?;
    Ok(folder)
}

/// True when the copy of what was installed equals what is wanted now.
fn is_fresh(wanted: &Path, installed: &Path) -> bool {
    match (std::fs::read(wanted), std::fs::read(installed)) {
        (Ok(wanted), Ok(installed)) => wanted == installed,
        _ => false,
    }
}
