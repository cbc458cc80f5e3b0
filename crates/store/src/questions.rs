//! The book's questions and answers as the rest of the program asks them:
//! async, by way of a thread that may block.

use std::sync::Arc;

use hotspan_model::{
    AgentReport, Endpoint, EndpointHistory, EndpointProfile, Finding, HistoryFinding, Issue,
    SegmentRecord, TraceId, TreeStretch, UnixNanos,
};

use crate::book::agent_rows::{AgentTraceRow, AgentsAsked};
use crate::book::{
    Book, BookError, BookStats, CommitOutcome, EndpointDetail, EndpointList, IssueDetail,
    IssueFilter, SegmentCommit, SegmentKey, TraceFilter, TraceSummary,
};
use crate::clock::now;
use crate::{Filter, Part, QueryKind, Store, StoreError, TimeWindow, WalPosition};

/// What one commit of segments changes. Shared, because a commit that failed is
/// tried again.
#[derive(Debug, Clone, Default)]
pub struct SegmentChanges {
    /// New and changed segments.
    pub records: Arc<Vec<SegmentRecord>>,
    /// Segments that a late span showed to be parts of others.
    pub retracted: Arc<Vec<SegmentKey>>,
    /// What agents told.
    pub reports: Arc<Vec<AgentReport>>,
}

impl Store {
    /// Asks the book and notes how long the answer took.
    pub(crate) async fn ask<T, F>(&self, kind: QueryKind, question: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Book) -> Result<T, BookError> + Send + 'static,
    {
        self.meters().timed(kind, self.with_book(question)).await
    }

    /// Adds analysed segments to roll-ups, profiles and issues, and moves the
    /// segments' commit point to `covered`, in one transaction. A segment that
    /// is known already replaces its earlier form.
    ///
    /// `covered` is the position at or below which every segment is complete.
    pub async fn commit_segments(
        &self,
        covered: WalPosition,
        records: Vec<SegmentRecord>,
    ) -> Result<CommitOutcome, StoreError> {
        let records = Arc::new(records);
        self.replace_segments(covered, SegmentChanges { records, ..Default::default() }).await
    }

    /// As [`Store::commit_segments`], with everything else that is kept with
    /// segments.
    pub async fn replace_segments(
        &self,
        covered: WalPosition,
        changes: SegmentChanges,
    ) -> Result<CommitOutcome, StoreError> {
        let reached = *self.applied().borrow();
        let store = self.clone();
        self.with_book(move |book| {
            let commit = SegmentCommit {
                covered: covered.0,
                reached: reached.0.max(covered.0),
                records: &changes.records,
                retracted: &changes.retracted,
                reports: &changes.reports,
                now: now(),
            };
            store.effort().of(Part::Book, || book.commit_segments(commit))
        })
        .await
    }

    /// Endpoints with requests in the window, most time lost first.
    pub async fn endpoints(
        &self,
        window: TimeWindow,
        filter: &Filter,
    ) -> Result<EndpointList, StoreError> {
        let filter = filter.clone();
        self.ask(QueryKind::Endpoints, move |book| book.endpoints(window, &filter)).await
    }

    /// The endpoint of a number.
    pub async fn endpoint(&self, id: i64) -> Result<Option<Endpoint>, StoreError> {
        self.with_book(move |book| book.endpoint(id)).await
    }

    /// Everything the page of an endpoint draws.
    pub async fn endpoint_detail(
        &self,
        id: i64,
        window: TimeWindow,
    ) -> Result<Option<EndpointDetail>, StoreError> {
        self.ask(QueryKind::Endpoint, move |book| book.endpoint_detail(id, window)).await
    }

    /// The slowest segments of an endpoint, slowest first.
    pub async fn slowest_traces(
        &self,
        endpoint_id: i64,
        window: TimeWindow,
        n: usize,
    ) -> Result<Vec<TraceSummary>, StoreError> {
        self.ask(QueryKind::Traces, move |book| book.slowest_traces(endpoint_id, window, n)).await
    }

    /// The newest segments, newest first.
    pub async fn recent_traces(
        &self,
        window: TimeWindow,
        filter: &TraceFilter,
        n: usize,
    ) -> Result<Vec<TraceSummary>, StoreError> {
        let filter = filter.clone();
        self.ask(QueryKind::Traces, move |book| book.recent_traces(window, &filter, n)).await
    }

