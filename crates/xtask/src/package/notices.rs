//! The licences and notices of the crates that a program contains, as their
//! licences ask for: what they are under, and each text once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;
use cargo_metadata::{DependencyKind, Metadata, Package, PackageId};

/// How files with such texts begin.
const NAMES: [&str; 7] =
    ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE", "AUTHORS"];
/// Debian keeps this text for all.
const APACHE: &str = "Apache License Version 2.0, January 2004";

/// Writes `NAME.notices` beside the program.
pub(super) fn write(metadata: &Metadata, program: &str) -> anyhow::Result<()> {
    let crates = linked(metadata, program)?;
    let text = text(program, &crates)?;
    let folder = metadata.target_directory.as_std_path().join("release");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join(format!("{program}.notices")), &text)?;
    println!("{program}: notices of {} crates, {} KiB", crates.len(), text.len() / 1_024);
    Ok(())
}

/// The crates of others in the program: what it needs to run, and what that needs.
fn linked<'a>(metadata: &'a Metadata, program: &str) -> anyhow::Result<Vec<&'a Package>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata has no dependencies")?;
    let nodes: HashMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let own = metadata.workspace_packages();
    let begin = own.iter().find(|package| package.name.as_str() == program);
    let mut open = vec![&begin.with_context(|| format!("there is no crate {program}"))?.id];
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let node = nodes.get(id).with_context(|| format!("{id} is not resolved"))?;
        let runs = node.deps.iter().filter(|dependency| {
            dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        });
        open.extend(runs.map(|dependency| &dependency.pkg));
    }
    let others = metadata
        .packages
        .iter()
        .filter(|package| seen.contains(&package.id) && own.iter().all(|own| own.id != package.id));
    let mut others: Vec<_> = others.collect();
    others.sort_by(|left, right| (&left.name, &left.version).cmp(&(&right.name, &right.version)));
    Ok(others)
}

fn text(program: &str, crates: &[&Package]) -> anyhow::Result<String> {
    let mut out = format!("{program} contains these crates.\n\n");
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in crates {
        let name = format!("{} {}", package.name, package.version);
        let licence = package.license.as_deref().unwrap_or("see below");
        write!(out, "{name}: {licence}")?;
        if !package.authors.is_empty() {
            write!(out, ", by {}", package.authors.join(", "))?;
        }
        out.push('\n');
        let folder = package.manifest_path.parent().context("a manifest without a folder")?;
        for text in notices(folder.as_std_path())? {
            texts.entry(text).or_default().push(name.clone());
        }
    }
    out.push_str("\nThe Apache License, version 2.0: /usr/share/common-licenses/Apache-2.0\n");
    for (text, names) in texts {
        write!(out, "\n{}\n{}:\n\n{text}\n", "-".repeat(79), names.join(", "))?;
    }
    Ok(out)
}

/// Texts in a crate's folder, without the one that Debian has.
fn notices(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if !NAMES.iter().any(|begin| name.starts_with(begin)) || !entry.file_type()?.is_file() {
            continue;
        }
        let bytes = std::fs::read(entry.path())?;
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let words = text.split_whitespace().take(40).collect::<Vec<_>>().join(" ");
        if !words.contains(APACHE) {
            texts.push(text.trim_end().to_owned());
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crate_of_the_agent_is_named_and_texts_are_there_once() {
        let metadata = crate::package::metadata(&crate::workspace_root()).expect("metadata");
        let crates = linked(&metadata, "hotspan-agent").expect("a crate");
        let names: Vec<_> = crates.iter().map(|package| package.name.as_str()).collect();
        // Straight, by way of another, and for tests only.
        for (name, is_linked) in [("tokio", true), ("mio", true), ("expect-test", false)] {
            assert_eq!(names.contains(&name), is_linked, "{name}: {names:?}");
        }
        assert!(names.iter().all(|name| !name.starts_with("hotspan")), "{names:?}");
        let text = text("hotspan-agent", &crates).expect("text");
        for package in &crates {
            assert!(text.contains(&format!("\n{} {}: ", package.name, package.version)), "{text}");
        }
        assert!(text.contains("Permission is hereby granted"), "the MIT licence asks for it");
        // Debian has it; some crates have it in one file with another.
        let apache = text.matches("TERMS AND CONDITIONS FOR USE, REPRODUCTION").count();
        assert!(apache < 3, "{apache} times");
    }
}
