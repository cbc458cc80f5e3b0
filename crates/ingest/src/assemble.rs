//! Trace assembly: which spans are analysed together, and when.
//!
//! ```text
//!   offer ──▶ open ──quiet, entry span in──▶ closed ──no span for 60 s──▶ gone
//!               │  ▲                           │
//!               │  └────────late span──────────┘
//!               └──5 minutes after the first span──▶ closed for good ──▶ gone
//! ```
//!
//! The state machine is told the time and holds digests, not spans. Every
//! trace that is not gone pins the log at its first frame, so that a replay
//! sees all of it again. A replay may see half of a trace that was gone
//! already; the store never lets a record made from fewer spans of a trace
//! replace one made from more.
//!
//! No clock, no I/O, no channel: [`Assembler::offer`] and [`Assembler::poll`].

mod gone;
mod pins;
mod seen;
mod shared;
mod trace;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use hotspan_analysis::SpanDigest;
use hotspan_model::{TraceId, UnixNanos};
use hotspan_store::{Batch, WalPosition};

use gone::Gone;
use pins::Pins;
use shared::Shared;
use trace::Trace;

/// Closed traces that wait to be polled after an eviction; beyond it the
/// oldest are dropped, so that a stuck disk cannot fill the memory.
const READY_MAX: usize = 10_000;

/// What bounds assembly. Durations in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Quiet time after which a trace with an entry span closes.
    pub quiet_ns: i64,
    /// How long a closed trace stays open for late spans.
    pub reopen_ns: i64,
    /// The longest life of a trace, from the arrival of its first span.
    pub age_max_ns: i64,
    /// Digests one trace may have.
    pub trace_spans_max: usize,
    /// Digests all traces together may have.
    pub spans_max: usize,
}

/// Spans are analysed together when these are equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) project: Arc<str>,
    pub(crate) trace_id: TraceId,
}

/// A trace to be analysed: all digests it has so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Closed {
    /// The project that received it.
    pub project: Arc<str>,
    /// Its id.
    pub trace_id: TraceId,
    /// Its digests by start, the same for any order of arrival.
    pub spans: Arc<Vec<SpanDigest>>,
}

/// What became of the spans of one batch, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Offered {
    /// Spans now held for analysis.
    pub taken: u64,
    /// Seen before: not taken again.
    pub duplicates: u64,
    /// Beyond the limit of their trace: not analysed.
    pub overflow: u64,
    /// Of those taken: came after their trace had been analysed.
    pub late: u64,
    /// Spans of other traces that had to make room: analysed as far as their
    /// traces had come.
    pub evicted: u64,
    /// Evicted spans that are not analysed at all, because nobody polls.
    pub lost: u64,
}

/// The state machine.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    traces: HashMap<Key, Trace>,
    /// When each trace needs to be looked at next; early is harmless.
    due: BTreeSet<(UnixNanos, Key)>,
    /// Traces in the order they were opened, for eviction.
    opened: BTreeMap<u64, Key>,
    /// Evicted traces to be polled, with what they pin.
    ready: VecDeque<(Closed, WalPosition)>,
    pins: Pins,
    gone: Gone,
    shared: Shared,
    /// Digests held.
    spans: usize,
    /// Traces with their entry span and news.
    waiting: usize,
    openings: u64,
}

impl Assembler {
    /// An empty one; everything up to `covered` is done with.
    pub fn new(limits: Limits, covered: WalPosition) -> Self {
        Self {
            limits,
            traces: HashMap::new(),
            due: BTreeSet::new(),
            opened: BTreeMap::new(),
            ready: VecDeque::new(),
            pins: Pins::new(covered),
            gone: Gone::default(),
            shared: Shared::default(),
            spans: 0,
            waiting: 0,
            openings: 0,
        }
    }

    /// Takes in the spans of the frame that ends at `position`. Positions
    /// only ever grow.
    pub fn offer(&mut self, now: UnixNanos, position: WalPosition, batch: &Batch) -> Offered {
        let mut offered = Offered::default();
        // Nothing told must not mean a span less.
        let asked = batch.asked.iter().copied().chain(std::iter::repeat(0));
        let mut told = batch.hashes.iter().zip(asked);
        // Spans of one trace mostly come together: one look-up serves them all.
        for spans in batch.spans.chunk_by(|one, next| one.trace_id == next.trace_id) {
            let Some(first) = spans.first() else { continue };
            if spans.iter().all(hotspan_analysis::is_agent_report) {
                // No requests: there is nothing to put together.
                told.nth(spans.len() - 1);
                continue;
            }
            let key = Key { project: Arc::clone(&batch.project), trace_id: first.trace_id };
            if !self.traces.contains_key(&key) {
                self.open(now, &key);
            }
            let Some(trace) = self.traces.get_mut(&key) else { continue };
            self.waiting -= usize::from(trace.is_waiting());
            for (span, (hash, asked)) in spans.iter().zip(&mut told) {
                if trace.knows(*hash) {
                    offered.duplicates += 1;
                } else if trace.len() >= self.limits.trace_spans_max {
                    offered.overflow += 1;
                } else {
                    offered.taken += 1;
                    offered.late += u64::from(trace.is_late(span.start));
                    let mut digest = hotspan_analysis::digest(&batch.project, span, asked);
                    self.shared.share(&mut digest);
                    trace.take(now, *hash, digest);
                    self.spans += 1;
                }
            }
            self.waiting += usize::from(trace.is_waiting());
            self.schedule(&key);
        }
        self.pins.advance(position);
        self.evict_beyond_limit(now, &mut offered);
        offered
    }

