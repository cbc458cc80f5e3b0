//! What only time shows: an endpoint's requests of late against what was usual.
//!
//! [`history`] takes two windows of one endpoint and says whether its requests
//! became slower, since when, and which calls explain it:
//!
//! ```text
//! earlier: a day or a week ──────────────┤ recent: an hour ────┤
//!                                        │      ▲ moment │
//!          what is usual                 │      a deploy │ warm-up │ compared
//! ```
//!
//! - **Slower** is told by counting. Of the usual requests one in twenty is
//!   above the 95th percentile; when of the recent ones clearly more are above
//!   a mark that lies a tenth higher still, chance does not explain it, however
//!   heavy the tail of the durations is.
//! - **Usual** includes hours that are slow every day: the recent requests must
//!   be slower than those of any stretch of the earlier window.
//! - **Explained** is told by the call trees: wall time by call and request,
//!   before and after. The differences add up to that of the whole request.
//!
//! The steps stand in the modules below, what is a finding in the detectors
//! `slow_dependency` and `endpoint_regression`. One change is told once: by
//! the call where a single one explains most of it, else by the endpoint.

mod calls;
mod chance;
mod change;
mod minutes;
mod since;
mod usual;

use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{EndpointHistory, Finding, HistoryFinding, UnixNanos};

use crate::detectors;
use crate::thresholds::Thresholds;

pub(crate) use calls::CallChange;
pub(crate) use chance::{is_above_all, is_higher};
pub(crate) use change::{Change, Regression};

/// What became of an endpoint: findings of scope endpoint, of the detectors
/// `slow-dependency` and `endpoint-regression`. Empty when nothing became
/// slower, or there is too little to tell.
///
/// What `earlier` and `recent` must hold is written at
/// [`EndpointHistory`]. Without trees only a regression can be told, and
/// without the calls that explain it.
pub fn history(history: &EndpointHistory, thresholds: &Thresholds) -> Vec<Finding> {
    Change::of(history, &thresholds.history)
        .map_or_else(Vec::new, |change| detectors::in_history(&change))
}

/// As [`history`], with what each finding costs by minute.
pub fn history_by_minute(
    history: &EndpointHistory,
    thresholds: &Thresholds,
) -> Vec<HistoryFinding> {
    let Some(change) = Change::of(history, &thresholds.history) else { return Vec::new() };
    let findings = detectors::in_history(&change).into_iter();
    findings.map(|finding| minutes::by_minute(&change, finding)).collect()
}

/// From when to when the windows of a history reach, ends excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// What is usual: a week, from a whole hour on.
    pub earlier: (UnixNanos, UnixNanos),
    /// What is looked at: an hour, from whole five minutes on.
    pub recent: (UnixNanos, UnixNanos),
}

/// The windows for a look at `now`. Roll-ups that do not reach back so far give
/// a shorter earlier window, which is fine.
pub fn windows(now: UnixNanos) -> Windows {
    const HOUR_NS: i64 = 60 * NANOS_PER_MINUTE;
    let whole = |at: UnixNanos, width_ns: i64| UnixNanos(at.0 - at.0.rem_euclid(width_ns));
    let from = whole(now.plus(-HOUR_NS), 5 * NANOS_PER_MINUTE);
    let earlier = whole(from.plus(-7 * 24 * HOUR_NS), HOUR_NS);
    Windows { earlier: (earlier, from), recent: (from, now) }
}

/// False when [`history`] is sure to find nothing. It reads no trees, so that
/// they can be left where they are until this is true.
pub fn has_moved(history: &EndpointHistory, thresholds: &Thresholds) -> bool {
    Change::of(history, &thresholds.history).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_whole_stretches() {
        let at = |text: &str| UnixNanos::parse(text).expect("a moment");
        let windows = windows(at("2026-11-23T14:07:30Z"));
        assert_eq!(windows.recent, (at("2026-11-23T13:05Z"), at("2026-11-23T14:07:30Z")));
        assert_eq!(windows.earlier, (at("2026-11-16T13:00Z"), at("2026-11-23T13:05Z")));
    }
}
