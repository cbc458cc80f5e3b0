//! The applier: the one task that takes durable requests in the order of the
//! log, to the span table and to trace assembly. What it decides stands in
//! [`crate::assemble`]; here are only the order of steps and the waiting.

use std::sync::Arc;
use std::time::Duration;

use hotspan_model::{AgentReport, UnixNanos};
use hotspan_store::{Batch, Committed, Part, Store, WalPosition};
use tokio::sync::{mpsc, watch};
use tokio::time::MissedTickBehavior;

use crate::assemble::{Assembler, Closed, Offered};
use crate::clock::Clock;
use crate::replay::catch_up;
use crate::stats::{Counters, List};
use crate::steady::Steady;

/// Closed traces in one job: one transaction of the book. Each transaction
/// writes the rows of every endpoint that it touches, so few large ones cost
/// far less than many small ones.
const JOB_TRACES_MAX: usize = 5_000;
/// Spans in the closed traces of one job, about.
const JOB_SPANS_MAX: usize = 100_000;
/// How often a replay closes traces, in the time it replays: as often as they
/// were closed then. For each request, there would be a transaction for each.
const REPLAY_CLOSE_EVERY_NS: i64 = 500_000_000;
/// Evicted traces that may wait for the analyst before applying waits too.
const READY_TRACES_MAX: usize = 2_500;
/// How often progress is booked when no trace closes.
const PROGRESS_EVERY_NS: i64 = 1_000_000_000;
/// Reports of agents that may wait for the analyst. A host tells a few a minute.
const REPORTS_MAX: usize = 50_000;
/// Attempts at the span table before a request is given up.
const APPLY_ATTEMPTS: u32 = 5;
/// The pause before the second attempt; doubled after each.
const APPLY_PAUSE: Duration = Duration::from_millis(100);

/// Traces to analyse and book, and how far the log is done with after that.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) closed: Vec<Closed>,
    /// What agents told since the last job.
    pub(crate) reports: Vec<AgentReport>,
    pub(crate) covered: WalPosition,
}

/// Where the applier stands.
pub(crate) struct Applier {
    store: Store,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    assembler: Assembler,
    jobs: mpsc::Sender<Job>,
    /// What agents told, for the next job.
    reports: Vec<AgentReport>,
    /// A clock set back must not stop the quiet time.
    steady: Steady,
    /// The steady time when the clock was last looked at.
    now: UnixNanos,
    /// The last progress handed on, and when.
    progress: (WalPosition, UnixNanos),
    /// When a replay last closed traces, in the time it replays.
    replay_closed_at: UnixNanos,
}

impl Applier {
    pub(crate) fn new(
        store: Store,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
        assembler: Assembler,
        jobs: mpsc::Sender<Job>,
    ) -> Self {
        let progress = (assembler.covered(), UnixNanos::default());
        let now = UnixNanos(i64::MIN);
        let steady = Steady::default();
        let (reports, replay_closed_at) = (Vec::new(), now);
        Self {
            store,
            clock,
            counters,
            assembler,
            jobs,
            reports,
            steady,
            now,
            progress,
            replay_closed_at,
        }
    }

