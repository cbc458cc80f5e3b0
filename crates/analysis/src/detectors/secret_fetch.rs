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
//! ```
//!
//! Not meant are batches, lists that are read by pages, caches on the host, and
//! a process that fetches what it needs when it starts: different things, once
//! each, count only when there are many and they take their time.

use hotspan_knowledge::Family;
use hotspan_model::segment::ClassUse;
use hotspan_model::{Class, Confidence, EndpointKind, EndpointProfile, Finding};

use super::Detector;
use super::fetching::{self, Waste, asked_again, free};
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

/// All but the first are too many: one call brings all of them. A program that
/// runs and ends fetches what it needs when it starts.
fn one_by_one(scene: &mut Scene<'_, '_>, fetches: &FamilyFetches) {
    if scene.study.segment.facts.endpoint.kind == EndpointKind::Job {
        return;
    }
    let limits = &scene.thresholds.fetches;
    let (share_min, many) = (limits.share_start_min, limits.untold_min);
    let calls = free(scene, fetches.single());
    let Some((_, again)) = calls.split_first().filter(|_| calls.len() >= many) else {
        return;
    };
    let (names, confidence) = match Series::new(scene.study, &calls).values() {
        Values::Different(names) if names >= many => {
            let names = figures::count(names as u64);
            (format!("They ask for {names} different things."), Confidence::VeryLikely)
        }
        _ => {
            let untold = "Their spans do not tell the names; if it is one again and again, \
                          keep its value instead.";
            (untold.to_owned(), Confidence::Likely)
        }
    };
    let cause = ("secrets_one_by_one", confidence);
    let figures = vec![("names", names)];
    Waste { fetches, calls: &calls, again, cause, share_min, figures }.report(scene, &DETECTOR);
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let cause_of = |_: &Family| Some(("secret_per_request", Confidence::VeryLikely));
    fetching::in_profile(profile, thresholds, &DETECTOR, Class::SecretFetch, cause_of)
}
