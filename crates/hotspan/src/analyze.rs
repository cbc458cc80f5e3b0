//! `hotspan analyze FILE…`: the server's analysis over exported traces.
//!
//! Every file is read before anything is analysed, because one trace may be
//! spread over several. What a file holds is found out in [`input`]; how the
//! result reads in [`json`] and [`text`]. No store, no network.

mod input;
mod json;
mod profiles;
mod text;

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use hotspan_model::{Finding, Span, TraceId};
use indicatif::{ProgressBar, ProgressStyle};

/// The project that spans from files belong to.
const PROJECT: &str = "default";
/// Nothing was found.
const EXIT_NOTHING: u8 = 0;
/// At least one finding.
const EXIT_FINDINGS: u8 = 1;
/// A file could not be used; the result is of the others.
const EXIT_UNUSABLE: u8 = 2;

/// Arguments of `hotspan analyze`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing found, 1 findings, 2 a file was unusable \
                        (what the others hold is still printed).")]
pub(crate) struct Arguments {
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// OTLP (JSON, one JSON request a line, or protobuf), Sentry envelopes or
    /// single Sentry events; plain, gzip or zstd.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Sentences for people.
    Text,
    /// One JSON document.
    Json,
}

/// What all files together show.
struct Report {
    traces: usize,
    findings: Vec<Finding>,
}

/// Reads, analyses, prints; the exit code says what was found.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (spans, unusable) = read_all(&arguments.files);
    let report = analyse(spans);
    let mut out = std::io::stdout().lock();
    match arguments.format {
        Format::Json => json::write(&mut out, &report),
        Format::Text => text::write(&mut out, &report),
    }
    .and_then(|()| out.flush())
    .context("write the result to standard output")?;
    Ok(ExitCode::from(match (unusable, report.findings.is_empty()) {
        (true, _) => EXIT_UNUSABLE,
        (false, true) => EXIT_NOTHING,
        (false, false) => EXIT_FINDINGS,
    }))
}

/// The spans of every file that can be used, and whether one cannot.
fn read_all(files: &[PathBuf]) -> (Vec<Span>, bool) {
    let progress = progress_bar(files.len());
    let (mut spans, mut unusable) = (Vec::new(), false);
    for file in files {
        match input::read(file, PROJECT) {
            Ok(decoded) => {
                for rejection in &decoded.rejections {
                    say(&progress, &format!("{}: {}", file.display(), rejection.message));
                }
                spans.extend(decoded.spans);
            }
            Err(error) => {
                unusable = true;
                say(&progress, &format!("error: {}: {error:#}", file.display()));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    (spans, unusable)
}

/// A bar on the terminal; nothing when standard error goes elsewhere.
fn progress_bar(files: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("reading {bar:30} {pos}/{len} files {eta}");
    ProgressBar::new(files as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A line for the person, around the bar if there is one.
fn say(progress: &ProgressBar, line: &str) {
    // Standard error may be closed; then nobody is there to read the line.
    progress.suspend(|| {
        let _ = writeln!(std::io::stderr(), "{line}");
    });
}

/// Puts traces together and looks at each, then at each endpoint as a whole.
fn analyse(spans: Vec<Span>) -> Report {
    let project: Arc<str> = Arc::from(PROJECT);
    let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    let mut seen = std::collections::HashSet::new();
    for span in spans {
        // The same file twice, or a client's retry, is one span.
        if seen.insert(hotspan_wire::content_hash(&span)) {
            traces.entry(span.trace_id).or_default().push(span);
        }
    }
    let records: Vec<_> = traces
        .values()
        .flat_map(|spans| hotspan_analysis::trace_view(&project, spans).records)
        .collect();
    let profiles = profiles::of(&records);
    let mut findings: Vec<Finding> =
        records.into_iter().flat_map(|record| record.findings).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.wall_ns));
    findings.extend(profiles.iter().flat_map(hotspan_analysis::analyze_profile));
    Report { traces: traces.len(), findings }
}
