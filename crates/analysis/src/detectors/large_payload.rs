//! Looks for calls that move so much that it takes time.
//!
//! ```text
//! GET /page ├───────────────────────────┤
//!   GET catalog/items ├──────────────┤       3 MB of JSON for one page
//!   GET settings:all  ├────┤                 a cached value of 400 kB
//! ```
//!
//! Bytes as told by the client, or rows of a result; time on the critical path,
//! because what nobody waits for hurts nobody. Not meant are files, images,
//! streams and stores made for them, answers without a body, parts of an
//! answer, and what jobs move.

use hotspan_knowledge::knowledge;
use hotspan_model::{Call, CallKind, Confidence};

use super::Detector;
use super::heavy::{Heavy, by_operation, is_waited_for, wall_ns_of};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::figures;
use crate::thresholds::PayloadThresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "large-payload",
    title: "A call that moves so much that it takes time",
    unit: ("answer", "answers"),
    in_segment,
    uses: None,
    in_profile: None,
};

fn in_segment(scene: &mut Scene<'_, '_>) {
    if !is_waited_for(scene) {
        return;
    }
    let limits = scene.thresholds.payload;
    for calls in by_operation(scene, |span| is_large(span, &limits)) {
        let wall_ns = wall_ns_of(scene, &calls);
        let share = scene.share_of(wall_ns);
        if wall_ns >= limits.wall_ns_min && share >= limits.share_min && scene.is_worth(wall_ns) {
            report(scene, &calls, wall_ns);
        }
    }
}

fn is_large(span: &SpanDigest, limits: &PayloadThresholds) -> bool {
    let Some(call) = span.call.as_deref() else { return false };
    let large = match call.kind {
        CallKind::Database => rows_of(span) >= limits.rows_min,
        CallKind::Cache => span.payload_bytes >= limits.cached_bytes_min,
        CallKind::Http | CallKind::Rpc | CallKind::Message => {
            span.payload_bytes >= limits.bytes_min
        }
        CallKind::Dns | CallKind::Connect => false,
    };
    large && !span.failed() && !is_by_nature(span, call)
}

fn rows_of(span: &SpanDigest) -> u32 {
    span.form.as_ref().filter(|form| !form.waits).and_then(|form| form.rows).unwrap_or(0)
}

/// True for files and streams, and where the size is not that of what came.
fn is_by_nature(span: &SpanDigest, call: &Call) -> bool {
    /// A websocket, parts of an answer, nothing new.
    const OTHERS: [u16; 3] = [101, 206, 304];
    let natural = &knowledge().natural;
    match call.kind {
        CallKind::Http => {
            let method = call.operation.split(' ').next();
            matches!(method, Some("HEAD" | "PUT"))
                || OTHERS.contains(&span.http_status)
                || natural.is_file_request(&call.target, &call.operation)
        }
        CallKind::Database => {
            natural.is_statement(&call.operation) || natural.is_long_statement(&call.operation)
        }
        _ => natural.is_operation(&call.operation),
    }
}

fn report(scene: &mut Scene<'_, '_>, calls: &[usize], wall_ns: i64) {
    let spans = &scene.study.segment.spans;
    let Some(kind) =
        calls.first().and_then(|&call| spans[call].call.as_ref()).map(|call| call.kind)
    else {
        return;
    };
    let cause = match kind {
        CallKind::Database => ("large_result", Confidence::Likely),
        CallKind::Cache => ("large_cached_value", Confidence::Likely),
        CallKind::Message => ("large_message", Confidence::Possible),
        _ => ("large_body", Confidence::Possible),
    };
    let size = |call: &usize| match kind {
        CallKind::Database => u64::from(rows_of(&spans[*call])),
        _ => u64::from(spans[*call].payload_bytes),
    };
    let told = |number: u64| match kind {
        CallKind::Database => figures::count(number),
        _ => figures::bytes(number),
    };
    let (sum, most) = (calls.iter().map(size).sum(), calls.iter().map(size).max().unwrap_or(0));
    let mut facts = vec![(told(sum), "moved in all".to_owned())];
    if calls.len() > 1 {
        facts.push((told(most), "the largest of them".to_owned()));
    }
    let heavy = Heavy {
        detector: DETECTOR.slug,
        heading: "Large payload",
        cause,
        calls,
        wall_ns,
        figures: vec![("size", told(sum))],
        facts,
    };
    if let Some(finding) = heavy.finding(scene) {
        scene.report(finding, calls.iter().copied());
    }
}
