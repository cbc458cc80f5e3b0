//! The endpoint form of detectors of repeated calls: what repeats in nearly
//! every request, cheap in each of them and dear in all.
//!
//! ```text
//! GET /orders   60 ms ×200
//!   SELECT settings WHERE shop = 7     2 ms
//!   SELECT settings WHERE shop = 7     2 ms      six times: 10 ms too many, below
//!   SELECT settings WHERE shop = 7     2 ms      what a trace is told for, and a
//!   …                                            sixth of the endpoint's time
//! ```
//!
//! A shape is the same as in a trace; only what it must cost differs. What
//! requests cost enough to be told by themselves is left to the trace form.

use hotspan_model::segment::ProfileUse;
use hotspan_model::{Class, Confidence, EndpointProfile, Finding};

use super::finding::Draft;
use super::spread::{Demand, share_of, widespread};
use crate::thresholds::Thresholds;
use crate::{figures, wording};

/// How a detector tells its shape.
pub(super) struct Telling {
    pub(super) detector: &'static str,
    /// What subjects begin with.
    pub(super) heading: &'static str,
    /// The cause's code, and the most that requests together can make it sure.
    pub(super) cause: (&'static str, Confidence),
    /// The cause in a trace that has the same fixes, given the first operation.
    pub(super) fixes_of: fn(&str) -> &'static str,
    /// Each repeat is one call, and the first call is none.
    pub(super) first_is_fine: bool,
}

/// Findings of a detector over an endpoint's requests.
pub(super) fn in_profile(
    profile: &EndpointProfile,
    thresholds: &Thresholds,
    telling: &Telling,
) -> Vec<Finding> {
    let limits = &thresholds.repeats;
    let found = [Class::Database, Class::Http, Class::Rpc].map(|class| {
        // However seldom a request comes, it need not ask twice.
        let demand = Demand {
            share_min: limits.profile_share_min,
            interval_ns_max: i64::MAX,
            once_is_fine: false,
        };
        let uses = widespread(profile, thresholds, class, demand);
        let own = uses.filter(|(profile_use, _)| is_of(telling.detector, profile_use));
        let dear = own.filter(|(profile_use, _)| {
            let wall_ns = per_request_ns(profile_use);
            wall_ns >= limits.profile_wall_ns_min && wall_ns < thresholds.floor.wall_ns_min
        });
        let finding = |(profile_use, sure): (&ProfileUse, Confidence)| {
            over_requests(profile, profile_use, telling, sure)
        };
        dear.map(finding).collect::<Vec<Finding>>()
    });
    found.concat()
}

/// The family of a use begins with the detector that adds it up.
fn is_of(detector: &str, profile_use: &ProfileUse) -> bool {
    let rest = profile_use.family.strip_prefix(detector);
    rest.is_some_and(|rest| rest.starts_with(' '))
}

/// What it costs a request that has it.
fn per_request_ns(profile_use: &ProfileUse) -> i64 {
    (profile_use.wall_ns as f64 / profile_use.requests_affected.max(f64::MIN_POSITIVE)) as i64
}

fn over_requests(
    profile: &EndpointProfile,
    profile_use: &ProfileUse,
    telling: &Telling,
    sure: Confidence,
) -> Finding {
    let (code, at_most) = telling.cause;
    let [requests, affected] =
        [profile.requests, profile_use.requests_affected].map(figures::weighted);
    let repeats = if telling.first_is_fine { profile_use.lookups } else { profile_use.calls };
    let per_request = repeats / profile_use.requests_affected.max(f64::MIN_POSITIVE);
    let per_call_ns = profile_use.wall_ns as f64 / repeats.max(1.0);
    let told = [
        ("call", profile_use.templates.join(", then ")),
        ("requests", requests.clone()),
        ("affected", affected.clone()),
        ("per_request", figures::weighted(per_request)),
        ("per_call", figures::duration(per_call_ns as i64)),
        ("time", figures::duration(per_request_ns(profile_use))),
        ("share", figures::percent(share_of(profile, profile_use))),
    ];
    let facts = vec![
        (format!("{affected} of {requests}"), "requests have it".to_owned()),
        (figures::duration(per_request_ns(profile_use)), "is what it costs one".to_owned()),
    ];
    let first = profile_use.templates.first().map_or("", String::as_str);
    let fixes_of = (telling.fixes_of)(first);
    let draft = Draft {
        detector: telling.detector,
        class: profile_use.class,
        family: profile_use.family.to_string(),
        subject: format!("{}: {}", telling.heading, profile_use.templates.join(", ")),
        cause: wording::cause(code, at_most.min(sure), &told, facts),
        fixes: wording::fixes(fixes_of, "", profile.sdk.language),
        templates: profile_use.templates.clone(),
        identity: vec![profile_use.family.to_string()],
    };
    draft.over_requests(profile, profile_use)
}
