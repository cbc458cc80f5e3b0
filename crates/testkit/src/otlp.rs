//! Spans as an exporter of OTLP sends them in JSON, exactly as they are.

use hotspan_model::{Attributes, Span, Status, ValueRef};
use serde_json::{Value as Json, json};

use crate::traffic::otlp_kind;

/// One export request with all of `spans`, each with its own resource, as
/// collectors send them that do not group.
pub fn otlp_json(spans: &[Span]) -> Vec<u8> {
    let resource_spans: Vec<Json> = spans
        .iter()
        .map(|one| {
            json!({
                "resource": {"attributes": attributes(&one.resource.attributes)},
                "scopeSpans": [{"scope": {"name": one.scope.name}, "spans": [span(one)]}],
            })
        })
        .collect();
    json!({ "resourceSpans": resource_spans }).to_string().into_bytes()
}

fn span(span: &Span) -> Json {
    let code = match span.status {
        Status::Unset => 0,
        Status::Ok => 1,
        Status::Error => 2,
    };
    json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string(),
        "parentSpanId": span.parent.map_or_else(String::new, |parent| parent.to_string()),
        "name": span.name,
        "kind": otlp_kind(span.kind),
        "startTimeUnixNano": span.start.0.to_string(),
        "endTimeUnixNano": span.end.0.to_string(),
        "attributes": attributes(&span.attributes),
        "status": {"code": code},
    })
}

fn attributes(attributes: &Attributes) -> Vec<Json> {
    attributes.iter().map(|(key, value)| json!({"key": key, "value": any(value)})).collect()
}

fn any(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Str(text) => json!({"stringValue": text}),
        ValueRef::Int(number) => json!({"intValue": number.to_string()}),
        ValueRef::Float(number) => json!({"doubleValue": number}),
        ValueRef::Bool(truth) => json!({"boolValue": truth}),
        ValueRef::Json(text) => json!({"stringValue": text}),
    }
}
