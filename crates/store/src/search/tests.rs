//! Filters over one small set of spans, in memory and in files alike; pages
//! without gaps or doubles; searches that are cut short or meet a broken file.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hotspan_model::{Attributes, EntryHint, Resource, Scope, Span, SpanKind, Status, Value};

use super::language::parse;
use super::{SearchMode, SearchPage, SearchRequest};
use crate::sample::{self, HOUR};
use crate::{Batch, Store, StoreConfig, TimeWindow, WalPosition};

const MILLI_NS: i64 = 1_000_000;

fn attributes(pairs: &[(&str, Value)]) -> Attributes {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

/// Five spans a minute apart, of which no two are alike.
fn spans() -> Vec<Span> {
    let base = sample::batch(1, 1).spans.remove(0);
    let span = |nth: i64, name: &str, service: &str, millis: i64| Span {
        trace_id: sample::trace_id(nth as u32),
        name: name.to_owned(),
        service: service.into(),
        start: HOUR.plus(nth * 60_000 * MILLI_NS),
        end: HOUR.plus(nth * 60_000 * MILLI_NS + millis * MILLI_NS),
        attributes: Attributes::new(),
        entry: EntryHint::No,
        ..base.clone()
    };
    let resource = |pairs: &[(&str, Value)]| Arc::new(Resource { attributes: attributes(pairs) });
    let text = |text: &str| Value::Str(text.to_owned());
    let users = Span {
        kind: SpanKind::Server,
        status: Status::Ok,
        entry: EntryHint::Yes,
        attributes: attributes(&[
            ("http.request.method", text("GET")),
            ("http.response.status_code", Value::Int(200)),
        ]),
        resource: resource(&[
            ("deployment.environment.name", text("prod")),
            ("service.version", text("1.2.3")),
        ]),
        ..span(1, "GET /users", "api", 1_000)
    };
    let lookup = Span {
        kind: SpanKind::Client,
        status: Status::Error,
        status_message: "timed out".to_owned(),
        parent: Some(users.span_id),
        attributes: attributes(&[("http.url", text("http://169.254.169.254/latest"))]),
        ..span(2, "PUT /latest", "api", 2_500)
    };
    let select = Span {
        kind: SpanKind::Client,
        attributes: attributes(&[
            ("db.statement", text("SELECT * FROM users WHERE a_b = '100%'")),
            ("db.rows", Value::Float(3.5)),
            ("db.cached", Value::Bool(true)),
            ("db.tables", Value::Json("[\"users\"]".to_owned())),
        ]),
        resource: resource(&[
            ("deployment.environment.name", text("dev")),
            ("host.name", text("web-1")),
            ("process.pid", Value::Int(7)),
        ]),
        scope: Arc::new(Scope { name: "pg".to_owned(), ..Scope::default() }),
        ..span(3, "SELECT users", "db", 3)
    };
    let publish = Span {
        kind: SpanKind::Producer,
        attributes: attributes(&[
            ("http.status_code", text("503")),
            ("size", Value::Int(20_000)),
            ("my:key", text("a \"b\"")),
        ]),
        ..span(4, "publish_50%", "worker", 700)
    };
    let nameless = Span { kind: SpanKind::Internal, ..span(5, "", "worker", 0) };
    vec![users, lookup, select, publish, nameless]
}

fn batch(spans: Vec<Span>) -> Batch {
    let hashes = (1..=spans.len() as u128).map(|nth| nth << 64 | nth).collect();
    Batch { spans, hashes, ..sample::batch(1, 0) }
}

async fn open(dir: &Path) -> Store {
    let config = StoreConfig { data_dir: dir.to_owned(), ..StoreConfig::default() };
    Store::open(config).await.expect("a store").store
}

fn request(filter: &str) -> SearchRequest {
    SearchRequest {
        filter: parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}")),
        window: TimeWindow::ALL,
        mode: SearchMode::Spans,
        limit: 100,
        after: None,
    }
}

async fn search(store: &Store, request: &SearchRequest) -> SearchPage {
    store.search(request).await.expect("searched")
}

