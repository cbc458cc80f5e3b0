//! `ExportTraceServiceRequest` in protobuf, read in one pass over borrowed
//! bytes: nothing is copied that does not end up in a span.
//!
//! A request is refused whole when its structure is broken, because where the
//! next span begins is then unknown. Text that is not UTF-8 refuses only the
//! spans it belongs to.

use std::sync::Arc;

use hotspan_model::{Event, Link, Resource, Scope, SpanId, TraceId, UnixNanos};

use super::draft::{Draft, Origin};
use super::fields::{Fields, Payload, WireError};
use super::view::collect;
use crate::decoded::{Decoded, Reason, RequestError};
use crate::limits::{Budget, PER_LIST_MAX};
use crate::value::{Gathered, LeftOut, Room};

/// Spans that room is made for before they are read. A span of two bytes must
/// not reserve the room of a whole one without end.
const RESERVED_SPANS_MAX: usize = 8_192;

/// Decodes an `ExportTraceServiceRequest` in protobuf.
pub fn decode_protobuf(body: &[u8]) -> Result<Decoded, RequestError> {
    let mut reader =
        Reader { decoded: Decoded::default(), budget: Budget::new(), room: Room::default() };
    let mut fields = Fields::of(body);
    while let Some((number, payload)) = fields.next().map_err(malformed)? {
        if number == 1 {
            reader.resource_spans(payload.bytes().map_err(malformed)?)?;
        }
    }
    Ok(reader.decoded)
}

fn malformed(error: WireError) -> RequestError {
    RequestError::malformed("OTLP protobuf", error)
}

/// A part of a request that may be unreadable although its structure is sound.
type Readable<T> = Result<T, WireError>;

/// Splits the two kinds of failure: a broken structure ends the request, text
/// that is not UTF-8 is the inner result.
fn split<T>(result: Result<T, WireError>) -> Result<Readable<T>, RequestError> {
    match result {
        Err(error @ WireError::Structure(_)) => Err(malformed(error)),
        other => Ok(other),
    }
}

struct Reader {
    decoded: Decoded,
    budget: Budget,
    /// What the attributes of the last span took.
    room: Room,
}

impl Reader {
    /// Two passes, because the resource may be written after its spans.
    fn resource_spans(&mut self, message: &[u8]) -> Result<(), RequestError> {
        let origin = match split(resource(message))? {
            Ok((resource, left_out)) => {
                left_out.report(&mut self.decoded);
                self.budget.pay_parts(resource.attributes.len())?;
                Ok(Origin::of_resource(resource))
            }
            Err(error) => Err(error),
        };
        let mut fields = Fields::of(message);
        while let Some((number, payload)) = fields.next().map_err(malformed)? {
            if number == 2 {
                let message = payload.bytes().map_err(malformed)?;
                self.scope_spans(message, origin.as_ref().map_err(|error| *error))?;
            }
        }
        Ok(())
    }

    fn scope_spans(
        &mut self,
        message: &[u8],
        origin: Readable<&Origin>,
    ) -> Result<(), RequestError> {
        let scope = split(scope(message))?;
        let origin = match (origin, scope) {
            (Ok(origin), Ok((scope, left_out, spans))) => {
                left_out.report(&mut self.decoded);
                self.budget.pay_parts(scope.attributes.len())?;
                self.decoded.spans.reserve(spans.min(RESERVED_SPANS_MAX));
                Ok(Origin { scope: Arc::new(scope), ..origin.clone() })
            }
            (Err(error), _) | (_, Err(error)) => Err(error),
        };
        let mut fields = Fields::of(message);
        while let Some((number, payload)) = fields.next().map_err(malformed)? {
            if number == 2 {
                let message = payload.bytes().map_err(malformed)?;
                self.span(message, origin.as_ref().map_err(|error| *error))?;
            }
        }
        Ok(())
    }

    fn span(&mut self, message: &[u8], origin: Readable<&Origin>) -> Result<(), RequestError> {
        self.budget.pay_item()?;
        let mut draft = Draft::new();
        let text = split(read_span(message, &mut draft, self.room))?;
        self.room = Room::of(&draft.attributes.attributes);
        match (text, origin) {
            (Ok(()), Ok(origin)) => {
                draft.deliver(origin, &mut self.decoded, &mut self.budget)?;
            }
            (Err(_), _) => self.decoded.reject(
                Reason::InvalidUtf8,
                "a text of the span is not UTF-8; send text as UTF-8 and the rest as bytes",
            ),
            (_, Err(_)) => self.decoded.reject(
                Reason::InvalidUtf8,
                "a text of the span's resource or scope is not UTF-8; send text as UTF-8",
            ),
        }
        Ok(())
    }
}

/// The `Resource` of a `ResourceSpans`; several are merged.
fn resource(message: &[u8]) -> Readable<(Resource, LeftOut)> {
    let mut gathered = Gathered::default();
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => resource_fields(payload.bytes()?, &mut gathered)?,
            3 => drop(payload.text()?),
            _ => {}
        }
    }
    let collected = gathered.finish().ok_or(WireError::Utf8)?;
    let resource = Resource { attributes: collected.attributes };
    Ok((resource, collected.left_out))
}

