//! Looks for an endpoint whose requests take longer than they did.
//!
//! ```text
//! durations  ▁▂▇▅▂▁          the same shape, some of it or all of it
//!              ▁▂▇▅▂▁        further to the right: since a release, or
//!                            since a moment that nobody announced
//! ```
//!
//! Named with it are the calls that explain it: wall time for each request,
//! before and after, the rest being the service's own work. Not meant are more
//! or fewer requests, processes that warm up, hours that are slow every day,
//! and what chance does to the slowest of a few requests.

use hotspan_model::time::NANOS_PER_MILLI;
use hotspan_model::{Class, Confidence, Finding, UnixNanos};

use super::finding::{Amount, Draft};
use crate::figures;
use crate::history::{CallChange, Change, Regression};
use crate::wording;

pub(super) const SLUG: &str = "endpoint-regression";
pub(super) const TITLE: &str = "An endpoint that became slower";

/// Calls that are named, each with its difference.
const CALLS_MAX: usize = 5;
/// A call that explains less of the shift is not named.
const PART_MIN: f64 = 0.05;
/// From this part of the shift on, calls are why, or the service itself is.
const MOST: f64 = 0.5;

pub(super) fn in_history(change: &Change<'_>) -> Option<Finding> {
    let regression = change.regression?;
    let (code, confidence) = cause_of(change);
    let named = named_calls(change);
    let told = [told(change, &regression), vec![("calls", list_of(&named))]].concat();
    let (requests, _) = change.since.volume();
    let language = change.history.sdk.language;
    let draft = Draft {
        detector: SLUG,
        class: Class::Own,
        family: SLUG.to_owned(),
        subject: format!("Slower than before: {}", change.history.endpoint.name),
        cause: wording::cause(code, confidence, &told, facts(change, &regression, &named)),
        fixes: wording::fixes(code, "", language),
        templates: named.iter().map(|call| call.key.0.to_string()).collect(),
        identity: vec!["regression".to_owned()],
    };
    let amount = Amount {
        lookups: requests,
        calls: named.iter().map(|call| call.after.per_request * requests).sum(),
        wall_ns: (change.shift_ns() * requests) as i64,
        ..Amount::default()
    };
    Some(draft.over_time(change, amount))
}

/// Whose time the shift is, where trees tell.
fn cause_of(change: &Change<'_>) -> (&'static str, Confidence) {
    let Some(breakdown) = change.breakdown.as_ref().filter(|found| found.shift_ns() > 0.0) else {
        return ("slower_unexplained", Confidence::Undetermined);
    };
    let own = breakdown.own_shift_ns() / breakdown.shift_ns();
    if own >= MOST {
        ("slower_by_own_work", Confidence::Likely)
    } else {
        ("slower_by_calls", Confidence::Likely)
    }
}

/// The calls that take more time than before, most first.
fn named_calls<'a>(change: &'a Change<'_>) -> Vec<&'a CallChange> {
    let Some(breakdown) = &change.breakdown else { return Vec::new() };
    let least = breakdown.shift_ns() * PART_MIN;
    let calls = breakdown.calls.iter().take(CALLS_MAX);
    calls.filter(|call| call.shift_ns() > least.max(0.0)).collect()
}

/// Figures that texts about a change over time may use.
fn told(change: &Change<'_>, regression: &Regression) -> Vec<(&'static str, String)> {
    let [p50, p95] = [regression.p50_ns, regression.p95_ns].map(|(before, after)| {
        format!("{} → {}", figures::duration(before), figures::duration(after))
    });
    let own = change.breakdown.as_ref().map_or(0.0, |breakdown| breakdown.own_shift_ns());
    let (requests, _) = change.since.volume();
    vec![
        ("since", since(change)),
        ("p50", p50),
        ("p95", p95),
        ("requests", figures::weighted(requests)),
        ("own", signed(own)),
    ]
}

fn facts(
    change: &Change<'_>,
    regression: &Regression,
    named: &[&CallChange],
) -> Vec<(String, String)> {
    let above = figures::percent(regression.share_above);
    let before = figures::percent(1.0 - regression.percentile);
    let (usual, now) = change.per_minute();
    let mut facts = vec![
        (
            above,
            format!(
                "of the requests are clearly slower than all but the slowest {before} were before"
            ),
        ),
        (
            format!("{} → {}", figures::weighted(usual), figures::weighted(now)),
            "requests a minute, before and after".to_owned(),
        ),
    ];
    let per_request = |call: &CallChange| {
        let [before, after] = [&call.before, &call.after];
        let count = [before.per_request, after.per_request].map(figures::weighted);
        let mean = [before.mean_ns, after.mean_ns].map(|nanos| figures::duration(nanos as i64));
        format!(
            "a request in {}: {} → {} calls of {} → {}",
            call.key.0, count[0], count[1], mean[0], mean[1]
        )
    };
    facts.extend(named.iter().map(|call| (signed(call.shift_ns()), per_request(call))));
    if let Some(breakdown) = &change.breakdown {
        let of_named: f64 = named.iter().map(|call| call.shift_ns()).sum();
        let own = breakdown.own_shift_ns();
        let rest = breakdown.shift_ns() - of_named - own;
        if rest.abs() >= NANOS_PER_MILLI as f64 {
            facts.push((signed(rest), "a request in other calls".to_owned()));
        }
        facts.push((signed(own), "a request not explained by calls: its own work".to_owned()));
        facts.push((signed(breakdown.shift_ns()), "a request in all, on average".to_owned()));
    }
    facts
}

/// `SELECT orders (+120 ms a request), GET prices/{id} (+30 ms a request)`.
fn list_of(calls: &[&CallChange]) -> String {
    let item =
        |call: &&CallChange| format!("{} ({} a request)", call.key.0, signed(call.shift_ns()));
    calls.iter().map(item).collect::<Vec<_>>().join(", ")
}

/// `+120 ms`, `-3.0 ms`.
pub(super) fn signed(nanos: f64) -> String {
    let sign = if nanos < 0.0 { "-" } else { "+" };
    format!("{sign}{}", figures::duration(nanos.abs() as i64))
}

/// `Since release 1.8 went out (14:05 UTC)`, `Since about 14:05 UTC`.
pub(super) fn since(change: &Change<'_>) -> String {
    let since = &change.since;
    match since.deploy {
        Some(deploy) if !deploy.release.is_empty() => {
            format!("Since release {} went out ({})", deploy.release, clock(deploy.at))
        }
        Some(deploy) => format!("Since the deploy of {}", clock(deploy.at)),
        None if since.or_before => format!("Since {} at the latest", clock(since.moment)),
        None => format!("Since about {}", clock(since.moment)),
    }
}

/// `2026-11-23 14:05 UTC`.
fn clock(at: UnixNanos) -> String {
    let (year, month, day, hour, minute, _) = at.civil();
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}
