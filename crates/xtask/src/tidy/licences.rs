//! Every dependency has a licence that `deny.toml` allows.
//!
//! The list is read from `deny.toml`, so that `cargo deny check` and this
//! check agree; this one needs nothing installed.

use std::path::Path;

use anyhow::Context;
use cargo_metadata::Metadata;

pub(super) fn check(root: &Path, metadata: &Metadata) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(root.join("deny.toml")).context("read deny.toml")?;
    let table: toml::Table = text.parse().context("parse deny.toml")?;
    let allowed: Vec<&str> = table["licenses"]["allow"]
        .as_array()
        .context("deny.toml: licenses.allow is not a list")?
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let exceptions = exceptions(&table);
    Ok(metadata
        .packages
        .iter()
        .filter_map(|package| match &package.license {
            Some(licence) if is_allowed(licence, &allowed) => None,
            Some(licence) if exceptions.contains(&(package.name.as_str(), licence)) => None,
            Some(licence) => Some(format!("{}: licence `{licence}` is not allowed", package.name)),
            None if package.license_file.is_some() => None,
            None => Some(format!("{}: no licence is given", package.name)),
        })
        .collect())
}

/// Pairs of crate and licence that `deny.toml` lets pass by name.
fn exceptions(table: &toml::Table) -> Vec<(&str, &str)> {
    let entries = table["licenses"].get("exceptions").and_then(toml::Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let licence = entry.get("allow")?.as_array()?.first()?.as_str()?;
            Some((entry.get("crate")?.as_str()?, licence))
        })
        .collect()
}

/// `A OR B` needs one allowed side, `A AND B` both; `/` is an old form of OR.
fn is_allowed(expression: &str, allowed: &[&str]) -> bool {
    expression.replace('/', " OR ").split(" OR ").any(|side| {
        side.split(" AND ").all(|licence| {
            let licence = licence.trim_matches(|c: char| c.is_whitespace() || c == '(' || c == ')');
            allowed.contains(&licence)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        for (expression, expected) in [
            ("MIT", true),
            ("MIT/Apache-2.0", true),
            ("GPL-3.0 OR MIT", true),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
        ] {
            assert_eq!(
                is_allowed(expression, &["MIT", "Apache-2.0", "Unicode-3.0"]),
                expected,
                "{expression}"
            );
        }
    }
}
