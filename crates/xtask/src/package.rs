//! `cargo xtask package`: the Debian packages of both programs in
//! `target/debian`, and whether they are what they should be: what is in them,
//! what their services may do, and that nothing is left when they are gone.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use cargo_metadata::Metadata;

use crate::{setup, step};

mod contents;
mod notices;
mod trial;
mod units;

/// A package: what it is called, and the folder of its crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) folder: &'static str,
}

pub(crate) const PACKAGES: [Package; 2] = [
    Package { name: "hotspan-agent", folder: "crates/agent" },
    Package { name: "hotspan", folder: "crates/hotspan" },
];

/// Makes and checks the packages, or the one that is named. Without a build,
/// programs are taken as they are in the release folder.
pub(crate) fn run(root: &Path, only: Option<&str>, no_build: bool) -> anyhow::Result<()> {
    let wanted: Vec<_> = PACKAGES
        .into_iter()
        .filter(|package| only.is_none_or(|name| name == package.name))
        .collect();
    if wanted.is_empty() {
        bail!("there is no package {}; there are hotspan-agent and hotspan", only.unwrap_or(""));
    }
    let metadata = metadata(root)?;
    if !no_build {
        build(root, &wanted)?;
    }
    let cargo_deb = setup::deb::cargo_deb(root)?;
    let mut made = Vec::new();
    for package in wanted {
        notices::write(&metadata, package.name)?;
        let file = make(root, &cargo_deb, &metadata, package)?;
        contents::check(&file, package)?;
        lint(root, &file)?;
        made.push(file);
    }
    println!("{}", units::check(root)?);
    trial::run(root, &made)
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    let mut command = cargo_metadata::MetadataCommand::new();
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let options = ["--locked".to_owned(), "--filter-platform".to_owned(), platform];
    let metadata = command.manifest_path(root.join("Cargo.toml")).other_options(options).exec();
    metadata.context("cargo metadata")
}

fn build(root: &Path, packages: &[Package]) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked"]);
    for package in packages {
        cargo.args(["--package", package.name]);
    }
    step::run(root, "release build", &mut cargo)
}

fn make(
    root: &Path,
    cargo_deb: &Path,
    metadata: &Metadata,
    package: Package,
) -> anyhow::Result<PathBuf> {
    let folder = metadata.target_directory.as_std_path().join("debian");
    std::fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{}.deb", package.name));
    let mut command = Command::new(cargo_deb);
    command.args(["--no-build", "--locked", "--package", package.name, "--output"]).arg(&file);
    step::run(root, "package", &mut command)?;
    let unpacked =
        step::output(Command::new("dpkg-deb").arg("--field").arg(&file).arg("Installed-Size"))?;
    println!(
        "{}: {} KiB, installed {} KiB",
        file.display(),
        std::fs::metadata(&file)?.len() / 1_024,
        unpacked.trim()
    );
    Ok(file)
}

/// What Debian's own checker says. Warnings are shown, errors fail.
fn lint(root: &Path, file: &Path) -> anyhow::Result<()> {
    if !step::succeeds(Command::new("lintian").arg("--version")) {
        println!("skipped: lintian: this machine does not have it");
        return Ok(());
    }
    step::run(root, "lintian", Command::new("lintian").args(["--fail-on", "error"]).arg(file))
}
