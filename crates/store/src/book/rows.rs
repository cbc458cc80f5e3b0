//! What the book answers with: plain values for pages and JSON, no SQL.
//!
//! Counts of requests, errors, lookups and calls are weighted by sampling, so
//! they are floating point here; `samples` are what was really received.

use std::sync::Arc;

use hotspan_model::{
    CallTree, Class, Endpoint, Issue, IssueStatus, Sketch, SpanId, TimeByClass, TraceId, UnixNanos,
};

use hotspan_model::issue::{DayLoss, Occurrence};
use hotspan_model::life::{Deploy, Ignored, StateChange, Verification};

pub use crate::window::{Filter, TimeWindow};

/// Which traces the trace list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceFilter {
    /// Only this project.
    pub project: Option<String>,
    /// Only this service.
    pub service: Option<String>,
    /// Only requests at least this long.
    pub duration_min_ns: Option<i64>,
    /// Only requests that ended in error.
    pub errors_only: bool,
}

/// Which issues the issue list shows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IssueFilter {
    /// Only this project.
    pub project: Option<String>,
    /// Only this service.
    pub service: Option<String>,
    /// Only this endpoint.
    pub endpoint_id: Option<i64>,
    /// Only this class.
    pub class: Option<Class>,
    /// Only these states; empty means every one.
    pub statuses: Vec<IssueStatus>,
}

/// The endpoints with requests in a window, most time lost first.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointList {
    /// One row an endpoint.
    pub rows: Vec<EndpointRow>,
    /// When segments were committed last: figures reach up to about then.
    pub as_of: Option<UnixNanos>,
    /// Width of a point in [`EndpointRow::spark`].
    pub spark_step_ns: i64,
}

/// One endpoint's figures over a window.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointRow {
    /// Its number, for links.
    pub id: i64,
    /// What it is.
    pub endpoint: Endpoint,
    /// Weighted requests.
    pub requests: f64,
    /// Requests received, unweighted.
    pub samples: u64,
    /// Weighted requests that ended in error.
    pub errors: f64,
    /// Median duration; 0 without requests, as the two below.
    pub p50_ns: i64,
    /// 95th percentile of the duration.
    pub p95_ns: i64,
    /// 99th percentile of the duration.
    pub p99_ns: i64,
    /// Weighted wall time of all requests.
    pub wall_ns: i64,
    /// Where that time went.
    pub time: TimeByClass,
    /// The part of it that issues cost, at most `wall_ns`.
    pub lost_ns: i64,
    /// `lost_ns` by `wall_ns`, 0..=1.
    pub share_lost: f64,
    /// Issues that are neither ignored nor verified, seen in the window.
    pub issues: u32,
    /// Requests and p95 over the window, oldest first, without holes.
    pub spark: Vec<SparkPoint>,
}

/// One point of a sparkline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SparkPoint {
    /// Start of the stretch it covers.
    pub start: UnixNanos,
    /// Weighted requests in it.
    pub requests: f64,
    /// 95th percentile in it; `None` without requests.
    pub p95_ns: Option<i64>,
}

/// Everything the page of one endpoint draws from roll-ups.
#[derive(Debug, Clone, PartialEq)]
pub struct EndpointDetail {
    /// The same figures as in the list.
    pub row: EndpointRow,
    /// Width of a bucket in `series`.
    pub step_ns: i64,
    /// Over the window, oldest first, without holes.
    pub series: Vec<Bucket>,
    /// Durations of all requests, for the histogram.
    pub histogram: Sketch,
    /// Merged call tree.
    pub tree: CallTree,
    /// Requests by release, newest release first.
    pub releases: Vec<ReleaseRow>,
    /// When segments were committed last.
    pub as_of: Option<UnixNanos>,
}

/// One stretch of an endpoint's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Its start.
    pub start: UnixNanos,
    /// Weighted requests.
    pub requests: f64,
    /// Weighted errors.
    pub errors: f64,
    /// Weighted wall time.
    pub wall_ns: i64,
    /// Where it went.
    pub time: TimeByClass,
    /// Durations.
    pub sketch: Sketch,
}

impl Bucket {
    /// The duration that a share `q` (0..=1) of the requests does not exceed.
    pub fn quantile_ns(&self, q: f64) -> Option<i64> {
        self.sketch.quantile_ns(q)
    }
}

/// One release of an endpoint's service.
#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseRow {
    /// As sent; empty when not told, `(other)` beyond the cap.
    pub release: Arc<str>,
    /// Weighted requests in the window.
    pub requests: f64,
    /// Weighted errors.
    pub errors: f64,
    /// Start of the first minute or hour with a request of it, in the window.
    pub first_seen: UnixNanos,
    /// 95th percentile of the duration.
    pub p95_ns: i64,
}

