//! Looks for secrets, parameters and flags that are fetched inside requests.
//!
//! ```text
//! in a trace                             over an endpoint's requests
//! GetSecretValue app/db                  GET /orders   ×200
//! SELECT …                                 GetParameter app/flags    in nearly
//! GetSecretValue app/db                    SELECT …                  every one
//! SELECT …
//! GetSecretValue app/db  …   the same
//!
//! GetParameter a ─ GetParameter b ─ GetParameter c ─ …      one by one
//!
//! GetParameter ? ─ GetParameter ? ─ GetParameter ? ─ GetParameter ?
//!                     one by one, or the same again: a waste either way
//! ```
//!
//! Not meant are batches, lists that are read by pages, caches on the host, and
//! a process that fetches what it needs when it starts: different things, once
//! each, count only when there are many and they take their time.

use std::collections::BTreeMap;

use hotspan_knowledge::Family;
use hotspan_model::segment::ClassUse;
use hotspan_model::{Class, Confidence, EndpointKind, EndpointProfile, Finding};

use super::Detector;
use super::fetching::{self, Waste, asked_again, free, waits_for_a_change};
use super::scene::Scene;
use crate::fetches::FamilyFetches;
use crate::figures;
use crate::repeats::{Series, Values};
use crate::study::Study;
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "secret-fetch",
    title: "Secrets or parameters fetched inside requests",
    unit: ("fetch", "fetches"),
    in_segment,
    uses: Some(uses),
    in_profile: Some(in_profile),
};

fn uses(study: &Study<'_>) -> Vec<ClassUse> {
    fetching::uses_of(study, Class::SecretFetch)
}

fn in_segment(scene: &mut Scene<'_, '_>) {
    let study = scene.study;
    for found in study.fetches.iter().filter(|found| found.class == Class::SecretFetch) {
        let limits = &scene.thresholds.fetches;
        let every = free(scene, found.calls.iter().map(|fetch| fetch.span));
        let again = asked_again(scene, &every, limits.same_min);
        if again.is_empty() {
            one_by_one(scene, found);
        } else {
            same(scene, found, &every, &again);
        }
    }
}

fn same(scene: &mut Scene<'_, '_>, fetches: &FamilyFetches, calls: &[usize], again: &[usize]) {
    let cause = ("same_secret_again", Confidence::VeryLikely);
    let waste = Waste { fetches, calls, again, cause, share_min: 0.0, figures: Vec::new() };
    waste.report(scene, &DETECTOR);
}

/// All but the first are too many: one call brings all of them, or one value
/// could be kept. A program that runs and ends fetches what it needs when it
/// starts.
fn one_by_one(scene: &mut Scene<'_, '_>, fetches: &FamilyFetches) {
    if scene.study.segment.facts.endpoint.kind == EndpointKind::Job {
        return;
    }
    let limits = &scene.thresholds.fetches;
    let share_min = limits.share_start_min;
    let calls = free(scene, fetches.single());
    let values = Series::new(scene.study, &calls).values();
    let Some((cause, names, calls)) = (match values {
        Values::Different(names) => different(names, calls, limits.untold_min),
        Values::Unknown => untold(scene.study, &calls, limits.single_min),
    }) else {
        return;
    };
    let figures = vec![("names", names)];
    let again = &calls[1..];
    Waste { fetches, calls: &calls, again, cause, share_min, figures }.report(scene, &DETECTOR);
}

/// What the calls are a case of, what is known of the names, and the calls.
type OneByOne = ((&'static str, Confidence), String, Vec<usize>);

/// Calls for different things: a process that starts makes some of those.
fn different(names: usize, calls: Vec<usize>, calls_min: usize) -> Option<OneByOne> {
    let confidence = if names >= calls_min { Confidence::VeryLikely } else { Confidence::Likely };
    let told = format!("They ask for {} different things.", figures::count(names as u64));
    (calls.len() >= calls_min).then_some((("secrets_one_by_one", confidence), told, calls))
}

/// Calls of one operation whose spans do not tell for what.
fn untold(study: &Study<'_>, calls: &[usize], calls_min: usize) -> Option<OneByOne> {
    let spans = &study.segment.spans;
    let mut by_operation: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &call in calls {
        let operation = spans[call].call.as_ref().map_or("", |call| &call.operation);
        by_operation.entry(operation).or_default().push(call);
    }
    let most = by_operation.into_values().max_by_key(Vec::len)?;
    let cause = ("secrets_one_by_one_or_again", Confidence::Likely);
    let is_waste = most.len() >= calls_min && !waits_for_a_change(study, &most);
    is_waste.then_some((cause, String::new(), most))
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let cause_of = |_: &Family| Some(("secret_per_request", Confidence::VeryLikely));
    fetching::in_profile(profile, thresholds, &DETECTOR, Class::SecretFetch, cause_of)
}
