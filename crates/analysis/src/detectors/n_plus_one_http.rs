//! Looks for a request to another service that is made once for each item.
//!
//! ```text
//! GET list/items                        or   SELECT orders
//! GET prices/items/1                         Price/Get ×20
//! GET prices/items/2
//! GET prices/items/3  …                 one after the other or at one time
//! ```
//!
//! Same method, host and path template; remote procedures likewise. Not meant
//! are pages of one list, health checks, files of an object store, GraphQL
//! without a name of the operation, websockets, and polling.

use hotspan_model::{Class, Confidence, EndpointProfile, Finding};

use super::Detector;
use super::n_plus_one_query::differ;
use super::repeated_everywhere::{self, Telling};
use super::repetition::{Repetition, class_of};
use super::scene::Scene;
use crate::repeats::{Series, is_polling};
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "n-plus-one-http",
    title: "A request for each item of a list",
    unit: ("call", "calls"),
    in_segment,
    uses: None,
    in_profile: Some(in_profile),
};

/// What subjects begin with.
const HEADING: &str = "N+1 calls";

fn in_segment(scene: &mut Scene<'_, '_>) {
    for &group in &scene.repeats.groups {
        let first = scene.repeats.spans(group)[0];
        let class = class_of(&scene.study.segment.spans[first]);
        if group.by_nature || !matches!(class, Class::Http | Class::Rpc) {
            continue;
        }
        let calls = scene.free_calls(group);
        if is_one_for_each(scene, &calls) {
            report(scene, &calls);
        }
    }
}

fn is_one_for_each(scene: &Scene<'_, '_>, calls: &[usize]) -> bool {
    let (study, calls_min) = (scene.study, scene.thresholds.repeats.calls_min);
    calls.len() >= calls_min
        && differ(&Series::new(study, calls).values(), calls.len(), calls_min)
        && !(is_polling(&study.segment.spans, calls) && scene.repeats.is_alone(study, calls))
}

fn report(scene: &mut Scene<'_, '_>, calls: &[usize]) {
    let (study, limits) = (scene.study, &scene.thresholds.repeats);
    let source = scene.repeats.before(study, study.segment.spans[calls[0]].start);
    let sure = calls.len() >= limits.calls_sure;
    let cause = match source {
        Some(_) if sure => ("request_per_row", Confidence::VeryLikely),
        Some(_) => ("request_per_row", Confidence::Likely),
        None => ("request_per_item", Confidence::Likely),
    };
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

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let telling = Telling {
        detector: DETECTOR.slug,
        heading: HEADING,
        cause: ("one_for_each_in_every_request", Confidence::Likely),
        fixes_of: |_| "request_per_row",
        first_is_fine: false,
    };
    repeated_everywhere::in_profile(profile, thresholds, &telling)
}
