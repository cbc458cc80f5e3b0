//! What a span costs after the acknowledgement: its digest, and the analysis
//! of the segment it belongs to. Each run is 1,000 spans in 100 traces, so a
//! microsecond of a run is a nanosecond of a span.
//!
//! `cargo bench --package hotspan-analysis`

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use hotspan_analysis::{Segment, SpanDigest, analyze, asked, digest, segments};
use hotspan_model::{Span, TraceId};
use hotspan_testkit::{notation, traffic};
use hotspan_wire::otlp;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TRACES: usize = 100;
const SPANS: usize = TRACES * traffic::SPANS_PER_TRACE;
const SHAPES: [&str; 2] = ["keyed", "web"];

fn main() {
    divan::main();
}

fn spans(shape: &str) -> Vec<Span> {
    let traces = match shape {
        "keyed" => traffic::keyed(TRACES),
        _ => traffic::web(TRACES),
    };
    let decoded = otlp::decode_json(&traffic::otlp_json(&traces));
    decoded.map(|decoded| decoded.spans).unwrap_or_default()
}

fn digests(shape: &str) -> Vec<(TraceId, Vec<SpanDigest>)> {
    let project = Arc::from("default");
    let traces = spans(shape);
    let traces = traces.chunk_by(|a, b| a.trace_id == b.trace_id);
    traces
        .map(|trace| {
            (trace[0].trace_id, trace.iter().map(|s| digest(&project, s, asked(s))).collect())
        })
        .collect()
}

#[divan::bench(args = SHAPES)]
fn digest_spans(bencher: Bencher<'_, '_>, shape: &str) {
    let project = Arc::from("default");
    let spans = spans(shape);
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        divan::black_box(&spans).iter().map(|span| digest(&project, span, 0)).collect::<Vec<_>>()
    });
}

#[divan::bench(args = SHAPES)]
fn hash_what_is_asked(bencher: Bencher<'_, '_>, shape: &str) {
    let spans = spans(shape);
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench_local(|| divan::black_box(&spans).iter().map(asked).fold(0, |a, b| a ^ b));
}

#[divan::bench(args = SHAPES)]
fn find_segments(bencher: Bencher<'_, '_>, shape: &str) {
    let traces = digests(shape);
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        let traces = divan::black_box(&traces).iter();
        traces.flat_map(|(id, spans)| segments(*id, spans)).collect::<Vec<Segment>>()
    });
}

/// A word of its own for every number, without digits.
fn word(number: usize) -> String {
    number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

const LONG: [&str; 11] = [
    "loop",
    "cycle",
    "many loops",
    "different",
    "parallel",
    "failing",
    "tokens",
    "secrets",
    "connecting",
    "timing out",
    "in turn",
];

/// One trace of 100,000 spans in one segment, in shapes that make detectors
/// work: one loop, a loop over parents with three calls a turn, 20,000 calls
/// that repeat five times, every call different, everything at one time, all
/// failing, a token or a secret for each item, a connection for each call, all
/// timing out one after the other, and different reads of one thing in turn.
#[divan::bench(args = LONG, sample_count = 10)]
fn analyze_a_long_trace(bencher: Bencher<'_, '_>, shape: &str) {
    let line = |nth: usize| format!("    GET http://b/a{}/c {}+0.001\n", word(nth), 2 + nth);
    let many_loops =
        format!("  repeat ×5 every 20000\n{}", (0..20_000).map(line).collect::<String>());
    let lines = match shape {
        "loop" => "  SELECT * FROM a WHERE id = $1 2+1 ×99998 every 1.1",
        "cycle" => {
            "  repeat ×25000 every 5
    internal row 2+4
      SELECT * FROM a WHERE id = $1 2+1
      GET http://b/c/{n} 3+1
      UPDATE a SET b = $1 4+1"
        }
        "many loops" => &many_loops,
        "different" => "  GET http://b/c{n}x/d 2+1 ×99998 every 1.1",
        "parallel" => "  GET http://b/c/{n} 2+100000 ×99998 every 1.1",
        "tokens" => {
            "  repeat ×49999 every 2.5
    POST http://idp/oauth2/token 2+1
    GET http://b/c/{n} 3+1"
        }
        "secrets" => "  GET http://vault/v1/secret/data/{n} 2+1 ×99998 every 1.1",
        "connecting" => {
            "  repeat ×33332 every 3.5
    internal tcp.connect 2+1 net.peer.name=b
    internal tls.connect 3+1 net.peer.name=b
    GET http://b/c{n}x/d 4+1"
        }
        "timing out" => "  GET http://b/c{n}x/d 2+1003 ×99998 every 1004 !timeout",
        "in turn" => "  GET http://b/users/7/c{n}x 2+10 ×99998 every 10.1",
        _ => "  GET http://b/c 2+1 ×99998 every 1.1 =503",
    };
    let end = match shape {
        "timing out" => 101_000_000,
        "in turn" => 1_100_000,
        _ => 130_000,
    };
    let text = format!("server GET /long 0..{end}\n  SELECT * FROM list 1+1\n{lines}");
    let project = Arc::from("default");
    let spans: Vec<SpanDigest> =
        notation::parse(&text).iter().map(|span| digest(&project, span, asked(span))).collect();
    let segments = segments(TraceId([1; 16]), &spans);
    assert_eq!(segments.len(), 1);
    bencher
        .counter(ItemsCount::new(spans.len()))
        .bench_local(|| analyze(divan::black_box(&segments[0])));
}

#[divan::bench(args = SHAPES)]
fn analyze_segments(bencher: Bencher<'_, '_>, shape: &str) {
    let segments: Vec<Segment> =
        digests(shape).iter().flat_map(|(id, spans)| segments(*id, spans)).collect();
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench_local(|| divan::black_box(&segments).iter().map(analyze).collect::<Vec<_>>());
}
