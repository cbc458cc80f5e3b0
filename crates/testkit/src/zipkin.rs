//! Spans as Zipkin gives them back: everything in tags of text, the resource
//! among them, and names in lower case.

use std::collections::BTreeMap;

use hotspan_model::{Span, SpanKind, Status, TraceId};
use serde_json::{Map, Value as Json, json};

use crate::jaeger::fields_as_tags;

/// An answer of Zipkin's API with all traces of `spans`: a list of lists. Times
/// lose what is finer than a microsecond, as they do in Zipkin.
pub fn zipkin_json(spans: &[Span]) -> Json {
    let mut traces: BTreeMap<TraceId, Vec<Json>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id).or_default().push(self::span(span));
    }
    traces.into_values().map(Json::Array).collect()
}

fn span(span: &Span) -> Json {
    let mut sent = json!({
        "traceId": span.trace_id.to_string(),
        "id": span.span_id.to_string(),
        "name": span.name.to_lowercase(),
        "timestamp": span.start.0 / 1_000,
        "duration": span.duration_ns() / 1_000,
        "localEndpoint": {"serviceName": span.service.to_lowercase()},
        "annotations": span.events.iter().map(|event| {
            json!({"timestamp": event.time.0 / 1_000, "value": event.name})
        }).collect::<Vec<_>>(),
        "tags": tags(span),
    });
    if let Some(parent) = span.parent {
        sent["parentId"] = json!(parent.to_string());
    }
    if span.kind != SpanKind::Internal {
        sent["kind"] = json!(span.kind.slug().to_uppercase());
    }
    sent
}

fn tags(span: &Span) -> Map<String, Json> {
    let of_resource = span.resource.attributes.iter().filter(|(key, _)| *key != "service.name");
    let mut tags: Map<String, Json> = of_resource
        .chain(span.attributes.iter())
        .map(|(key, value)| (key.to_owned(), json!(value.to_string())))
        .collect();
    for (key, value) in fields_as_tags(span) {
        if !value.is_empty() && key != "span.kind" {
            tags.insert(key.to_owned(), json!(value));
        }
    }
    if span.status == Status::Error {
        tags.insert("error".to_owned(), json!(span.status_message));
    }
    tags
}
