//! What the spans of one payload have in common: resource, service, scope,
//! weight. Sentry's words for it are translated to OpenTelemetry's here.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{
    Attributes, Door, EntryHint, Language, Resource, Scope, Span, SpanId, SpanKind, Status,
    TraceId, UnixNanos,
};

use super::body::Body;
use super::envelope::EnvelopeHeader;
use super::timestamp::Timestamp;
use crate::decoded::Reason;
use crate::limits::weight_of;
use crate::otlp::{Refused, check_order, checked_parent, checked_span_id, checked_trace_id};
use crate::value::{Collected, LeftOut, text};

/// What a payload says about the process that made it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Facts {
    pub(super) release: Option<String>,
    pub(super) environment: Option<String>,
    pub(super) server_name: Option<String>,
    pub(super) sdk_name: Option<String>,
    pub(super) sdk_version: Option<String>,
    pub(super) platform: Option<String>,
    pub(super) runtime_name: Option<String>,
    pub(super) runtime_version: Option<String>,
}

impl Facts {
    /// What an envelope's header says: all there is for standalone spans.
    pub(super) fn of_header(header: &EnvelopeHeader) -> Self {
        let trace = header.trace.as_ref();
        let sdk = header.sdk.as_ref();
        Self {
            release: trace.and_then(|trace| trace.release.clone()),
            environment: trace.and_then(|trace| trace.environment.clone()),
            sdk_name: sdk.and_then(|sdk| sdk.name.clone()),
            sdk_version: sdk.and_then(|sdk| sdk.version.clone()),
            ..Self::default()
        }
    }

    /// What an event or transaction says, and the header where it is silent.
    pub(super) fn of_body(body: &mut Body<'_>, header: &EnvelopeHeader) -> Self {
        let from_header = Self::of_header(header);
        let sdk = body.sdk.take().unwrap_or_default();
        let runtime =
            body.contexts.as_mut().and_then(|contexts| contexts.runtime.take()).unwrap_or_default();
        Self {
            release: body.release.take().or(from_header.release),
            environment: body.environment.take().or(from_header.environment),
            server_name: body.server_name.take(),
            sdk_name: sdk.name.or(from_header.sdk_name),
            sdk_version: sdk.version.or(from_header.sdk_version),
            platform: body.platform.take(),
            runtime_name: runtime.name,
            runtime_version: runtime.version,
        }
    }

    /// The same in OpenTelemetry's words.
    fn resource(&self) -> (Resource, LeftOut) {
        let mut collected = Collected::default();
        for (key, value) in [
            ("service.version", &self.release),
            ("deployment.environment.name", &self.environment),
            ("host.name", &self.server_name),
            ("telemetry.sdk.name", &self.sdk_name),
            ("telemetry.sdk.version", &self.sdk_version),
            ("process.runtime.name", &self.runtime_name),
            ("process.runtime.version", &self.runtime_version),
        ] {
            if let Some(value) = value.as_deref().filter(|value| !value.is_empty()) {
                collected.push(key, text(value));
            }
        }
        if let Some(language) = self.language() {
            collected.push("telemetry.sdk.language", text(language));
        }
        let resource = Resource { attributes: collected.attributes };
        (resource, collected.left_out)
    }

    /// `telemetry.sdk.language`, which tells Node.js from browsers.
    fn language(&self) -> Option<&'static str> {
        let platform = self.platform.as_deref().unwrap_or_default();
        let sdk = self.sdk_name.as_deref().unwrap_or_default();
        if platform == "node" || sdk.starts_with("sentry.javascript.node") {
            return Some("nodejs");
        }
        if platform == "csharp" {
            return Some(Language::DotNet.slug());
        }
        let language = match Language::from_sdk_name(platform) {
            Language::Unknown => Language::from_sdk_name(sdk),
            known => known,
        };
        match language {
            Language::Unknown => None,
            Language::JavaScript => Some("webjs"),
            known => Some(known.slug()),
        }
    }
}

/// Ids and times of a span as sent.
#[derive(Debug, Default)]
pub(super) struct Place<'a> {
    pub(super) trace_id: Option<&'a str>,
    pub(super) span_id: Option<&'a str>,
    pub(super) parent: Option<&'a str>,
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
}

