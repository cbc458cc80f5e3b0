//! Spans as Sentry SDKs send them: a transaction with its children, or a list
//! of streamed spans. Whatever a span tells in attributes goes along.

use hotspan_model::{Span, SpanId, Status, ValueRef};
use serde_json::{Map, Value as Json, json};

/// An envelope with one transaction: the first of `spans` is its root.
pub fn transaction(spans: &[Span]) -> Vec<u8> {
    let (root, children) = spans.split_first().expect("a transaction has a root");
    let trace = child(root);
    let body = json!({
        "type": "transaction",
        "transaction": root.name,
        "transaction_info": {"source": "route"},
        "start_timestamp": seconds(root.start.0),
        "timestamp": seconds(root.end.0),
        "contexts": {"trace": trace},
        "spans": children.iter().map(child).collect::<Vec<_>>(),
    });
    envelope(&json!({"type": "transaction"}), &body)
}

fn child(span: &Span) -> Json {
    let mut data: Map<String, Json> =
        span.attributes.iter().map(|(key, value)| (key.to_owned(), plain(value))).collect();
    data.insert("sentry.kind".to_owned(), json!(span.kind.slug()));
    json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_span_id": parent_of(span.parent),
        "op": data.get("sentry.op").cloned().unwrap_or_default(),
        "description": span.name,
        "status": status(span),
        "start_timestamp": seconds(span.start.0),
        "timestamp": seconds(span.end.0),
        "data": data,
    })
}

/// An envelope with `spans` in one list of the second version.
pub fn streamed(spans: &[Span]) -> Vec<u8> {
    let items: Vec<Json> = spans.iter().map(streamed_span).collect();
    let header = json!({
        "type": "span",
        "item_count": items.len(),
        "content_type": "application/vnd.sentry.items.span.v2+json",
    });
    envelope(&header, &json!({ "items": items }))
}

fn streamed_span(span: &Span) -> Json {
    let typed = |key: &str, value: ValueRef<'_>| {
        let kind = match value {
            ValueRef::Int(_) => "integer",
            ValueRef::Float(_) => "double",
            ValueRef::Bool(_) => "boolean",
            ValueRef::Str(_) | ValueRef::Json(_) => "string",
        };
        (key.to_owned(), json!({"type": kind, "value": plain(value)}))
    };
    let mut attributes: Map<String, Json> =
        span.attributes.iter().map(|(key, value)| typed(key, value)).collect();
    attributes.extend([typed("sentry.kind", ValueRef::Str(span.kind.slug()))]);
    json!({
        "trace_id": span.trace_id.to_string(),
        "span_id": span.span_id.to_string(),
        "parent_span_id": parent_of(span.parent),
        "name": span.name,
        "status": status(span),
        "is_segment": span.parent.is_none(),
        "start_timestamp": seconds(span.start.0),
        "end_timestamp": seconds(span.end.0),
        "attributes": attributes,
    })
}

fn envelope(header: &Json, payload: &Json) -> Vec<u8> {
    format!("{{}}\n{header}\n{payload}\n").into_bytes()
}

fn parent_of(parent: Option<SpanId>) -> Json {
    parent.map_or(Json::Null, |parent| json!(parent.to_string()))
}

fn status(span: &Span) -> Json {
    match span.status {
        Status::Unset => Json::Null,
        Status::Ok => json!("ok"),
        Status::Error => json!("internal_error"),
    }
}

fn plain(value: ValueRef<'_>) -> Json {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => json!(text),
        ValueRef::Int(number) => json!(number),
        ValueRef::Float(number) => json!(number),
        ValueRef::Bool(truth) => json!(truth),
    }
}

/// As SDKs write it: less exact than a nanosecond.
fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}
