//! The detectors: each looks for one wasteful shape and is one file below. This
//! file lists them in the order in which they look: what a detector has
//! explained is not explained again, so the more specific one comes first.

mod connection_setup;
mod credential_lookup;
mod endpoint_regression;
mod fan_out_explosion;
mod fetching;
mod finding;
mod heavy;
mod large_payload;
mod m_n_plus_one;
mod n_plus_one_http;
mod n_plus_one_query;
mod pool_wait;
mod repeated_everywhere;
mod repeated_identical_http;
mod repeated_identical_query;
mod repetition;
mod retry_storm;
mod scene;
mod secret_fetch;
mod serial_calls;
mod slow_dependency;
mod slow_query;
mod spread;
mod stretch;
mod timeout_plateau;
mod token_fetch;
mod unexplained_gap;

use hotspan_model::segment::ClassUse;
use hotspan_model::{EndpointProfile, Finding};

use crate::history::Change;
use crate::repeats::Repeats;
use crate::study::Study;
use crate::thresholds::Thresholds;

pub(crate) use scene::{Findings, Scene};

/// What a detector counts: one of it, and several.
pub type Unit = (&'static str, &'static str);

/// A detector: its name and its forms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Detector {
    /// Its stable name, part of fingerprints.
    pub(crate) slug: &'static str,
    /// The shape in a few words, for lists of detectors.
    pub(crate) title: &'static str,
    /// What is counted in a request: one, and several.
    pub(crate) unit: Unit,
    /// Looks at one segment.
    pub(crate) in_segment: fn(&mut Scene<'_, '_>),
    /// What a segment did of what the endpoint form adds up.
    pub(crate) uses: Option<fn(&Study<'_>) -> Vec<ClassUse>>,
    /// Looks at many requests of an endpoint together.
    pub(crate) in_profile: Option<fn(&EndpointProfile, &Thresholds) -> Vec<Finding>>,
}

/// Every detector, the more specific ones first.
const DETECTORS: [Detector; 17] = [
    credential_lookup::DETECTOR,
    retry_storm::DETECTOR,
    timeout_plateau::DETECTOR,
    connection_setup::DETECTOR,
    token_fetch::DETECTOR,
    secret_fetch::DETECTOR,
    pool_wait::DETECTOR,
    repeated_identical_query::DETECTOR,
    repeated_identical_http::DETECTOR,
    fan_out_explosion::DETECTOR,
    m_n_plus_one::DETECTOR,
    n_plus_one_query::DETECTOR,
    n_plus_one_http::DETECTOR,
    serial_calls::DETECTOR,
    slow_query::DETECTOR,
    large_payload::DETECTOR,
    unexplained_gap::DETECTOR,
];

/// Slug, title and unit of detectors that look at an endpoint over time.
pub(crate) const OVER_TIME: [(&str, &str, Unit); 2] = [
    (slow_dependency::SLUG, slow_dependency::TITLE, ("call", "calls")),
    (endpoint_regression::SLUG, endpoint_regression::TITLE, ("request", "requests")),
];

/// Slug and title of every detector that looks at segments.
pub fn known_detectors() -> impl Iterator<Item = (&'static str, &'static str)> {
    DETECTORS.iter().map(|detector| (detector.slug, detector.title))
}

/// Slug and title of every detector that looks at an endpoint over time; files
/// of some traces show none of it.
pub fn detectors_over_time() -> impl Iterator<Item = (&'static str, &'static str)> {
    OVER_TIME.into_iter().map(|(slug, title, _)| (slug, title))
}

/// What a detector counts in a request, one and several: `query`, `queries`.
/// An issue of a detector that is no longer there counts times.
pub fn unit_of(slug: &str) -> Unit {
    let units = DETECTORS.iter().map(|detector| (detector.slug, detector.unit));
    let over_time = OVER_TIME.iter().map(|(slug, _, unit)| (*slug, *unit));
    let known = units.chain(over_time).find(|known| known.0 == slug);
    known.map_or(("time", "times"), |known| known.1)
}

/// What all detectors need to have added up over requests.
pub(crate) fn uses(study: &Study<'_>) -> Vec<ClassUse> {
    let forms = DETECTORS.iter().filter_map(|detector| detector.uses);
    forms.flat_map(|uses| uses(study)).collect()
}

/// What all detectors find in a segment.
pub(crate) fn in_segment(
    study: &Study<'_>,
    uses: &[ClassUse],
    thresholds: &Thresholds,
) -> Findings {
    let repeats = Repeats::of(study);
    let mut scene = Scene::new(study, uses, &repeats, thresholds);
    for detector in &DETECTORS {
        (detector.in_segment)(&mut scene);
    }
    scene.finish()
}

/// What all detectors find over an endpoint's requests.
pub(crate) fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let forms = DETECTORS.iter().filter_map(|detector| detector.in_profile);
    forms.flat_map(|form| form(profile, thresholds)).collect()
}

/// What became of an endpoint that is slower than it was. One change is told
/// once: by the calls where they explain most of it, else by the endpoint.
pub(crate) fn in_history(change: &Change<'_>) -> Vec<Finding> {
    let calls = slow_dependency::in_history(change);
    if calls.is_empty() {
        return endpoint_regression::in_history(change).into_iter().collect();
    }
    calls
}
