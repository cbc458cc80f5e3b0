//! `ExportTraceServiceRequest` in JSON. Lists of spans are read element by
//! element, so that one span that cannot be read costs only itself.
//!
//! More is accepted than the specification demands: enum names beside numbers,
//! ids in either case, field names in snake case, `null` for anything not sent.

use std::fmt;
use std::sync::Arc;

use hotspan_model::{Attributes, Event, Link, Resource, Scope, UnixNanos};
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer as _};
use serde_json::value::RawValue;

use super::any::KeyValues;
use super::draft::{Draft, Origin};
use super::scalar::{EnumNumber, HexSpanId, HexTraceId, Unsigned};
use crate::decoded::{Decoded, Reason, RequestError};
use crate::json::{Capped, Element, Elements, Text};
use crate::limits::Budget;

/// Decodes an `ExportTraceServiceRequest` in JSON.
pub fn decode_json(body: &[u8]) -> Result<Decoded, RequestError> {
    let text =
        std::str::from_utf8(body).map_err(|error| RequestError::malformed("OTLP JSON", error))?;
    // A parser cannot go on behind what it did not understand, so one span that
    // is none makes a second, careful reading necessary.
    let read = match read(text, Reading::Fast) {
        Err(Stopped::Misread(_)) => read(text, Reading::Careful),
        other => other,
    };
    read.map_err(|stopped| match stopped {
        Stopped::Misread(error) => malformed(error),
        Stopped::Refused(error) => error,
    })
}

/// How the spans of a list are read.
#[derive(Debug, Clone, Copy)]
enum Reading {
    /// Where they stand.
    Fast,
    /// The text of each is cut out first, so that one that cannot be read
    /// costs only itself.
    Careful,
}

/// Why reading stopped.
enum Stopped {
    Misread(serde_json::Error),
    Refused(RequestError),
}

fn read(text: &str, reading: Reading) -> Result<Decoded, Stopped> {
    let (decoded, budget) = (Decoded::default(), Budget::new());
    let mut reader = Reader { reading, decoded, budget, failure: None };
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let result =
        deserializer.deserialize_map(RequestMessage(&mut reader)).and_then(|()| deserializer.end());
    match (reader.failure, result) {
        (Some(failure), _) => Err(Stopped::Refused(failure)),
        (None, Err(error)) => Err(Stopped::Misread(error)),
        (None, Ok(())) => Ok(reader.decoded),
    }
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
    reading: Reading,
    decoded: Decoded,
    budget: Budget,
    /// Why reading stopped, when that was not the JSON's fault.
    failure: Option<RequestError>,
}

impl Reader {
    /// Keeps a failure while an error without it unwinds through the parser.
    fn stop_on<E: Error>(&mut self, result: Result<(), RequestError>) -> Result<(), E> {
        result.map_err(|failure| {
            self.failure = Some(failure);
            E::custom("stopped")
        })
    }

    /// The attributes of a resource or scope.
    fn shared<E: Error>(&mut self, attributes: Option<KeyValues>) -> Result<Attributes, E> {
        let KeyValues(collected) = attributes.unwrap_or_default();
        collected.left_out.report(&mut self.decoded);
        let paid = self.budget.pay_parts(collected.attributes.len());
        self.stop_on(paid)?;
        Ok(collected.attributes)
    }

    fn origin<E: Error>(&mut self, resource: Option<ResourceMessage>) -> Result<Origin, E> {
        let attributes = self.shared(resource.and_then(|resource| resource.attributes))?;
        Ok(Origin::of_resource(Resource { attributes }))
    }

    fn scope<E: Error>(
        &mut self,
        origin: &Origin,
        scope: Option<ScopeMessage>,
    ) -> Result<Origin, E> {
        let scope = scope.unwrap_or_default();
        let attributes = self.shared(scope.attributes)?;
        let name = scope.name.unwrap_or_default();
        let version = scope.version.unwrap_or_default();
        Ok(Origin { scope: Arc::new(Scope { name, version, attributes }), ..origin.clone() })
    }
}

/// Refuses a field that is there twice: which one counts is anyone's guess.
fn once<E: Error>(seen: &mut bool, field: &'static str) -> Result<(), E> {
    if std::mem::replace(seen, true) { Err(E::duplicate_field(field)) } else { Ok(()) }
}

/// Reads the request itself.
struct RequestMessage<'r>(&'r mut Reader);

impl<'de> Visitor<'de> for RequestMessage<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ExportTraceServiceRequest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = false;
        while let Some(Text(field)) = map.next_key()? {
            match &*field {
                "resourceSpans" | "resource_spans" => {
                    once(&mut seen, "resourceSpans")?;
                    map.next_value_seed(Elements(&mut OfRequest(self.0)))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// Reads each `ResourceSpans`.
struct OfRequest<'r>(&'r mut Reader);

impl<'de> Element<'de> for OfRequest<'_> {
    fn read<D: serde::Deserializer<'de>>(&mut self, element: D) -> Result<(), D::Error> {
        element.deserialize_map(ResourceSpans(self.0))
    }
}

