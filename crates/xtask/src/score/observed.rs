//! What the analysis says about recorded requests: decoded, cut into segments
//! and looked at as the server does it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hotspan_analysis::{analyze, asked, digest, segments};
use hotspan_model::{SegmentRecord, Span, TraceId};
use hotspan_testkit::decode::spans_of;
use hotspan_testkit::fixtures::RecordedRequest;

/// The detectors that reported something, for each trace that has a segment.
pub(super) fn findings_by_trace(
    requests: &[RecordedRequest],
) -> BTreeMap<TraceId, BTreeSet<String>> {
    let mut found: BTreeMap<TraceId, BTreeSet<String>> = BTreeMap::new();
    for record in records(requests) {
        let slugs = found.entry(record.trace_id).or_default();
        slugs.extend(record.findings.iter().map(|finding| finding.detector.to_string()));
    }
    found
}

/// A record for each segment of the requests' traces.
pub(super) fn records(requests: &[RecordedRequest]) -> Vec<SegmentRecord> {
    let mut traces: BTreeMap<TraceId, Vec<Span>> = BTreeMap::new();
    for span in requests.iter().flat_map(spans_of) {
        traces.entry(span.trace_id).or_default().push(span);
    }
    let project = Arc::from("default");
    let of_trace = |(trace, spans): (TraceId, Vec<Span>)| {
        let digests: Vec<_> =
            spans.iter().map(|span| digest(&project, span, asked(span))).collect();
        segments(trace, &digests).iter().map(analyze).collect::<Vec<_>>()
    };
    traces.into_iter().flat_map(of_trace).collect()
}
