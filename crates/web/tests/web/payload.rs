//! Bodies to send: small, valid and of this moment, unless a test says otherwise.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// Nanoseconds since 1970, `seconds` from now.
pub(crate) fn nanos(seconds: f64) -> u64 {
    ((now() + seconds) * 1e9) as u64
}

/// An OTLP span of 50 ms that began a second ago.
pub(crate) fn span(trace: u8, id: u8) -> Span {
    Span {
        trace_id: vec![trace; 16],
        span_id: vec![id; 8],
        name: "GET /things".to_owned(),
        kind: 2,
        start_time_unix_nano: nanos(-1.0),
        end_time_unix_nano: nanos(-0.95),
        ..Span::default()
    }
}

/// A text attribute.
pub(crate) fn attribute(key: &str, value: impl Into<String>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(any_value::Value::StringValue(value.into())) }),
        ..KeyValue::default()
    }
}

/// A request with spans of the service `shop`.
pub(crate) fn export(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource =
        Resource { attributes: vec![attribute("service.name", "shop")], ..Resource::default() };
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans,
            ..ResourceSpans::default()
        }],
    }
}

/// The same as protobuf.
pub(crate) fn protobuf(spans: Vec<Span>) -> Vec<u8> {
    export(spans).encode_to_vec()
}

/// A request with one span as OTLP JSON.
pub(crate) fn json(trace: u8, id: u8) -> String {
    let (start, end) = (nanos(-1.0), nanos(-0.95));
    let (trace, id) = (format!("{trace:02x}").repeat(16), format!("{id:02X}").repeat(8));
    format!(
        r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},"scopeSpans":[{{"spans":[{{"traceId":"{trace}","spanId":"{id}","name":"GET /things","kind":2,"startTimeUnixNano":"{start}","endTimeUnixNano":{end},"unknownField":1}}]}}]}}]}}"#
    )
}

/// A Sentry transaction's JSON: `trace` and `id` are repeated to their length.
pub(crate) fn transaction(trace: &str, id: &str, start: f64, end: f64) -> String {
    let (trace, id) = (trace.repeat(16), id.repeat(8));
    format!(
        r#"{{"type":"transaction","event_id":"{trace}","transaction":"GET /things","start_timestamp":{start:.6},"timestamp":{end:.6},"contexts":{{"trace":{{"trace_id":"{trace}","span_id":"{id}","op":"http.server"}}}},"spans":[]}}"#
    )
}

/// A transaction of 50 ms that began a second ago.
pub(crate) fn recent(trace: &str) -> String {
    transaction(trace, "01", now() - 1.0, now() - 0.95)
}

/// An envelope around one item, with its length.
pub(crate) fn envelope(item: &str) -> Vec<u8> {
    envelope_with("{}", &[item])
}

/// An envelope with a header of its own around transactions.
pub(crate) fn envelope_with(header: &str, items: &[&str]) -> Vec<u8> {
    let mut text = format!("{header}\n");
    for item in items {
        text.push_str(&format!("{{\"type\":\"transaction\",\"length\":{}}}\n{item}\n", item.len()));
    }
    text.into_bytes()
}

pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory does not fail")
}

pub(crate) fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory does not fail")
}

pub(crate) fn brotli(body: &[u8]) -> Vec<u8> {
    let mut encoder = brotli::CompressorWriter::new(Vec::new(), 4096, 5, 20);
    encoder.write_all(body).expect("memory does not fail");
    encoder.into_inner()
}

pub(crate) fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 1).expect("memory does not fail")
}

/// One MiB, for bodies that are too large.
pub(crate) const MIB: usize = 1024 * 1024;
