//! Looks for tokens and signing keys that are fetched again although the last
//! ones are still good.
//!
//! ```text
//! in a trace                             over an endpoint's requests
//! POST /sync                             GET /orders   ×200
//!   POST idp/oauth2/token                  POST idp/oauth2/token    in nearly
//!   GET  stock/items/1                     GET  stock/items/7       every one
//!   POST idp/oauth2/token
//!   GET  stock/items/2  …                GET /orders   ×200
//!                                          GET idp/.well-known/jwks.json
//! ```
//!
//! Not meant are one token for each of several services, logins, what an
//! identity provider does itself, tokens exchanged for other users', and one
//! refresh. Whether tokens differ is in bodies that no span shows, so that they
//! are for the same use is told by the calls that follow them.

use std::collections::HashMap;

use hotspan_knowledge::{Family, knowledge};
use hotspan_model::segment::ClassUse;
use hotspan_model::{Class, Confidence, EndpointProfile, Finding};

use super::Detector;
use super::fetching::{self, Waste, asked_again, free};
use super::scene::Scene;
use crate::fetches::{FamilyFetches, Users};
use crate::study::Study;
use crate::thresholds::Thresholds;

pub(super) const DETECTOR: Detector = Detector {
    slug: "token-fetch",
    title: "Tokens or signing keys fetched again and again",
    unit: ("fetch", "fetches"),
    in_segment,
    uses: Some(uses),
    in_profile: Some(in_profile),
};

/// The family of signing keys; every other one hands out tokens.
const KEYS: &str = "oidc-keys";
/// How far up the name of a span may say that the token is somebody else's.
const LEVELS_MAX: usize = 16;

fn uses(study: &Study<'_>) -> Vec<ClassUse> {
    fetching::uses_of(study, Class::TokenFetch)
}

fn in_segment(scene: &mut Scene<'_, '_>) {
    let study = scene.study;
    let endpoint = &study.segment.facts.endpoint.name;
    for found in study.fetches.iter().filter(|found| found.class == Class::TokenFetch) {
        match found.family.id.as_str() {
            _ if is_meant(endpoint, found.family) => {}
            KEYS => keys(scene, found),
            _ => tokens(scene, found),
        }
    }
}

/// Keys and discovery documents have addresses of their own, which spans tell.
fn keys(scene: &mut Scene<'_, '_>, found: &FamilyFetches) {
    let calls = free(scene, found.calls.iter().map(|fetch| fetch.span));
    let again = asked_again(scene, &calls, scene.thresholds.fetches.same_min);
    if !again.is_empty() {
        report(scene, found, &calls, &again, ("keys_per_use", Confidence::VeryLikely));
    }
}

fn tokens(scene: &mut Scene<'_, '_>, found: &FamilyFetches) {
    let limits = &scene.thresholds.fetches;
    let study = scene.study;
    let mut exchanges = Exchanges { study, by_name: HashMap::new() };
    let own = found.single().filter(|&call| !exchanges.has(call));
    let calls = free(scene, own);
    if calls.len() < limits.same_min {
        return;
    }
    let again = used_again(study, &calls, limits.same_min, limits.untold_min);
    if !again.is_empty() {
        report(scene, found, &calls, &again, ("token_per_use", Confidence::Likely));
    }
}

/// Tokens for a use that an earlier one of `calls` (by start) was fetched for.
/// Where nothing tells what they are for, their number must.
fn used_again(
    study: &Study<'_>,
    calls: &[usize],
    same_min: usize,
    untold_min: usize,
) -> Vec<usize> {
    let spans = &study.segment.spans;
    // Of each provider, and of each thing that its address asks for, apart.
    let mut by_address: HashMap<u64, Vec<usize>> = HashMap::new();
    for &call in calls {
        by_address.entry(study.asked(call)).or_default().push(call);
    }
    let users = Users::of(study);
    let mut again = Vec::new();
    for calls in by_address.into_values().filter(|calls| calls.len() >= same_min) {
        let mut by_use: HashMap<Option<u64>, Vec<usize>> = HashMap::new();
        for (&call, target) in calls.iter().zip(users.targets(&calls)) {
            by_use.entry(target).or_default().push(call);
        }
        for (target, calls) in by_use {
            let enough = if target.is_some() { same_min } else { untold_min };
            if calls.len() >= enough {
                again.extend_from_slice(&calls[1..]);
            }
        }
    }
    again.sort_unstable_by_key(|&call| (spans[call].start, call));
    again
}

fn report(
    scene: &mut Scene<'_, '_>,
    fetches: &FamilyFetches,
    calls: &[usize],
    again: &[usize],
    cause: (&'static str, Confidence),
) {
    let waste = Waste { fetches, calls, again, cause, share_min: 0.0, figures: Vec::new() };
    waste.report(scene, &DETECTOR);
}

/// Spans in which another user's token is fetched, told by their names.
struct Exchanges<'a, 's> {
    study: &'a Study<'s>,
    /// Names that were looked at: loops have the same for each item.
    by_name: HashMap<&'a str, bool>,
}

impl Exchanges<'_, '_> {
    /// True when a span around the call is one.
    fn has(&mut self, call: usize) -> bool {
        let study = self.study;
        let around = std::iter::successors(study.tree.parents[call], |&at| study.tree.parents[at]);
        around.take(LEVELS_MAX).any(|at| {
            let name: &str = &study.segment.spans[at].name;
            *self.by_name.entry(name).or_insert_with(|| knowledge().logins.is_exchange(name))
        })
    }
}

/// True for an endpoint at which each request is meant to do so: one that hands
/// out tokens or keys itself, or that people log in at.
fn is_meant(endpoint: &str, family: &Family) -> bool {
    let known = knowledge();
    let (method, path) = endpoint.split_once(' ').unwrap_or(("GET", endpoint));
    let itself = known.families.http(method, "", path);
    itself.is_some_and(|itself| itself.class == Class::TokenFetch.slug())
        || (family.of_callers && known.logins.is_login(endpoint))
}

fn in_profile(profile: &EndpointProfile, thresholds: &Thresholds) -> Vec<Finding> {
    let cause_of = |family: &Family| match family.id.as_str() {
        _ if is_meant(&profile.endpoint.name, family) => None,
        KEYS => Some(("keys_per_request", Confidence::VeryLikely)),
        _ => Some(("token_per_request", Confidence::Likely)),
    };
    fetching::in_profile(profile, thresholds, &DETECTOR, Class::TokenFetch, cause_of)
}
