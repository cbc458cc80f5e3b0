//! Installs what the live tests need and says what could not be had.
//!
//! Everything but Debian's packages goes below `target/live`, so that a clone
//! can be removed without a trace.

mod sdks;

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

/// What of it the SDKs at the agent's doors need.
const DEBIAN_SDKS: [&str; 3] = ["ruby", "ruby-aws-sdk-s3", "python3-venv"];

/// Environment for the tests: where the installed parts are.
pub(crate) struct Live {
    /// `HOTSPAN_LIVE_*` variables; a part that is missing has none.
    pub(crate) variables: Vec<(&'static str, PathBuf)>,
}

/// Installs whatever is missing. A part that cannot be had is named with the
/// reason and left out; the tests that need it then report themselves skipped.
pub(crate) fn run(root: &Path) -> anyhow::Result<Live> {
    debian(&DEBIAN);
    parts(root)
}

/// The same without what only the server's tests need.
pub(crate) fn sdks(root: &Path) -> anyhow::Result<Live> {
    debian(&DEBIAN_SDKS);
    parts(root)
}

/// Installs one part and says where it is.
type Part = fn(&Path, &Path) -> anyhow::Result<PathBuf>;

fn parts(root: &Path) -> anyhow::Result<Live> {
    let live = root.join("target/live");
    std::fs::create_dir_all(&live)?;
    let parts: [(&str, &str, Part); 4] = [
        ("HOTSPAN_LIVE_VENV", "live Python apps", python),
        ("HOTSPAN_LIVE_NODE", "live Node apps", node),
        ("HOTSPAN_LIVE_GO", "the Go SDK", sdks::go),
        ("HOTSPAN_LIVE_JAVA", "the Java SDK", sdks::java),
    ];
    let mut variables = Vec::new();
    for (variable, name, part) in parts {
        // Who has it elsewhere says so.
        match std::env::var_os(variable).map_or_else(|| part(root, &live), |at| Ok(at.into())) {
            Ok(at) => variables.push((variable, at)),
            Err(error) => println!("skipped: {name}: {error:#}"),
        }
    }
    Ok(Live { variables })
}

fn debian(wanted: &[&'static str]) {
    let missing: Vec<&str> =
        wanted.iter().copied().filter(|package| !is_installed(package)).collect();
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
