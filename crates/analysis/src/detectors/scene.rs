//! What a detector sees of a segment, and where it puts what it finds. Spans
//! belong to the first detector that explains them, so that one waste is one
//! finding.

use hotspan_model::segment::ClassUse;
use hotspan_model::{Finding, UnixNanos};

use super::finding::EVIDENCE_MAX;
use crate::repeats::{Group, Repeats};
use crate::study::Study;
use crate::thresholds::Thresholds;

/// A segment under inspection.
#[derive(Debug)]
pub(crate) struct Scene<'a, 's> {
    /// The segment, worked out.
    pub(crate) study: &'a Study<'s>,
    /// Its uses of watched classes.
    pub(crate) uses: &'a [ClassUse],
    /// What makes a shape worth a finding.
    pub(crate) thresholds: &'a Thresholds,
    /// Calls that repeat.
    pub(crate) repeats: &'a Repeats,
    /// For each span whether a detector has said what it is about.
    explained: Vec<bool>,
    /// What is added up over requests, with its calls and whether it is a
    /// finding as well.
    added: Vec<(ClassUse, Vec<usize>, bool)>,
    /// Stretches without a span that a detector has explained.
    claimed: Vec<(UnixNanos, UnixNanos)>,
    found: Findings,
}

/// Uses that a segment adds: each is a row a minute, so the dearest only.
const USES_MAX: usize = 8;

/// What the detectors found in a segment.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The findings, in the order of their detectors.
    pub(crate) findings: Vec<Finding>,
    /// For each span whether it is part of what a finding is about.
    pub(crate) offenders: Vec<bool>,
    /// What detectors add up over requests, the dearest first.
    pub(crate) uses: Vec<ClassUse>,
}

impl<'a, 's> Scene<'a, 's> {
    /// Nothing found yet. Calls of credential lookups are explained from the
    /// start, whether or not they become a finding.
    pub(super) fn new(
        study: &'a Study<'s>,
        uses: &'a [ClassUse],
        repeats: &'a Repeats,
        thresholds: &'a Thresholds,
    ) -> Self {
        let explained: Vec<bool> = study.lookups.owners.iter().map(Option::is_some).collect();
        let offenders = vec![false; explained.len()];
        let found = Findings { offenders, ..Findings::default() };
        let (added, claimed) = (Vec::new(), Vec::new());
        Self { study, uses, thresholds, repeats, explained, added, claimed, found }
    }

    /// True while no detector has said what the span is about.
    pub(crate) fn is_free(&self, span: usize) -> bool {
        !self.explained[span]
    }

    /// True for a span that a finding is about.
    pub(crate) fn is_reported(&self, span: usize) -> bool {
        self.found.offenders[span]
    }

    /// Takes a stretch of time that no span covers out of what later detectors
    /// see: it is known what was waited for.
    pub(crate) fn claim(&mut self, from: UnixNanos, to: UnixNanos) {
        self.claimed.push((from, to));
    }

    /// True when a part of that time is claimed.
    pub(crate) fn is_claimed(&self, from: UnixNanos, to: UnixNanos) -> bool {
        self.claimed.iter().any(|(start, end)| *start < to && from < *end)
    }

    /// The calls of a group that no detector has explained, by start.
    pub(crate) fn free_calls(&self, group: Group) -> Vec<usize> {
        let calls = self.repeats.spans(group).iter().copied();
        calls.filter(|&call| self.is_free(call)).collect()
    }

    /// Takes spans and everything under them out of what later detectors see,
    /// without a finding: it is known that nothing is wrong with them.
    pub(crate) fn explain(&mut self, spans: impl IntoIterator<Item = usize>) {
        for span in spans {
            self.explained[span] = true;
            for &below in &self.study.tree.order[self.study.paths.below(span)] {
                self.explained[below] = true;
            }
        }
    }

    /// Adds a finding about `spans`, which are explained by it.
    pub(crate) fn report(
        &mut self,
        finding: Finding,
        spans: impl IntoIterator<Item = usize> + Clone,
    ) {
        for span in spans.clone() {
            self.found.offenders[span] = true;
        }
        self.explain(spans);
        let mut known = self.found.findings.iter_mut();
        match known.find(|known| known.fingerprint == finding.fingerprint) {
            Some(known) => add(known, finding),
            None => self.found.findings.push(finding),
        }
    }

    /// Adds a use made of `calls` to what is added up over requests. Unless it
    /// is a finding it explains nothing: a later detector may make more of the
    /// calls, and then the use is dropped.
    pub(crate) fn add_use(&mut self, class_use: ClassUse, calls: &[usize], is_finding: bool) {
        self.added.push((class_use, calls.to_vec(), is_finding));
    }

    /// True when so much time is worth a finding inside a trace.
    pub(crate) fn is_worth(&self, wall_ns: i64) -> bool {
        let floor = &self.thresholds.floor;
        wall_ns >= floor.wall_ns_min && self.share_of(wall_ns) >= floor.share_min
    }

    /// So much time as a share of the request's, 0..=1.
    pub(crate) fn share_of(&self, wall_ns: i64) -> f64 {
        let entry_ns = self.study.segment.entry_span().duration_ns();
        wall_ns as f64 / entry_ns.max(1) as f64
    }

    pub(super) fn finish(mut self) -> Findings {
        let mut uses: Vec<ClassUse> = Vec::new();
        for (class_use, calls, is_finding) in std::mem::take(&mut self.added) {
            if !is_finding && calls.iter().any(|&call| self.explained[call]) {
                continue;
            }
            // What one detector has added up is not added up by the next.
            calls.iter().for_each(|&call| self.explained[call] = true);
            let mut known = uses.iter_mut();
            match known.find(|known| known.family == class_use.family) {
                Some(known) => add_up(known, class_use),
                None => uses.push(class_use),
            }
        }
        uses.sort_by_key(|class_use| std::cmp::Reverse(class_use.wall_ns));
        uses.truncate(USES_MAX);
        Findings { uses, ..self.found }
    }
}

/// Two places of the code that do the same are one use.
fn add_up(known: &mut ClassUse, other: ClassUse) {
    known.lookups = known.lookups.saturating_add(other.lookups);
    known.calls = known.calls.saturating_add(other.calls);
    known.wall_ns = known.wall_ns.saturating_add(other.wall_ns);
}

/// Two places of the code that do the same to one endpoint are one issue, and
/// an issue has one finding in a trace. The words are those of the first.
fn add(known: &mut Finding, other: Finding) {
    known.lookups += other.lookups;
    known.calls += other.calls;
    known.wall_ns = known.wall_ns.saturating_add(other.wall_ns);
    known.hidden_ns = known.hidden_ns.saturating_add(other.hidden_ns);
    known.evidence.extend(other.evidence);
    known.evidence.truncate(EVIDENCE_MAX);
}