fn resource_fields(message: &[u8], gathered: &mut Gathered) -> Readable<()> {
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => collect(payload.bytes()?, gathered)?,
            2 => drop(payload.varint()?),
            3 => check_entity(payload.bytes()?)?,
            _ => {}
        }
    }
    Ok(())
}

/// Entities are not kept, but a broken one means a broken request.
fn check_entity(message: &[u8]) -> Readable<()> {
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        if (1..=4).contains(&number) {
            payload.text()?;
        }
    }
    Ok(())
}

/// The `InstrumentationScope` of a `ScopeSpans`, of which several are merged,
/// and how many spans follow.
fn scope(message: &[u8]) -> Readable<(Scope, LeftOut, usize)> {
    let mut spans = 0;
    let mut scope = Scope::default();
    let mut gathered = Gathered::default();
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => scope_fields(payload.bytes()?, &mut scope, &mut gathered)?,
            2 => spans += 1,
            3 => drop(payload.text()?),
            _ => {}
        }
    }
    let collected = gathered.finish().ok_or(WireError::Utf8)?;
    scope.attributes = collected.attributes;
    Ok((scope, collected.left_out, spans))
}

fn scope_fields(message: &[u8], scope: &mut Scope, gathered: &mut Gathered) -> Readable<()> {
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => scope.name = payload.text()?.to_owned(),
            2 => scope.version = payload.text()?.to_owned(),
            3 => collect(payload.bytes()?, gathered)?,
            4 => drop(payload.varint()?),
            _ => {}
        }
    }
    Ok(())
}

/// A `Span`.
fn read_span(message: &[u8], draft: &mut Draft, room: Room) -> Readable<()> {
    let mut gathered = Gathered::with_room(room);
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => draft.trace_id = trace_id(payload)?,
            2 => draft.span_id = span_id(payload)?,
            3 => draft.trace_state = payload.text()?.to_owned(),
            4 => draft.parent = span_id(payload)?,
            5 => draft.name = payload.text()?.to_owned(),
            6 => draft.kind = payload.varint()? as i32,
            7 => draft.start_ns = payload.fixed64()?,
            8 => draft.end_ns = payload.fixed64()?,
            9 => collect(payload.bytes()?, &mut gathered)?,
            10 => draft.dropped_attributes = payload.varint()? as u32,
            11 => event(payload.bytes()?, draft)?,
            12 => draft.dropped_events = payload.varint()? as u32,
            13 => link(payload.bytes()?, draft)?,
            14 => draft.dropped_links = payload.varint()? as u32,
            15 => status(payload.bytes()?, draft)?,
            16 => draft.flags = payload.fixed32()?,
            _ => {}
        }
    }
    draft.attributes = gathered.finish().ok_or(WireError::Utf8)?;
    Ok(())
}

fn trace_id(payload: Payload<'_>) -> Readable<Option<TraceId>> {
    match payload.bytes()? {
        [] => Ok(Some(TraceId::default())),
        bytes => Ok(TraceId::from_slice(bytes)),
    }
}

fn span_id(payload: Payload<'_>) -> Readable<Option<SpanId>> {
    match payload.bytes()? {
        [] => Ok(Some(SpanId::default())),
        bytes => Ok(SpanId::from_slice(bytes)),
    }
}

fn status(message: &[u8], draft: &mut Draft) -> Readable<()> {
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            2 => draft.status_message = payload.text()?.to_owned(),
            3 => draft.status_code = payload.varint()? as i32,
            _ => {}
        }
    }
    Ok(())
}

fn event(message: &[u8], draft: &mut Draft) -> Readable<()> {
    if draft.events.len() >= PER_LIST_MAX {
        draft.leave_out_events(1);
        return Ok(());
    }
    let mut event = Event::default();
    let mut gathered = Gathered::default();
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => event.time = UnixNanos(i64::try_from(payload.fixed64()?).unwrap_or(i64::MAX)),
            2 => event.name = payload.text()?.to_owned(),
            3 => collect(payload.bytes()?, &mut gathered)?,
            4 => event.dropped_attributes = payload.varint()? as u32,
            _ => {}
        }
    }
    draft.push_event(event, gathered.finish().ok_or(WireError::Utf8)?);
    Ok(())
}

fn link(message: &[u8], draft: &mut Draft) -> Readable<()> {
    if draft.links.len() >= PER_LIST_MAX {
        draft.leave_out_links(Reason::TooManyParts, 1);
        return Ok(());
    }
    let mut link = Link::default();
    let (mut linked_trace, mut linked_span) = (None, None);
    let mut gathered = Gathered::default();
    let mut fields = Fields::of(message);
    while let Some((number, payload)) = fields.next()? {
        match number {
            1 => linked_trace = trace_id(payload)?,
            2 => linked_span = span_id(payload)?,
            3 => link.trace_state = payload.text()?.to_owned(),
            4 => collect(payload.bytes()?, &mut gathered)?,
            5 => link.dropped_attributes = payload.varint()? as u32,
            6 => drop(payload.fixed32()?),
            _ => {}
        }
    }
    let attributes = gathered.finish().ok_or(WireError::Utf8)?;
    draft.push_link(link, (linked_trace, linked_span), attributes);
    Ok(())
}
