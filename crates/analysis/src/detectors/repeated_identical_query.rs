//! Looks for a query that asks again for what is known already.
//!
//! ```text
//! SELECT settings WHERE shop = 7
//! …
//! SELECT settings WHERE shop = 7        the same values, three times or more,
//! …                                     and no write to the table in between
//! SELECT settings WHERE shop = 7
//! ```
//!
//! The values must be known: a statement with placeholders does not tell them.
//! A statement without any values asks for the same each time.

use hotspan_model::{Class, Confidence, EndpointProfile, Finding, UnixNanos};

use super::Detector;
use super::repeated_everywhere::{self, Telling};
use super::repetition::{Repetition, class_of};
use super::scene::Scene;
use crate::digest::SpanDigest;
use crate::repeats::{is_polling, is_write};
use crate::study::Study;
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "repeated-identical-query",
    title: "The same query again and again",
    unit: ("query", "queries"),
    in_segment,
    uses: None,
    in_profile: Some(in_profile),
};

/// What subjects begin with.
const HEADING: &str = "Repeated query";

fn in_segment(scene: &mut Scene<'_, '_>) {
    let mut writes = None;
    for &group in &scene.repeats.groups {
        let study = scene.study;
        let first = &study.segment.spans[scene.repeats.spans(group)[0]];
        if group.by_nature || class_of(first) != Class::Database || is_write(first) {
            continue;
        }
        let calls = scene.free_calls(group);
        let changed = |from, to| {
            let writes = writes.get_or_insert_with(|| writes_of(study, &scene.repeats.calls));
            is_written(writes, first, from, to)
        };
        let again = asked_again(scene, &calls, changed);
        let cause = ("same_query_again", Confidence::VeryLikely);
        report(scene, &calls, &again, &DETECTOR, HEADING, cause);
    }
}

/// Reports what of `calls` was asked `again`, when that is most of them. All
/// of the group is explained then: its other calls are the first ones.
pub(super) fn report(
    scene: &mut Scene<'_, '_>,
    calls: &[usize],
    again: &[usize],
    detector: &Detector,
    heading: &'static str,
    cause: (&'static str, Confidence),
) {
    let limits = &scene.thresholds.repeats;
    if again.len() + 1 < limits.same_min || again.len() * 2 < calls.len() {
        return;
    }
    let repetition = Repetition {
        detector: detector.slug,
        heading,
        cause,
        calls,
        lost: again,
        operations: &calls[..1],
        repeats: again.len(),
        target: None,
        source: None,
        figures: vec![("repeats", crate::figures::count(again.len() as u64))],
    };
    repetition.report(scene);
}

/// Calls that ask for what an earlier one of `calls` was told, by start.
/// `changed` says whether the answer may have changed between two instants.
pub(super) fn asked_again(
    scene: &Scene<'_, '_>,
    calls: &[usize],
    mut changed: impl FnMut(UnixNanos, UnixNanos) -> bool,
) -> Vec<usize> {
    let (study, same_min) = (scene.study, scene.thresholds.repeats.same_min);
    let spans = &study.segment.spans;
    let mut asked: Vec<(u64, usize, usize)> =
        calls.iter().enumerate().map(|(nth, &call)| (study.asked(call), nth, call)).collect();
    asked.sort_unstable();
    let mut again = Vec::new();
    for same in asked.chunk_by(|one, other| one.0 == other.0) {
        if same[0].0 == 0 || same.len() < same_min {
            continue;
        }
        let same: Vec<usize> = same.iter().map(|(_, _, call)| *call).collect();
        let unchanged = |one: &usize, other: &usize| {
            let answered =
                !spans[*one].failed() && spans[*one].http_status == spans[*other].http_status;
            answered && !changed(spans[*one].start, spans[*other].start)
        };
        for run in same.chunk_by(unchanged).filter(|run| run.len() >= same_min) {
            let polls = is_polling(spans, run) && scene.repeats.is_alone(study, run);
            if !polls {
                again.extend_from_slice(&run[1..]);
            }
        }
    }
    again.sort_unstable_by_key(|&call| (spans[call].start, spans[call].end, call));
    again
}

/// Everything that writes to a database, by start.
fn writes_of(study: &Study<'_>, calls: &[usize]) -> Vec<(UnixNanos, Vec<String>)> {
    let spans = &study.segment.spans;
    calls
        .iter()
        .map(|&call| &spans[call])
        .filter(|span| class_of(span) == Class::Database && is_write(span))
        .map(|span| (span.start, tables_of(span)))
        .collect()
}

/// True when something was written between two instants to what `read` reads.
fn is_written(
    writes: &[(UnixNanos, Vec<String>)],
    read: &SpanDigest,
    from: UnixNanos,
    to: UnixNanos,
) -> bool {
    let first = writes.partition_point(|(start, _)| *start < from);
    let mut between = writes[first..].iter().take_while(|(start, _)| *start <= to).peekable();
    if between.peek().is_none() {
        return false;
    }
    let read = tables_of(read);
    // A procedure, or a statement without a table, may write anywhere.
    between.any(|(_, tables)| tables.is_empty() || tables.iter().any(|table| read.contains(table)))
}

/// Names of the tables in an operation, without their schema; none for a
/// procedure.
pub(super) fn tables_of(span: &SpanDigest) -> Vec<String> {
    let Some(call) = &span.call else {
        return Vec::new();
    };
    let words = call.operation.split(' ');
    if call.operation.starts_with("CALL") || call.operation.starts_with("EXEC") {
        return Vec::new();
    }
    let plain = |word: &str| word.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    words.skip(1).map(plain).filter(|word| !word.is_empty()).collect()
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let telling = Telling {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause: ("same_again_in_every_request", Confidence::VeryLikely),
        fixes_of: |_| "same_query_again",
        first_is_fine: true,
    };
    repeated_everywhere::in_profile(profile, thresholds, &telling)
}
