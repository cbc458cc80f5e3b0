//! Installs the program that makes Debian packages. It takes minutes to build,
//! so only `cargo xtask package` asks for it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step;

/// Any of this major version: what it makes is checked afterwards.
const VERSION: &str = "^3";

/// Where `cargo-deb` is; built if it is not there yet.
pub(crate) fn cargo_deb(root: &Path) -> anyhow::Result<PathBuf> {
    let folder = root.join("target/live/cargo-deb");
    let program = folder.join("bin/cargo-deb");
    if !program.exists() {
        let mut cargo = Command::new("cargo");
        cargo.args(["install", "cargo-deb", "--locked", "--version", VERSION, "--root"]);
        step::run(root, "cargo-deb", cargo.arg(&folder))?;
    }
    Ok(program)
}
