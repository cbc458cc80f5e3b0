//! What endpoint forms have in common: which uses most requests of an endpoint
//! make, so that they belong to the endpoint and not to a process that starts.
//!
//! Where a process may do something once, jobs are not meant: a span without a
//! caller is often a process of its own, and its run the first of that process.

use hotspan_model::segment::ProfileUse;
use hotspan_model::{Class, Confidence, EndpointKind, EndpointProfile};

use crate::thresholds::Thresholds;

/// What a detector asks of a use over requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    /// Share of the time of all requests, 0..=1.
    pub(super) share_min: f64,
    /// Mean time between requests up to which what one of them fetched could
    /// have served the next.
    pub(super) interval_ns_max: i64,
    /// A process may do it once, when it starts.
    pub(super) once_is_fine: bool,
}

/// Uses of `class` in most requests of an endpoint, with how sure that makes a
/// cause.
pub(super) fn widespread<'a>(
    profile: &'a EndpointProfile,
    thresholds: &Thresholds,
    class: Class,
    demand: Demand,
) -> impl Iterator<Item = (&'a ProfileUse, Confidence)> {
    let limits = thresholds.spread;
    let lasted_ns = profile.window.1.since(profile.window.0);
    let looked_at = profile.samples >= limits.requests_min
        && !(demand.once_is_fine && profile.endpoint.kind == EndpointKind::Job)
        && lasted_ns / (profile.samples.max(1) as i64) <= demand.interval_ns_max;
    let affected = |profile_use: &ProfileUse| {
        profile_use.samples_affected as f64 / profile.samples.max(1) as f64
    };
    let uses = profile.uses.iter().filter(move |profile_use| {
        looked_at
            && profile_use.class == class
            && affected(profile_use) >= limits.requests_share_min
            && share_of(profile, profile_use) >= demand.share_min
    });
    uses.map(move |profile_use| {
        let sure = affected(profile_use) >= limits.requests_share_sure;
        (profile_use, if sure { Confidence::VeryLikely } else { Confidence::Likely })
    })
}

/// A use as a share of the time of all requests, 0..=1.
pub(super) fn share_of(profile: &EndpointProfile, profile_use: &ProfileUse) -> f64 {
    profile_use.wall_ns as f64 / profile.entry_wall_ns.max(1) as f64
}
