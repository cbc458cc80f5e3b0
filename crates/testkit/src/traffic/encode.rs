//! Made-up traffic in the JSON forms. Protobuf is left to who has its types.

use hotspan_model::{SpanKind, Value};
use serde_json::{Value as Json, json};

use super::{SampleSpan, SampleTrace};

/// An `ExportTraceServiceRequest` in JSON with all of these traces, one
/// resource each run of traces of the same service.
pub fn otlp_json(traces: &[SampleTrace]) -> Vec<u8> {
    let of_service = |run: &[SampleTrace]| {
        let service = run.first().map_or("", |trace| trace.service);
        let spans: Vec<Json> = run.iter().flat_map(otlp_spans).collect();
        json!({
            "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": service}},
                {"key": "host.name", "value": {"stringValue": "web-1"}},
            ]},
            "scopeSpans": [{"scope": {"name": "made.up"}, "spans": spans}],
        })
    };
    let runs: Vec<Json> = traces.chunk_by(|a, b| a.service == b.service).map(of_service).collect();
    bytes_of(&json!({ "resourceSpans": runs }))
}

fn otlp_spans(trace: &SampleTrace) -> impl Iterator<Item = Json> + '_ {
    trace.spans.iter().map(|span| {
        let attribute = |(key, value): &(String, Value)| {
            let value = match value {
                Value::Int(number) => json!({"intValue": number.to_string()}),
                other => json!({"stringValue": other.to_string()}),
            };
            json!({"key": key, "value": value})
        };
        json!({
            "traceId": hex(&trace.id),
            "spanId": hex(&span.id),
            "parentSpanId": span.parent.map_or_else(String::new, |parent| hex(&parent)),
            "name": span.name,
            "kind": otlp_kind(span.kind),
            "startTimeUnixNano": span.start_ns.to_string(),
            "endTimeUnixNano": (span.start_ns + span.duration_ns).to_string(),
            "attributes": span.attributes.iter().map(attribute).collect::<Vec<_>>(),
            "status": {},
            "flags": 257,
        })
    })
}

/// The number that OTLP has for a kind.
pub fn otlp_kind(kind: SpanKind) -> i32 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

/// A Sentry envelope with one transaction for each trace.
pub fn sentry_envelopes(traces: &[SampleTrace]) -> Vec<Vec<u8>> {
    let envelope = |trace: &SampleTrace| {
        let mut spans: Vec<Json> = trace.spans.iter().map(|s| sentry_span(trace, s)).collect();
        let root = spans.remove(0);
        let transaction = json!({
            "type": "transaction",
            "transaction": trace.spans[0].name,
            "transaction_info": {"source": "route"},
            "platform": "python",
            "environment": "production",
            "release": "shop@1.2.3",
            "timestamp": root["timestamp"],
            "start_timestamp": root["start_timestamp"],
            "contexts": {"trace": root, "runtime": {"name": "CPython", "version": "3.12"}},
            "sdk": {"name": "sentry.python", "version": "2.20.0"},
            "spans": spans,
        });
        let mut body =
            b"{\"sent_at\":\"2026-11-23T03:57:08.041216Z\"}\n{\"type\":\"transaction\"}\n".to_vec();
        body.extend(bytes_of(&transaction));
        body
    };
    traces.iter().map(envelope).collect()
}

fn sentry_span(trace: &SampleTrace, span: &SampleSpan) -> Json {
    let data: serde_json::Map<String, Json> =
        span.attributes.iter().map(|(key, value)| (key.clone(), plain(value))).collect();
    json!({
        "trace_id": hex(&trace.id),
        "span_id": hex(&span.id),
        "parent_span_id": span.parent.map(|parent| hex(&parent)),
        "op": match span.kind { SpanKind::Server => "http.server", _ => "http.client" },
        "origin": "auto.http.made_up",
        "description": span.name,
        "status": "ok",
        "start_timestamp": seconds(span.start_ns),
        "timestamp": seconds(span.start_ns + span.duration_ns),
        "data": data,
    })
}

/// A Sentry envelope with all spans of these traces in one list of the second
/// version.
pub fn span_v2_envelope(traces: &[SampleTrace]) -> Vec<u8> {
    let span = |trace: &SampleTrace, span: &SampleSpan| {
        let typed = |(key, value): &(String, Value)| {
            let kind = if matches!(value, Value::Int(_)) { "integer" } else { "string" };
            (key.clone(), json!({"value": plain(value), "type": kind}))
        };
        let attributes: serde_json::Map<String, Json> = span.attributes.iter().map(typed).collect();
        json!({
            "trace_id": hex(&trace.id),
            "span_id": hex(&span.id),
            "parent_span_id": span.parent.map(|parent| hex(&parent)),
            "name": span.name,
            "status": "ok",
            "is_segment": span.parent.is_none(),
            "start_timestamp": seconds(span.start_ns),
            "end_timestamp": seconds(span.start_ns + span.duration_ns),
            "attributes": attributes,
        })
    };
    let items: Vec<Json> = traces
        .iter()
        .flat_map(|trace| trace.spans.iter().map(move |one| span(trace, one)))
        .collect();
    let header = json!({
        "type": "span",
        "item_count": items.len(),
        "content_type": "application/vnd.sentry.items.span.v2+json",
    });
    let mut body = b"{}\n".to_vec();
    body.extend(bytes_of(&header));
    body.push(b'\n');
    body.extend(bytes_of(&json!({ "items": items })));
    body
}

fn plain(value: &Value) -> Json {
    match value {
        Value::Int(number) => json!(number),
        other => json!(other.to_string()),
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / 1e9
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tree of values that was built here always has a text.
fn bytes_of(json: &Json) -> Vec<u8> {
    json.to_string().into_bytes()
}
