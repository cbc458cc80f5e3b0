//! The look over time: an endpoint's last hour against what was usual, once in
//! some minutes. What became slower is decided in `analysis`; here are only the
//! windows and whose turn it is.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_analysis::detectors_over_time;
use hotspan_analysis::history::{has_moved, history_by_minute};
use hotspan_analysis::thresholds::Thresholds;
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Endpoint, UnixNanos};
use hotspan_store::{Part, Store, StoreError, TimeWindow};

use crate::clock::Clock;
use crate::steady::Steady;
use crate::waiting::Waiting;

/// The least time between two looks at one endpoint.
const LOOK_EVERY_NS: i64 = 5 * NANOS_PER_MINUTE;
/// Endpoints looked at in one go, so that booking never waits long.
const ROUND_MAX: usize = 5;
/// Endpoints whose last look is remembered although they do not wait.
const REMEMBERED_MAX: usize = 20_000;
/// What is looked at.
const RECENT_NS: i64 = 60 * NANOS_PER_MINUTE;
/// What it is compared with: hours of the day and days of the week are in it.
/// A change that lasts longer is what is usual from then on.
const EARLIER_NS: i64 = 7 * 24 * 60 * NANOS_PER_MINUTE;
/// Call trees are kept by so much, so the windows meet at such a moment.
const TREE_NS: i64 = 5 * NANOS_PER_MINUTE;

/// Which endpoints wait for a look.
pub(crate) struct Histories {
    clock: Arc<dyn Clock>,
    /// A clock set back must not keep endpoints waiting.
    steady: Steady,
    waiting: Waiting,
    looked_at: HashMap<i64, UnixNanos>,
}

impl Histories {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            steady: Steady::default(),
            waiting: Waiting::default(),
            looked_at: HashMap::new(),
        }
    }

    /// Puts touched endpoints on the list.
    pub(crate) fn touch(
        &mut self,
        touched: &[(i64, Endpoint)],
        latest: &HashMap<Endpoint, UnixNanos>,
    ) {
        self.waiting.touch(self.clock.now(), touched, latest);
    }

    /// Looks at those whose turn has come. One that is new waits for its first
    /// look as long as for any other: it has nothing to be compared with.
    pub(crate) async fn look_due(&mut self, store: &Store) {
        let now = self.steady.at(self.clock.now());
        if self.looked_at.len() >= REMEMBERED_MAX {
            // Those that wait keep their place, or none would ever have its turn.
            self.looked_at.retain(|id, _| self.waiting.contains(*id));
        }
        let mut round = Vec::new();
        for id in self.waiting.ids() {
            let looked_at = *self.looked_at.entry(id).or_insert(now);
            if now.since(looked_at) >= LOOK_EVERY_NS && round.len() < ROUND_MAX {
                round.push(id);
            }
        }
        for id in round {
            let Some(latest) = self.waiting.take(id) else { continue };
            self.looked_at.insert(id, now);
            if let Err(error) = look(store, id, latest).await {
                tracing::error!(%error, endpoint = id, "could not look at an endpoint over time");
            }
        }
    }
}

/// The windows of a look, and where the earlier one ends when a change that is
/// known has lasted since.
fn windows(latest: UnixNanos, changed: Option<UnixNanos>) -> (TimeWindow, TimeWindow) {
    let begins = |at: UnixNanos| UnixNanos(at.0.div_euclid(TREE_NS) * TREE_NS);
    let recent = TimeWindow { from: begins(latest.plus(-RECENT_NS)), to: latest.plus(1) };
    let to = changed.map_or(recent.from, |changed| begins(changed).min(recent.from));
    (TimeWindow { from: to.plus(-EARLIER_NS), to }, recent)
}

async fn look(store: &Store, id: i64, latest: UnixNanos) -> Result<(), StoreError> {
    let detectors = detectors_over_time().map(|(slug, _)| slug).collect();
    let changed = store.open_since(id, detectors, latest.plus(-EARLIER_NS)).await?;
    let (earlier, recent) = windows(latest, changed);
    let Some(mut seen) = store.endpoint_history(id, earlier, recent).await? else { return Ok(()) };
    let thresholds = Thresholds::default();
    if !store.effort().of(Part::Profile, || has_moved(&seen, &thresholds)) {
        return Ok(());
    }
    [seen.earlier.trees, seen.recent.trees] = store.history_trees(id, earlier, recent).await?;
    let findings = store.effort().of(Part::Profile, || history_by_minute(&seen, &thresholds));
    store.record_history_findings(id, findings).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_meet_at_five_minutes() {
        let at = |minutes: i64| UnixNanos(minutes * NANOS_PER_MINUTE);
        for (latest, changed, earlier_to, recent_from) in [
            (at(20_003), None, at(19_940), at(19_940)),
            (at(20_000), None, at(19_940), at(19_940)),
            (at(20_003), Some(at(19_888)), at(19_885), at(19_940)),
            (at(20_003), Some(at(19_999)), at(19_940), at(19_940)),
        ] {
            let (earlier, recent) = windows(latest, changed);
            assert_eq!(
                (earlier.to, recent.from),
                (earlier_to, recent_from),
                "{latest:?} {changed:?}"
            );
            assert_eq!(earlier.to.since(earlier.from), EARLIER_NS);
            assert!(recent.contains(latest));
        }
    }
}
