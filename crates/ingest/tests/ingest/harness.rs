//! A running ingest, requests for it, and what is kept of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use hotspan_ingest::{Clock, Ingest, IngestConfig, IngestTask, Receipt, Received, Refusal, Stats};
use hotspan_model::{Issue, UnixNanos};
use hotspan_store::{EndpointRow, Filter, FrameDoor, IssueFilter, Store, StoreConfig, TimeWindow};
use hotspan_wire::{content_hashes, otlp};

/// When the tests begin.
pub(crate) const BEGIN: UnixNanos = UnixNanos(1_800_000_000_000_000_000);
pub(crate) const SECOND: i64 = 1_000_000_000;
const MILLI: i64 = 1_000_000;
/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that stands still until it is moved.
pub(crate) struct FakeClock(AtomicI64);

impl FakeClock {
    pub(crate) fn at(now: UnixNanos) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(now.0)))
    }

    pub(crate) fn advance(&self, nanos: i64) {
        self.0.fetch_add(nanos, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> UnixNanos {
        UnixNanos(self.0.load(Ordering::SeqCst))
    }
}

/// A store and the ingest on it.
pub(crate) struct Running {
    pub(crate) store: Store,
    pub(crate) ingest: Ingest,
    task: IngestTask,
}

pub(crate) fn quick() -> IngestConfig {
    IngestConfig {
        poll_interval: Duration::from_millis(5),
        otlp_wait: Duration::ZERO,
        sentry_wait: Duration::from_millis(50),
        ..IngestConfig::default()
    }
}

pub(crate) async fn start(folder: &Path, clock: &Arc<FakeClock>, config: IngestConfig) -> Running {
    let store_config = StoreConfig { data_dir: folder.to_owned(), ..StoreConfig::default() };
    let opened = Store::open(store_config).await.expect("the store opens");
    let store = opened.store.clone();
    let clock = Arc::clone(clock);
    let (ingest, task) = Ingest::start(opened, config, clock).await.expect("ingest starts");
    Running { store, ingest, task }
}

impl Running {
    pub(crate) async fn send(&self, body: &str) -> Result<Receipt, Refusal> {
        self.submit(FrameDoor::OtlpJson, body).await
    }

    pub(crate) async fn submit(&self, door: FrameDoor, body: &str) -> Result<Receipt, Refusal> {
        let received = Received {
            door,
            project: Arc::from("default"),
            content_type: "application/json".to_owned(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        self.ingest.submit(received).await
    }

    /// Waits until everything received is in assembly, so that the clock may move.
    pub(crate) async fn applied(&self) {
        self.until(|stats| stats.apply_queue == 0).await;
    }

    /// Waits until everything received is analysed and booked.
    pub(crate) async fn analysed(&self) {
        self.until(|stats| stats.open_traces == 0).await;
    }

    /// Waits until endpoints have been looked at as a whole, too; the clock
    /// must have moved since the last look.
    pub(crate) async fn settle(&self) {
        self.until(|stats| stats.open_traces == 0 && stats.profile_queue == 0).await;
    }

    /// Waits until assembly holds nothing any more: nothing pins the log.
    pub(crate) async fn released(&self) {
        self.until(|stats| stats.held_traces == 0).await;
    }

    async fn until(&self, wanted: impl Fn(&Stats) -> bool) {
        let reached = async {
            while !wanted(&self.ingest.stats()) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let stats = || self.ingest.stats();
        tokio::time::timeout(PATIENCE, reached).await.unwrap_or_else(|_| panic!("{:?}", stats()));
    }

    /// What the pages would show of the first day.
    pub(crate) async fn shown(&self) -> (Vec<EndpointRow>, Vec<Issue>) {
        let window =
            TimeWindow { from: BEGIN.plus(-3_600 * SECOND), to: BEGIN.plus(86_400 * SECOND) };
        let endpoints = self.store.endpoints(window, &Filter::default()).await.expect("endpoints");
        let issues = self.store.issues(window, &IssueFilter::default()).await.expect("issues");
        (endpoints.rows, issues)
    }

    /// The hashes of a body's spans that are stored, each as often as it is.
    pub(crate) async fn stored(&self, body: &str) -> usize {
        let spans = otlp::decode_json(body.as_bytes()).expect("a good body").spans;
        let mut stored = 0;
        let traces: std::collections::BTreeSet<_> =
            spans.iter().map(|span| span.trace_id).collect();
        for trace_id in traces {
            let kept = self.store.trace(trace_id).await.expect("a readable trace").spans;
            let kept: Vec<_> = kept.into_iter().map(|(_, span)| span).collect();
            let kept = content_hashes(&kept);
            stored += content_hashes(&spans).iter().filter(|hash| kept.contains(hash)).count();
        }
        stored
    }

    pub(crate) async fn stop(self) {
        self.task.drain().await;
        self.store.shutdown().await.expect("the store closes");
    }
}

/// One request of the service `shop`: an entry span of 200 ms, then `lookups`
/// credential lookups in it, in OTLP JSON. `parts` says which of its spans are
/// in this body: the entry span is number 0.
pub(crate) fn body(
    number: u64,
    start: UnixNanos,
    lookups: u64,
    parts: std::ops::Range<u64>,
) -> String {
    together(&[resource(number, start, lookups, parts)])
}

/// Several [`resource`]s in one body.
pub(crate) fn together(resources: &[String]) -> String {
    format!(r#"{{"resourceSpans":[{}]}}"#, resources.join(","))
}

/// What [`body`] wraps.
pub(crate) fn resource(
    number: u64,
    start: UnixNanos,
    lookups: u64,
    parts: std::ops::Range<u64>,
) -> String {
    released(number, start, lookups, parts, "")
}

/// As [`resource`], of a release; an empty one is not told.
pub(crate) fn released(
    number: u64,
    start: UnixNanos,
    lookups: u64,
    parts: std::ops::Range<u64>,
    release: &str,
) -> String {
    let spans: Vec<String> = (0..=lookups * 3)
        .filter(|index| parts.contains(index))
        .map(|index| span(number, start, index))
        .collect();
    let mut pairs = vec![("service.name", "shop"), ("telemetry.sdk.language", "ruby")];
    if !release.is_empty() {
        pairs.push(("service.version", release));
    }
    let attributes = attributes(&pairs);
    let spans = spans.join(",");
    format!(
        r#"{{"resource":{{"attributes":[{attributes}]}},"scopeSpans":[{{"spans":[{spans}]}}]}}"#
    )
}

/// Every part of a request.
pub(crate) const ALL: std::ops::Range<u64> = 0..u64::MAX;

fn span(number: u64, start: UnixNanos, index: u64) -> String {
    let (kind, name, parent, attributes, from, length) = if index == 0 {
        let attributes = attributes(&[("http.request.method", "GET"), ("http.route", "/reports")]);
        (2, "GET /reports", String::new(), attributes, 0, 200 * MILLI)
    } else {
        let base = "http://169.254.169.254/latest";
        let (method, path) = match index % 3 {
            1 => ("PUT", "/api/token"),
            2 => ("GET", "/meta-data/iam/security-credentials/"),
            _ => ("GET", "/meta-data/iam/security-credentials/app"),
        };
        let url = format!("{base}{path}");
        let attributes = attributes(&[("http.request.method", method), ("url.full", &url)]);
        let parent = format!(r#""parentSpanId":"{:016x}","#, number << 16 | 1);
        (3, method, parent, attributes, index as i64 * 2 * MILLI, MILLI)
    };
    let begin = start.plus(from);
    format!(
        r#"{{"traceId":"{:032x}","spanId":"{:016x}",{parent}"name":"{name}","kind":{kind},"startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":[{attributes}]}}"#,
        number + 1,
        number << 16 | (index + 1),
        begin.0,
        begin.plus(length).0,
    )
}

fn attributes(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!(r#"{{"key":"{key}","value":{{"stringValue":"{value}"}}}}"#))
        .collect();
    pairs.join(",")
}
