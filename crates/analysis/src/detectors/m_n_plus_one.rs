//! Looks for different calls that repeat together, once for each item.
//!
//! ```text
//! SELECT user ─ GET price ─ UPDATE row
//! SELECT user ─ GET price ─ UPDATE row          three turns or more, of two to
//! SELECT user ─ GET price ─ UPDATE row          eight calls, queries and requests
//! ```
//!
//! One after the other, under a span for each item, or in parallel. The calls
//! of such a loop would otherwise be told one by one, or not at all: three
//! turns are too few for each of them alone.

use hotspan_model::{Class, Confidence, EndpointProfile, Finding};

use super::Detector;
use super::n_plus_one_query::differ;
use super::repeated_everywhere::{self, Telling};
use super::repeated_identical_query::tables_of;
use super::repetition::{Repetition, class_of, name_of_call};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::figures;
use crate::repeats::{Cycle, Group, Repeats, Series, Values, cycle_from, is_write};
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "m-n-plus-one",
    title: "Several calls for each item of a list",
    unit: ("turn", "turns"),
    in_segment,
    uses: None,
    in_profile: Some(in_profile),
};

/// What subjects begin with.
const HEADING: &str = "Calls for each item";
/// Operations that are tried as parts of one cycle: those that begin soon after
/// its first one.
const GROUPS_TRIED_MAX: usize = 24;

fn in_segment(scene: &mut Scene<'_, '_>) {
    let (repeats, limits) = (scene.repeats, scene.thresholds.repeats);
    let fitting = repeats.groups.iter().copied().filter(|group| fits(scene, *group));
    let candidates: Vec<Group> = fitting.collect();
    for first in 0..candidates.len() {
        if !scene.is_free(repeats.spans(candidates[first])[0]) {
            continue;
        }
        let still_free = |group: &Group| scene.is_free(repeats.spans(*group)[0]);
        let tried: Vec<Group> =
            candidates[first..].iter().copied().take(GROUPS_TRIED_MAX).filter(still_free).collect();
        let cycle = cycle_from(repeats, scene.study, &tried, limits.turn_calls_max);
        match cycle.filter(|cycle| cycle.turns >= limits.turns_min) {
            Some(cycle) if is_read_again(scene, &cycle) => {
                scene.explain(calls_of(repeats, &cycle));
            }
            Some(cycle) => report(scene, &cycle),
            None => {}
        }
    }
}

/// True for an UPDATE and a read of the same table after it, some times, which
/// do not tell what row: a total that is read again after each change looks
/// like that, and has to be. So many that it must be a loop are one.
fn is_read_again(scene: &Scene<'_, '_>, cycle: &Cycle) -> bool {
    let (study, repeats) = (scene.study, scene.repeats);
    let &[(one, 1), (other, 1)] = cycle.groups.as_slice() else {
        return false;
    };
    let first = |group| &study.segment.spans[repeats.spans(group)[0]];
    let (write, read) = if is_write(first(one)) { (one, other) } else { (other, one) };
    let is_update = |span: &SpanDigest| {
        let verb = span.call.as_ref().and_then(|call| call.operation.split(' ').next());
        verb.is_some_and(|verb| verb.eq_ignore_ascii_case("update"))
    };
    let start_of_last =
        |group| repeats.spans(group).last().map(|&call| study.segment.spans[call].start);
    class_of(first(write)) == Class::Database
        && class_of(first(read)) == Class::Database
        && is_update(first(write))
        && !is_write(first(read))
        && tables_of(first(write)).iter().any(|table| tables_of(first(read)).contains(table))
        && Series::new(study, repeats.spans(read)).values() == Values::Unknown
        && start_of_last(write) < start_of_last(read)
        && cycle.turns < scene.thresholds.repeats.calls_sure
}

fn calls_of(repeats: &Repeats, cycle: &Cycle) -> Vec<usize> {
    cycle.groups.iter().flat_map(|(group, _)| repeats.spans(*group)).copied().collect()
}

/// True for a group that may be part of a cycle: not explained, not by its
/// nature, and not the same thing asked each time.
fn fits(scene: &Scene<'_, '_>, group: Group) -> bool {
    let (study, limits) = (scene.study, &scene.thresholds.repeats);
    let calls = scene.repeats.spans(group);
    !group.by_nature
        && calls.len() >= limits.turns_min
        && calls.iter().all(|&call| scene.is_free(call))
        && matches!(
            class_of(&study.segment.spans[calls[0]]),
            Class::Database | Class::Http | Class::Rpc
        )
        && differ(&Series::new(study, calls).values(), calls.len(), limits.turns_min)
}

fn report(scene: &mut Scene<'_, '_>, cycle: &Cycle) {
    let spans = &scene.study.segment.spans;
    let mut calls = calls_of(scene.repeats, cycle);
    calls.sort_unstable_by_key(|&call| (spans[call].start, spans[call].end, call));
    let operations: Vec<usize> =
        cycle.groups.iter().map(|(group, _)| scene.repeats.spans(*group)[0]).collect();
    let part = |&(group, times): &(Group, usize)| {
        let name = name_of_call(&spans[scene.repeats.spans(group)[0]]);
        if times > 1 { format!("{times} × {name}") } else { name }
    };
    let turn: Vec<String> = cycle.groups.iter().map(part).collect();
    let sure = cycle.turns >= scene.thresholds.repeats.calls_min;
    let confidence = if sure { Confidence::VeryLikely } else { Confidence::Likely };
    let repetition = Repetition {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause: ("calls_per_item", confidence),
        calls: &calls,
        lost: &calls,
        operations: &operations,
        repeats: cycle.turns,
        target: None,
        source: None,
        figures: vec![
            ("turns", figures::count(cycle.turns as u64)),
            ("turn", turn.join(", then ")),
        ],
    };
    repetition.report(scene);
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let telling = Telling {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause: ("one_for_each_in_every_request", Confidence::Likely),
        fixes_of: |_| "calls_per_item",
        first_is_fine: false,
    };
    repeated_everywhere::in_profile(profile, thresholds, &telling)
}
