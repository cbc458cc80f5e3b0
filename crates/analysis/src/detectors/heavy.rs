//! What findings about calls that weigh by themselves have in common: which
//! calls are looked at together, and how they are told.

use hotspan_model::{Class, Confidence, EndpointKind, Finding};

use super::finding::{Amount, Draft, EVIDENCE_MAX};
use super::repetition::{class_of, family_of, identity_of, name_of_call};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::figures;
use crate::repeats::{Series, operation_key};
use crate::wording;

/// Calls of one operation that weigh, and what a detector makes of them.
pub(super) struct Heavy<'a> {
    /// The detector's slug.
    pub(super) detector: &'static str,
    /// What subjects begin with: `Slow query`.
    pub(super) heading: &'static str,
    /// The cause's code and how sure it is.
    pub(super) cause: (&'static str, Confidence),
    /// The calls, by start.
    pub(super) calls: &'a [usize],
    /// Their time on the critical path.
    pub(super) wall_ns: i64,
    /// Figures that only this detector has.
    pub(super) figures: Vec<(&'static str, String)>,
    /// What the cause rests on.
    pub(super) facts: Vec<(String, String)>,
}

impl Heavy<'_> {
    /// The finding.
    pub(super) fn finding(self, scene: &Scene<'_, '_>) -> Option<Finding> {
        let study = scene.study;
        let spans = &study.segment.spans;
        let first = &spans[*self.calls.first()?];
        let wall_ns = self.wall_ns;
        let (code, confidence) = self.cause;
        let told = [self.told(scene), self.figures.clone()].concat();
        let draft = Draft {
            detector: self.detector,
            class: class_of(first),
            family: family_of(self.detector, first),
            subject: format!("{}: {}", self.heading, name_of_call(first)),
            cause: wording::cause(code, confidence, &told, self.facts),
            fixes: wording::fixes(code, "", study.segment.facts.sdk.language),
            templates: vec![name_of_call(first)],
            identity: identity_of(first).to_vec(),
        };
        let evidence = self.calls.iter().take(EVIDENCE_MAX);
        let amount = Amount {
            lookups: self.calls.len() as f64,
            calls: self.calls.len() as f64,
            wall_ns,
            hidden_ns: 0,
            evidence: evidence.map(|&call| spans[call].span_id).collect(),
        };
        Some(draft.in_trace(study, amount))
    }

    /// Figures that every text about such calls may use.
    fn told(&self, scene: &Scene<'_, '_>) -> Vec<(&'static str, String)> {
        let first = &scene.study.segment.spans[self.calls[0]];
        let runs = match self.calls.len() {
            1 => String::new(),
            more => {
                let median = Series::new(scene.study, self.calls).median_ns();
                let [more, median] = [figures::count(more as u64), figures::duration(median)];
                format!(", {more} times {median}")
            }
        };
        vec![
            ("call", name_of_call(first)),
            ("runs", runs),
            ("time", figures::duration(self.wall_ns)),
            ("share", figures::percent(scene.share_of(self.wall_ns))),
        ]
    }
}

/// True when somebody waits for the segment: not for jobs and messages.
pub(super) fn is_waited_for(scene: &Scene<'_, '_>) -> bool {
    let kind = scene.study.segment.facts.endpoint.kind;
    matches!(kind, EndpointKind::Http | EndpointKind::Rpc)
}

/// The time of these calls on the critical path, without connections that were
/// made inside them.
pub(super) fn wall_ns_of(scene: &Scene<'_, '_>, calls: &[usize]) -> i64 {
    let study = scene.study;
    let below = calls.iter().flat_map(|&call| &study.tree.order[study.paths.below(call)]).copied();
    let connects = below.filter(|&span| {
        matches!(class_of(&study.segment.spans[span]), Class::Dns | Class::ConnectionSetup)
    });
    let connecting_ns = study.paths.of_set_ns(connects);
    study.paths.of_set_ns(calls.iter().copied()).saturating_sub(connecting_ns)
}

/// The calls that `weighs` says weigh, by operation; by start within one. What
/// lies inside such a call is part of it.
pub(super) fn by_operation(
    scene: &Scene<'_, '_>,
    weighs: impl Fn(&SpanDigest) -> bool,
) -> Vec<Vec<usize>> {
    let (spans, tree) = (&scene.study.segment.spans, &scene.study.tree);
    let mut weighing: Vec<bool> = spans.iter().map(weighs).collect();
    if !weighing.contains(&true) {
        return Vec::new();
    }
    let mut keyed = Vec::new();
    for &span in &tree.order {
        let inside = tree.parents[span].is_some_and(|parent| weighing[parent]);
        if weighing[span] && !inside && scene.is_free(span) {
            let digest = &spans[span];
            keyed.push((operation_key(digest), digest.start, span));
        }
        weighing[span] |= inside;
    }
    keyed.sort_unstable();
    let groups = keyed.chunk_by(|one, other| one.0 == other.0);
    let mut groups: Vec<Vec<usize>> =
        groups.map(|group| group.iter().map(|call| call.2).collect()).collect();
    groups.sort_unstable_by_key(|calls| calls.first().map(|&call| (spans[call].start, call)));
    groups
}