/// One segment in a list of traces.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSummary {
    /// The trace.
    pub trace_id: TraceId,
    /// The entry span of the segment.
    pub entry_span: SpanId,
    /// The endpoint's number.
    pub endpoint_id: i64,
    /// What was called.
    pub endpoint: Endpoint,
    /// When the entry span began.
    pub start: UnixNanos,
    /// Its wall time.
    pub duration_ns: i64,
    /// It ended in error.
    pub error: bool,
    /// Spans in the segment.
    pub spans: u32,
    /// Wall time that findings in it cost, at most its duration.
    pub lost_ns: i64,
}

/// Everything the page of one issue shows.
#[derive(Debug, Clone, PartialEq)]
pub struct IssueDetail {
    /// The issue with its figures over the window.
    pub issue: Issue,
    /// Affected segments in the window, most time lost first.
    pub occurrences: Vec<Occurrence>,
    /// Time lost by day, oldest first; the whole of each day the window touches.
    pub days: Vec<DayLoss>,
    /// The same class and family on other endpoints, most time lost first.
    pub others: Vec<Issue>,
    /// Releases of its service that went out in the window, oldest first.
    pub deploys: Vec<Deploy>,
}

/// What became of something that a person asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It is done.
    Done,
    /// There is no issue of that number.
    NoSuchIssue,
    /// It makes no sense in the state the issue is in.
    NotFrom(IssueStatus),
}

/// An issue that the server should look at again.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedIssue {
    /// Its number.
    pub id: i64,
    /// The number of its endpoint.
    pub endpoint_id: i64,
    /// Where it is in its life.
    pub status: IssueStatus,
    /// Since when.
    pub since: UnixNanos,
    /// Its last occurrence.
    pub last_seen: UnixNanos,
    /// The latest comparison.
    pub verification: Option<Verification>,
    /// How long it is ignored.
    pub ignored: Option<Ignored>,
    /// The newest release of its service that went out.
    pub deploy: Option<Deploy>,
    /// When the release that its comparison waits for went out, if it did.
    pub awaited: Option<UnixNanos>,
}

/// What the server found out about an issue.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The issue.
    pub issue_id: i64,
    /// The state it was in.
    pub status: IssueStatus,
    /// Since when.
    pub since: UnixNanos,
    /// The comparison as it stands now; `None` leaves the one there is.
    pub verification: Option<Verification>,
    /// The new state, if it has one.
    pub change: Option<StateChange>,
}

/// Names one segment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentKey {
    /// The project.
    pub project: Arc<str>,
    /// The trace.
    pub trace_id: TraceId,
    /// The entry span.
    pub entry_span: SpanId,
    /// When the entry span began.
    pub start: UnixNanos,
}

/// What a commit of segments changed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CommitOutcome {
    /// Endpoints with a new, changed or retracted segment.
    pub touched: Vec<(i64, Endpoint)>,
    /// Segments seen for the first time.
    pub added: u64,
    /// Segments that replaced an earlier, different form of themselves.
    pub replaced: u64,
    /// Segments that were committed before just so.
    pub unchanged: u64,
    /// Segments left alone because they were known from more of their trace.
    pub outdated: u64,
    /// Segments taken out because their entry span turned out not to be one.
    pub retracted: u64,
}

/// The WAL positions up to which each consumer's output is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookPositions {
    /// Spans in Parquet.
    pub spans: u64,
    /// Segments in roll-ups and issues.
    pub segments: u64,
}

/// One Parquet file of spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Relative to the store's root.
    pub path: String,
    /// Start hour of its spans, hours since 1970-01-01.
    pub hour: i64,
    /// Spans in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// Start of its first span.
    pub start_min: UnixNanos,
    /// Start of its last span.
    pub start_max: UnixNanos,
    /// Lowest trace id in it.
    pub trace_min: TraceId,
    /// Highest trace id in it.
    pub trace_max: TraceId,
    /// When it was written.
    pub created: UnixNanos,
    /// Version of the span schema it is in.
    pub schema_version: u32,
}

/// A project that spans are received for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Number in a Sentry DSN's path.
    pub id: i64,
    /// Slug, also the `project` of every span.
    pub name: String,
    /// Public key of the DSN and the OTLP header: 32 hex digits.
    pub key: String,
    /// When it was added.
    pub created: UnixNanos,
}

/// Sizes of what the book holds, for the status page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookStats {
    /// Endpoints known.
    pub endpoints: u64,
    /// Issues known.
    pub issues: u64,
    /// Segments that a late span could still replace.
    pub segments: u64,
    /// Size of `hotspan.db`, without its write-ahead log.
    pub bytes: u64,
}
