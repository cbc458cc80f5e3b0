//! The result as SARIF 2.1.0, for code scanning. One rule for each detector,
//! one result for each issue. A trace has no place in the source, so a result
//! points to the service and endpoint (a logical location) and to the file
//! that the trace was read from.
//!
//! Which fields are there beyond the standard's own demands is what GitHub's
//! "SARIF support for code scanning" requires.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Component, Path};

use hotspan_model::Finding;
use serde_json::{Value, json};

use super::Report;
use super::baseline::State;
use super::judgement::Judgement;
use super::text::{cards, sentence};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Fixes named in a message; the first ones are the best.
const FIXES_MAX: usize = 2;

pub(super) fn write(
    out: &mut impl Write,
    report: &Report,
    judgement: &Judgement<'_>,
) -> std::io::Result<()> {
    let cards = cards(&report.findings);
    let rules = rules(&report.findings);
    let results: Vec<Value> = cards
        .iter()
        .filter_map(|card| Some((card, *card.first()?)))
        .map(|(card, first)| result(card, first, &rules, report, judgement))
        .collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "Hotspan",
                "version": env!("CARGO_PKG_VERSION"),
                "informationUri": env!("CARGO_PKG_REPOSITORY"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|(slug, title)| rule(slug, title)).collect::<Vec<_>>(),
            }},
            "automationDetails": {"id": "hotspan/"},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    writeln!(out)
}

/// Every detector, whether it found something or not: rules stay the same
/// from run to run. One that only this result knows comes last.
fn rules(findings: &[Finding]) -> Vec<(String, String)> {
    let known = hotspan_analysis::known_detectors();
    let mut rules: Vec<(String, String)> =
        known.map(|(slug, title)| (slug.to_owned(), title.to_owned())).collect();
    for finding in findings {
        if !rules.iter().any(|(slug, _)| *slug == finding.detector) {
            rules.push((finding.detector.clone(), finding.subject.clone()));
        }
    }
    rules
}

fn rule(slug: &str, title: &str) -> Value {
    let full = format!(
        "{title}. Found in traces of running requests; the message of a result has the \
         measured share of time, the cause and what to change."
    );
    json!({
        "id": slug,
        "name": slug,
        "shortDescription": {"text": title},
        "fullDescription": {"text": full},
        "help": {
            "text": format!("{full} See docs/analyze.md of Hotspan."),
        },
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["performance"], "problem.severity": "warning"},
    })
}

fn result(
    card: &[&Finding],
    first: &Finding,
    rules: &[(String, String)],
    report: &Report,
    judgement: &Judgement<'_>,
) -> Value {
    let verdict = judgement.verdict(first);
    let level = match (verdict.fails, verdict.state) {
        (true, _) => "error",
        (false, Some(State::Known(_))) => "note",
        (false, _) => "warning",
    };
    let mut result = json!({
        "ruleId": first.detector,
        "ruleIndex": rules.iter().position(|(slug, _)| *slug == first.detector),
        "level": level,
        "message": {"text": message(card, first)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(report.file_of(first.trace_id))},
                // GitHub shows no result without a place in its file.
                "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1},
            },
            "logicalLocations": [{
                "name": &*first.endpoint.name,
                "fullyQualifiedName": format!("{}/{}", first.endpoint.service, first.endpoint.name),
                "kind": "function",
            }],
        }],
        "partialFingerprints": {
            // The only name that GitHub reads.
            "primaryLocationLineHash": first.fingerprint,
            "hotspan/v1": first.fingerprint,
        },
        "properties": {
            "service": &*first.endpoint.service,
            "endpoint": &*first.endpoint.name,
            "trace_id": first.trace_id.to_string(),
            "share_of_wall": first.share_of_wall(),
        },
    });
    if let Some(state) = verdict.state {
        result["baselineState"] = json!(match state {
            State::New => "new",
            State::Known(_) => "unchanged",
            State::Grown(_) => "updated",
        });
    }
    result
}

/// The figures come first: where there is little room, only the first sentence
/// is shown.
fn message(card: &[&Finding], first: &Finding) -> String {
    let mut text = format!("{}: {}", first.endpoint.name, sentence(card));
    let cause = &first.cause;
    // Writing to a String cannot fail.
    let _ = write!(text, "\nCause ({}): {}", cause.confidence.slug(), cause.text);
    for fix in first.fixes.iter().take(FIXES_MAX) {
        let _ = write!(text, "\nFix ({}): {}.", fix.language.label(), fix.title);
    }
    text
}

/// A path as a URI reference: relative to where the command runs, as code
/// scanning wants it, else a `file:` URI.
fn uri(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let relative = path.strip_prefix(&here).unwrap_or(path);
    let mut uri = String::new();
    for part in relative.components() {
        match part {
            Component::CurDir => continue,
            Component::RootDir | Component::Prefix(_) => uri = "file://".to_owned(),
            Component::ParentDir | Component::Normal(_) => {}
        }
        if !uri.is_empty() && !matches!(part, Component::RootDir) {
            uri.push('/');
        }
        if let Component::Normal(name) = part {
            push_encoded(&mut uri, &name.to_string_lossy());
        } else if part == Component::ParentDir {
            uri.push_str("..");
        }
    }
    uri
}

/// Everything that a path of a URI may not have as it is, in percent form.
fn push_encoded(uri: &mut String, name: &str) {
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(byte));
            }
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn paths_become_uris() {
        let here = std::env::current_dir().expect("there is one");
        for (path, expected) in [
            (PathBuf::from("traces.json"), "traces.json"),
            (PathBuf::from("./out/a b.json"), "out/a%20b.json"),
            (PathBuf::from("../spans#1.json"), "../spans%231.json"),
            (here.join("out/traces.json"), "out/traces.json"),
            (PathBuf::from("/tmp/é.json"), "file:///tmp/%C3%A9.json"),
        ] {
            assert_eq!(uri(&path), expected, "{}", path.display());
        }
    }
}
