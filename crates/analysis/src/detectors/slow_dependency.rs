//! Looks for a call that came to dominate an endpoint's requests.
//!
//! ```text
//! before  ├─┤GET prices├─┤                  the same call, as often as before
//! now     ├─┤GET prices           ├─┤       and slower: the dependency is why
//!
//! before  ├─┤GET prices├─┤
//! now     ├─┤GET prices├┤GET prices├─┤      as fast as before and more often:
//!                                           whoever calls is why
//! ```
//!
//! The call's own history is what it is measured by: not meant are calls that
//! always took long, calls that are slow at this hour of every day, and calls
//! that took longer in a few stretches of time.

use hotspan_model::{Confidence, Finding};

use super::endpoint_regression::{signed, since};
use super::finding::{Amount, Draft};
use crate::figures;
use crate::history::{CallChange, Change, is_above_all, is_higher};
use crate::wording;

pub(super) const SLUG: &str = "slow-dependency";
pub(super) const TITLE: &str = "A call that takes more of a request than it did";

/// Calls of fewer requests than this before are new.
const NEW_PER_REQUEST: f64 = 0.01;

/// The calls that dominate and are why requests take longer; none when they do
/// not explain most of a regression.
pub(super) fn in_history(change: &Change<'_>) -> Vec<Finding> {
    let Some(breakdown) = &change.breakdown else { return Vec::new() };
    let limits = change.limits;
    let grown = breakdown.calls.iter().filter(|call| {
        let shift = call.shift_ns();
        shift >= limits.shift_ns_min as f64
            && shift >= breakdown.before_ns * limits.shift_share_min
            && call.after.wall_ns >= breakdown.after_ns * limits.call_share_min
            && call.after.wall_ns >= call.before.wall_ns * limits.call_growth_min
    });
    let found: Vec<(&CallChange, Reason)> =
        grown.filter_map(|call| Some((call, reason_of(change, call)?))).collect();
    let explained: f64 = found.iter().map(|(call, _)| call.shift_ns()).sum();
    let is_told_by_them =
        change.regression.is_none() || explained >= change.shift_ns() * limits.explained_min;
    let findings = found.into_iter().filter(|_| is_told_by_them);
    findings.map(|(call, reason)| finding(change, call, reason)).collect()
}

/// Why a call takes more of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Slower,
    More,
    Both,
    New,
}

/// What its history says beyond chance; `None` when it says nothing. That
/// requests take longer may be beyond chance already: then what the call
/// explains of it needs no second proof, which would come later and make a
/// second issue of one change.
fn reason_of(change: &Change<'_>, call: &CallChange) -> Option<Reason> {
    let limits = change.limits;
    let (before, after) = (&call.before, &call.after);
    let grows = |before: f64, after: f64| after >= before * limits.reason_growth_min;
    let beyond = |before: &[f64], after: &[f64]| match change.regression {
        Some(_) => is_above_all(before, after),
        None => is_higher(before, after, limits),
    };
    let more = grows(before.per_request, after.per_request)
        && beyond(&before.per_request_by_stretch, &after.per_request_by_stretch);
    if before.per_request < NEW_PER_REQUEST {
        return more.then_some(Reason::New);
    }
    let slower = grows(before.mean_ns, after.mean_ns)
        && beyond(&before.mean_ns_by_stretch, &after.mean_ns_by_stretch);
    match (slower, more) {
        (true, true) => Some(Reason::Both),
        (true, false) => Some(Reason::Slower),
        (false, true) => Some(Reason::More),
        (false, false) => None,
    }
}

fn cause_of(reason: Reason) -> (&'static str, Confidence) {
    match reason {
        Reason::Slower => ("dependency_slower", Confidence::Likely),
        Reason::More => ("dependency_called_more", Confidence::VeryLikely),
        Reason::Both => ("dependency_slower_and_called_more", Confidence::Likely),
        Reason::New => ("dependency_new", Confidence::VeryLikely),
    }
}

fn finding(change: &Change<'_>, call: &CallChange, reason: Reason) -> Finding {
    let (code, confidence) = cause_of(reason);
    let (name, class) = (call.key.0.to_string(), call.key.1);
    let draft = Draft {
        detector: SLUG,
        class,
        family: format!("{SLUG} {name}"),
        subject: format!("Slow dependency: {name}"),
        cause: wording::cause(code, confidence, &told(change, call), facts(change, call)),
        fixes: wording::fixes(code, "", change.history.sdk.language),
        templates: vec![name.clone()],
        identity: vec![name],
    };
    let (requests, _) = change.since.volume();
    let amount = Amount {
        lookups: call.after.per_request * requests,
        calls: call.after.per_request * requests,
        wall_ns: (call.shift_ns() * requests) as i64,
        ..Amount::default()
    };
    draft.over_time(change, amount)
}

fn told(change: &Change<'_>, call: &CallChange) -> Vec<(&'static str, String)> {
    let whole = change.breakdown.as_ref().map_or(0.0, |breakdown| breakdown.after_ns);
    let duration = |nanos: f64| figures::duration(nanos as i64);
    let (before, after) = (&call.before, &call.after);
    vec![
        ("since", since(change)),
        ("call", call.key.0.to_string()),
        ("per_call_before", duration(before.mean_ns)),
        ("per_call", duration(after.mean_ns)),
        ("calls_before", figures::weighted(before.per_request)),
        ("calls", figures::weighted(after.per_request)),
        ("added", signed(call.shift_ns())),
        ("share", figures::percent(after.wall_ns / whole.max(1.0))),
    ]
}

fn facts(change: &Change<'_>, call: &CallChange) -> Vec<(String, String)> {
    let stretches = |values: &[f64]| figures::count(values.len() as u64);
    let (before, after) = (&call.before, &call.after);
    let mut facts = vec![
        (
            format!(
                "{} and {}",
                stretches(&after.per_request_by_stretch),
                stretches(&before.per_request_by_stretch)
            ),
            "recent and earlier stretches of time were compared".to_owned(),
        ),
        (
            format!(
                "{} → {}",
                figures::duration(before.wall_ns as i64),
                figures::duration(after.wall_ns as i64)
            ),
            "of each request go to it, before and after".to_owned(),
        ),
    ];
    if let Some(breakdown) = &change.breakdown {
        let rest = breakdown.shift_ns() - call.shift_ns();
        facts.push((signed(rest), "a request in everything else".to_owned()));
    }
    facts
}
