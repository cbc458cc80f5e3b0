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

use hotspan_model::{EndpointHistory, Finding, HistoryFinding};

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
    history_by_minute(history, thresholds).into_iter().map(|dated| dated.finding).collect()
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

/// False when [`history`] is sure to find nothing. It reads no trees, so that
/// they can be left where they are until this is true.
pub fn has_moved(history: &EndpointHistory, thresholds: &Thresholds) -> bool {
    Change::of(history, &thresholds.history).is_some()
}
