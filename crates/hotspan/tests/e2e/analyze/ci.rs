//! `hotspan analyze` as a CI job uses it: other tools' files, thresholds,
//! baselines, SARIF, and what it says when it is called wrongly.

use std::path::{Path, PathBuf};

use hotspan_testkit::decode::spans_of_case;
use hotspan_testkit::{jaeger, zipkin};
use libtest_mimic::Trial;
use serde_json::Value;

use super::{analyze, analyze_with, bodies, run};
use crate::captures::{CASES, Expected};
use crate::incident::check;
use crate::server::{Outcome, list};

/// A request with a hundred lookups that take a third of its time.
const INCIDENT: &str = "sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0";
/// Five lookups in a request, and the same endpoint with a shared client.
const FAULTY: &str = "otel-node-0.223.0-proto/healthy-b";
const REPAIRED: &str = "otel-node-0.223.0-proto/healthy-a";

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("analyze::files_of_jaeger_and_zipkin", other_tools),
        Trial::test("analyze::thresholds", thresholds),
        Trial::test("analyze::baseline", baseline),
        Trial::test("analyze::sarif", sarif),
        Trial::test("analyze::called_wrongly", called_wrongly),
    ]
}

/// Every recorded OTLP case, as Jaeger and as Zipkin would give it back, ends
/// with the same exit code and the same causes.
fn other_tools() -> Outcome {
    let folder = tempfile::tempdir()?;
    for (case, expected) in CASES.iter().filter(|(case, _)| case.starts_with("otel-")) {
        let spans = spans_of_case(case);
        for (tool, body) in
            [("jaeger", jaeger::jaeger_json(&spans)), ("zipkin", zipkin::zipkin_json(&spans))]
        {
            let file = folder.path().join(format!("{tool}.json"));
            std::fs::write(&file, body.to_string())?;
            let (code, report) = analyze(&[file]);
            let (wanted, cause) = match expected {
                Expected::Quiet => (0, None),
                Expected::Lookup(cause, _) => (1, Some(*cause)),
            };
            let what = format!("{case} through {tool}: exit code {wanted}, not {code:?}");
            check(code == Some(wanted), &what, &report)?;
            let same = |finding: &Value| finding["cause"]["code"].as_str() == cause;
            check(
                list(&report, "findings").iter().all(same),
                &format!("{case}: {cause:?}"),
                &report,
            )?;
        }
    }
    Ok(())
}

/// Flags, and whether the incident fails the run with them.
const THRESHOLDS: [(&[&str], bool); 12] = [
    (&[], true),
    (&["--fail-on", "share=5%"], true),
    (&["--fail-on", "share=60%"], false),
    (&["--fail-on", "wall=50ms"], true),
    (&["--fail-on", "wall=30s"], false),
    (&["--fail-on", "lookups=100"], true),
    (&["--fail-on", "lookups=101"], false),
    (&["--fail-on", "calls=300"], true),
    (&["--fail-on", "detector=credential-lookup"], true),
    (&["--fail-on", "detector=credential-lookup,share=60%"], false),
    (&["--fail-on", "share=60%", "--fail-on", "lookups=100"], true),
    (&["--fail-on", "share=60%", "--fail-on", "wall=30s"], false),
];

fn thresholds() -> Outcome {
    for (flags, fails) in THRESHOLDS {
        let (code, report) =
            analyze_with(&[flags, &["--format", "json"][..]].concat(), &bodies(INCIDENT));
        let what = format!("{flags:?}: fails {fails}, exit code {code:?}");
        check(code == Some(i32::from(fails)), &what, &report)?;
        let findings = list(&report, "findings");
        check(!findings.is_empty(), "findings are printed all the same", &report)?;
        check(findings.iter().any(|found| found["fails"] == fails), &what, &report)?;
    }
    let text = String::from_utf8(run(&["--fail-on", "share=60%"], &bodies(INCIDENT)).stdout)?;
    check(text.contains("Below what --fail-on asks for."), "the text says so", &text.into())
}

