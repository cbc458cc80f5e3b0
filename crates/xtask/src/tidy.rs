//! `cargo xtask tidy`: the house rules that a compiler does not check.
//!
//! Every rule returns the places that break it, one line each; this file only
//! runs them and counts. A rule is one file below.

mod edges;
mod headers;
mod licences;
mod sizes;
mod words;

use std::path::Path;

use anyhow::bail;

/// A source file of the workspace.
pub(crate) struct Source {
    /// Path from the workspace root, with forward slashes.
    pub(crate) path: String,
    /// Its text.
    pub(crate) text: String,
}

pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let sources = sources(root)?;
    let metadata = cargo_metadata::MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .other_options(["--locked".to_owned()])
        .exec()?;
    let mut broken = headers::check(&sources);
    broken.extend(sizes::check(&sources));
    broken.extend(words::check(&sources));
    broken.extend(edges::check(&metadata));
    broken.extend(licences::check(root, &metadata)?);
    if broken.is_empty() {
        println!(
            "tidy: {} files, {} packages, nothing to mend",
            sources.len(),
            metadata.packages.len()
        );
        return Ok(());
    }
    broken.iter().for_each(|line| println!("{line}"));
    bail!("tidy: {} places break a house rule", broken.len());
}

fn sources(root: &Path) -> anyhow::Result<Vec<Source>> {
    let mut folders = vec![root.join("crates")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source {
                    path: relative(root, &path),
                    text: std::fs::read_to_string(&path)?,
                });
            }
        }
    }
    sources.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(sources)
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}
