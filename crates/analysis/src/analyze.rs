//! The analysis of a finished segment and of an endpoint's profile: the steps, in order.

use std::sync::Arc;

use hotspan_knowledge::knowledge;
use hotspan_model::{Door, EndpointProfile, Finding, SegmentRecord};

use crate::call_tree::call_tree;
use crate::detectors::credential_lookup;
use crate::segment::Segment;
use crate::study::Study;

/// Everything one segment adds to roll-ups, profiles and issues.
pub fn analyze(segment: &Segment) -> SegmentRecord {
    record(&Study::of(segment))
}

/// What the requests of an endpoint together show: shapes that no single trace has.
pub fn analyze_profile(profile: &EndpointProfile) -> Vec<Finding> {
    credential_lookup::in_profile(profile)
}

pub(crate) fn record(study: &Study<'_>) -> SegmentRecord {
    let segment = study.segment;
    let facts = &segment.facts;
    let entry = segment.entry_span();
    let cut_at = cut_at(segment);
    let uses = credential_lookup::uses(study);
    let findings = credential_lookup::in_segment(study, &uses, cut_at);
    SegmentRecord {
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
        spans: spans_of(segment),
        trace_spans: spans_of(segment),
        truncated: cut_at.is_some(),
        time: study.time(),
        uses,
        tree: call_tree(study),
        findings,
    }
}

/// Spans, error events left out.
fn spans_of(segment: &Segment) -> u32 {
    segment.spans.iter().filter(|span| !span.error_event).count() as u32
}

/// How many spans there are when the SDK stopped counting at that number. A
/// transaction of exactly that size is called cut although it may be whole;
/// "at least" is true of it, too.
fn cut_at(segment: &Segment) -> Option<u32> {
    let facts = &segment.facts;
    let spans = spans_of(segment);
    let spans_max = knowledge().sdks.telemetry(&facts.sdk.name)?.spans_max?;
    let capped = facts.door == Door::Sentry && !facts.streamed;
    (capped && spans >= spans_max).then_some(spans)
}
