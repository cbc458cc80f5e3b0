//! `cargo xtask score`: what the detectors find in the labelled corpus, against
//! what its labels say. Here the steps are named and the marks stand; nothing
//! here looks for anything.

mod judge;
mod labels;
mod observed;
mod silence;
mod table;
mod wilson;

use std::path::Path;

use anyhow::bail;
use hotspan_testkit::corpus::corpus_dir;

use judge::{Judged, Tallies};
use labels::App;
use table::Part;

/// The part of the corpus that thresholds may be tuned on.
const TUNING: &str = "tuning";
/// The part that is only scored.
const SCORED: &str = "scored";
/// What precision and recall over the scored part must reach.
const OVERALL_MIN: f64 = 0.95;
/// What precision and recall of each detector over the scored part must reach.
const DETECTOR_MIN: f64 = 0.85;

/// Scores both parts and the clean runs; fails under the marks.
pub(crate) fn run() -> anyhow::Result<()> {
    let outcome = outcome(&corpus_dir())?;
    for line in &outcome.lines {
        println!("{line}");
    }
    if outcome.broken.is_empty() {
        return Ok(());
    }
    outcome.broken.iter().for_each(|line| println!("{line}"));
    bail!("score: {} marks are not reached", outcome.broken.len());
}

/// What a run has to say.
struct Outcome {
    /// Tables and lists, for people.
    lines: Vec<String>,
    /// Marks that are not reached.
    broken: Vec<String>,
}

fn outcome(corpus: &Path) -> anyhow::Result<Outcome> {
    let mut lines = Vec::new();
    let mut broken = Vec::new();
    for name in [TUNING, SCORED] {
        let apps = labels::apps(&corpus.join(name))?;
        let unknown = labels::unknown_detectors(&apps);
        broken.extend(unknown.iter().map(|slug| format!("{name}: no detector is called `{slug}`")));
        let judged = judge_all(&apps)?;
        let tallies = Tallies::of(&judged);
        lines.extend(Part { name, apps: &apps, judged: &judged, tallies: &tallies }.lines());
        if name == SCORED {
            broken.extend(under_the_marks(&tallies));
        }
        for app in &apps {
            let silence = silence::of(app);
            lines.push(silence.line(&app.name));
            broken.extend(silence.found.iter().map(|found| format!("clean {}: {found}", app.name)));
        }
    }
    Ok(Outcome { lines, broken })
}

fn judge_all(apps: &[App]) -> anyhow::Result<Vec<Judged>> {
    let mut judged = Vec::new();
    for app in apps {
        for file in app.files() {
            let findings = observed::findings_by_trace(&app.recording(file));
            for segment in app.segments.iter().filter(|segment| segment.file == *file) {
                judged.push(judge::judge(app, segment, &findings)?);
            }
        }
    }
    Ok(judged)
}

/// The marks that the scored part does not reach, in words.
fn under_the_marks(tallies: &Tallies) -> Vec<String> {
    let mut broken = Vec::new();
    let total = tallies.total();
    let each = tallies.by_detector.iter().map(|(slug, tally)| (slug.as_str(), tally, DETECTOR_MIN));
    for (name, tally, mark) in each.chain([("all detectors", &total, OVERALL_MIN)]) {
        for (what, share) in [("precision", tally.precision()), ("recall", tally.recall())] {
            if share.is_some_and(|share| share < mark) {
                let share = share.unwrap_or_default();
                broken.push(format!("{name}: {what} {share:.3} is below {mark}"));
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The marks, for everyone who runs the tests.
    #[test]
    fn the_scored_part_reaches_the_marks() {
        let outcome = outcome(&corpus_dir()).expect("the corpus is readable");
        assert!(
            outcome.broken.is_empty(),
            "{}\n{}",
            outcome.lines.join("\n"),
            outcome.broken.join("\n")
        );
    }
}