    /// Replays the log, then applies requests until told to stop; then what is
    /// durable is applied first. Traces still open stay in the log for the
    /// next start.
    pub(crate) async fn run(
        mut self,
        mut committed: mpsc::Receiver<Committed>,
        mut stop: watch::Receiver<bool>,
        poll_every: Duration,
    ) {
        let (store, counters) = (self.store.clone(), Arc::clone(&self.counters));
        let caught_up = catch_up(&store, &mut self, &counters, &mut committed, &mut stop).await;
        if let Err(error) = caught_up {
            // Applying what came after a gap would move commit points across it.
            tracing::error!(%error, "the log could not be replayed; restart the server");
            return;
        }
        if *stop.borrow() {
            return;
        }
        let mut ticks = tokio::time::interval(poll_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                request = committed.recv() => match request {
                    Some(request) => self.apply(&request).await,
                    None => break,
                },
                _ = ticks.tick() => self.close_traces(),
                () = stopped(&mut stop) => break,
            }
        }
        while let Ok(request) = committed.try_recv() {
            self.apply(&request).await;
        }
        self.close_traces();
    }

    pub(crate) async fn apply(&mut self, request: &Committed) {
        self.now = self.steady.at(self.clock.now());
        self.table(request.position, &request.batch).await;
        let (now, assembler) = (self.now, &mut self.assembler);
        let offered = self
            .store
            .effort()
            .of(Part::Assembly, || assembler.offer(now, request.position, &request.batch));
        self.account(&offered);
        self.take_reports(&request.batch);
        self.gauge(1);
        self.let_the_analyst_catch_up().await;
    }

    /// Applies a request from before the start, at the time it came in, so
    /// that traces close as they did then. Nothing is counted twice.
    pub(crate) async fn replay(
        &mut self,
        position: WalPosition,
        batch: &Batch,
        segments_done: WalPosition,
    ) {
        self.now = self.steady.at(batch.received_at);
        self.table(position, batch).await;
        if position > segments_done {
            if self.now.since(self.replay_closed_at) >= REPLAY_CLOSE_EVERY_NS {
                self.replay_closed_at = self.now;
                self.close_traces_waiting().await;
            }
            self.assembler.offer(self.now, position, batch);
            self.take_reports(batch);
            self.let_the_analyst_catch_up().await;
        }
    }

    /// Keeps what agents told until the next job, which books it together with
    /// how far the log is done with.
    fn take_reports(&mut self, batch: &Batch) {
        let mut beyond = 0;
        for span in &batch.spans {
            if self.reports.len() < REPORTS_MAX {
                self.reports.extend(hotspan_analysis::agent_report(&batch.project, span));
            } else if hotspan_analysis::is_agent_report(span) {
                beyond += 1;
            }
        }
        self.counters.count(List::Dropped, "agent_reports_overflow", beyond);
    }

    /// Puts spans into the span table. A request that the table will not have
    /// is given up, counted and shouted about rather than blocking all others.
    async fn table(&self, position: WalPosition, batch: &Batch) {
        let mut pause = APPLY_PAUSE;
        for attempt in 1..=APPLY_ATTEMPTS {
            let Err(error) = self.store.apply_spans(position, batch).await else { return };
            tracing::error!(%error, attempt, ?position, "could not apply spans to the span table");
            if attempt < APPLY_ATTEMPTS {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
        }
        self.counters.count(List::Dropped, "span_table_failure", batch.spans.len() as u64);
    }

    /// Hands on what has closed by now, as far as the analyst keeps up.
    fn close_traces(&mut self) {
        self.now = self.steady.at(self.clock.now());
        while let Ok(place) = self.jobs.clone().try_reserve_owned() {
            let Some(job) = self.next_job() else { break };
            place.send(job);
        }
        self.gauge(0);
    }

    /// Applies no more while too many traces wait that had to make room: what
    /// is applied slower is taken in slower, and nothing goes without analysis.
    async fn let_the_analyst_catch_up(&mut self) {
        while self.assembler.ready_traces() > READY_TRACES_MAX {
            let Some(job) = self.next_job() else { break };
            if self.jobs.send(job).await.is_err() {
                break;
            }
        }
    }

    /// As [`Self::close_traces`] for replay, which is in no hurry: it waits for
    /// the analyst.
    async fn close_traces_waiting(&mut self) {
        while let Some(job) = self.next_job() {
            if self.jobs.send(job).await.is_err() {
                break;
            }
        }
    }

    /// The next job; `None` when there is nothing worth a transaction.
    fn next_job(&mut self) -> Option<Job> {
        let mut closed = Vec::new();
        let mut spans = 0;
        while closed.len() < JOB_TRACES_MAX && spans < JOB_SPANS_MAX {
            let Some(trace) = self.assembler.poll(self.now, 1).pop() else { break };
            spans += trace.spans.len();
            closed.push(trace);
        }
        let covered = self.assembler.covered();
        let (booked, booked_at) = self.progress;
        let moved = covered != booked && self.now.since(booked_at) >= PROGRESS_EVERY_NS;
        let reports = std::mem::take(&mut self.reports);
        if closed.is_empty() && reports.is_empty() && !moved {
            return None;
        }
        self.progress = (covered, self.now);
        self.counters.update(|stats| stats.analysis_queue += closed.len() as u64);
        Some(Job { closed, reports, covered })
    }

    fn account(&self, offered: &Offered) {
        self.counters.update(|stats| {
            stats.late += offered.late;
            stats.duplicates += offered.duplicates;
        });
        self.counters.count(List::Dropped, "assembly_overflow", offered.overflow);
        self.counters.count(List::Dropped, "assembly_evicted", offered.evicted);
        self.counters.count(List::Dropped, "assembly_lost", offered.lost);
    }

    /// Says what assembly holds, now that so many more requests are applied.
    pub(crate) fn gauge(&self, applied: u64) {
        let held = &self.assembler;
        let (traces, spans) = (held.held_traces(), held.held_spans());
        self.counters.applied(applied, held.waiting_traces(), traces, spans);
    }
}

/// Resolves when the server stops, or when nobody is left to say so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
