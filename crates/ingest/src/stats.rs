//! What was accepted, refused, dropped and why, since the server started.
//!
//! Counters are kept by name because reasons come from decoders and clients;
//! each list of names has an end, beyond which everything counts as `(other)`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hotspan_model::UnixNanos;
use hotspan_model::measure::Counter;
use hotspan_store::{FrameDoor, LogFault};

/// Names one list may hold: clients choose some of them.
const NAMES_MAX: usize = 200;
/// Where names beyond [`NAMES_MAX`] are counted.
const OTHER: &str = "(other)";

/// Counts by name.
pub type Counts = BTreeMap<String, u64>;

/// A copy of every counter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// When counting began.
    pub started_at: UnixNanos,
    /// Requests answered with success, partial success included.
    pub accepted_requests: u64,
    /// Spans in the log.
    pub accepted_spans: u64,
    /// The same by door, in the order of [`FrameDoor::ALL`].
    pub accepted_by_door: [Accepted; FrameDoor::ALL.len()],
    /// Items rejected, by reason.
    pub rejected: Counts,
    /// Requests refused whole, by reason.
    pub refused: Counts,
    /// Spans that are stored and left out of analysis, by reason.
    pub dropped: Counts,
    /// Attributes and other parts left out of stored spans, by reason.
    pub dropped_parts: Counts,
    /// Spans that arrived after their trace had been analysed.
    pub late: u64,
    /// Spans that had been received before.
    pub duplicates: u64,
    /// What clients say they lost, by `category.reason`.
    pub client_losses: Counts,
    /// Items accepted and not kept, by kind.
    pub ignored_items: Counts,
    /// Segments analysed and booked, repeats after late spans included.
    pub segments: u64,
    /// What is received and not analysed yet: traces with their entry span,
    /// and requests that may complete or begin some. 0 means settled.
    pub open_traces: u64,
    /// Traces that assembly holds, those kept for late spans included.
    pub held_traces: u64,
    /// Spans of these.
    pub open_spans: u64,
    /// Requests in the log that are not applied yet; one more while a replay
    /// still has to find out how many there are.
    pub apply_queue: u64,
    /// Bytes of the log that a replay has before it.
    pub replay_bytes: u64,
    /// Closed traces that are not booked yet.
    pub analysis_queue: u64,
    /// Endpoints that wait to be looked at as a whole.
    pub profile_queue: u64,
    /// Bytes of requests between arrival and answer.
    pub in_flight_bytes: u64,
    /// How many there may be.
    pub in_flight_bytes_max: u64,
    /// Bytes of requests that wait for the disk or the applier.
    pub log_queue_bytes: u64,
    /// How many there may be.
    pub log_queue_bytes_max: u64,
    /// Spans that assembly may hold.
    pub open_spans_max: u64,
    /// What keeps the log from taking requests; `None` while it does.
    pub log_fault: Option<LogFault>,
}

/// What came in through one door and is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Requests answered with success.
    pub requests: u64,
    /// Spans in the log.
    pub spans: u64,
}

/// One list of counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Rejected,
    Refused,
    Dropped,
    DroppedParts,
    ClientLosses,
    IgnoredItems,
}

/// The counters themselves.
#[derive(Debug)]
pub(crate) struct Counters {
    state: Mutex<State>,
    /// Apart, because every request adds to them.
    accepted: [AcceptedCounters; FrameDoor::ALL.len()],
}

#[derive(Debug, Default)]
struct AcceptedCounters {
    requests: Counter,
    spans: Counter,
}

#[derive(Debug)]
struct State {
    stats: Stats,
    /// Requests made durable, and those of them that were applied.
    appended: u64,
    applied: u64,
}

impl Counters {
    pub(crate) fn new(started_at: UnixNanos) -> Self {
        let stats = Stats { started_at, ..Stats::default() };
        let state = Mutex::new(State { stats, appended: 0, applied: 0 });
        Self { state, accepted: Default::default() }
    }

    /// A request is answered with success.
    pub(crate) fn accepted(&self, door: FrameDoor, spans: u64) {
        let counters = &self.accepted[door as usize];
        counters.requests.add(1);
        counters.spans.add(spans);
    }

    /// A request is durable; its client has no answer yet.
    pub(crate) fn appended(&self) {
        self.lock().appended += 1;
    }

    /// A request is applied, after which assembly holds this much.
    pub(crate) fn applied(&self, requests: u64, waiting: usize, traces: usize, spans: usize) {
        let mut state = self.lock();
        state.applied += requests;
        state.stats.open_traces = waiting as u64;
        state.stats.held_traces = traces as u64;
        state.stats.open_spans = spans as u64;
    }

    /// A replay has this many bytes of the log before it.
    pub(crate) fn replaying(&self, bytes: u64) {
        self.lock().stats.replay_bytes = bytes;
    }

    /// Adds to one name of a list.
    pub(crate) fn count(&self, list: List, name: &str, times: u64) {
        if times == 0 {
            return;
        }
        let mut state = self.lock();
        let stats = &mut state.stats;
        let counts = match list {
            List::Rejected => &mut stats.rejected,
            List::Refused => &mut stats.refused,
            List::Dropped => &mut stats.dropped,
            List::DroppedParts => &mut stats.dropped_parts,
            List::ClientLosses => &mut stats.client_losses,
            List::IgnoredItems => &mut stats.ignored_items,
        };
        let full = counts.len() >= NAMES_MAX && !counts.contains_key(name);
        let name = if full { OTHER } else { name };
        let count = counts.entry(name.to_owned()).or_insert(0);
        *count = count.saturating_add(times);
    }

    /// Changes the plain counters.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Stats)) {
        change(&mut self.lock().stats);
    }

    /// A copy, with what is on its way counted from one look at everything.
    pub(crate) fn snapshot(&self) -> Stats {
        let state = self.lock();
        let mut stats = state.stats.clone();
        stats.apply_queue = state.appended.saturating_sub(state.applied);
        stats.apply_queue += u64::from(stats.replay_bytes > 0);
        for (copy, counters) in stats.accepted_by_door.iter_mut().zip(&self.accepted) {
            *copy = Accepted { requests: counters.requests.get(), spans: counters.spans.get() };
            stats.accepted_requests += copy.requests;
            stats.accepted_spans += copy.spans;
        }
        stats.open_traces += stats.apply_queue + stats.analysis_queue;
        stats
    }

    /// A counter is right after any half of an update, so a poisoned lock is
    /// no reason to stop counting.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_count_as_other() {
        let counters = Counters::new(UnixNanos(0));
        for number in 0..NAMES_MAX + 5 {
            counters.count(List::ClientLosses, &format!("category.{number}"), 2);
        }
        counters.count(List::ClientLosses, "category.0", 1);
        let losses = counters.snapshot().client_losses;
        assert_eq!(losses.len(), NAMES_MAX + 1);
        assert_eq!((losses[OTHER], losses["category.0"]), (10, 3));
        assert_eq!(losses.values().sum::<u64>(), 2 * (NAMES_MAX as u64 + 5) + 1);
    }
}
