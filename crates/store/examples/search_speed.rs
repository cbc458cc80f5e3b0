//! How long searches take: fills a directory with made-up spans over 24 hours
//! once, then asks it each question a few times.
//!
//! `cargo run --release -p hotspan-store --example search_speed -- DIR MILLIONS [FILTER]`

use std::sync::Arc;
use std::time::{Duration, Instant};

use hotspan_model::{
    Attributes, Door, EntryHint, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId,
    UnixNanos, Value,
};
use hotspan_store::search::language::parse;
use hotspan_store::{
    Batch, SearchMode, SearchRequest, Store, StoreConfig, TimeWindow, WalPosition,
};

/// 2026-11-23T00:00:00Z.
const BEGIN: UnixNanos = UnixNanos(1_795_392_000_000_000_000);
const DAY_NS: i64 = 86_400_000_000_000;
const SPANS_A_TRACE: u64 = 10;
const TRACES_A_BATCH: u64 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().ok_or("give a directory")?;
    let millions: u64 = arguments.next().ok_or("give millions of spans")?.parse()?;
    let runtime = tokio::runtime::Runtime::new()?;
    let filter = arguments.next();
    runtime.block_on(run(dir.into(), millions * 1_000_000, filter))
}

async fn run(
    dir: std::path::PathBuf,
    spans: u64,
    filter: Option<String>,
) -> Result<(), Box<dyn std::error::Error>> {
    let config = StoreConfig {
        data_dir: dir,
        flush_spans: 400_000,
        flush_bytes: 1 << 30,
        query_timeout: Duration::from_secs(30),
        ..StoreConfig::default()
    };
    let store = Store::open(config).await?.store;
    if store.storage_stats().await?.span_file_rows == 0 {
        fill(&store, spans).await?;
    }
    let stats = store.storage_stats().await?;
    write(&format!(
        "{} spans in {} files of {} MiB, {} in memory",
        stats.span_file_rows,
        stats.span_files,
        stats.span_file_bytes >> 20,
        stats.memory_spans
    ));
    if let Some(filter) = filter {
        return ask(&store, &filter, SearchMode::Spans).await;
    }
    for (filter, mode) in [
        ("", SearchMode::Spans),
        ("service:service-3", SearchMode::Spans),
        ("service:service-3 status:error duration:>1s", SearchMode::Spans),
        ("http.url:*169.254*", SearchMode::Spans),
        ("http.url:*/items/77*", SearchMode::Spans),
        ("http.url:*nowhere*", SearchMode::Spans),
        ("user.id:u-4711", SearchMode::Spans),
        ("user.id:u-nobody", SearchMode::Spans),
        ("no.such.key:x", SearchMode::Spans),
        ("nobody", SearchMode::Spans),
        ("service:service-3 http.url:*nowhere*", SearchMode::Spans),
        ("http.response.status_code:>=500", SearchMode::Traces),
        ("db.statement:*orders* is:entry", SearchMode::Traces),
    ] {
        ask(&store, filter, mode).await?;
    }
    store.shutdown().await?;
    Ok(())
}

async fn ask(
    store: &Store,
    filter: &str,
    mode: SearchMode,
) -> Result<(), Box<dyn std::error::Error>> {
    let request = SearchRequest {
        filter: parse(filter)?,
        window: TimeWindow { from: BEGIN, to: BEGIN.plus(DAY_NS) },
        mode,
        limit: 20,
        after: None,
    };
    let mut took = Vec::new();
    let mut hits = 0;
    for _ in 0..5 {
        let began = Instant::now();
        let page = store.search(&request).await?;
        took.push(began.elapsed().as_millis());
        hits = page.hits.len();
    }
    let first = took.remove(0);
    took.sort_unstable();
    write(&format!(
        "{:>6} ms warm, {first:>6} ms first  {hits:>3} hits  {mode:?} {filter}",
        took[2]
    ));
    Ok(())
}

