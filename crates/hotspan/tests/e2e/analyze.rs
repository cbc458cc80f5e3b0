//! `hotspan analyze` over recorded requests: shares to a point, exit codes, the
//! formats of other tools, and what CI needs of it.

mod ci;

use std::path::PathBuf;
use std::process::{Command, Output};

use libtest_mimic::Trial;
use serde_json::Value;

use crate::captures::{CASES, Expected};
use crate::incident::{check, number};
use crate::server::{Outcome, binary, list};

/// A recorded request, the share of its entry span in per cent, lookups, and
/// how far the share may be off. The shares are the union of the metadata
/// calls over the entry span, computed apart from this project; those of lost
/// tokens add the time-outs that the SDK did not report.
const SHARES: [(&str, f64, f64, f64); 24] = [
    ("otel-node-0.223.0-proto/healthy-b", 32.33, 5.0, 1.0),
    ("otel-node-0.223.0-proto/token_swallow-b", 88.62, 2.0, 1.0),
    ("otel-node-0.223.1-json/healthy-b", 18.31, 5.0, 1.0),
    ("otel-node-0.223.1-json/token_swallow-b", 77.48, 2.0, 1.0),
    ("otel-python-1.45.1/healthy-c", 2.26, 5.0, 1.0),
    ("otel-python-1.45.1/token_swallow-c", 53.68, 2.0, 1.0),
    ("otel-ruby-sdk-1.6.0-exporter-0.29.1/healthy-b", 10.94, 5.0, 1.0),
    ("otel-ruby-sdk-1.6.0-exporter-0.29.1/token_swallow-b", 87.76, 2.0, 1.0),
    ("sentry-node-11.12.0/healthy-b", 27.60, 10.0, 1.0),
    ("sentry-node-11.12.0/healthy-b", 31.89, 10.0, 1.0),
    ("sentry-node-11.12.0/token_swallow-b", 65.77, 3.0, 1.0),
    ("sentry-python-2.75.0/healthy-c", 2.46, 10.0, 1.0),
    ("sentry-python-2.75.0/token_swallow-c", 50.64, 3.0, 1.0),
    ("sentry-ruby-5.3.0/healthy-b", 10.65, 10.0, 1.0),
    ("sentry-ruby-5.3.0/healthy-b", 16.35, 10.0, 1.0),
    ("sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0", 32.97, 100.0, 1.0),
    ("sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0", 25.93, 100.0, 1.0),
    ("sentry-ruby-5.3.0/token_swallow-b", 72.0, 3.0, 2.0),
    ("sentry-ruby-5.3.0/token_swallow-b", 88.0, 3.0, 2.0),
    ("sentry-ruby-6.6.2/healthy-b", 3.19, 10.0, 1.0),
    ("sentry-ruby-6.6.2/healthy-b", 21.77, 10.0, 1.0),
    ("sentry-ruby-6.6.2/seedrep-presign100-b-IPR0-0", 32.67, 100.0, 1.0),
    ("sentry-ruby-6.6.2/token_swallow-b", 49.5, 3.0, 1.0),
    ("sentry-ruby-6.6.2/token_swallow-b", 93.0, 3.0, 1.0),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("analyze::shares", shares),
        Trial::test("analyze::an_unusable_file_is_named_and_the_rest_analysed", unusable),
    ];
    trials.extend(ci::trials());
    trials.extend(CASES.iter().map(|(case, expected)| {
        Trial::test(format!("analyze::{case}"), move || exit_code(case, expected))
    }));
    trials
}

fn shares() -> Outcome {
    let mut table = String::new();
    for (case, expected, lookups, tolerance) in SHARES {
        let (_, report) = analyze(&bodies(case));
        let nearest = list(&report, "findings")
            .iter()
            .filter(|finding| finding["scope"] == "trace")
            .map(|finding| (number(finding, "share_of_wall").unwrap_or(0.0) * 100.0, finding))
            .min_by(|(left, _), (right, _)| {
                (left - expected).abs().total_cmp(&(right - expected).abs())
            });
        let Some((share, finding)) = nearest else {
            return Err(format!("{case}: nothing found").into());
        };
        table.push_str(&format!(
            "{case:55} {expected:6.2} {share:6.2} {}\n",
            finding["cause"]["code"]
        ));
        check(
            (share - expected).abs() <= tolerance,
            &format!("{case}: {expected}%, not {share}%"),
            finding,
        )?;
        check(
            finding["lookups"].as_f64() == Some(lookups),
            &format!("{case}: {lookups} lookups"),
            finding,
        )?;
        check(
            finding["evidence"].as_array().is_some_and(|spans| !spans.is_empty()),
            "evidence",
            finding,
        )?;
    }
    println!("recorded case, expected and found share in per cent, cause\n{table}");
    Ok(())
}

fn exit_code(case: &str, expected: &Expected) -> Outcome {
    let (code, report) = analyze(&bodies(case));
    let wanted = if matches!(expected, Expected::Quiet) { 0 } else { 1 };
    check(code == Some(wanted), &format!("exit code {wanted}, not {code:?}"), &report)
}

fn unusable() -> Outcome {
    let folder = tempfile::tempdir()?;
    let broken = folder.path().join("broken.json");
    std::fs::write(&broken, "{ not json")?;
    let mut files = bodies("sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0");
    files.push(broken);
    let (code, report) = analyze(&files);
    check(code == Some(2), &format!("exit code 2, not {code:?}"), &report)?;
    check(!list(&report, "findings").is_empty(), "the other files' findings", &report)
}

/// The files of a case, as a person would pass them.
fn bodies(case: &str) -> Vec<PathBuf> {
    let folder = hotspan_testkit::fixtures::captures_dir().join(case);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the case is there")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "body"))
        .collect();
    files.sort();
    files
}

fn analyze(files: &[PathBuf]) -> (Option<i32>, Value) {
    analyze_with(&["--format", "json"], files)
}

/// Runs the command with flags that make it print JSON.
fn analyze_with(flags: &[&str], files: &[PathBuf]) -> (Option<i32>, Value) {
    let output = run(flags, files);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let text = String::from_utf8_lossy(&output.stdout);
        Value::String(format!("not JSON: {error}: {text}"))
    });
    (output.status.code(), report)
}

fn run(flags: &[&str], files: &[PathBuf]) -> Output {
    Command::new(binary("hotspan"))
        .arg("analyze")
        .args(flags)
        .args(files)
        .output()
        .expect("hotspan starts")
}
