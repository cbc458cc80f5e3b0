//! The analyst: turns closed traces into records and has them booked, one job
//! one transaction. Runs beside the applier so that a large trace delays no
//! query; jobs come and are booked in order.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use hotspan_model::{Endpoint, EntryHint, SegmentRecord, SpanId, UnixNanos};
use hotspan_store::{CommitOutcome, Part, SegmentChanges, SegmentKey, Store, WalPosition};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::apply::Job;
use crate::assemble::Closed;
use crate::history::Histories;
use crate::profile::Profiles;
use crate::stats::{Counters, List};
use crate::verify::Verifier;

/// The pause after the book refused; the job is tried again until the server stops.
const BOOK_PAUSE: Duration = Duration::from_secs(1);
/// How often endpoints and issues whose turn has come are looked for.
const PROFILES_EVERY: Duration = Duration::from_millis(500);

/// Where the analyst stands.
pub(crate) struct Analyst {
    pub(crate) store: Store,
    pub(crate) counters: Arc<Counters>,
    pub(crate) profiles: Profiles,
    pub(crate) histories: Histories,
    pub(crate) verifier: Verifier,
    /// True once the server stops: then a book that refuses ends the work,
    /// and the log brings the job back at the next start.
    pub(crate) stop: watch::Receiver<bool>,
}

/// What analysis made of a job.
#[derive(Debug, Default)]
struct Analysed {
    records: Vec<SegmentRecord>,
    /// Segments that may have been booked before a span came that makes them
    /// parts of others.
    retracted: Vec<SegmentKey>,
    /// Spans of traces without any entry span.
    without_entry: u64,
    /// Spans of traces on which analysis itself failed.
    failed: u64,
}

impl Analyst {
    /// Works until no more jobs can come.
    pub(crate) async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut ticks = tokio::time::interval(PROFILES_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                job = jobs.recv() => match job {
                    Some(job) => self.work_on(job).await,
                    None => break,
                },
                _ = ticks.tick() => {
                    self.look_at_endpoints().await;
                    self.histories.look_due(&self.store).await;
                    self.verifier.look_due(&self.store).await;
                }
            }
        }
        self.profiles.detect_all(&self.store).await;
    }

    async fn work_on(&mut self, job: Job) {
        let Job { closed, reports, covered } = job;
        let traces = closed.len() as u64;
        let store = self.store.clone();
        let work = move || store.effort().of(Part::Analysis, || analyse(&closed));
        let analysed = tokio::task::spawn_blocking(work).await;
        let analysed = analysed.unwrap_or_else(|failure| {
            tracing::error!(%failure, traces, "analysis ended early");
            Analysed::default()
        });
        self.counters.count(List::Dropped, "no_entry_span", analysed.without_entry);
        self.counters.count(List::Dropped, "analysis_failed", analysed.failed);
        let latest = latest_starts(&analysed.records);
        let segments = analysed.records.len() as u64;
        let changes = SegmentChanges {
            records: Arc::new(analysed.records),
            retracted: Arc::new(analysed.retracted),
            reports: Arc::new(reports),
        };
        let booked = self.book(covered, &changes).await;
        if let Some(outcome) = &booked {
            self.profiles.touch(&outcome.touched, &latest);
            self.histories.touch(&outcome.touched, &latest);
            self.verifier.touch(&outcome.touched);
        }
        self.counters.update(|stats| {
            stats.analysis_queue = stats.analysis_queue.saturating_sub(traces);
            stats.segments += booked.map_or(0, |_| segments);
            stats.profile_queue = self.profiles.waiting();
        });
        self.look_at_endpoints().await;
    }

    async fn look_at_endpoints(&mut self) {
        self.profiles.detect_due(&self.store).await;
        let waiting = self.profiles.waiting();
        self.counters.update(|stats| stats.profile_queue = waiting);
    }

    /// Books records and progress together; again and again, because
    /// progress beyond an unbooked record would lose it.
    async fn book(&self, covered: WalPosition, changes: &SegmentChanges) -> Option<CommitOutcome> {
        loop {
            let booking = self.store.replace_segments(covered, changes.clone());
            match booking.await {
                Ok(outcome) => return Some(outcome),
                Err(error) => tracing::error!(%error, "could not book analysed segments"),
            }
            if *self.stop.borrow() {
                return None;
            }
            tokio::time::sleep(BOOK_PAUSE).await;
        }
    }
}

fn analyse(closed: &[Closed]) -> Analysed {
    let mut analysed = Analysed::default();
    for trace in closed {
        let spans = trace.spans.len() as u64;
        // A trace that analysis trips over must not take the others with it.
        match catch_unwind(AssertUnwindSafe(|| records_of(trace))) {
            Ok(records) if records.is_empty() => analysed.without_entry += spans,
            Ok(mut records) => {
                analysed.retracted.extend(no_entries_any_more(trace, &records));
                analysed.records.append(&mut records);
            }
            Err(_) => {
                tracing::error!(trace_id = %trace.trace_id, spans, "analysis failed on a trace");
                analysed.failed += spans;
            }
        }
    }
    analysed
}

fn records_of(trace: &Closed) -> Vec<SegmentRecord> {
    let trace_spans = u32::try_from(trace.spans.len()).unwrap_or(u32::MAX);
    let segments = hotspan_analysis::segments(trace.trace_id, &trace.spans);
    segments
        .iter()
        .map(|segment| SegmentRecord { trace_spans, ..hotspan_analysis::analyze(segment) })
        .collect()
}

/// Spans that looked like entry spans and are none in the light of the whole
/// trace, e.g. a server span inside another one that came later.
fn no_entries_any_more(trace: &Closed, records: &[SegmentRecord]) -> Vec<SegmentKey> {
    let entries: HashSet<SpanId> = records.iter().map(|record| record.entry_span).collect();
    let says_so = trace.spans.iter().filter(|span| span.entry == EntryHint::Yes);
    says_so
        .filter(|span| !entries.contains(&span.span_id))
        .map(|span| SegmentKey {
            project: Arc::clone(&trace.project),
            trace_id: trace.trace_id,
            entry_span: span.span_id,
            start: span.start,
        })
        .collect()
}

/// When each endpoint was called last, in the spans' time: the endpoint form
/// looks back from there, so that data that comes late is judged as well.
fn latest_starts(records: &[SegmentRecord]) -> HashMap<Endpoint, UnixNanos> {
    let mut latest = HashMap::new();
    for record in records {
        let start = latest.entry(record.endpoint.clone()).or_insert(record.start);
        *start = record.start.max(*start);
    }
    latest
}
