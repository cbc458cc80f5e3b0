//! `cargo xtask bench`: builds the server and the load that measures it, and
//! runs the latter. What is measured and how stands in `crates/bench`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::step;

pub(crate) fn run(root: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked"]);
    build.args(["--package", "hotspan", "--package", "hotspan-bench"]);
    step::run(root, "build", &mut build)?;
    let mut bench = Command::new(root.join("target/release/hotspan-bench"));
    step::run(root, "bench", bench.args(arguments))
}