/// A baseline makes what it has known, until it grows; what is not there any
/// more is gone, but only if its endpoint was looked at.
fn baseline() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("baseline.json");
    let path = text_of(&file);
    let both = [bodies(FAULTY), bodies(INCIDENT)].concat();
    let written = run(&["--write-baseline", path], &both);
    check(written.status.code() == Some(0), "writing accepts findings", &Value::Null)?;
    let with = |flags: &[&str], files: &[PathBuf]| {
        analyze_with(&[&["--format", "json", "--baseline", path][..], flags].concat(), files)
    };
    let state = |report: &Value, state: &str| {
        list(report, "findings").iter().all(|found| found["baseline"] == state)
    };

    let (code, report) = with(&[], &both);
    check(code == Some(0) && state(&report, "known"), "everything is known", &report)?;
    check(list(&report, "gone").is_empty(), "nothing is gone", &report)?;

    let (code, report) = with(&[], &bodies("otel-python-1.45.1/healthy-c"));
    check(code == Some(1) && state(&report, "new"), "another service's is new", &report)?;
    let looked_at = |report: &Value| -> Vec<bool> {
        list(report, "gone").iter().filter_map(|gone| gone["looked_at"].as_bool()).collect()
    };
    check(looked_at(&report) == [false, false], "the others were not looked at", &report)?;

    let (code, report) = with(&[], &bodies(REPAIRED));
    let mut gone = looked_at(&report);
    gone.sort_unstable();
    check(code == Some(0) && gone == [false, true], "one is gone, one not looked at", &report)?;

    // The same result with a tenth of the share is what grew to this one.
    let mut smaller: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
    for found in smaller["findings"].as_array_mut().into_iter().flatten() {
        found["share_of_wall"] = (found["share_of_wall"].as_f64().unwrap_or(0.0) / 10.0).into();
    }
    std::fs::write(&file, smaller.to_string())?;
    let (code, report) = with(&[], &bodies(INCIDENT));
    check(code == Some(1) && state(&report, "grown"), "ten times as much has grown", &report)?;
    let (code, report) = with(&["--baseline-growth", "20x"], &bodies(INCIDENT));
    check(code == Some(0) && state(&report, "known"), "unless that much is allowed", &report)?;
    let (code, report) = with(&["--fail-on", "share=60%"], &bodies(INCIDENT));
    check(code == Some(0) && state(&report, "grown"), "grown, but not bad enough", &report)
}

fn sarif() -> Outcome {
    let known = tempfile::tempdir()?;
    let file = known.path().join("baseline.json");
    run(&["--write-baseline", text_of(&file)], &bodies(FAULTY));
    let both = [bodies(FAULTY), bodies(INCIDENT)].concat();
    for (flags, levels) in [
        (vec![], vec![("error", None), ("error", None)]),
        (vec!["--fail-on", "lookups=50"], vec![("error", None), ("warning", None)]),
        (
            vec!["--baseline", text_of(&file)],
            vec![("error", Some("new")), ("note", Some("unchanged"))],
        ),
    ] {
        let (_, document) = analyze_with(&[&flags[..], &["--format", "sarif"][..]].concat(), &both);
        let results = accepted_by_github(&document)?;
        let mut found: Vec<(&str, Option<&str>)> = results
            .iter()
            .filter(|result| result["ruleId"] == "credential-lookup")
            .map(|result| {
                (result["level"].as_str().unwrap_or_default(), result["baselineState"].as_str())
            })
            .collect();
        found.sort_unstable();
        check(found == levels, &format!("{flags:?}: {levels:?}"), &document)?;
    }
    let (code, document) = analyze_with(&["--format", "sarif"], &bodies(REPAIRED));
    check(code == Some(0) && accepted_by_github(&document)?.is_empty(), "no result", &document)
}

