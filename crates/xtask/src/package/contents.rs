//! What is in a package: every file, with its mode, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::Package;
use crate::step;

/// Files of a package and their modes as `ls` writes them.
type Files = BTreeMap<String, String>;

const PLAIN: &str = "-rw-r--r--";
const PROGRAM: &str = "-rwxr-xr-x";

fn expected(package: Package) -> Files {
    let rows: &[(&str, &str)] = match package.name {
        "hotspan-agent" => &[
            ("etc/hotspan/agent.toml", PLAIN),
            ("usr/bin/hotspan-agent", PROGRAM),
            ("usr/lib/systemd/system/hotspan-agent-imds.socket", PLAIN),
            ("usr/lib/systemd/system/hotspan-agent.service", PLAIN),
            ("usr/lib/systemd/system/hotspan-agent.socket", PLAIN),
            ("usr/lib/sysusers.d/hotspan-agent.conf", PLAIN),
            ("usr/lib/tmpfiles.d/hotspan-agent.conf", PLAIN),
            ("usr/share/doc/hotspan-agent/agent.md", PLAIN),
            (CHANGELOG, PLAIN),
            ("usr/share/doc/hotspan-agent/copyright", PLAIN),
            ("usr/share/doc/hotspan-agent/third-party-notices.txt", PLAIN),
        ],
        _ => &[
            ("etc/hotspan/hotspan.toml", PLAIN),
            ("usr/bin/hotspan", PROGRAM),
            ("usr/lib/systemd/system/hotspan.service", PLAIN),
            ("usr/lib/sysusers.d/hotspan.conf", PLAIN),
            (CHANGELOG, PLAIN),
            ("usr/share/doc/hotspan/copyright", PLAIN),
            ("usr/share/doc/hotspan/operating.md", PLAIN),
            ("usr/share/doc/hotspan/settings.md", PLAIN),
            ("usr/share/doc/hotspan/third-party-notices.txt", PLAIN),
        ],
    };
    let changelog = format!("usr/share/doc/{}/changelog.Debian.gz", package.name);
    let path = |path: &str| if path == CHANGELOG { changelog.clone() } else { path.to_owned() };
    rows.iter().map(|(name, mode)| (path(name), (*mode).to_owned())).collect()
}

/// Made by cargo-deb from `packaging/changelog`; no asset names it.
const CHANGELOG: &str = "changelog";

pub(super) fn check(file: &Path, package: Package) -> anyhow::Result<()> {
    let listing = step::output(Command::new("dpkg-deb").arg("--contents").arg(file))?;
    let found: Files = listing
        .lines()
        .filter(|line| !line.starts_with('d'))
        .map(|line| entry(line).with_context(|| format!("dpkg-deb: {line}")))
        .collect::<anyhow::Result<_>>()?;
    let expected = expected(package);
    if found != expected {
        bail!("{} has {found:#?}, expected {expected:#?}", file.display());
    }
    let fields = Command::new("dpkg-deb").arg("--info").arg(file).arg("conffiles").output()?;
    let settings = expected.keys().filter(|path| path.starts_with("etc/"));
    let wanted: String = settings.map(|path| format!("/{path}\n")).collect();
    let marked = String::from_utf8_lossy(&fields.stdout).into_owned();
    if marked != wanted {
        bail!("{}: what an upgrade keeps is {marked:?}, expected {wanted:?}", file.display());
    }
    println!("{}: {} files, as expected", package.name, found.len());
    Ok(())
}

/// A line as `tar` writes it: mode, owner, size, date, time, path. All is
/// root's.
fn entry(line: &str) -> Option<(String, String)> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    let [mode, "root/root" | "0/0", _, _, _, path] = parts[..] else { return None };
    Some((path.trim_start_matches("./").to_owned(), mode.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::PACKAGES;

    fn manifest(package: Package) -> toml::Table {
        let path = crate::workspace_root().join(package.folder).join("Cargo.toml");
        std::fs::read_to_string(path).expect("the manifest").parse().expect("TOML")
    }

    /// Source, place and mode of each asset.
    fn assets(package: Package) -> Vec<(String, String, String)> {
        let manifest = manifest(package);
        let rows = manifest["package"]["metadata"]["deb"]["assets"].as_array().expect("a list");
        let text = |value: &toml::Value| value.as_str().expect("text").to_owned();
        rows.iter().map(|row| (text(&row[0]), text(&row[1]), text(&row[2]))).collect()
    }

    #[test]
    fn every_asset_is_expected_and_there() {
        for package in PACKAGES {
            let folder = crate::workspace_root().join(package.folder);
            let mut found = Files::new();
            for (source, place, mode) in assets(package) {
                let name = source.rsplit('/').next().expect("a name");
                let path = if place.ends_with('/') { format!("{place}{name}") } else { place };
                let mode = if mode == "755" { PROGRAM } else { PLAIN };
                found.insert(path, mode.to_owned());
                let is_made = source.starts_with("target/release/");
                assert!(is_made || folder.join(&source).is_file(), "{source} is not there");
            }
            let changelog = format!("usr/share/doc/{}/changelog.Debian.gz", package.name);
            found.insert(changelog, PLAIN.to_owned());
            assert_eq!(found, expected(package));
        }
    }

    #[test]
    fn every_file_for_packages_is_used() {
        for package in PACKAGES {
            let folder = crate::workspace_root().join(package.folder).join("packaging");
            let used: Vec<_> = assets(package).into_iter().map(|(source, ..)| source).collect();
            for entry in std::fs::read_dir(&folder).expect("the folder") {
                let name = entry.expect("an entry").file_name().into_string().expect("text");
                let is_used = used.contains(&format!("packaging/{name}"))
                    || ["scripts", "changelog"].contains(&name.as_str());
                assert!(is_used, "{}: {name} is in no package", package.name);
            }
        }
    }

    #[test]
    fn the_changelog_is_about_this_version() {
        let root = crate::workspace_root();
        let text = std::fs::read_to_string(root.join("Cargo.toml")).expect("the manifest");
        let table: toml::Table = text.parse().expect("TOML");
        let version = table["workspace"]["package"]["version"].as_str().expect("text").to_owned();
        for package in PACKAGES {
            let path = root.join(package.folder).join("packaging/changelog");
            let text = std::fs::read_to_string(path).expect("the changelog");
            let begin = format!("{} ({version}-1) ", package.name);
            assert!(text.starts_with(&begin), "{begin} has no entry in packaging/changelog");
        }
    }

    #[test]
    fn lines_of_the_listing() {
        for (line, expected) in [
            (
                "-rw-r--r-- root/root      1203 2026-11-27 12:00 ./etc/hotspan/agent.toml",
                Some(("etc/hotspan/agent.toml", PLAIN)),
            ),
            ("-rwxr-xr-x 0/0 7 2026-11-27 12:00 usr/bin/x", Some(("usr/bin/x", PROGRAM))),
            ("-rw-r--r-- someone/root 7 2026-11-27 12:00 ./etc/x", None),
        ] {
            let expected = expected.map(|(path, mode)| (path.to_owned(), mode.to_owned()));
            assert_eq!(entry(line), expected, "{line}");
        }
    }
}
