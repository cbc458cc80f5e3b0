//! `hotspan analyze FILE…`: the server's analysis over exported traces.
//!
//! Every file is read before anything is analysed, because one trace may be
//! spread over several. What a file holds is found out in [`input`]; what the
//! result means for a run in CI in [`judgement`]; how it reads in [`json`],
//! [`sarif`] and [`text`]. No store, no network.

mod baseline;
mod input;
mod json;
mod judgement;
mod sarif;
mod text;
mod threshold;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::ValueEnum;
use hotspan_model::{Finding, Span, TraceId};
use indicatif::{ProgressBar, ProgressStyle};

use self::baseline::Baseline;
use self::judgement::{Judgement, Measures};
use self::threshold::Threshold;

/// The project that spans from files belong to.
const PROJECT: &str = "default";
/// Nothing was found that fails the run.
const EXIT_NOTHING: u8 = 0;
/// At least one finding that fails the run.
const EXIT_FINDINGS: u8 = 1;
/// A file could not be used; the result is of the others.
const EXIT_UNUSABLE: u8 = 2;
/// The smallest growth that can be asked for: what is equal has not grown.
const GROWTH_MIN: f64 = 1.0;

/// Arguments of `hotspan analyze`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit codes: 0 nothing found that fails the run, 1 findings that do, \
                        2 a file was unusable (what the others hold is still printed) or the \
                        command was called wrongly.")]
pub(crate) struct Arguments {
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Fail only on findings that meet a threshold: share=5% (of wall time), wall=50ms,
    /// lookups=10, calls=30 (each in a request that has it), detector=NAME. Joined by commas, all
    /// must be met; given again, any may be. [default: every finding fails]
    #[arg(long, value_name = "THRESHOLD", value_parser = Threshold::parse)]
    fail_on: Vec<Threshold>,
    /// An earlier result (`--write-baseline` or `--format json`): what it has is reported as
    /// known and does not fail, unless it has grown.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How many times its share in the baseline a known finding may have: 2 or 2x.
    #[arg(long, value_name = "FACTOR", default_value = "2", value_parser = growth)]
    baseline_growth: f64,
    /// Write the result as a baseline for later runs. Findings do not fail such a run.
    #[arg(long, value_name = "FILE")]
    write_baseline: Option<PathBuf>,
    /// OTLP (JSON, one JSON request a line, or protobuf), Jaeger or Zipkin JSON, Sentry
    /// envelopes or single Sentry events; plain, gzip or zstd.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Sentences for people.
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
}

/// Which file each trace was first seen in.
type Files = HashMap<TraceId, PathBuf>;

/// What all files together show.
struct Report {
    traces: usize,
    findings: Vec<Finding>,
    /// Service and name of every endpoint that was looked at.
    endpoints: BTreeSet<(String, String)>,
    files: Files,
}

impl Report {
    /// The file that a trace was first seen in.
    fn file_of(&self, trace_id: TraceId) -> &Path {
        self.files.get(&trace_id).map_or(Path::new("traces"), PathBuf::as_path)
    }
}

/// `2` and `2x`.
fn growth(text: &str) -> Result<f64, String> {
    let factor = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
    factor.filter(|factor| factor.is_finite() && *factor >= GROWTH_MIN).ok_or_else(|| {
        format!("expected a factor of at least 1 such as 2, 1.5 or 2x, got `{text}`")
    })
}

/// Reads, analyses, judges, prints; the exit code says what was found.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let baseline = match arguments.baseline.as_deref().map(Baseline::read).transpose() {
        Ok(baseline) => baseline,
        Err(error) => {
            complain(&format!("error: {error:#}"));
            return Ok(ExitCode::from(EXIT_UNUSABLE));
        }
    };
    let (spans, files, unusable) = read_all(&arguments.files);
    let report = analyse(spans, files);
    let measures = Measures {
        thresholds: &arguments.fail_on,
        baseline: baseline.as_ref(),
        growth: arguments.baseline_growth,
    };
    let judgement = Judgement::of(&report.findings, &report.endpoints, &measures);
    print(arguments.format, &report, &judgement)?;
    let written = match &arguments.write_baseline {
        Some(path) => write_baseline(path, &report, &judgement, unusable)?,
        None => false,
    };
    Ok(ExitCode::from(match (unusable, judgement.fails() && !written) {
        (true, _) => EXIT_UNUSABLE,
        (false, false) => EXIT_NOTHING,
        (false, true) => EXIT_FINDINGS,
    }))
}

fn print(format: Format, report: &Report, judgement: &Judgement<'_>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match format {
        Format::Text => text::write(&mut out, report, judgement),
        Format::Json => json::write(&mut out, report, judgement),
        Format::Sarif => sarif::write(&mut out, report, judgement),
    }
    .and_then(|()| out.flush())
    .context("write the result to standard output")
}

/// Keeps the result for later runs. A result that lacks a file would make what
/// that file has look new in the next run, so it is not written.
fn write_baseline(
    path: &Path,
    report: &Report,
    judgement: &Judgement<'_>,
    unusable: bool,
) -> anyhow::Result<bool> {
    if unusable {
        complain(&format!(
            "--write-baseline {}: not written, because a file was unusable",
            path.display()
        ));
        return Ok(false);
    }
    let mut document = Vec::new();
    json::write(&mut document, report, judgement)
        .and_then(|()| std::fs::write(path, document))
        .with_context(|| format!("write the baseline to {}", path.display()))?;
    Ok(true)
}

/// The spans of every file that can be used, where each trace was first seen,
/// and whether a file cannot be used.
fn read_all(paths: &[PathBuf]) -> (Vec<Span>, Files, bool) {
    let progress = progress_bar(paths.len());
    let (mut spans, mut files, mut unusable) = (Vec::new(), Files::new(), false);
    for path in paths {
        match input::read(path, PROJECT) {
            Ok(decoded) => {
                for rejection in &decoded.rejections {
                    say(&progress, &format!("{}: {}", path.display(), rejection.message));
                }
                if decoded.spans.is_empty() && decoded.rejections.is_empty() {
                    say(&progress, &format!("{}: holds no spans", path.display()));
                }
                for span in &decoded.spans {
                    files.entry(span.trace_id).or_insert_with(|| path.clone());
                }
                spans.extend(decoded.spans);
            }
            Err(error) => {
                unusable = true;
                say(&progress, &format!("error: {}: {error:#}", path.display()));
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    (spans, files, unusable)
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
    progress.suspend(|| complain(line));
}

/// A line on standard error.
fn complain(line: &str) {
    // It may be closed; then nobody is there to read the line.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Puts traces together and looks at each, then at each endpoint as a whole.
fn analyse(spans: Vec<Span>, files: Files) -> Report {
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
    let profiles = hotspan_analysis::profiles(&records);
    let endpoints = profiles
        .iter()
        .map(|profile| (profile.endpoint.service.to_string(), profile.endpoint.name.to_string()))
        .collect();
    let mut findings: Vec<Finding> =
        records.into_iter().flat_map(|record| record.findings).collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.wall_ns));
    findings.extend(profiles.iter().flat_map(hotspan_analysis::analyze_profile));
    Report { traces: traces.len(), findings, endpoints, files }
}
