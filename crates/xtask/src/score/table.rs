//! The score as people read it: a line for each detector, and each mistake.

use std::collections::BTreeMap;

use super::judge::{Judged, Tallies, Tally};
use super::labels::App;
use super::wilson;

/// A part of the corpus, judged.
pub(super) struct Part<'a> {
    pub(super) name: &'a str,
    pub(super) apps: &'a [App],
    pub(super) judged: &'a [Judged],
    pub(super) tallies: &'a Tallies,
}

impl Part<'_> {
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.title(), header()];
        let segments = self.segments_by_detector();
        for (slug, tally) in &self.tallies.by_detector {
            lines.push(row(slug, segments.get(slug.as_str()).copied(), tally));
        }
        lines.push(row("all detectors", None, &self.tallies.total()));
        lines.extend(self.mistakes());
        lines
    }

    fn title(&self) -> String {
        let names: Vec<&str> = self.apps.iter().map(|app| app.name.as_str()).collect();
        let count = self.judged.len();
        format!("── {}: {count} segments of {}", self.name, names.join(", "))
    }

    /// Segments about each detector: those with something to find, and near misses.
    fn segments_by_detector(&self) -> BTreeMap<&str, (u64, u64)> {
        let mut counts: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for one in self.judged {
            let (wasteful, fine) = counts.entry(&one.about).or_default();
            *(if one.quiet { fine } else { wasteful }) += 1;
        }
        counts
    }

    fn mistakes(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for one in self.judged {
            let Judged { place, why, .. } = one;
            let wrong = one.wrong.iter().map(|slug| ("false positive", slug));
            let missed = one.missed.iter().map(|slug| ("false negative", slug));
            for (what, slug) in wrong.chain(missed) {
                lines.push(format!("   {what} {slug}: {place} ({why})"));
            }
        }
        lines
    }
}

fn header() -> String {
    format!(
        "{:26} {:>8} {:>9} {:>5} {:>7} {:>6} {:>23} {:>23}",
        "detector",
        "wasteful",
        "near miss",
        "found",
        "missed",
        "wrong",
        "precision (95%)",
        "recall (95%)"
    )
}

fn row(slug: &str, segments: Option<(u64, u64)>, tally: &Tally) -> String {
    let (wasteful, fine) = segments.map_or((String::new(), String::new()), |(wasteful, fine)| {
        (wasteful.to_string(), fine.to_string())
    });
    let Tally { hits, missed, wrong } = tally;
    format!(
        "{slug:26} {wasteful:>8} {fine:>9} {hits:>5} {missed:>7} {wrong:>6} {:>23} {:>23}",
        bounds(*hits, hits + wrong),
        bounds(*hits, hits + missed),
    )
}

fn bounds(part: u64, whole: u64) -> String {
    wilson::interval(part, whole).map_or_else(
        || "-".to_owned(),
        |(low, high)| format!("{:.3} ({low:.3}..{high:.3})", part as f64 / whole as f64),
    )
}
