//! The analysis of a finished segment and of an endpoint's profile: the steps, in order.

use std::sync::Arc;

use hotspan_model::segment::ClassUse;
use hotspan_model::{EndpointProfile, Finding, SegmentRecord};

use crate::call_tree::call_tree;
use crate::detectors::{self, Findings};
use crate::segment::Segment;
use crate::study::Study;
use crate::thresholds::Thresholds;

/// Everything one segment adds to roll-ups, profiles and issues.
pub fn analyze(segment: &Segment) -> SegmentRecord {
    analyze_with(segment, &Thresholds::default())
}

/// [`analyze`] with other thresholds.
pub fn analyze_with(segment: &Segment, thresholds: &Thresholds) -> SegmentRecord {
    let study = Study::of(segment);
    let uses = detectors::uses(&study);
    let found = detectors::in_segment(&study, &uses, thresholds);
    record(&study, uses, found).0
}

/// What the requests of an endpoint together show: shapes that no single trace has.
pub fn analyze_profile(profile: &EndpointProfile) -> Vec<Finding> {
    analyze_profile_with(profile, &Thresholds::default())
}

/// [`analyze_profile`] with other thresholds.
pub fn analyze_profile_with(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    detectors::in_profile(profile, thresholds)
}

/// A segment's record, and for each of its spans whether it is part of what a
/// finding is about.
pub(crate) fn record_and_offenders(study: &Study<'_>) -> (SegmentRecord, Vec<bool>) {
    let uses = detectors::uses(study);
    let found = detectors::in_segment(study, &uses, &Thresholds::default());
    record(study, uses, found)
}

fn record(
    study: &Study<'_>,
    mut uses: Vec<ClassUse>,
    found: Findings,
) -> (SegmentRecord, Vec<bool>) {
    uses.extend(found.uses);
    let segment = study.segment;
    let facts = &segment.facts;
    let entry = segment.entry_span();
    let record = SegmentRecord {
        endpoint: facts.endpoint.clone(),
        trace_id: segment.trace_id,
        entry_span: entry.span_id,
        environment: Arc::clone(&facts.environment),
        release: Arc::clone(&facts.release),
        sdk: Arc::clone(&facts.sdk),
        start: entry.start,
        duration_ns: entry.duration_ns(),
        error: facts.error,
        weight: facts.weight,
        spans: segment.spans_counted(),
        trace_spans: segment.spans_counted(),
        truncated: study.cut_at.is_some(),
        time: study.time(),
        uses,
        tree: call_tree(study),
        findings: found.findings,
    };
    (record, found.offenders)
}
