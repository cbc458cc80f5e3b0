//! What a change costs, minute by minute since it began.

use hotspan_model::{Finding, HistoryFinding, MinuteCost};

use super::change::Change;

/// Gives each minute its part of what a finding costs: every request since the
/// change has its share of it.
pub(super) fn by_minute(change: &Change<'_>, finding: Finding) -> HistoryFinding {
    let (requests, _) = change.since.volume();
    let per_request = finding.wall_ns as f64 / requests.max(f64::MIN_POSITIVE);
    let cost = |stretch: &&hotspan_model::RequestStretch| MinuteCost {
        minute: stretch.start.minute(),
        samples: stretch.samples,
        requests: stretch.requests,
        wall_ns: (per_request * stretch.requests) as i64,
    };
    HistoryFinding { minutes: change.since.requests.iter().map(cost).collect(), finding }
}
