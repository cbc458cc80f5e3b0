//! Measures the figures behind pages: 200 endpoints with requests in every
//! minute of a day, and how long the list of them, one of them and the slowest
//! traces take to read.
//!
//! ```text
//! cargo run --release -p hotspan-store --example pages
//! ```

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hotspan_model::calltree::CallNode;
use hotspan_model::{
    CallTree, Class, Endpoint, EndpointKind, Sdk, SegmentRecord, SpanId, TimeByClass, TraceId,
    UnixNanos,
};
use hotspan_store::{Filter, Store, StoreConfig, StoreError, TimeWindow, WalPosition};

const ENDPOINTS: u64 = 200;
const MINUTES: u64 = 24 * 60;
const MINUTE_NS: i64 = 60_000_000_000;
/// Minutes that are committed at once.
const COMMIT_MINUTES: usize = 30;
/// Different calls below each request.
const CALLS: usize = 30;
/// Readings of each page.
const ROUNDS: usize = 15;
/// 2026-11-23T00:00:00Z.
const START: UnixNanos = UnixNanos(1_795_392_000_000_000_000);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let config = StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() };
    let store = Store::open(config).await?.store;
    fill(&store).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ENDPOINTS} endpoints, {MINUTES} minutes, one request each a minute")?;
    let bytes = store.book_stats().await?.bytes;
    writeln!(out, "hotspan.db {:.0} MB", bytes as f64 / 1e6)?;
    for hours in [1, 6, 12, 24] {
        let end = START.plus(MINUTES as i64 * MINUTE_NS);
        let window = TimeWindow { from: end.plus(-hours * 60 * MINUTE_NS), to: end };
        let everyone = Filter::default();
        let list = median(async || store.endpoints(window, &everyone).await.map(drop)).await?;
        let one = median(async || store.endpoint_detail(7, window).await.map(drop)).await?;
        let slow = median(async || store.slowest_traces(7, window, 20).await.map(drop)).await?;
        writeln!(
            out,
            "{hours:2} h: list {:6.1} ms, one endpoint {:6.1} ms, its slowest traces {:6.1} ms",
            list.as_secs_f64() * 1e3,
            one.as_secs_f64() * 1e3,
            slow.as_secs_f64() * 1e3
        )?;
    }
    Ok(())
}

async fn fill(store: &Store) -> Result<(), StoreError> {
    let minutes: Vec<u64> = (0..MINUTES).collect();
    for minutes in minutes.chunks(COMMIT_MINUTES) {
        let each = |minute: &u64| {
            let minute = *minute;
            (0..ENDPOINTS).map(move |endpoint| record(minute, endpoint))
        };
        let records = minutes.iter().flat_map(each).collect();
        store.commit_segments(WalPosition(minutes[0] + 1), records).await?;
    }
    Ok(())
}

fn record(minute: u64, endpoint: u64) -> SegmentRecord {
    let number = minute * ENDPOINTS + endpoint;
    let mut trace_id = [0; 16];
    trace_id[8..].copy_from_slice(&number.to_be_bytes());
    let duration_ns = (10 + number as i64 * 7_919 % 900) * 1_000_000;
    let mut time = TimeByClass::default();
    time.add(Class::Own, duration_ns);
    let name: Arc<str> = format!("GET /things/{endpoint}").into();
    SegmentRecord {
        endpoint: Endpoint {
            project: "default".into(),
            service: format!("service-{}", endpoint % 10).into(),
            kind: EndpointKind::Http,
            name: Arc::clone(&name),
        },
        trace_id: TraceId(trace_id),
        entry_span: SpanId(number.to_be_bytes()),
        environment: "production".into(),
        release: "1.0".into(),
        sdk: Arc::new(Sdk::default()),
        start: START.plus(minute as i64 * MINUTE_NS + endpoint as i64),
        duration_ns,
        error: number.is_multiple_of(50),
        weight: 1.0,
        spans: CALLS as u32 + 1,
        trace_spans: CALLS as u32 + 1,
        truncated: false,
        time,
        uses: Vec::new(),
        tree: tree(&name, duration_ns),
        findings: Vec::new(),
    }
}

fn tree(name: &Arc<str>, duration_ns: i64) -> CallTree {
    let node = |class: Class, total_ns: i64| {
        let mut node = CallNode::new(class);
        (node.count, node.requests, node.total_ns, node.self_ns) =
            (1_000, 1_000, total_ns, total_ns);
        node
    };
    let mut root = node(Class::Own, duration_ns);
    root.children = (0..CALLS)
        .map(|nth| (format!("SELECT table_{nth}").into(), node(Class::Database, duration_ns / 40)))
        .collect();
    CallTree { roots: BTreeMap::from([(Arc::clone(name), root)]) }
}

async fn median(read: impl AsyncFn() -> Result<(), StoreError>) -> Result<Duration, StoreError> {
    let mut times = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        read().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}
