//! What a span costs after the acknowledgement: its digest, and the analysis
//! of the segment it belongs to. Each run is 1,000 spans in 100 traces, so a
//! microsecond of a run is a nanosecond of a span.
//!
//! `cargo bench --package hotspan-analysis`

use std::sync::Arc;

use divan::Bencher;
use divan::counter::ItemsCount;
use hotspan_analysis::{Segment, SpanDigest, analyze, digest, segments};
use hotspan_model::{Span, TraceId};
use hotspan_testkit::traffic;
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
        .map(|trace| (trace[0].trace_id, trace.iter().map(|s| digest(&project, s)).collect()))
        .collect()
}

#[divan::bench(args = SHAPES)]
fn digest_spans(bencher: Bencher<'_, '_>, shape: &str) {
    let project = Arc::from("default");
    let spans = spans(shape);
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        divan::black_box(&spans).iter().map(|span| digest(&project, span)).collect::<Vec<_>>()
    });
}

#[divan::bench(args = SHAPES)]
fn find_segments(bencher: Bencher<'_, '_>, shape: &str) {
    let traces = digests(shape);
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        let traces = divan::black_box(&traces).iter();
        traces.flat_map(|(id, spans)| segments(*id, spans)).collect::<Vec<Segment>>()
    });
}

#[divan::bench(args = SHAPES)]
fn analyze_segments(bencher: Bencher<'_, '_>, shape: &str) {
    let segments: Vec<Segment> =
        digests(shape).iter().flat_map(|(id, spans)| segments(*id, spans)).collect();
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench_local(|| divan::black_box(&segments).iter().map(analyze).collect::<Vec<_>>());
}
