//! What a search has found so far: the newest, each once, no more than asked
//! for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use hotspan_model::{TraceId, UnixNanos};

use super::SearchMode;
use super::cursor::SearchCursor;

/// Traces of earlier pages that a search by trace remembers at most.
const SEEN_MAX: usize = 500_000;

/// Where a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RowPlace {
    /// A file of the snapshot, and the row in it.
    File(usize, u64),
    /// A batch in memory, and the row in it.
    Memory(usize, usize),
}

/// A row that passed.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) trace_id: TraceId,
    pub(super) place: RowPlace,
}

/// The order of hits, newest first when read backwards. Copies of a span have
/// the same place in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank {
    pub(super) start: UnixNanos,
    pub(super) hash: u128,
    pub(super) project: Arc<str>,
}

/// The newest rows, or the newest row of each of the newest traces.
#[derive(Debug)]
pub(super) struct Collector {
    mode: SearchMode,
    room: usize,
    after: Option<Rank>,
    found: BTreeMap<Rank, Found>,
    traces: HashMap<TraceId, Rank>,
    seen: HashSet<TraceId>,
}

impl Collector {
    /// Keeps `room` rows that come after `after`.
    pub(super) fn new(mode: SearchMode, room: usize, after: Option<&SearchCursor>) -> Self {
        Self {
            mode,
            room,
            after: after.map(|cursor| cursor.0.clone()),
            found: BTreeMap::new(),
            traces: HashMap::new(),
            seen: HashSet::new(),
        }
    }

    /// Rows that began earlier cannot be among what is asked for any more.
    pub(super) fn threshold(&self) -> Option<UnixNanos> {
        let is_full = self.found.len() >= self.room;
        self.found.first_key_value().filter(|_| is_full).map(|(rank, _)| rank.start)
    }

    /// More traces were on earlier pages than can be told apart.
    pub(super) fn is_overrun(&self) -> bool {
        self.seen.len() >= SEEN_MAX
    }

    pub(super) fn offer(&mut self, rank: Rank, found: Found) {
        let is_earlier_page = self.after.as_ref().is_some_and(|after| rank >= *after);
        match self.mode {
            SearchMode::Spans if is_earlier_page => {}
            SearchMode::Spans => self.keep(rank, found),
            SearchMode::Traces if is_earlier_page => self.forget_trace(found.trace_id),
            SearchMode::Traces => self.offer_trace(rank, found),
        }
    }

    fn keep(&mut self, rank: Rank, found: Found) {
        let worst = self.found.first_key_value().map(|(rank, _)| rank);
        if self.found.len() >= self.room && worst.is_none_or(|worst| rank <= *worst) {
            return;
        }
        self.found.insert(rank, found);
        if self.found.len() > self.room
            && let Some((_, out)) = self.found.pop_first()
            && self.mode == SearchMode::Traces
        {
            self.traces.remove(&out.trace_id);
        }
    }

    fn offer_trace(&mut self, rank: Rank, found: Found) {
        if self.seen.contains(&found.trace_id) {
            return;
        }
        let trace_id = found.trace_id;
        match self.traces.get(&trace_id) {
            Some(known) if *known >= rank => return,
            Some(known) => {
                self.found.remove(&known.clone());
                self.traces.remove(&trace_id);
            }
            None => {}
        }
        self.keep(rank.clone(), found);
        if self.found.contains_key(&rank) {
            self.traces.insert(trace_id, rank);
        }
    }

    /// A trace that an earlier page has shown.
    fn forget_trace(&mut self, trace_id: TraceId) {
        if let Some(rank) = self.traces.remove(&trace_id) {
            self.found.remove(&rank);
        }
        if !self.is_overrun() {
            self.seen.insert(trace_id);
        }
    }

    /// What was found, newest first.
    pub(super) fn newest_first(self) -> Vec<(Rank, Found)> {
        self.found.into_iter().rev().collect()
    }
}
