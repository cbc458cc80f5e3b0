//! Measures the OTLP protobuf decoder on one core: nanoseconds per span.
//! Run with `cargo run --release --package hotspan-wire --example decode_speed`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example that measures needs a clock and a reader"
)]

use std::time::Instant;

use hotspan_wire::{content_hashes, otlp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

const SPANS: usize = 1_000;
const ROUNDS: usize = 300;

fn main() -> Result<(), hotspan_wire::RequestError> {
    let body = request().encode_to_vec();
    println!("{} spans, {} bytes each", SPANS, body.len() / SPANS);
    let spans = otlp::decode_protobuf(&body)?.spans;
    report("decode", || otlp::decode_protobuf(&body).map_or(0, |decoded| decoded.spans.len()));
    report("decode with prost", || {
        ExportTraceServiceRequest::decode(&body[..])
            .map_or(0, |request| request.resource_spans.len())
    });
    report("content hash", || content_hashes(&spans).len());
    Ok(())
}

/// Prints the median time per span over all rounds.
fn report(name: &str, mut work: impl FnMut() -> usize) {
    let mut nanos: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            std::hint::black_box(work());
            begin.elapsed().as_nanos()
        })
        .collect();
    nanos.sort_unstable();
    println!("{name}: {} ns per span", nanos[ROUNDS / 2] / SPANS as u128);
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn request() -> ExportTraceServiceRequest {
    let text = |key: &str, text: &str| attribute(key, Value::StringValue(text.to_owned()));
    let spans = (0..SPANS)
        .map(|index| Span {
            trace_id: vec![(index % 250) as u8 + 1; 16],
            span_id: (index as u64 + 1).to_be_bytes().to_vec(),
            parent_span_id: vec![7; 8],
            name: "GET /users/{id}/orders".to_owned(),
            kind: 3,
            start_time_unix_nano: 1_795_404_618_000_000_000 + index as u64,
            end_time_unix_nano: 1_795_404_618_500_000_000 + index as u64,
            attributes: vec![
                text("http.request.method", "GET"),
                text("url.full", "http://orders.internal:8080/users/123456/orders?limit=20"),
                text("server.address", "orders.internal"),
                attribute("server.port", Value::IntValue(8080)),
                attribute("http.response.status_code", Value::IntValue(200)),
                text("network.protocol.version", "1.1"),
                text("network.peer.address", "10.0.12.34"),
                attribute("network.peer.port", Value::IntValue(8080)),
                text("thread.name", "worker-12"),
                attribute("thread.id", Value::IntValue(index as i64)),
                text("user_agent.original", "shop/1.2.3"),
                attribute("retry", Value::BoolValue(false)),
            ],
            flags: 0x101,
            ..Span::default()
        })
        .collect();
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![text("service.name", "shop"), text("host.name", "web-1")],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}
