//! Looks for so many calls to one target at one time that they get in each
//! other's way.
//!
//! ```text
//! GET prices/items/1  ├───────────┤
//! GET prices/items/2  ├────────────┤
//! GET prices/items/3  ├──────────────┤          fifty and more in flight
//! …                   ├─────────────────────┤
//! ```
//!
//! Whatever the calls do: what counts is who must answer them all. Fewer are
//! told as what they are for.

use hotspan_model::Confidence;

use super::Detector;
use super::repetition::{Repetition, class_of};
use super::scene::Scene;
use crate::repeats::{Series, without_numbers};
use crate::study::Study;

pub(super) const DETECTOR: Detector = Detector {
    slug: "fan-out-explosion",
    title: "Too many calls to one target at one time",
    unit: ("call", "calls"),
    in_segment,
    uses: None,
    in_profile: None,
};

fn in_segment(scene: &mut Scene<'_, '_>) {
    let at_once_min = scene.thresholds.fan_out.at_once_min;
    if scene.repeats.calls.len() < at_once_min {
        return;
    }
    let study = scene.study;
    let free = scene.repeats.calls.iter().copied().filter(|&call| scene.is_free(call));
    let mut by_target: Vec<(u64, usize, usize)> =
        free.enumerate().map(|(nth, call)| (target_of(study, call), nth, call)).collect();
    by_target.sort_unstable();
    for target in by_target.chunk_by(|one, other| one.0 == other.0) {
        let calls: Vec<usize> = target.iter().map(|(_, _, call)| *call).collect();
        if calls.len() >= at_once_min && Series::new(study, &calls).at_once() >= at_once_min {
            let crowded = crowded(study, &calls, at_once_min);
            report(scene, &crowded);
            explain_the_rest(scene, &crowded);
        }
    }
}

/// The calls of a crowd that came before or after the most of it are no loop
/// beside it: they are not told as one for each item as well.
fn explain_the_rest(scene: &mut Scene<'_, '_>, crowded: &[usize]) {
    if !crowded.first().is_some_and(|&call| scene.is_reported(call)) {
        return;
    }
    let mut crowd = crowded.to_vec();
    crowd.sort_unstable();
    let repeats = scene.repeats;
    for &group in &repeats.groups {
        let calls = repeats.spans(group);
        if calls.iter().any(|call| crowd.binary_search(call).is_ok()) {
            scene.explain(calls.iter().copied());
        }
    }
}

fn target_of(study: &Study<'_>, call: usize) -> u64 {
    let span = &study.segment.spans[call];
    let target = span.call.as_ref().map_or("", |call| &call.target);
    without_numbers(target).wrapping_mul(31).wrapping_add(class_of(span).index() as u64)
}

/// Those of the calls (by start) that were in flight while as many as that were.
fn crowded(study: &Study<'_>, calls: &[usize], at_once_min: usize) -> Vec<usize> {
    let spans = &study.segment.spans;
    let mut ends: Vec<_> = calls.iter().map(|&call| spans[call].end).collect();
    ends.sort_unstable();
    // Stretches between two instants at which a call begins or ends, in order.
    let (mut ended, mut crowds) = (0, Vec::new());
    for (begun, &call) in calls.iter().enumerate() {
        let start = spans[call].start;
        while ended < begun && ends[ended] <= start {
            ended += 1;
        }
        if begun + 1 - ended >= at_once_min {
            crowds.push(start);
        }
    }
    let in_crowd = |call: &usize| {
        let next = crowds.partition_point(|at| *at < spans[*call].start);
        crowds.get(next).is_some_and(|at| *at <= spans[*call].end)
    };
    calls.iter().copied().filter(in_crowd).collect()
}

fn report(scene: &mut Scene<'_, '_>, calls: &[usize]) {
    let spans = &scene.study.segment.spans;
    let Some(call) = calls.first().and_then(|&call| spans[call].call.as_ref()) else {
        return;
    };
    let repetition = Repetition {
        detector: DETECTOR.slug,
        heading: "Fan-out",
        cause: ("unbounded_fan_out", Confidence::VeryLikely),
        calls,
        lost: calls,
        operations: &calls[..1],
        repeats: calls.len(),
        target: Some(&call.target),
        source: None,
        figures: vec![("target", call.target.clone())],
    };
    repetition.report(scene);
}