    /// Issues seen in the window, most time lost first.
    pub async fn issues(
        &self,
        window: TimeWindow,
        filter: &IssueFilter,
    ) -> Result<Vec<Issue>, StoreError> {
        let filter = filter.clone();
        self.ask(QueryKind::Issues, move |book| book.issues(window, &filter)).await
    }

    /// One issue with what its page shows.
    pub async fn issue(
        &self,
        id: i64,
        window: TimeWindow,
    ) -> Result<Option<IssueDetail>, StoreError> {
        self.ask(QueryKind::Issue, move |book| book.issue(id, window)).await
    }

    /// An endpoint's requests over a window, as detectors see them.
    pub async fn endpoint_profile(
        &self,
        endpoint_id: i64,
        from: UnixNanos,
        to: UnixNanos,
    ) -> Result<Option<EndpointProfile>, StoreError> {
        self.ask(QueryKind::Profile, move |book| {
            book.endpoint_profile(endpoint_id, TimeWindow { from, to })
        })
        .await
    }

    /// Keeps what the endpoint form of detectors found.
    pub async fn record_endpoint_findings(
        &self,
        endpoint_id: i64,
        findings: &[Finding],
    ) -> Result<(), StoreError> {
        let findings = findings.to_vec();
        self.with_book(move |book| book.record_endpoint_findings(endpoint_id, &findings)).await
    }

    /// An endpoint's requests in two windows, without their call trees.
    pub async fn endpoint_history(
        &self,
        id: i64,
        earlier: TimeWindow,
        recent: TimeWindow,
    ) -> Result<Option<EndpointHistory>, StoreError> {
        self.ask(QueryKind::Profile, move |book| book.endpoint_history(id, earlier, recent)).await
    }

    /// An endpoint's call trees in two windows, by stretches of time.
    pub async fn history_trees(
        &self,
        id: i64,
        earlier: TimeWindow,
        recent: TimeWindow,
    ) -> Result<[Vec<TreeStretch>; 2], StoreError> {
        self.ask(QueryKind::Profile, move |book| book.history_trees(id, earlier, recent)).await
    }

    /// Keeps what a look over time found at an endpoint, minute by minute.
    pub async fn record_history_findings(
        &self,
        endpoint_id: i64,
        findings: Vec<HistoryFinding>,
    ) -> Result<(), StoreError> {
        self.with_book(move |book| book.record_history_findings(endpoint_id, &findings)).await
    }

    /// Since when one of these detectors has an open issue at an endpoint, as
    /// far back as `from`.
    pub async fn open_since(
        &self,
        endpoint_id: i64,
        detectors: Vec<&'static str>,
        from: UnixNanos,
    ) -> Result<Option<UnixNanos>, StoreError> {
        self.with_book(move |book| book.open_since(endpoint_id, &detectors, from)).await
    }

    /// What agents on hosts told over a window.
    pub async fn agents(
        &self,
        window: TimeWindow,
        filter: &Filter,
    ) -> Result<AgentsAsked, StoreError> {
        let filter = filter.clone();
        self.ask(QueryKind::Agents, move |book| book.agents(window, &filter)).await
    }

    /// Lookups that agents answered for a trace.
    pub async fn agent_lookups_of(
        &self,
        trace_id: TraceId,
    ) -> Result<Vec<AgentTraceRow>, StoreError> {
        self.ask(QueryKind::Agents, move |book| book.agent_lookups_of(trace_id)).await
    }

    /// Every (project, service) that has endpoints.
    pub async fn services(&self) -> Result<Vec<(String, String)>, StoreError> {
        self.with_book(|book| book.services()).await
    }

    /// How often each cap (endpoints, paths, releases) was reached.
    pub async fn cap_tallies(&self) -> Result<Vec<(String, u64)>, StoreError> {
        self.with_book(|book| book.tallies()).await
    }

    /// Sizes of what the book holds.
    pub async fn book_stats(&self) -> Result<BookStats, StoreError> {
        self.with_book(|book| book.book_stats()).await
    }
}
