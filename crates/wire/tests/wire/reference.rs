//! What a request should decode to, written a second time and as plainly as
//! possible over the types that `opentelemetry-proto` generates.

use std::sync::Arc;

use base64::Engine;
use hotspan_model as model;
use hotspan_wire::Reason;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;

/// Each span of the request, or why it is refused.
pub(crate) fn decode(request: ExportTraceServiceRequest) -> Vec<Result<model::Span, Reason>> {
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let attributes = attributes(&of_resource.resource.unwrap_or_default().attributes);
        let service = attributes.first_str(&["service.name"]).unwrap_or("unknown");
        let service: Arc<str> = service.into();
        let resource = Arc::new(model::Resource { attributes });
        for of_scope in of_resource.scope_spans {
            let scope = of_scope.scope.unwrap_or_default();
            let scope = Arc::new(model::Scope {
                attributes: self::attributes(&scope.attributes),
                name: scope.name,
                version: scope.version,
            });
            for sent in of_scope.spans {
                let span = span(sent).map(|span| model::Span {
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                    service: Arc::clone(&service),
                    ..span
                });
                spans.push(span);
            }
        }
    }
    spans
}

fn span(sent: Span) -> Result<model::Span, Reason> {
    let trace_id = match &sent.trace_id[..] {
        [] => return Err(Reason::ZeroTraceId),
        bytes => model::TraceId::from_slice(bytes).ok_or(Reason::InvalidId)?,
    };
    if trace_id.is_zero() {
        return Err(Reason::ZeroTraceId);
    }
    let span_id = match &sent.span_id[..] {
        [] => return Err(Reason::ZeroSpanId),
        bytes => model::SpanId::from_slice(bytes).ok_or(Reason::InvalidId)?,
    };
    if span_id.is_zero() {
        return Err(Reason::ZeroSpanId);
    }
    let parent = match &sent.parent_span_id[..] {
        [] => None,
        bytes => Some(model::SpanId::from_slice(bytes).ok_or(Reason::InvalidId)?),
    };
    let parent = parent.filter(|id| !id.is_zero());
    let (start, end) = (time(sent.start_time_unix_nano), time(sent.end_time_unix_nano));
    if end < start {
        return Err(Reason::EndBeforeStart);
    }
    let kind = match sent.kind {
        2 => model::SpanKind::Server,
        3 => model::SpanKind::Client,
        4 => model::SpanKind::Producer,
        5 => model::SpanKind::Consumer,
        _ => model::SpanKind::Internal,
    };
    let status = sent.status.unwrap_or_default();
    let links: Vec<_> = sent.links.iter().filter_map(link).collect();
    let dead_links = (sent.links.len() - links.len()) as u32;
    Ok(model::Span {
        trace_id,
        span_id,
        parent,
        name: sent.name,
        kind,
        start,
        end,
        status: match status.code {
            1 => model::Status::Ok,
            2 => model::Status::Error,
            _ => model::Status::Unset,
        },
        status_message: status.message,
        attributes: attributes(&sent.attributes),
        events: sent
            .events
            .into_iter()
            .map(|event| model::Event {
                time: time(event.time_unix_nano),
                name: event.name,
                attributes: attributes(&event.attributes),
                dropped_attributes: event.dropped_attributes_count,
            })
            .collect(),
        links,
        flags: sent.flags,
        weight: weight(&sent.trace_state),
        trace_state: sent.trace_state,
        dropped_attributes: sent.dropped_attributes_count,
        dropped_events: sent.dropped_events_count,
        dropped_links: sent.dropped_links_count.saturating_add(dead_links),
        resource: Arc::default(),
        scope: Arc::default(),
        service: "".into(),
        entry: model::EntryHint::of_otlp(parent, kind, sent.flags),
        door: model::Door::Otlp,
    })
}

fn link(link: &opentelemetry_proto::tonic::trace::v1::span::Link) -> Option<model::Link> {
    Some(model::Link {
        trace_id: model::TraceId::from_slice(&link.trace_id).filter(|id| !id.is_zero())?,
        span_id: model::SpanId::from_slice(&link.span_id).filter(|id| !id.is_zero())?,
        trace_state: link.trace_state.clone(),
        attributes: attributes(&link.attributes),
        dropped_attributes: link.dropped_attributes_count,
    })
}

fn time(nanos: u64) -> model::UnixNanos {
    model::UnixNanos(nanos.min(i64::MAX as u64) as i64)
}

fn weight(trace_state: &str) -> f64 {
    let members = trace_state.split(',').map(str::trim);
    let of_otel = members.filter_map(|member| member.strip_prefix("ot="));
    let mut thresholds = of_otel.map(|pairs| {
        let digits = pairs.split(';').find_map(|pair| pair.strip_prefix("th:"));
        digits.unwrap_or("none").to_owned()
    });
    let digits = thresholds.next().unwrap_or_default();
    if digits.len() > 14 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return 1.0;
    }
    let threshold = u64::from_str_radix(&digits, 16).unwrap_or(0) as f64;
    let whole = 16f64.powi(digits.len() as i32);
    (whole / (whole - threshold)).min(1_000_000.0)
}

fn attributes(pairs: &[KeyValue]) -> model::Attributes {
    pairs.iter().map(|pair| (pair.key.clone(), value(pair.value.as_ref()))).collect()
}

fn value(any: Option<&AnyValue>) -> model::Value {
    match any.and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(text)) => model::Value::Str(text.clone()),
        Some(Value::BoolValue(truth)) => model::Value::Bool(*truth),
        Some(Value::IntValue(number)) => model::Value::Int(*number),
        Some(Value::DoubleValue(number)) => model::Value::Float(*number),
        _ => model::Value::Json(json(any)),
    }
}

fn json(any: Option<&AnyValue>) -> String {
    let text = |text: &str| serde_json::to_string(text).expect("text is JSON");
    match any.and_then(|any| any.value.as_ref()) {
        Some(Value::StringValue(plain)) => text(plain),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) if number.is_nan() => "\"NaN\"".to_owned(),
        Some(Value::DoubleValue(number)) if *number == f64::INFINITY => "\"Infinity\"".to_owned(),
        Some(Value::DoubleValue(number)) if *number == f64::NEG_INFINITY => {
            "\"-Infinity\"".to_owned()
        }
        Some(Value::DoubleValue(number)) => format!("{number:?}"),
        Some(Value::BytesValue(bytes)) => {
            text(&base64::engine::general_purpose::STANDARD.encode(bytes))
        }
        Some(Value::ArrayValue(list)) => {
            let values: Vec<_> = list.values.iter().map(|any| json(Some(any))).collect();
            format!("[{}]", values.join(","))
        }
        Some(Value::KvlistValue(map)) => {
            let pairs: Vec<_> = map
                .values
                .iter()
                .map(|pair| format!("{}:{}", text(&pair.key), json(pair.value.as_ref())))
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
        Some(Value::StringValueStrindex(_)) | None => "null".to_owned(),
    }
}