/// The results of a SARIF document that has every field which GitHub's code
/// scanning requires, none of them empty.
fn accepted_by_github(document: &Value) -> Result<&[Value], libtest_mimic::Failed> {
    let text = |value: &Value, pointer: &str| -> Result<String, libtest_mimic::Failed> {
        let text = value.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        check(!text.is_empty() && text.len() < 20_000, &format!("a text at {pointer}"), value)?;
        Ok(text.to_owned())
    };
    text(document, "/$schema")?;
    check(document["version"] == "2.1.0", "version 2.1.0", document)?;
    let [run] = list(document, "runs") else { return Err("not one run".into()) };
    text(run, "/tool/driver/name")?;
    let rules = list(&run["tool"]["driver"], "rules");
    let mut ids = Vec::new();
    for rule in rules {
        ids.push(text(rule, "/id")?);
        for (pointer, most) in [("/shortDescription/text", 1_024), ("/fullDescription/text", 1_024)]
        {
            check(text(rule, pointer)?.len() <= most, "a short description", rule)?;
        }
        text(rule, "/help/text")?;
    }
    let results = run["results"].as_array().ok_or("results is no list")?;
    for result in results {
        let rule = text(result, "/ruleId")?;
        let index = result["ruleIndex"].as_u64().and_then(|at| usize::try_from(at).ok());
        check(index.is_some_and(|at| ids.get(at) == Some(&rule)), "a rule of the list", result)?;
        let level = text(result, "/level")?;
        check(["note", "warning", "error"].contains(&level.as_str()), "a level", result)?;
        let message = text(result, "/message/text")?;
        check(message.contains('%') && message.contains(" ms"), "the figures", result)?;
        text(result, "/partialFingerprints/primaryLocationLineHash")?;
        let uri = text(result, "/locations/0/physicalLocation/artifactLocation/uri")?;
        check(!uri.contains([' ', '\\']), "a URI", result)?;
        for field in ["startLine", "startColumn", "endLine", "endColumn"] {
            let pointer = format!("/locations/0/physicalLocation/region/{field}");
            check(
                result.pointer(&pointer).is_some_and(|at| at.as_u64() >= Some(1)),
                field,
                result,
            )?;
        }
        let name = "/locations/0/logicalLocations/0/fullyQualifiedName";
        check(text(result, name)?.contains('/'), "service and endpoint", result)?;
    }
    Ok(results)
}

/// Flags and what standard error must say; the exit code is 2.
const WRONG: [(&[&str], &str); 8] = [
    (&["--fail-on", "share=5"], "such as 5%"),
    (&["--fail-on", "everything"], "expected share=5%, wall=50ms"),
    (&["--fail-on", "detector=n+1"], "there are credential-lookup"),
    (&["--baseline-growth", "0.5"], "at least 1 such as 2"),
    (&["--baseline", "/nowhere/baseline.json"], "--write-baseline"),
    (&["--baseline", "broken.json"], "is not JSON"),
    (&["--baseline", "other.json"], "has no list of findings"),
    (&["--format", "xml"], "sarif"),
];

fn called_wrongly() -> Outcome {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("broken.json"), "{ not json")?;
    std::fs::write(folder.path().join("other.json"), "{\"traces\": 3}")?;
    for (flags, says) in WRONG {
        let flags: Vec<String> = flags
            .iter()
            .map(|flag| match *flag {
                name @ ("broken.json" | "other.json") => {
                    folder.path().join(name).display().to_string()
                }
                flag => flag.to_owned(),
            })
            .collect();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let output = run(&flags, &bodies(INCIDENT));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        let what = format!("{flags:?}: exit code 2 and `{says}`, not {:?}", output.status.code());
        check(output.status.code() == Some(2) && error.contains(says), &what, &error.into())?;
    }
    let odd = folder.path().join("odd.json");
    std::fs::write(&odd, "[{\"resourceSpans\": []}]")?;
    let output = run(&["--write-baseline", text_of(&folder.path().join("b.json"))], &[odd]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let holds = output.status.code() == Some(2)
        && error.contains("neither OTLP (resourceSpans) nor Jaeger")
        && error.contains("not written")
        && !folder.path().join("b.json").exists();
    check(holds, "an unusable file is named and no baseline written", &error.into())
}

fn text_of(path: &Path) -> &str {
    path.to_str().expect("temporary paths are text")
}
