//! Time-outs without a span that followed one another: where a telemetry SDK
//! drops the spans of calls that timed out, one stretch of whole seconds is all
//! that is left of them.
//!
//! ```text
//! GET /stock
//!   ························ 3.007 s, nothing ························
//! ```
//!
//! Work that ends on the second by chance is one in fifty, so only stretches
//! that are most of a request are told, and only as possible. Left alone is what
//! has a name or may sleep on purpose: jobs, pauses between equal calls and
//! before another attempt, and whoever waits for news.

use hotspan_model::time::NANOS_PER_SECOND;
use hotspan_model::{Class, Confidence, EndpointKind, Finding};

use super::super::finding::{Amount, Draft};
use super::super::scene::Scene;
use super::super::stretch::{beside, is_pause, waits_for_news};
use super::DETECTOR;
use crate::study::{Slice, Study};
use crate::{figures, wording};

/// Reports the longest stretch of the request when it is time-outs.
pub(super) fn report(scene: &mut Scene<'_, '_>) {
    let study = scene.study;
    let longest = study.slices.iter().filter(|slice| is_of_request(study, slice));
    let Some(stretch) = longest.max_by_key(|slice| slice.duration_ns()) else {
        return;
    };
    let limits = &scene.thresholds.timeouts;
    let nanos = stretch.duration_ns();
    let over_ns = nanos - whole_seconds(nanos) * NANOS_PER_SECOND;
    let fits = nanos >= limits.at_once_ns_min
        && (-limits.clock_ns..=limits.at_once_over_ns_max).contains(&over_ns)
        && scene.share_of(nanos) >= limits.at_once_share_min;
    if fits && !is_meant(scene, stretch) {
        let finding = finding(scene, stretch);
        scene.report(finding, []);
        scene.claim(stretch.start, stretch.end);
    }
}

/// Time of the entry span, or of the one that its framework opens for the
/// code of the endpoint: a span of its own is a name for what happens in it.
fn is_of_request(study: &Study<'_>, slice: &Slice) -> bool {
    let span = &study.segment.spans[slice.span];
    let is_code = span.call.is_none() && span.name == study.segment.facts.endpoint.name;
    slice.family.is_none() && (slice.span == study.segment.entry || is_code)
}

/// True where somebody may wait on purpose, and for what is known already.
fn is_meant(scene: &Scene<'_, '_>, stretch: &Slice) -> bool {
    let study = scene.study;
    let kind = study.segment.facts.endpoint.kind;
    !matches!(kind, EndpointKind::Http | EndpointKind::Rpc)
        || !study.lookups.families.is_empty()
        || study.cut_at.is_some()
        || waits_for_news(study)
        || is_pause(study, &beside(study, stretch))
        || scene.is_claimed(stretch.start, stretch.end)
}

fn whole_seconds(nanos: i64) -> i64 {
    nanos.saturating_add(NANOS_PER_SECOND / 2) / NANOS_PER_SECOND
}

fn finding(scene: &Scene<'_, '_>, stretch: &Slice) -> Finding {
    const CODE: &str = "timeouts_at_once_without_spans";
    let study = scene.study;
    let nanos = stretch.duration_ns();
    let parent = study.segment.facts.endpoint.name.to_string();
    let exact = format!("{:.3} s", nanos as f64 / NANOS_PER_SECOND as f64);
    let seconds = figures::count(whole_seconds(nanos).unsigned_abs());
    let told = [
        ("length", exact.clone()),
        ("calls", seconds.clone()),
        ("parent", parent.clone()),
        ("time", figures::duration(nanos)),
        ("share", figures::percent(scene.share_of(nanos))),
    ];
    let facts = vec![
        (exact, "the longest stretch without a span".to_owned()),
        (seconds, "whole seconds, and next to nothing more".to_owned()),
    ];
    let draft = Draft {
        detector: DETECTOR.slug,
        class: Class::Own,
        family: format!("{} without a span", DETECTOR.slug),
        subject: format!("Time-outs without a span: in {parent}"),
        cause: wording::cause(CODE, Confidence::Possible, &told, facts),
        fixes: wording::fixes(CODE, "", study.segment.facts.sdk.language),
        templates: vec![parent],
        identity: vec!["without a span".to_owned()],
    };
    let amount = Amount {
        lookups: 1.0,
        calls: 1.0,
        wall_ns: nanos,
        hidden_ns: nanos,
        evidence: vec![study.segment.spans[stretch.span].span_id],
    };
    draft.in_trace(study, amount)
}