/// Makes the spans of one payload.
#[derive(Debug)]
pub(super) struct Maker {
    facts: Facts,
    pub(super) resource: Arc<Resource>,
    pub(super) service: Arc<str>,
    scopes: HashMap<String, Arc<Scope>>,
    weight: f64,
    /// What was too large for the resource.
    pub(super) left_out: LeftOut,
}

impl Maker {
    /// `sample_rate` is the share of traces that are kept, if it was told.
    pub(super) fn new(facts: Facts, service: Arc<str>, sample_rate: Option<f64>) -> Self {
        let (resource, left_out) = facts.resource();
        Self {
            resource: Arc::new(resource),
            facts,
            service,
            scopes: HashMap::new(),
            weight: sample_rate.map_or(1.0, weight_of),
            left_out,
        }
    }

    /// Goes on with other facts; neighbours nearly always have the same.
    pub(super) fn switch(&mut self, facts: Facts) {
        if facts != self.facts {
            let (resource, left_out) = facts.resource();
            self.left_out.merge(&left_out);
            self.resource = Arc::new(resource);
            self.facts = facts;
        }
    }

    /// A span without anything but its place.
    pub(super) fn span(&mut self, place: &Place<'_>, origin: &str) -> Result<Span, Refused> {
        let trace_id = checked_trace_id(id(place.trace_id))?;
        let span_id = checked_span_id(id(place.span_id))?;
        let parent = checked_parent(id(place.parent))?;
        let start = checked_time(place.start, "start_timestamp")?;
        let end = checked_time(place.end, "timestamp")?;
        check_order(start, end)?;
        Ok(self.blank((trace_id, span_id, parent), (start, end), origin))
    }

    /// A span at a place that was checked.
    pub(super) fn blank(
        &mut self,
        (trace_id, span_id, parent): (TraceId, SpanId, Option<SpanId>),
        (start, end): (UnixNanos, UnixNanos),
        origin: &str,
    ) -> Span {
        Span {
            trace_id,
            span_id,
            parent,
            name: String::new(),
            kind: SpanKind::Internal,
            start,
            end,
            status: Status::Unset,
            status_message: String::new(),
            attributes: Attributes::new(),
            events: Vec::new(),
            links: Vec::new(),
            flags: 0,
            trace_state: String::new(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            resource: Arc::clone(&self.resource),
            scope: self.scope(origin),
            service: Arc::clone(&self.service),
            weight: self.weight,
            entry: EntryHint::No,
            door: Door::Sentry,
        }
    }

    fn scope(&mut self, origin: &str) -> Arc<Scope> {
        if let Some(scope) = self.scopes.get(origin) {
            return Arc::clone(scope);
        }
        let scope = Arc::new(Scope { name: origin.to_owned(), ..Scope::default() });
        self.scopes.insert(origin.to_owned(), Arc::clone(&scope));
        scope
    }
}

/// An id as the checks want it: zero when not sent, `None` when it is none.
pub(super) fn id<T: Default + std::str::FromStr>(text: Option<&str>) -> Option<T> {
    match text {
        None | Some("") => Some(T::default()),
        Some(text) => text.parse().ok(),
    }
}

/// A time that was sent and is readable.
pub(super) fn checked_time(time: Option<Timestamp>, field: &str) -> Result<UnixNanos, Refused> {
    let problem = match time {
        Some(Timestamp(Some(time))) => return Ok(time),
        Some(Timestamp(None)) => "is neither seconds nor a date",
        None => "is missing",
    };
    let remedy = "send seconds since 1970 or an ISO 8601 date";
    Err((Reason::InvalidTime, format!("{field} {problem}; {remedy}")))
}

/// Sentry's status of a span.
pub(super) fn set_status(span: &mut Span, status: Option<&str>) {
    match status {
        None | Some("") => {}
        Some("ok") => span.status = Status::Ok,
        Some(other) => {
            span.status = Status::Error;
            span.status_message = other.to_owned();
        }
    }
}
