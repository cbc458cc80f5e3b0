//! Programs of the Go and Java SDKs, built where their tools are.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::is_fresh;
use crate::step;

/// The folder of their sources.
const SOURCES: &str = "crates/agent/tests/sdks";

/// The program, built. Nothing goes to the folders of whoever runs this.
pub(super) fn go(root: &Path, live: &Path) -> anyhow::Result<PathBuf> {
    let (folder, sources) = (live.join("go"), root.join(SOURCES).join("go"));
    let program = folder.join("sdk");
    // A registry that does not answer must not hold up everything else.
    let mut go = Command::new("timeout");
    go.args(["600", "go"]);
    // Without the flag what is fetched cannot be removed by its owner.
    go.env("GOPATH", folder.join("path")).env("GOFLAGS", "-modcacherw -mod=readonly");
    go.env("GOCACHE", folder.join("cache")).arg("build").arg("-o").arg(&program).arg(".");
    step::run(&sources, "Go SDK", &mut go)?;
    Ok(program)
}

/// The folder with its classes and jars.
pub(super) fn java(root: &Path, live: &Path) -> anyhow::Result<PathBuf> {
    let (folder, sources) = (live.join("java"), root.join(SOURCES).join("java"));
    let class = Path::new("src/main/java/App.java");
    let [pom, code] = ["pom.xml", "App.java"].map(|name| folder.join("installed").join(name));
    if is_fresh(&sources.join("pom.xml"), &pom) && is_fresh(&sources.join(class), &code) {
        return Ok(folder);
    }
    // Maven builds beside its sources, which are not to be built in.
    std::fs::create_dir_all(folder.join("src/main/java"))?;
    std::fs::create_dir_all(folder.join("installed"))?;
    std::fs::copy(sources.join("pom.xml"), folder.join("pom.xml"))?;
    std::fs::copy(sources.join(class), folder.join(class))?;
    let mut maven = Command::new("timeout");
    maven.args(["600", "mvn"]);
    maven.arg("-q").arg("-B").arg(format!("-Dmaven.repo.local={}", live.join("maven").display()));
    maven.args(["compile", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
    step::run(&folder, "Java SDK", &mut maven)?;
    std::fs::copy(sources.join("pom.xml"), pom)?;
    std::fs::copy(sources.join(class), code)?;
    Ok(folder)
}