struct ResourceSpans<'r>(&'r mut Reader);

impl<'de> Visitor<'de> for ResourceSpans<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ResourceSpans object")
    }

    /// The resource nearly always stands before its spans, which are then read
    /// where they stand; else their text waits until the end of the object.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reader = self.0;
        let (mut origin, mut waiting, mut seen) = (None, None::<&RawValue>, [false; 2]);
        while let Some(Text(field)) = map.next_key()? {
            match (&*field, &origin) {
                ("resource", _) => {
                    once(&mut seen[0], "resource")?;
                    origin = Some(reader.origin(map.next_value()?)?);
                }
                ("scopeSpans" | "scope_spans", told) => {
                    once(&mut seen[1], "scopeSpans")?;
                    match told {
                        Some(origin) => {
                            map.next_value_seed(Elements(&mut OfResource { reader, origin }))?;
                        }
                        None => waiting = Some(map.next_value()?),
                    }
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let Some(list) = waiting else { return Ok(()) };
        let origin = match origin {
            Some(origin) => origin,
            None => reader.origin(None)?,
        };
        Elements(&mut OfResource { reader, origin: &origin })
            .deserialize(list)
            .map_err(A::Error::custom)
    }
}

/// Reads each `ScopeSpans` of a resource.
struct OfResource<'r> {
    reader: &'r mut Reader,
    origin: &'r Origin,
}

impl<'de> Element<'de> for OfResource<'_> {
    fn read<D: serde::Deserializer<'de>>(&mut self, element: D) -> Result<(), D::Error> {
        element.deserialize_map(ScopeSpans { reader: self.reader, origin: self.origin })
    }
}

struct ScopeSpans<'r> {
    reader: &'r mut Reader,
    origin: &'r Origin,
}

impl<'de> Visitor<'de> for ScopeSpans<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a ScopeSpans object")
    }

    /// As in [`ResourceSpans`].
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let reader = self.reader;
        let (mut origin, mut waiting, mut seen) = (None, None::<&RawValue>, [false; 2]);
        while let Some(Text(field)) = map.next_key()? {
            match (&*field, &origin) {
                ("scope", _) => {
                    once(&mut seen[0], "scope")?;
                    origin = Some(reader.scope(self.origin, map.next_value()?)?);
                }
                ("spans", told) => {
                    once(&mut seen[1], "spans")?;
                    match told {
                        Some(origin) => {
                            map.next_value_seed(Elements(&mut OfScope { reader, origin }))?;
                        }
                        None => waiting = Some(map.next_value()?),
                    }
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        let Some(list) = waiting else { return Ok(()) };
        let origin = match origin {
            Some(origin) => origin,
            None => reader.scope(self.origin, None)?,
        };
        Elements(&mut OfScope { reader, origin: &origin })
            .deserialize(list)
            .map_err(A::Error::custom)
    }
}

/// Reads each `Span` of a scope.
struct OfScope<'r> {
    reader: &'r mut Reader,
    origin: &'r Origin,
}

impl<'de> Element<'de> for OfScope<'_> {
    fn read<D: serde::Deserializer<'de>>(&mut self, element: D) -> Result<(), D::Error> {
        let Reader { reading, decoded, budget, .. } = &mut *self.reader;
        let result = match reading {
            Reading::Careful => {
                let raw = <&RawValue>::deserialize(element)?;
                decode_span(raw.get(), self.origin, decoded, budget)
            }
            Reading::Fast => {
                let span = Span::deserialize(element)?;
                budget.pay_item().and_then(|()| span.draft().deliver(self.origin, decoded, budget))
            }
        };
        self.reader.stop_on(result)
    }
}

#[derive(Deserialize)]
struct ResourceMessage {
    attributes: Option<KeyValues>,
}

#[derive(Deserialize, Default)]
struct ScopeMessage {
    name: Option<String>,
    version: Option<String>,
    attributes: Option<KeyValues>,
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
    attributes: Option<KeyValues>,
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
    attributes: Option<KeyValues>,
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
    attributes: Option<KeyValues>,
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
            attributes: self.attributes.unwrap_or_default().0,
            dropped_attributes: count(self.dropped_attributes_count),
            dropped_events: count(self.dropped_events_count),
            dropped_links: count(self.dropped_links_count),
            status_code: status.code.unwrap_or_default().0,
            status_message: status.message.unwrap_or_default(),
            ..Draft::new()
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
        draft.push_event(event, self.attributes.unwrap_or_default().0);
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
        draft.push_link(link, target, self.attributes.unwrap_or_default().0);
    }
}

fn count(number: Option<Unsigned>) -> u32 {
    u32::try_from(number.unwrap_or_default().0).unwrap_or(u32::MAX)
}
