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
//! meant is somebody who asks until the answer changes.

use hotspan_model::{Class, Confidence, EndpointProfile, Finding, UnixNanos};

use super::Detector;
use super::repeated_everywhere::{self, Telling};
use super::repeated_identical_query::{asked_again, report};
use super::repetition::class_of;
use super::scene::Scene;
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
    let mut writes = None;
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
        report(scene, &calls, &again, &DETECTOR, HEADING, "same_request_again");
    }
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
