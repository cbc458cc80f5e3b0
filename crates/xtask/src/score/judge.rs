//! Right and wrong: what was found against what the label wants.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use hotspan_model::TraceId;

use super::labels::{App, Labelled};

/// A labelled segment and where the detectors stand on it.
pub(super) struct Judged {
    /// App, recording and request, for lists.
    pub(super) place: String,
    /// The detector that the segment is about.
    pub(super) about: String,
    /// True when nothing is to be found.
    pub(super) quiet: bool,
    /// The label's reason.
    pub(super) why: String,
    /// Wanted and found.
    pub(super) hits: Vec<String>,
    /// Wanted and not found.
    pub(super) missed: Vec<String>,
    /// Found and not wanted.
    pub(super) wrong: Vec<String>,
}

/// Compares. An accepted detector stands in for a wanted one. Fails when the
/// recording lacks the segment.
pub(super) fn judge(
    app: &App,
    segment: &Labelled,
    findings: &BTreeMap<TraceId, BTreeSet<String>>,
) -> anyhow::Result<Judged> {
    let place = format!("{}/{} {}", app.name, segment.file, segment.request);
    let found = findings
        .get(&segment.trace_id()?)
        .with_context(|| format!("{place}: is not in the recording; record it anew"))?;
    let stands_in = segment.accept.iter().any(|slug| found.contains(slug));
    let (hits, missed) =
        segment.expect.iter().cloned().partition(|slug| found.contains(slug) || stands_in);
    let allowed = |slug: &&String| segment.all_named().any(|named| named == *slug);
    Ok(Judged {
        about: segment.file.clone(),
        quiet: segment.expect.is_empty(),
        why: segment.why.clone(),
        wrong: found.iter().filter(|slug| !allowed(slug)).cloned().collect(),
        place,
        hits,
        missed,
    })
}

/// How a detector did.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    /// Wanted and found.
    pub(super) hits: u64,
    /// Wanted and not found.
    pub(super) missed: u64,
    /// Found and not wanted.
    pub(super) wrong: u64,
}

impl Tally {
    /// Which part of what it found was wanted; `None` when it found nothing.
    pub(super) fn precision(&self) -> Option<f64> {
        share(self.hits, self.hits + self.wrong)
    }

    /// Which part of what was wanted it found; `None` when nothing was wanted.
    pub(super) fn recall(&self) -> Option<f64> {
        share(self.hits, self.hits + self.missed)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How every detector did.
pub(super) struct Tallies {
    /// By slug; those that are neither wanted nor found are missing.
    pub(super) by_detector: BTreeMap<String, Tally>,
}

impl Tallies {
    pub(super) fn of(judged: &[Judged]) -> Self {
        let mut by_detector: BTreeMap<String, Tally> = BTreeMap::new();
        for one in judged {
            for slug in &one.hits {
                by_detector.entry(slug.clone()).or_default().hits += 1;
            }
            for slug in &one.missed {
                by_detector.entry(slug.clone()).or_default().missed += 1;
            }
            for slug in &one.wrong {
                by_detector.entry(slug.clone()).or_default().wrong += 1;
            }
        }
        Self { by_detector }
    }

    /// All detectors together.
    pub(super) fn total(&self) -> Tally {
        self.by_detector.values().fold(Tally::default(), |sum, tally| Tally {
            hits: sum.hits + tally.hits,
            missed: sum.missed + tally.missed,
            wrong: sum.wrong + tally.wrong,
        })
    }
}
