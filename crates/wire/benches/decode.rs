//! What a request costs on its way to the acknowledgement: decoding by form,
//! content hash, scrubbing. Each run is 1,000 spans, so a microsecond of a run
//! is a nanosecond of a span. `prost` and `typed_json` are what generated code
//! takes for the same bytes.
//!
//! `cargo bench --package hotspan-wire`

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use hotspan_model::Span;
use hotspan_model::scrub::scrub_all;
use hotspan_testkit::traffic::{self, SampleTrace};
use hotspan_wire::{content_hashes, otlp, sentry};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

mod reference;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TRACES: usize = 100;
const SPANS: usize = TRACES * traffic::SPANS_PER_TRACE;
const SHAPES: [&str; 2] = ["keyed", "web"];

fn main() {
    divan::main();
}

fn traces(shape: &str) -> Vec<SampleTrace> {
    match shape {
        "keyed" => traffic::keyed(TRACES),
        _ => traffic::web(TRACES),
    }
}

/// What `serve` does with a body after decoding it goes on from these.
fn spans(shape: &str) -> Vec<Span> {
    let body = reference::protobuf(&traces(shape)).encode_to_vec();
    otlp::decode_protobuf(&body).map(|decoded| decoded.spans).unwrap_or_default()
}

fn measured<T>(bencher: Bencher<'_, '_>, body: Vec<u8>, decode: impl Fn(&[u8]) -> T + Sync) {
    bencher
        .counter(ItemsCount::new(SPANS))
        .counter(BytesCount::new(body.len()))
        .bench_local(|| decode(divan::black_box(&body)));
}

#[divan::bench(args = SHAPES)]
fn protobuf(bencher: Bencher<'_, '_>, shape: &str) {
    measured(bencher, reference::protobuf(&traces(shape)).encode_to_vec(), otlp::decode_protobuf);
}

#[divan::bench(args = SHAPES)]
fn protobuf_by_prost(bencher: Bencher<'_, '_>, shape: &str) {
    let body = reference::protobuf(&traces(shape)).encode_to_vec();
    measured(bencher, body, |body| ExportTraceServiceRequest::decode(body));
}

#[divan::bench(args = SHAPES)]
fn json(bencher: Bencher<'_, '_>, shape: &str) {
    measured(bencher, traffic::otlp_json(&traces(shape)), otlp::decode_json);
}

#[divan::bench(args = SHAPES)]
fn json_by_typed_serde(bencher: Bencher<'_, '_>, shape: &str) {
    measured(bencher, traffic::otlp_json(&traces(shape)), reference::typed_otlp);
}

#[divan::bench(args = SHAPES)]
fn sentry_transactions(bencher: Bencher<'_, '_>, shape: &str) {
    let bodies = traffic::sentry_envelopes(&traces(shape));
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        let decode = |body: &Vec<u8>| sentry::decode_envelope(divan::black_box(body), "shop");
        bodies.iter().map(decode).collect::<Vec<_>>()
    });
}

#[divan::bench(args = SHAPES)]
fn sentry_transactions_by_typed_serde(bencher: Bencher<'_, '_>, shape: &str) {
    let bodies = traffic::sentry_envelopes(&traces(shape));
    bencher.counter(ItemsCount::new(SPANS)).bench_local(|| {
        bodies
            .iter()
            .map(|body| reference::typed_transaction(divan::black_box(body)))
            .collect::<Vec<_>>()
    });
}

#[divan::bench(args = SHAPES)]
fn sentry_span_v2(bencher: Bencher<'_, '_>, shape: &str) {
    let body = traffic::span_v2_envelope(&traces(shape));
    measured(bencher, body, |body| sentry::decode_envelope(body, "shop"));
}

#[divan::bench(args = SHAPES)]
fn content_hash(bencher: Bencher<'_, '_>, shape: &str) {
    let spans = spans(shape);
    bencher
        .counter(ItemsCount::new(SPANS))
        .bench_local(|| content_hashes(divan::black_box(&spans)));
}

#[divan::bench(args = SHAPES)]
fn scrub(bencher: Bencher<'_, '_>, shape: &str) {
    let spans = spans(shape);
    bencher
        .counter(ItemsCount::new(SPANS))
        .with_inputs(|| spans.clone())
        .bench_local_refs(|spans| scrub_all(spans));
}

/// Decode, hash, scrub and let go: all that admission does with the spans.
#[divan::bench(args = SHAPES)]
fn protobuf_to_scrubbed_and_dropped(bencher: Bencher<'_, '_>, shape: &str) {
    let body = reference::protobuf(&traces(shape)).encode_to_vec();
    measured(bencher, body, |body| {
        let mut spans = otlp::decode_protobuf(body).map(|decoded| decoded.spans);
        spans.as_mut().map_or(0, |spans| content_hashes(spans).len() + scrub_all(spans))
    });
}