/// Numbers of the spans that pass, oldest first.
async fn passing(store: &Store, filter: &str) -> Vec<i64> {
    let page = search(store, &request(filter)).await;
    assert_eq!((page.next, page.coverage.cut), (None, None), "{filter}");
    let mut numbers: Vec<i64> =
        page.hits.iter().map(|hit| hit.start.since(HOUR) / (60_000 * MILLI_NS)).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_over_memory_and_files() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = open(dir.path()).await;
    store.apply_spans(WalPosition(1), &batch(spans())).await.expect("room");
    check(&store, "memory").await;
    store.shutdown().await.expect("written");
    assert_eq!(store.storage_stats().await.expect("readable").memory_spans, 0);
    check(&store, "files").await;
}

/// Filters and the numbers of the spans that pass them.
const CASES: &[(&str, &[i64])] = &[
    ("", &[1, 2, 3, 4, 5]),
    // Plain columns.
    ("service:api", &[1, 2]),
    ("!service:api", &[3, 4, 5]),
    ("service:[api,db]", &[1, 2, 3]),
    ("service:w*r", &[4, 5]),
    ("project:default", &[1, 2, 3, 4, 5]),
    ("project:other", &[]),
    ("name:\"GET /users\"", &[1]),
    ("name:\"\"", &[5]),
    ("name:*_50%", &[4]),
    ("name:publish?50%", &[]),
    ("users", &[1, 3]),
    ("get", &[1]),
    ("-users", &[2, 4, 5]),
    ("kind:server", &[1]),
    ("kind:[client,producer]", &[2, 3, 4]),
    ("status:error", &[2]),
    ("!status:error", &[1, 3, 4, 5]),
    ("status.message:*out", &[2]),
    ("has:status.message", &[2]),
    ("duration:>=1s", &[1, 2]),
    ("duration:>1s", &[2]),
    ("duration:<=3ms", &[3, 5]),
    ("duration:3ms", &[3]),
    ("is:entry", &[1]),
    ("!is:entry", &[2, 3, 4, 5]),
    ("is:root", &[1, 3, 4, 5]),
    ("parent:0000000200000000", &[2]),
    ("!parent:0000000200000000", &[1, 3, 4, 5]),
    ("scope:pg", &[3]),
    ("start:>=2026-11-23T14:04", &[4, 5]),
    ("start:>2026-11-23T14:04", &[5]),
    ("start:<=2026-11-23T14:01:00.000000001", &[1]),
    // Columns that may be without a value.
    ("environment:prod", &[1]),
    ("!environment:prod", &[2, 3, 4, 5]),
    ("has:environment", &[1, 3]),
    ("!has:environment", &[2, 4, 5]),
    ("release:1.*", &[1]),
    ("http.status:2xx", &[1]),
    ("!http.status:2xx", &[2, 3, 4, 5]),
    ("http.status:>=500", &[4]),
    // Attributes.
    ("http.url:*169.254*", &[2]),
    ("url.full:*169.254*", &[2]),
    ("url:*169.254*", &[2]),
    ("has:url.full", &[2]),
    ("!http.url:*169.254*", &[1, 3, 4, 5]),
    ("http.url:*169.253*", &[]),
    ("http.request.method:GET", &[1]),
    ("http.request.method:get", &[]),
    ("has:db.statement", &[3]),
    ("!has:db.statement", &[1, 2, 4, 5]),
    ("db.statement:*a_b*100%*", &[3]),
    ("db.rows:3.5", &[3]),
    ("db.rows:>3", &[3]),
    ("db.rows:>3.5", &[]),
    ("db.cached:true", &[3]),
    ("db.tables:*users*", &[3]),
    ("size:20000", &[4]),
    ("size:>=20KB", &[4]),
    ("size:>20KB", &[]),
    ("span.http.status_code:>500", &[4]),
    ("span.http.response.status_code:200", &[1]),
    ("\"my:key\":\"a \\\"b\\\"\"", &[4]),
    ("host.name:web-1", &[3]),
    ("resource.host.name:web-1", &[3]),
    ("span.host.name:web-1", &[]),
    ("process.pid:7", &[3]),
    ("resource.process.pid:<7", &[]),
    ("no.such.key:x", &[]),
    ("!no.such.key:x", &[1, 2, 3, 4, 5]),
    // Joined.
    ("service:api duration:>2s", &[2]),
    ("service:db OR http.url:*169*", &[2, 3]),
    ("(service:db OR http.url:*169*) !status:error", &[3]),
    ("!(service:api has:http.url)", &[1, 3, 4, 5]),
    ("!(service:api OR has:db.rows)", &[4, 5]),
    ("has:http.url OR has:db.rows OR kind:internal", &[2, 3, 5]),
    ("{ .db.rows > 3 && resource.host.name = \"web-1\" } || { kind = server }", &[1, 3]),
];

