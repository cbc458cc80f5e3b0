//! The same bytes by generated code: protobuf types of `opentelemetry-proto`,
//! and structs with derived JSON that keep every attribute.

use std::collections::HashMap;

use hotspan_model::Value;
use hotspan_testkit::traffic::{SampleSpan, SampleTrace, otlp_kind};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use serde::Deserialize;

/// One request with all traces, a resource for each run of a service.
pub(crate) fn protobuf(traces: &[SampleTrace]) -> ExportTraceServiceRequest {
    let of_service = |run: &[SampleTrace]| ResourceSpans {
        resource: Some(Resource {
            attributes: run
                .first()
                .map(|trace| attribute("service.name", &Value::from(trace.service)))
                .into_iter()
                .collect(),
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: run.iter().flat_map(|t| t.spans.iter().map(|s| span(t, s))).collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    let runs = traces.chunk_by(|a, b| a.service == b.service);
    ExportTraceServiceRequest { resource_spans: runs.map(of_service).collect() }
}

fn span(trace: &SampleTrace, span: &SampleSpan) -> Span {
    Span {
        trace_id: trace.id.to_vec(),
        span_id: span.id.to_vec(),
        parent_span_id: span.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        kind: otlp_kind(span.kind),
        start_time_unix_nano: span.start_ns as u64,
        end_time_unix_nano: (span.start_ns + span.duration_ns) as u64,
        attributes: span.attributes.iter().map(|(key, value)| attribute(key, value)).collect(),
        flags: 0x101,
        ..Span::default()
    }
}

fn attribute(key: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Int(number) => any_value::Value::IntValue(*number),
        other => any_value::Value::StringValue(other.to_string()),
    };
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

macro_rules! messages {
    ($($name:ident { $($field:ident: $kind:ty,)+ })+) => {
        $(#[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        #[expect(dead_code, reason = "only decoding is measured")]
        pub(crate) struct $name { $($field: $kind,)+ })+
    };
}

messages! {
    Request { resource_spans: Vec<TypedResourceSpans>, }
    TypedResourceSpans { resource: TypedResource, scope_spans: Vec<TypedScopeSpans>, }
    TypedResource { attributes: Vec<TypedKeyValue>, }
    TypedScopeSpans { spans: Vec<TypedSpan>, }
    TypedSpan {
        trace_id: String,
        span_id: String,
        parent_span_id: String,
        name: String,
        kind: i32,
        start_time_unix_nano: String,
        end_time_unix_nano: String,
        attributes: Vec<TypedKeyValue>,
        flags: u32,
    }
    TypedKeyValue { key: String, value: TypedAny, }
    TypedAny { string_value: Option<String>, int_value: Option<String>, }
}

/// The spans as derived structs.
pub(crate) fn typed_otlp(body: &[u8]) -> serde_json::Result<Request> {
    serde_json::from_slice(body)
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only decoding is measured")]
pub(crate) struct Transaction {
    transaction: String,
    spans: Vec<Child>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "only decoding is measured")]
pub(crate) struct Child {
    trace_id: String,
    span_id: String,
    parent_span_id: Option<String>,
    op: String,
    origin: String,
    description: String,
    status: String,
    start_timestamp: f64,
    timestamp: f64,
    data: HashMap<String, Scalar>,
}

#[derive(Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "only decoding is measured")]
pub(crate) enum Scalar {
    Int(i64),
    Str(String),
}

/// The transaction of an envelope as derived structs.
pub(crate) fn typed_transaction(body: &[u8]) -> serde_json::Result<Transaction> {
    let payload = body.splitn(3, |byte| *byte == b'\n').nth(2).unwrap_or_default();
    serde_json::from_slice(payload)
}
