//! `/metrics`: every line follows the format, the numbers move, and who may
//! read them.

use std::collections::{BTreeMap, BTreeSet};

use hotspan_web::security::{MetricsToken, hash_password};

use crate::client::Request;
use crate::payload::{envelope, recent};
use crate::server::Server;

/// Samples by name and labels, from a text that follows the format strictly.
fn parse(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'), "the last line must end");
    let mut samples = BTreeMap::new();
    let mut families = BTreeSet::new();
    let mut family = (String::new(), String::new());
    let mut helped = String::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            assert!(!help.is_empty() && families.insert(name.to_owned()), "{line}");
            helped = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            assert!(name == helped && ["counter", "gauge", "histogram"].contains(&kind), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            family = (name.to_owned(), kind.to_owned());
        } else {
            let (key, value) = sample(line, &family);
            assert!(samples.insert(key, value).is_none(), "twice: {line}");
        }
    }
    check_histograms(&samples);
    samples
}

/// One sample: a name of the family, labels in quotes, a number.
fn sample(line: &str, (family, kind): &(String, String)) -> (String, f64) {
    let (key, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line}"));
    let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
    assert!(value.is_finite() && value >= 0.0, "{line}");
    let (name, labels) = match key.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}').expect("a closing brace")),
        None => (key, ""),
    };
    assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
    let suffix = name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("alone: {line}"));
    let suffixes: &[&str] =
        if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
    assert!(suffixes.contains(&suffix), "{line}");
    let mut rest = labels;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("a label: {line}"));
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
        let end = closing_quote(after).unwrap_or_else(|| panic!("no end of a label: {line}"));
        rest = &after[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or_else(|| {
            assert!(rest.is_empty(), "{line}");
            rest
        });
    }
    (key.to_owned(), value)
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

/// Buckets grow, and the last is the count.
fn check_histograms(samples: &BTreeMap<String, f64>) {
    let mut last: BTreeMap<String, f64> = BTreeMap::new();
    let mut buckets: Vec<(String, f64, f64)> = Vec::new();
    for (key, value) in samples.iter().filter(|(key, _)| key.contains("_bucket{")) {
        let (series, bound) = key.split_once("le=\"").expect("a bound");
        let bound = bound.strip_suffix("\"}").expect("the bound comes last");
        let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse().expect("a number") };
        buckets.push((series.to_owned(), bound, *value));
    }
    buckets.sort_by(|a, b| (&a.0, a.1).partial_cmp(&(&b.0, b.1)).expect("numbers"));
    for (series, bound, value) in buckets {
        let before = last.insert(series.clone(), value).unwrap_or(0.0);
        assert!(value >= before, "{series} shrinks");
        if bound.is_infinite() {
            let count = series.replace("_bucket{", "_count{").replace(",}", "}");
            let count = count.trim_end_matches(['{', ',']).to_owned();
            let count = if count.contains('{') { format!("{count}}}") } else { count };
            assert_eq!(samples.get(&count), Some(&value), "{count}");
        }
    }
}

async fn read(server: &Server) -> BTreeMap<String, f64> {
    let answer = server.ask(&Request::get("/metrics")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    parse(&answer.text())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_follows_the_format_and_the_numbers_move() {
    let server = Server::open().await;
    let before = read(&server).await;
    for number in ["01", "02"] {
        let request = Request::post("/api/1/envelope/", envelope(&recent(number)));
        assert_eq!(server.ask(&request).await.status, 200);
    }
    let broken = Request::post("/api/1/envelope/", "no envelope");
    assert_eq!(server.ask(&broken).await.status, 400);
    assert_eq!(server.ask(&Request::get("/issues")).await.status, 200);
    let loss = r#"{}
{"type":"client_report"}
{"timestamp":1795442531,"discarded_events":[{"reason":"qu\"eue\\","category":"transaction","quantity":7}]}
"#;
    assert_eq!(server.ask(&Request::post("/api/1/envelope/", loss)).await.status, 200);
    let after = read(&server).await;
    let moved = |name: &str| {
        let value = |samples: &BTreeMap<String, f64>| samples.get(name).copied().unwrap_or(0.0);
        value(&after) - value(&before)
    };
    assert_eq!(moved("hotspan_accepted_requests_total{door=\"sentry_envelope\"}"), 3.0);
    assert_eq!(moved("hotspan_accepted_requests_total{door=\"otlp_protobuf\"}"), 0.0);
    assert!(moved("hotspan_accepted_spans_total{door=\"sentry_envelope\"}") >= 2.0);
    assert_eq!(moved("hotspan_refused_requests_total{reason=\"malformed_request\"}"), 1.0);
    let lost = after.iter().find(|(key, _)| key.starts_with("hotspan_client_lost_items_total"));
    assert_eq!(lost.map(|(_, lost)| *lost), Some(7.0), "{lost:?}");
    for (name, at_least) in [
        ("hotspan_log_sync_seconds_count", 1.0),
        ("hotspan_log_group_requests_count", 1.0),
        ("hotspan_log_written_bytes_total", 100.0),
        ("hotspan_answer_seconds_count{by=\"sentry\"}", 4.0),
        ("hotspan_answer_seconds_count{by=\"page\"}", 1.0),
        ("hotspan_query_seconds_count{kind=\"issues\"}", 1.0),
    ] {
        assert!(moved(name) >= at_least, "{name} moved by {}", moved(name));
    }
    for name in [
        "hotspan_process_resident_memory_bytes",
        "hotspan_process_open_files",
        "hotspan_disk_size_bytes",
        "hotspan_database_bytes",
        "hotspan_log_files",
        "hotspan_log_writable",
        "hotspan_start_time_seconds",
        "hotspan_log_queue_max_bytes",
    ] {
        assert!(after.get(name).is_some_and(|value| *value > 0.0), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_read() {
    const TOKEN: &str = "a-token-of-some-length";
    for token in [None, Some(TOKEN)] {
        let server = Server::start(|config| {
            config.login_required = true;
            config.metrics_token = token.map(|token| MetricsToken::new(token).expect("sound"));
        })
        .await;
        let hash = hash_password("correct horse battery").expect("a good password");
        server.state.catalogue.set_user("ann", &hash).await.expect("a user");
        let right = if token.is_some() { 200 } else { 401 };
        for (authorization, expected) in [
            ("", 401),
            ("Bearer another-token-of-some-length", 401),
            ("Basic YTpi", 401),
            ("Bearer a-token-of-some-length", right),
            ("bearer  a-token-of-some-length", right),
        ] {
            let request = Request::get("/metrics").header("Authorization", authorization);
            let answer = server.ask(&request).await;
            assert_eq!(answer.status, expected, "{token:?} {authorization:?}");
            assert_eq!(answer.header("www-authenticate").is_some(), expected == 401);
        }
        // The token opens nothing else.
        let stats =
            Request::get("/api/v1/stats").header("Authorization", &format!("Bearer {TOKEN}"));
        assert_eq!(server.ask(&stats).await.status, 401);
    }
    let open = Server::open().await;
    let foreign = Request::get("/metrics").header("Host", "evil.example");
    assert_eq!(open.ask(&foreign).await.status, 421);
}
