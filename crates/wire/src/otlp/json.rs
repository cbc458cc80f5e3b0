//! `ExportTraceServiceRequest` in JSON. Lists of spans are read element by
//! element, so that one span that cannot be read costs only itself.
//!
//! More is accepted than the specification demands: enum names beside numbers,
//! ids in either case, field names in snake case, `null` for anything not sent.

use std::sync::Arc;

use hotspan_model::{Event, Link, Resource, Scope, UnixNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::any::{KeyValue, collect};
use super::draft::{Draft, Origin};
use super::scalar::{EnumNumber, HexSpanId, HexTraceId, Unsigned};
use crate::decoded::{Decoded, Reason, RequestError};
use crate::json::{Capped, for_each_raw};
use crate::limits::Budget;

/// Decodes an `ExportTraceServiceRequest` in JSON.
pub fn decode_json(body: &[u8]) -> Result<Decoded, RequestError> {
    let request: Request<'_> = serde_json::from_slice(body).map_err(malformed)?;
    let mut reader = Reader { decoded: Decoded::default(), budget: Budget::new() };
    if let Some(list) = request.resource_spans {
        for_each_raw(list, malformed, |raw| reader.resource_spans(raw))?;
    }
    Ok(reader.decoded)
}

/// Decodes one `Span` in JSON into `decoded`, as a span or a rejection.
pub(crate) fn decode_span(
    json: &str,
    origin: &Origin,
    decoded: &mut Decoded,
    budget: &mut Budget,
) -> Result<(), RequestError> {
    budget.pay_item()?;
    match serde_json::from_str::<Span>(json) {
        Ok(span) => span.draft().deliver(origin, decoded, budget),
        Err(error) => {
            decoded.reject(
                Reason::MalformedItem,
                format!("span is unreadable: {error}; send it as OTLP JSON"),
            );
            Ok(())
        }
    }
}

fn malformed(error: serde_json::Error) -> RequestError {
    RequestError::malformed("OTLP JSON", error)
}

struct Reader {
    decoded: Decoded,
    budget: Budget,
}

impl Reader {
    fn resource_spans(&mut self, raw: &RawValue) -> Result<(), RequestError> {
        let message: ResourceSpans<'_> = serde_json::from_str(raw.get()).map_err(malformed)?;
        let attributes = message.resource.and_then(|resource| resource.attributes);
        let collected = collect(attributes.unwrap_or_default());
        collected.left_out.report(&mut self.decoded);
        self.budget.pay_parts(collected.attributes.len())?;
        let origin = Origin::of_resource(Resource { attributes: collected.attributes });
        match message.scope_spans {
            Some(list) => for_each_raw(list, malformed, |raw| self.scope_spans(raw, &origin)),
            None => Ok(()),
        }
    }

    fn scope_spans(&mut self, raw: &RawValue, origin: &Origin) -> Result<(), RequestError> {
        let message: ScopeSpans<'_> = serde_json::from_str(raw.get()).map_err(malformed)?;
        let scope = message.scope.unwrap_or_default();
        let collected = collect(scope.attributes.unwrap_or_default());
        collected.left_out.report(&mut self.decoded);
        self.budget.pay_parts(collected.attributes.len())?;
        let origin = Origin {
            scope: Arc::new(Scope {
                name: scope.name.unwrap_or_default(),
                version: scope.version.unwrap_or_default(),
                attributes: collected.attributes,
            }),
            ..origin.clone()
        };
        let Some(list) = message.spans else {
            return Ok(());
        };
        for_each_raw(list, malformed, |raw| {
            decode_span(raw.get(), &origin, &mut self.decoded, &mut self.budget)
        })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow, alias = "resource_spans")]
    resource_spans: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Option<ResourceMessage>,
    #[serde(borrow, alias = "scope_spans")]
    scope_spans: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ResourceMessage {
    attributes: Option<Capped<KeyValue>>,
}

#[derive(Deserialize)]
struct ScopeSpans<'a> {
    scope: Option<ScopeMessage>,
    #[serde(borrow)]
    spans: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct ScopeMessage {
    name: Option<String>,
    version: Option<String>,
    attributes: Option<Capped<KeyValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Span {
    #[serde(alias = "trace_id")]
    trace_id: Option<HexTraceId>,
    #[serde(alias = "span_id")]
    span_id: Option<HexSpanId>,
    #[serde(alias = "trace_state")]
    trace_state: Option<String>,
    #[serde(alias = "parent_span_id")]
    parent_span_id: Option<HexSpanId>,
    flags: Option<Unsigned>,
    name: Option<String>,
    kind: Option<EnumNumber>,
    #[serde(alias = "start_time_unix_nano")]
    start_time_unix_nano: Option<Unsigned>,
    #[serde(alias = "end_time_unix_nano")]
    end_time_unix_nano: Option<Unsigned>,
    attributes: Option<Capped<KeyValue>>,
    #[serde(alias = "dropped_attributes_count")]
    dropped_attributes_count: Option<Unsigned>,
    events: Option<Capped<EventMessage>>,
    #[serde(alias = "dropped_events_count")]
    dropped_events_count: Option<Unsigned>,
    links: Option<Capped<LinkMessage>>,
    #[serde(alias = "dropped_links_count")]
    dropped_links_count: Option<Unsigned>,
    status: Option<StatusMessage>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventMessage {
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Option<Unsigned>,
    name: Option<String>,
    attributes: Option<Capped<KeyValue>>,
    #[serde(alias = "dropped_attributes_count")]
    dropped_attributes_count: Option<Unsigned>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkMessage {
    #[serde(alias = "trace_id")]
    trace_id: Option<HexTraceId>,
    #[serde(alias = "span_id")]
    span_id: Option<HexSpanId>,
    #[serde(alias = "trace_state")]
    trace_state: Option<String>,
    attributes: Option<Capped<KeyValue>>,
    #[serde(alias = "dropped_attributes_count")]
    dropped_attributes_count: Option<Unsigned>,
}

#[derive(Deserialize, Default)]
struct StatusMessage {
    message: Option<String>,
    code: Option<EnumNumber>,
}

impl Span {
    fn draft(self) -> Draft {
        let status = self.status.unwrap_or_default();
        let mut draft = Draft {
            trace_id: self.trace_id.unwrap_or_default().0,
            span_id: self.span_id.unwrap_or_default().0,
            parent: self.parent_span_id.unwrap_or_default().0,
            trace_state: self.trace_state.unwrap_or_default(),
            flags: count(self.flags),
            name: self.name.unwrap_or_default(),
            kind: self.kind.unwrap_or_default().0,
            start_ns: self.start_time_unix_nano.unwrap_or_default().0,
            end_ns: self.end_time_unix_nano.unwrap_or_default().0,
            attributes: collect(self.attributes.unwrap_or_default()),
            dropped_attributes: count(self.dropped_attributes_count),
            dropped_events: count(self.dropped_events_count),
            dropped_links: count(self.dropped_links_count),
            status_code: status.code.unwrap_or_default().0,
            status_message: status.message.unwrap_or_default(),
            ..Draft::with_capacity(0)
        };
        let events = self.events.unwrap_or_default();
        draft.leave_out_events(events.beyond);
        events.items.into_iter().for_each(|event| event.add(&mut draft));
        let links = self.links.unwrap_or_default();
        draft.leave_out_links(Reason::TooManyParts, links.beyond);
        links.items.into_iter().for_each(|link| link.add(&mut draft));
        draft
    }
}

impl EventMessage {
    fn add(self, draft: &mut Draft) {
        let nanos = self.time_unix_nano.unwrap_or_default().0;
        let event = Event {
            time: UnixNanos(i64::try_from(nanos).unwrap_or(i64::MAX)),
            name: self.name.unwrap_or_default(),
            dropped_attributes: count(self.dropped_attributes_count),
            ..Event::default()
        };
        draft.push_event(event, collect(self.attributes.unwrap_or_default()));
    }
}

impl LinkMessage {
    fn add(self, draft: &mut Draft) {
        let link = Link {
            trace_state: self.trace_state.unwrap_or_default(),
            dropped_attributes: count(self.dropped_attributes_count),
            ..Link::default()
        };
        let target = (self.trace_id.unwrap_or_default().0, self.span_id.unwrap_or_default().0);
        draft.push_link(link, target, collect(self.attributes.unwrap_or_default()));
    }
}

fn count(number: Option<Unsigned>) -> u32 {
    u32::try_from(number.unwrap_or_default().0).unwrap_or(u32::MAX)
}