async fn check(store: &Store, place: &str) {
    for (filter, expected) in CASES {
        assert_eq!(passing(store, filter).await, *expected, "{filter} in {place}");
    }
}

/// Forty spans of ten traces over fourteen hours, in files and in memory, some
/// there twice.
async fn filled(dir: &Path) -> Store {
    let config =
        StoreConfig { data_dir: dir.to_owned(), flush_spans: 13, ..StoreConfig::default() };
    let store = Store::open(config).await.expect("a store").store;
    for (nth, number) in (1..=10).chain([3, 9]).enumerate() {
        let position = WalPosition(nth as u64 + 1);
        store.apply_spans(position, &sample::batch(number * 4, 4)).await.expect("room");
    }
    store
}

/// Every hit, page by page; no page but the last has fewer than asked for.
async fn all_pages(store: &Store, mut request: SearchRequest) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let page = search(store, &request).await;
        names.extend(page.hits.iter().map(|hit| hit.name.clone()));
        let Some(next) = page.next else { return names };
        assert_eq!(page.hits.len(), request.limit);
        request.after = Some(next.to_string().parse().expect("a cursor"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_leave_no_gaps_and_show_nothing_twice() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = filled(dir.path()).await;
    assert!(store.storage_stats().await.expect("readable").span_files > 3);
    let expected: Vec<String> = (1..=10)
        .rev()
        .flat_map(|number| {
            (0..4).rev().map(move |nth| format!("request {} span {nth}", number * 4))
        })
        .collect();
    let newest: Vec<String> = expected.iter().step_by(4).cloned().collect();
    for limit in [1, 3, 4, 7, 39, 40, 41] {
        let spans = SearchRequest { limit, ..request("") };
        assert_eq!(all_pages(&store, spans.clone()).await, expected, "{limit} spans a page");
        let traces = SearchRequest { mode: SearchMode::Traces, ..spans };
        assert_eq!(all_pages(&store, traces).await, newest, "{limit} traces a page");
    }
    let entries = SearchRequest { limit: 3, ..request("is:entry") };
    let first: Vec<String> = expected.iter().skip(3).step_by(4).cloned().collect();
    assert_eq!(all_pages(&store, entries).await, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_began_in_the_window() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = filled(dir.path()).await;
    let start = sample::batch(16, 1).spans[0].start;
    // Spans of a request begin a nanosecond apart.
    let window = TimeWindow { from: start.plus(1), to: start.plus(3) };
    let page = search(&store, &SearchRequest { window, ..request("") }).await;
    let names: Vec<_> = page.hits.iter().map(|hit| hit.name.as_str()).collect();
    assert_eq!(names, ["request 16 span 2", "request 16 span 1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_without_time_says_so() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    filled(dir.path()).await.shutdown().await.expect("written");
    let config = StoreConfig {
        data_dir: dir.path().to_owned(),
        query_timeout: Duration::ZERO,
        ..StoreConfig::default()
    };
    let store = Store::open(config).await.expect("a store").store;
    let page = search(&store, &request("")).await;
    let cut = page.coverage.cut.expect("cut");
    let newest = sample::batch(40, 4).spans[3].start;
    assert_eq!(cut.files_left, page.coverage.files);
    assert!(cut.back_to >= newest && page.hits.is_empty());
    assert_eq!(page.next.map(|next| next.start()), Some(cut.back_to.plus(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_is_left_out_and_counted() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let store = filled(dir.path()).await;
    store.shutdown().await.expect("written");
    let hour = std::fs::read_dir(dir.path().join("spans")).expect("hours").next();
    let hour = hour.expect("an hour").expect("readable").path();
    let file = std::fs::read_dir(hour)
        .expect("files")
        .map(|entry| entry.expect("readable").path())
        .find(|path| path.extension().is_some_and(|end| end == "parquet"))
        .expect("a span file");
    std::fs::write(file, b"not parquet").expect("written");
    let page = search(&store, &request("")).await;
    assert_eq!(page.coverage.unreadable_files, 1);
    assert!(page.coverage.cut.is_none() && (1..40).contains(&page.hits.len()));
}
