//! Looks for a request that asks another service again for what is known.
//!
//! ```text
//! GET config/tenants/7
//! …
//! GET config/tenants/7                  the same address, three times or more,
//! …                                     and nothing sent to that host in
//! GET config/tenants/7                  between that changes what it has
//! ```
//!
//! Only methods that change nothing, and only addresses that are known. Not
//! meant is somebody who asks until the answer changes. Where the SDK leaves out
//! queries, pages of a list have one address, so that few of them say nothing.

use hotspan_knowledge::knowledge;
use hotspan_model::{CallKind, Class, Confidence, EndpointProfile, Finding, UnixNanos};

use super::Detector;
use super::repeated_everywhere::{self, Telling};
use super::repeated_identical_query::{asked_again, report};
use super::repetition::class_of;
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::repeats::{is_write, without_numbers};
use crate::study::Study;
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "repeated-identical-http",
    title: "The same request again and again",
    unit: ("call", "calls"),
    in_segment,
    uses: None,
    in_profile: Some(in_profile),
};

/// What subjects begin with.
const HEADING: &str = "Repeated request";

fn in_segment(scene: &mut Scene<'_, '_>) {
    let (mut writes, mut untold) = (None, None);
    for &group in &scene.repeats.groups {
        let study = scene.study;
        let first = scene.repeats.spans(group)[0];
        let span = &study.segment.spans[first];
        if group.by_nature || !matches!(class_of(span), Class::Http | Class::Rpc) || is_write(span)
        {
            continue;
        }
        let calls = scene.free_calls(group);
        let host = host_of(study, first);
        let changed = |from, to| {
            let writes = writes.get_or_insert_with(|| writes_of(study, &scene.repeats.calls));
            let first = writes.partition_point(|(start, _)| *start < from);
            let mut between = writes[first..].iter().take_while(|(start, _)| *start <= to);
            between.any(|(_, written)| *written == host)
        };
        let again = asked_again(scene, &calls, changed);
        let untold = *untold.get_or_insert_with(|| drops_queries(study));
        if untold && may_be_pages(scene, first, &again) {
            continue;
        }
        let confidence = if untold { Confidence::Likely } else { Confidence::VeryLikely };
        let cause = ("same_request_again", confidence);
        report(scene, &calls, &again, &DETECTOR, HEADING, cause);
    }
}

/// True when the SDK leaves out the queries of addresses, and no call here
/// shows that this one was told to keep them.
fn drops_queries(study: &Study<'_>) -> bool {
    let sdk = knowledge().sdks.telemetry(&study.segment.facts.sdk.name);
    let has_query = |span: &SpanDigest| {
        let call = span.call.as_ref().filter(|call| call.kind == CallKind::Http);
        call.is_some_and(|call| call.operation.contains('?'))
    };
    sdk.is_some_and(|sdk| sdk.drops_queries) && !study.segment.spans.iter().any(has_query)
}

/// True for few requests for a list, each of which may be for another page.
fn may_be_pages(scene: &Scene<'_, '_>, first: usize, again: &[usize]) -> bool {
    let call = scene.study.segment.spans[first].call.as_ref();
    again.len() + 1 < scene.thresholds.repeats.same_untold_min
        && call.is_some_and(|call| knowledge().natural.is_list(&call.operation))
}

/// Everything that changes something at another service, by start.
fn writes_of(study: &Study<'_>, calls: &[usize]) -> Vec<(UnixNanos, u64)> {
    let spans = &study.segment.spans;
    let other = |call: &&usize| matches!(class_of(&spans[**call]), Class::Http | Class::Rpc);
    let writes = calls.iter().filter(other).filter(|&&call| is_write(&spans[call]));
    writes.map(|&call| (spans[call].start, host_of(study, call))).collect()
}

fn host_of(study: &Study<'_>, call: usize) -> u64 {
    let call = study.segment.spans[call].call.as_ref();
    call.map_or(0, |call| without_numbers(&call.target))
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let telling = Telling {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause: ("same_again_in_every_request", Confidence::VeryLikely),
        fixes_of: |_| "same_request_again",
        first_is_fine: true,
    };
    repeated_everywhere::in_profile(profile, thresholds, &telling)
}
