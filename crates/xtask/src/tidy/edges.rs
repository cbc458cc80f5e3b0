//! Who may know whom among the crates.

use cargo_metadata::{DependencyKind, Metadata};

/// A crate and the crates of ours that its code may use. Development-only
/// dependencies are free, but nothing that ships may use `testkit`.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("model", &[]),
    ("knowledge", &[]),
    ("imds", &[]),
    ("credentials", &[]),
    ("wire", &["model"]),
    ("analysis", &["model", "knowledge"]),
    ("store", &["model", "unify"]),
    ("ingest", &["store", "analysis", "wire", "model"]),
    ("web", &["ingest", "wire", "store", "analysis", "model", "knowledge"]),
    ("hotspan", &["web", "ingest", "store", "analysis", "wire", "model", "knowledge"]),
    ("agent", &["credentials", "imds", "knowledge"]),
    ("testkit", &["model", "wire"]),
    ("unify", &[]),
    ("bench", &[]),
    ("bench-agent", &[]),
    ("xtask", &["testkit", "analysis", "model"]),
];

pub(super) fn check(metadata: &Metadata) -> Vec<String> {
    let mut broken = Vec::new();
    for package in metadata.workspace_packages() {
        let room = room(&package.name);
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == room) else {
            broken.push(format!("crates/{room}: not in the table of crate edges"));
            continue;
        };
        for dependency in &package.dependencies {
            let theirs = dependency.path.is_some() && dependency.kind == DependencyKind::Normal;
            if theirs && !allowed.contains(&self::room(&dependency.name)) {
                let name = self::room(&dependency.name);
                broken.push(format!("crates/{room}/Cargo.toml: `{room}` may not know `{name}`"));
            }
        }
    }
    broken
}

fn room(package: &str) -> &str {
    package.strip_prefix("hotspan-").unwrap_or(package)
}