    /// Traces that closed by `now`, at most `traces_max` of them.
    pub fn poll(&mut self, now: UnixNanos, traces_max: usize) -> Vec<Closed> {
        let mut closed = Vec::new();
        while closed.len() < traces_max {
            if let Some((trace, pin)) = self.ready.pop_front() {
                self.pins.release(pin);
                closed.push(trace);
                continue;
            }
            if self.due.first().is_none_or(|(due, _)| *due > now) {
                break;
            }
            if let Some((_, key)) = self.due.pop_first() {
                closed.extend(self.look_at(now, &key));
            }
        }
        self.gone.expire(now, self.limits.age_max_ns);
        closed
    }

    /// How far the log is done with, provided that everything polled so far
    /// is booked in the same transaction that remembers this position.
    pub fn covered(&self) -> WalPosition {
        self.pins.covered()
    }

    /// Traces that have their entry span and something to be analysed.
    pub fn waiting_traces(&self) -> usize {
        self.waiting + self.ready.len()
    }

    /// Evicted traces that wait to be polled.
    pub fn ready_traces(&self) -> usize {
        self.ready.len()
    }

    /// Traces held: waiting, without entry span, or kept for late spans.
    pub fn held_traces(&self) -> usize {
        self.traces.len() + self.ready.len()
    }

    /// Digests held.
    pub fn held_spans(&self) -> usize {
        self.spans
    }

    fn open(&mut self, now: UnixNanos, key: &Key) {
        self.openings += 1;
        self.opened.insert(self.openings, key.clone());
        let trace = Trace::new(self.openings, now, self.pins.pin(), self.gone.take(key));
        self.traces.insert(key.clone(), trace);
    }

    /// Sees to it that the trace is looked at when it is due. Every trace has
    /// one entry in the schedule; only an earlier time replaces it, because a
    /// look that comes too early finds out and schedules the next.
    fn schedule(&mut self, key: &Key) {
        let Some(trace) = self.traces.get_mut(key) else { return };
        let due = trace.due(&self.limits);
        if trace.scheduled.is_some_and(|scheduled| scheduled <= due) {
            return;
        }
        if let Some(later) = trace.scheduled.replace(due) {
            self.due.remove(&(later, key.clone()));
        }
        self.due.insert((due, key.clone()));
    }

    /// The trace's entry in the schedule came up and was removed.
    fn look_at(&mut self, now: UnixNanos, key: &Key) -> Option<Closed> {
        let trace = self.traces.get_mut(key)?;
        trace.scheduled = None;
        if trace.due(&self.limits) > now {
            self.schedule(key);
            return None;
        }
        // Closed as of the time it was due, whenever that is noticed: a replay
        // looks at other moments and must come to the same end.
        let due = trace.due(&self.limits);
        self.waiting -= usize::from(trace.is_waiting());
        let closed = trace.has_news().then(|| trace.close(due, key));
        if trace.due(&self.limits) > now {
            self.schedule(key);
        } else if let Some(trace) = self.remove(now, key) {
            self.pins.release(trace.pin);
        }
        closed
    }

    /// Takes a trace out; its pin is left to the caller.
    fn remove(&mut self, now: UnixNanos, key: &Key) -> Option<Trace> {
        let trace = self.traces.remove(key)?;
        if let Some(due) = trace.scheduled {
            self.due.remove(&(due, key.clone()));
        }
        self.opened.remove(&trace.opening);
        self.spans -= trace.len();
        self.gone.put(now, key, trace.reported_until());
        Some(trace)
    }

    /// Makes room by letting the traces go that were opened first: one with
    /// news is closed as it stands.
    fn evict_beyond_limit(&mut self, now: UnixNanos, offered: &mut Offered) {
        while self.spans > self.limits.spans_max {
            let Some((_, key)) = self.opened.pop_first() else { break };
            let Some(mut trace) = self.remove(now, &key) else { break };
            self.waiting -= usize::from(trace.is_waiting());
            if trace.has_news() {
                offered.evicted += trace.len() as u64;
                self.ready.push_back((trace.close(now, &key), trace.pin));
            } else {
                self.pins.release(trace.pin);
            }
        }
        while self.ready.len() > READY_MAX {
            if let Some((trace, pin)) = self.ready.pop_front() {
                offered.lost += trace.spans.len() as u64;
                self.pins.release(pin);
            }
        }
    }
}

#[cfg(test)]
mod tests;
