//! `GET /api/v1/traces/{trace_id}`: every span of a trace, and what analysis
//! says about its segments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use hotspan_analysis::trace_view;
use hotspan_model::{Attributes, Event, Finding, Link, SegmentRecord, Span, TraceId, ValueRef};
use serde::Serialize;
use serde_json::value::RawValue;

use super::error::ApiError;
use super::{millis, time_text};
use crate::state::AppState;

/// How long an answer waits for spans that were acknowledged when it began.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(1);

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Trace {
    trace_id: String,
    complete: bool,
    stale: bool,
    spans: Vec<SpanBody>,
    segments: Vec<SegmentBody>,
}

#[derive(Debug, Serialize)]
struct SpanBody {
    span_id: String,
    parent_span_id: Option<String>,
    project: String,
    service: String,
    name: String,
    kind: &'static str,
    status: &'static str,
    status_message: String,
    start_us: i64,
    duration_ns: i64,
    attributes: BTreeMap<String, AnyValue>,
    resource: BTreeMap<String, AnyValue>,
    scope: String,
    events: Vec<EventBody>,
    links: Vec<LinkBody>,
    weight: f64,
}

#[derive(Debug, Serialize)]
struct EventBody {
    time_us: i64,
    name: String,
    attributes: BTreeMap<String, AnyValue>,
}

#[derive(Debug, Serialize)]
struct LinkBody {
    trace_id: String,
    span_id: String,
    attributes: BTreeMap<String, AnyValue>,
}

#[derive(Debug, Serialize)]
struct SegmentBody {
    project: String,
    service: String,
    endpoint: String,
    entry_span: String,
    start: String,
    duration_ms: f64,
    error: bool,
    spans: u32,
    truncated: bool,
    findings: Vec<FindingBody>,
}

#[derive(Debug, Serialize)]
struct FindingBody {
    detector: String,
    class: &'static str,
    subject: String,
    lookups: f64,
    calls: f64,
    at_least: bool,
    wall_ms: f64,
    hidden_ms: f64,
    share_of_wall: f64,
    cause: String,
    evidence: Vec<String>,
}

/// An attribute's value as JSON has it. A number that is not finite has no
/// JSON form and becomes its text.
#[derive(Debug)]
enum AnyValue {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Json(Box<RawValue>),
}

impl Serialize for AnyValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Int(number) => serializer.serialize_i64(*number),
            Self::Float(number) if number.is_finite() => serializer.serialize_f64(*number),
            Self::Float(number) => serializer.collect_str(number),
            Self::Bool(truth) => serializer.serialize_bool(*truth),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

/// Answers.
pub(crate) async fn one(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Json<Trace>, ApiError> {
    let trace_id: TraceId = id.parse().map_err(|error| {
        ApiError::parameter(
            format!("trace id {id:?}: {error}"),
            "give the 32 hex digits of a trace id",
        )
    })?;
    let fresh = state.store.wait_applied(state.store.durable(), WAIT_MAX).await;
    let found = state.store.trace(trace_id).await?;
    if found.spans.is_empty() {
        return Err(ApiError::missing(
            format!("there are no spans of trace {trace_id}"),
            "check the id; spans older than the retention are gone",
        ));
    }
    let segments = tokio::task::spawn_blocking(move || {
        let segments = segments_of(&found.spans);
        (found, segments)
    });
    let (found, segments) = segments.await.map_err(|error| {
        tracing::error!(%error, %trace_id, "analysis of a trace failed");
        ApiError::new(
            axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            "the trace could not be analysed",
            "look at the server's log",
        )
    })?;
    Ok(Json(Trace {
        trace_id: trace_id.to_string(),
        complete: found.complete,
        stale: !fresh,
        spans: found.spans.into_iter().map(span_body).collect(),
        segments,
    }))
}

/// Projects are analysed apart, as they are when spans come in.
fn segments_of(spans: &[(Arc<str>, Span)]) -> Vec<SegmentBody> {
    let mut projects: BTreeMap<&Arc<str>, Vec<Span>> = BTreeMap::new();
    for (project, span) in spans {
        projects.entry(project).or_default().push(span.clone());
    }
    projects
        .into_iter()
        .flat_map(|(project, spans)| trace_view(project, &spans).records)
        .map(segment_body)
        .collect()
}

fn span_body((project, span): (Arc<str>, Span)) -> SpanBody {
    SpanBody {
        span_id: span.span_id.to_string(),
        parent_span_id: span.parent.map(|parent| parent.to_string()),
        project: project.to_string(),
        service: span.service.to_string(),
        kind: span.kind.slug(),
        status: span.status.slug(),
        start_us: span.start.micros(),
        duration_ns: span.duration_ns(),
        attributes: attributes(&span.attributes),
        resource: attributes(&span.resource.attributes),
        scope: span.scope.name.clone(),
        events: span.events.into_iter().map(event_body).collect(),
        links: span.links.into_iter().map(link_body).collect(),
        weight: span.weight,
        name: span.name,
        status_message: span.status_message,
    }
}

fn event_body(event: Event) -> EventBody {
    EventBody {
        time_us: event.time.micros(),
        attributes: attributes(&event.attributes),
        name: event.name,
    }
}

fn link_body(link: Link) -> LinkBody {
    LinkBody {
        trace_id: link.trace_id.to_string(),
        span_id: link.span_id.to_string(),
        attributes: attributes(&link.attributes),
    }
}

fn attributes(attributes: &Attributes) -> BTreeMap<String, AnyValue> {
    let value = |value: ValueRef<'_>| match value {
        ValueRef::Str(text) => AnyValue::Text(text.to_owned()),
        ValueRef::Int(number) => AnyValue::Int(number),
        ValueRef::Float(number) => AnyValue::Float(number),
        ValueRef::Bool(truth) => AnyValue::Bool(truth),
        ValueRef::Json(text) => match RawValue::from_string(text.to_owned()) {
            Ok(json) => AnyValue::Json(json),
            Err(_) => AnyValue::Text(text.to_owned()),
        },
    };
    attributes.iter().map(|(key, held)| (key.to_owned(), value(held))).collect()
}

fn segment_body(record: SegmentRecord) -> SegmentBody {
    SegmentBody {
        project: record.endpoint.project.to_string(),
        service: record.endpoint.service.to_string(),
        endpoint: record.endpoint.name.to_string(),
        entry_span: record.entry_span.to_string(),
        start: time_text(record.start),
        duration_ms: millis(record.duration_ns),
        error: record.error,
        spans: record.spans,
        truncated: record.truncated,
        findings: record.findings.into_iter().map(finding_body).collect(),
    }
}

fn finding_body(finding: Finding) -> FindingBody {
    FindingBody {
        share_of_wall: finding.share_of_wall(),
        class: finding.class.slug(),
        wall_ms: millis(finding.wall_ns),
        hidden_ms: millis(finding.hidden_ns),
        detector: finding.detector,
        subject: finding.subject,
        lookups: finding.lookups,
        calls: finding.calls,
        at_least: finding.at_least,
        cause: finding.cause.code,
        evidence: finding.evidence.iter().map(ToString::to_string).collect(),
    }
}
