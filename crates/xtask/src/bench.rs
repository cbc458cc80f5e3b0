//! `cargo xtask bench`: builds what is measured and the load that measures it,
//! and runs the latter. What is measured and how stands in `crates/bench`, and
//! for the agent, which is built without the server, in `crates/bench-agent`.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use crate::step;

pub(crate) fn run(root: &Path, arguments: &[OsString]) -> anyhow::Result<()> {
    let (measured, load, arguments) = match arguments {
        [what, rest @ ..] if what == "agent" => ("hotspan-agent", "hotspan-bench-agent", rest),
        all => ("hotspan", "hotspan-bench", all),
    };
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--locked"]);
    build.args(["--package", measured, "--package", load]);
    step::run(root, "build", &mut build)?;
    let mut bench = Command::new(root.join("target/release").join(load));
    step::run(root, "bench", bench.args(arguments))
}
