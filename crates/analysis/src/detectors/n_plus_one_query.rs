//! Looks for a query that runs once for each row of an answer.
//!
//! ```text
//! SELECT orders
//! SELECT items WHERE order = 1          or   render order { SELECT items … }
//! SELECT items WHERE order = 2               render order { SELECT items … }
//! SELECT items WHERE order = 3          or   all of them at one time
//! …                                          or with other calls in between
//! ```
//!
//! Writes count too: one INSERT for each row. Not meant are pages of one
//! result, lists (`IN (…)`, many rows of VALUES), statements about the
//! connection, and somebody who asks again until a state changes.

use hotspan_model::{Class, Confidence, EndpointProfile, Finding};

use super::Detector;
use super::repeated_everywhere::{self, Telling};
use super::repetition::{Repetition, class_of};
use super::scene::Scene;
use crate::repeats::{Series, Values, is_polling, is_write, reads};
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "n-plus-one-query",
    title: "A query for each row of an answer",
    unit: ("query", "queries"),
    in_segment,
    uses: None,
    in_profile: Some(in_profile),
};

/// What subjects begin with.
const HEADING: &str = "N+1 query";

fn in_segment(scene: &mut Scene<'_, '_>) {
    for &group in &scene.repeats.groups {
        let first = scene.repeats.spans(group)[0];
        if group.by_nature || class_of(&scene.study.segment.spans[first]) != Class::Database {
            continue;
        }
        let calls = scene.free_calls(group);
        if let Some(cause) = cause_of(scene, &calls) {
            report(scene, &calls, cause);
        }
    }
}

fn report(
    scene: &mut Scene<'_, '_>,
    calls: &[usize],
    (source, cause): (Option<usize>, (&'static str, Confidence)),
) {
    let repetition = Repetition {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause,
        calls,
        lost: calls,
        operations: &calls[..1],
        repeats: calls.len(),
        target: None,
        source,
        figures: Vec::new(),
    };
    repetition.report(scene);
}

/// What brought the rows, and why there is a query for each; `None` when that
/// is not what the calls are.
fn cause_of(
    scene: &Scene<'_, '_>,
    calls: &[usize],
) -> Option<(Option<usize>, (&'static str, Confidence))> {
    let (study, limits) = (scene.study, &scene.thresholds.repeats);
    let spans = &study.segment.spans;
    let &first = calls.first()?;
    let differ = differ(&Series::new(study, calls).values(), calls.len(), limits.calls_min);
    if calls.len() < limits.calls_min || !differ {
        return None;
    }
    if is_polling(spans, calls) && scene.repeats.is_alone(study, calls) {
        return None;
    }
    let source = scene.repeats.before(study, spans[first].start);
    let source = source.filter(|&source| !is_write(&spans[source]));
    match source {
        _ if is_write(&spans[first]) => Some((None, ("write_per_row", Confidence::VeryLikely))),
        Some(_) if calls.len() >= limits.calls_sure => {
            Some((source, ("query_per_row", Confidence::VeryLikely)))
        }
        Some(_) => Some((source, ("query_per_row", Confidence::Likely))),
        None if calls.len() >= limits.calls_without_source_min => {
            Some((None, ("query_per_item", Confidence::Likely)))
        }
        None => None,
    }
}

/// True when calls ask for different things, or do not tell.
pub(super) fn differ(values: &Values, calls: usize, different_min: usize) -> bool {
    match values {
        Values::Unknown => true,
        Values::Different(count) => *count >= different_min || *count * 2 > calls,
    }
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let telling = Telling {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause: ("one_for_each_in_every_request", Confidence::Likely),
        fixes_of: |first| if reads(first) { "query_per_row" } else { "write_per_row" },
        first_is_fine: false,
    };
    repeated_everywhere::in_profile(profile, thresholds, &telling)
}