async fn fill(store: &Store, spans: u64) -> Result<(), Box<dyn std::error::Error>> {
    let traces = spans / SPANS_A_TRACE;
    let mut random = Random(7);
    for (nth, first) in (0..traces).step_by(TRACES_A_BATCH as usize).enumerate() {
        let made: Vec<Span> = (first..(first + TRACES_A_BATCH).min(traces))
            .flat_map(|trace| trace_of(trace, traces, &mut random))
            .collect();
        let hashes = made.iter().map(|_| random.wide()).collect();
        let (project, asked) = ("default".into(), Vec::new());
        let batch = Batch { project, received_at: BEGIN, spans: made, hashes, asked };
        store.apply_spans(WalPosition(nth as u64 + 1), &batch).await?;
    }
    // Wait until all but the last fill is written.
    while store.storage_stats().await?.memory_spans > 800_000 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

fn trace_of(nth: u64, traces: u64, random: &mut Random) -> Vec<Span> {
    let trace_id = TraceId(random.wide().to_be_bytes());
    let begin = BEGIN.plus((DAY_NS as u128 * u128::from(nth) / u128::from(traces)) as i64);
    let service: Arc<str> = format!("service-{}", random.below(20)).into();
    let endpoint = random.below(10);
    let resource = Arc::new(Resource {
        attributes: Attributes::from_iter([
            ("service.name".to_owned(), Value::Str(service.to_string())),
            ("host.name".to_owned(), Value::Str(format!("web-{}", random.below(40)))),
            ("deployment.environment.name".to_owned(), Value::Str("production".to_owned())),
            ("process.pid".to_owned(), Value::Int(random.below(30_000) as i64)),
        ]),
    });
    let root = SpanId(random.next().to_be_bytes());
    (0..SPANS_A_TRACE)
        .map(|place| {
            let is_root = place == 0;
            let start = begin.plus(place as i64 * 2_000_000);
            let duration = (random.below(3_000_000_000) >> random.below(12)) as i64;
            let name = match place {
                0 => format!("GET /{service}/{endpoint}"),
                1..6 => format!("SELECT table_{}", random.below(30)),
                _ => format!("GET items/{}", random.below(20)),
            };
            Span {
                trace_id,
                span_id: if is_root { root } else { SpanId(random.next().to_be_bytes()) },
                parent: (!is_root).then_some(root),
                name,
                kind: if is_root { SpanKind::Server } else { SpanKind::Client },
                start,
                end: start.plus(duration),
                status: if random.below(50) == 0 { Status::Error } else { Status::Unset },
                status_message: String::new(),
                attributes: attributes(place, random),
                events: Vec::new(),
                links: Vec::new(),
                flags: 1,
                trace_state: String::new(),
                dropped_attributes: 0,
                dropped_events: 0,
                dropped_links: 0,
                resource: Arc::clone(&resource),
                scope: Arc::new(Scope::default()),
                service: Arc::clone(&service),
                weight: 1.0,
                entry: if is_root { EntryHint::Yes } else { EntryHint::No },
                door: Door::Otlp,
            }
        })
        .collect()
}

fn attributes(place: u64, random: &mut Random) -> Attributes {
    let mut attributes = Attributes::new();
    let mut text = |key: &str, value: String| attributes.push(key, value.as_str());
    if (1..6).contains(&place) {
        text("db.system", "postgresql".to_owned());
        text(
            "db.statement",
            format!("SELECT * FROM table_{} WHERE id = ? AND kind = ? LIMIT ?", random.below(60)),
        );
    } else {
        let host = if random.below(500_000) == 0 { "169.254.169.254" } else { "shop.internal" };
        let url = format!("http://{host}/items/{}?page={}", random.below(1 << 30), random.below(9));
        text("http.url", url);
        text("http.request.method", "GET".to_owned());
    }
    text("user.id", format!("u-{}", random.below(100_000)));
    for _ in 0..6 {
        text(&format!("attribute_{}", random.below(97)), format!("value_{}", random.below(1_000)));
    }
    let status = if random.below(200) == 0 { 500 } else { 200 };
    attributes.push("http.response.status_code", status);
    attributes.push("net.peer.port", 5_432);
    attributes
}

/// Numbers that look random and are the same every time (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 11) % limit
    }

    fn wide(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

fn write(line: &str) {
    use std::io::Write;
    // Nobody reads on when standard output is closed.
    let _ = writeln!(std::io::stdout(), "{line}");
}
