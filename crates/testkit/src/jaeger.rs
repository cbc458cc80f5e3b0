//! Spans as Jaeger shows them: the JSON that its interface downloads, with the
//! tags that Jaeger makes of what OTLP has fields for.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::{Attributes, Resource, Scope, Span, Status, TraceId, ValueRef};
use serde_json::{Map, Value as Json, json};

/// An answer of Jaeger's query service with all traces of `spans`. Times lose
/// what is finer than a microsecond, as they do in Jaeger.
pub fn jaeger_json(spans: &[Span]) -> Json {
    let mut traces: BTreeMap<TraceId, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace_id).or_default().push(span);
    }
    let data: Vec<Json> = traces.iter().map(|(id, spans)| trace(*id, spans)).collect();
    json!({"data": data, "total": 0, "limit": 0, "offset": 0, "errors": null})
}

fn trace(id: TraceId, spans: &[&Span]) -> Json {
    let mut resources: Vec<Arc<Resource>> = Vec::new();
    let mut processes = Map::new();
    let mut list = Vec::new();
    for span in spans {
        let known = resources.iter().position(|resource| *resource == span.resource);
        let at = known.unwrap_or_else(|| {
            resources.push(Arc::clone(&span.resource));
            resources.len() - 1
        });
        let process = format!("p{}", at + 1);
        list.push(self::span(span, &process));
        processes.entry(process).or_insert_with(|| process_of(span));
    }
    json!({
        "traceID": id.to_string(),
        "spans": list,
        "processes": processes,
        "warnings": null,
    })
}

fn process_of(span: &Span) -> Json {
    let tags = span.resource.attributes.iter().filter(|(key, _)| *key != "service.name");
    json!({
        "serviceName": &*span.service,
        "tags": tags.map(|(key, value)| tag(key, value)).collect::<Vec<_>>(),
    })
}

fn span(span: &Span, process: &str) -> Json {
    let trace_id = span.trace_id.to_string();
    let parent = span.parent.map(
        |parent| json!({"refType": "CHILD_OF", "traceID": trace_id, "spanID": parent.to_string()}),
    );
    let links = span.links.iter().map(|link| {
        json!({
            "refType": "FOLLOWS_FROM",
            "traceID": link.trace_id.to_string(),
            "spanID": link.span_id.to_string(),
        })
    });
    let logs = span.events.iter().map(|event| {
        let mut fields = vec![tag("event", ValueRef::Str(&event.name))];
        fields.extend(tags(&event.attributes));
        json!({"timestamp": event.time.0 / 1_000, "fields": fields})
    });
    json!({
        "traceID": trace_id,
        "spanID": span.span_id.to_string(),
        "operationName": span.name,
        "references": parent.into_iter().chain(links).collect::<Vec<_>>(),
        "startTime": span.start.0 / 1_000,
        "duration": span.duration_ns() / 1_000,
        "tags": all_tags(span),
        "logs": logs.collect::<Vec<_>>(),
        "processID": process,
        "warnings": null,
    })
}

fn all_tags(span: &Span) -> Vec<Json> {
    let mut all = tags(&span.attributes);
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            all.push(tag(key, ValueRef::Str(value)));
        }
    };
    for (key, value) in fields_as_tags(span) {
        add(key, value);
    }
    add("w3c.tracestate", &span.trace_state);
    if span.status == Status::Error {
        all.push(tag("error", ValueRef::Bool(true)));
    }
    all
}

/// What OTLP has fields for and Jaeger and Zipkin have not; empty if not told.
pub(crate) fn fields_as_tags(span: &Span) -> [(&'static str, &str); 5] {
    let Scope { name, version, .. } = &*span.scope;
    let status = match span.status {
        Status::Unset => "",
        Status::Ok => "OK",
        Status::Error => "ERROR",
    };
    [
        ("otel.scope.name", name),
        ("otel.scope.version", version),
        ("otel.status_code", status),
        ("otel.status_description", &span.status_message),
        ("span.kind", span.kind.slug()),
    ]
}

fn tags(attributes: &Attributes) -> Vec<Json> {
    attributes.iter().map(|(key, value)| tag(key, value)).collect()
}

fn tag(key: &str, value: ValueRef<'_>) -> Json {
    let (kind, value) = match value {
        ValueRef::Str(text) => ("string", json!(text)),
        ValueRef::Int(number) => ("int64", json!(number)),
        ValueRef::Float(number) => ("float64", json!(number)),
        ValueRef::Bool(truth) => ("bool", json!(truth)),
        ValueRef::Json(text) => ("string", json!(text)),
    };
    json!({"key": key, "type": kind, "value": value})
}
