//! A span as either form carried it, and the checks it must pass to become one
//! of the model. Both decoders end here, so both refuse the same spans.

use std::sync::Arc;

use hotspan_model::{
    Door, EntryHint, Event, Link, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId,
    UnixNanos,
};

use crate::decoded::{Decoded, Reason, RequestError};
use crate::limits::{Budget, PER_LIST_MAX, weight_of};
use crate::value::{Collected, LeftOut};

/// The key that names a service in a resource.
const SERVICE_NAME: &str = "service.name";

/// What the spans of one list share.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) resource: Arc<Resource>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) service: Arc<str>,
    pub(crate) door: Door,
}

impl Origin {
    /// The origin of spans whose resource was read, before their scope is.
    pub(crate) fn of_resource(resource: Resource) -> Self {
        let service = resource.attributes.first_str(&[SERVICE_NAME]);
        Self {
            service: Arc::from(service.unwrap_or("unknown")),
            resource: Arc::new(resource),
            scope: Arc::default(),
            door: Door::Otlp,
        }
    }
}

/// A span's fields before any check. An id is `None` when it was sent in a
/// form that is none, and zero when it was not sent.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) trace_id: Option<TraceId>,
    pub(crate) span_id: Option<SpanId>,
    pub(crate) parent: Option<SpanId>,
    pub(crate) trace_state: String,
    pub(crate) flags: u32,
    pub(crate) name: String,
    pub(crate) kind: i32,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) attributes: Collected,
    pub(crate) dropped_attributes: u32,
    pub(crate) events: Vec<Event>,
    pub(crate) dropped_events: u32,
    pub(crate) links: Vec<Link>,
    pub(crate) dropped_links: u32,
    pub(crate) status_code: i32,
    pub(crate) status_message: String,
    pub(crate) events_left_out: u32,
    pub(crate) links_left_out: u32,
    /// Everything left out, by reason.
    pub(crate) left_out: LeftOut,
}

/// Why a span is not kept, and what its sender can do.
pub(crate) type Refused = (Reason, String);

impl Draft {
    /// A span of which nothing was sent yet.
    pub(crate) fn new() -> Self {
        Self {
            trace_id: Some(TraceId::default()),
            span_id: Some(SpanId::default()),
            parent: Some(SpanId::default()),
            trace_state: String::new(),
            flags: 0,
            name: String::new(),
            kind: 0,
            start_ns: 0,
            end_ns: 0,
            attributes: Collected::default(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status_code: 0,
            status_message: String::new(),
            events_left_out: 0,
            links_left_out: 0,
            left_out: LeftOut::default(),
        }
    }

    /// Adds an event, unless there are too many.
    pub(crate) fn push_event(&mut self, mut event: Event, attributes: Collected) {
        if self.events.len() >= PER_LIST_MAX {
            return self.leave_out_events(1);
        }
        self.left_out.merge(&attributes.left_out);
        event.dropped_attributes =
            event.dropped_attributes.saturating_add(attributes.left_out.total());
        event.attributes = attributes.attributes;
        self.events.push(event);
    }

    /// Notes events that were not even read.
    pub(crate) fn leave_out_events(&mut self, quantity: u32) {
        self.events_left_out = self.events_left_out.saturating_add(quantity);
        self.left_out.note(Reason::TooManyParts, u64::from(quantity));
    }

    /// Adds a link to `target`, unless there are too many or the target is no
    /// span's id: such a link leads nowhere, which does not make the span bad.
    pub(crate) fn push_link(
        &mut self,
        mut link: Link,
        target: (Option<TraceId>, Option<SpanId>),
        attributes: Collected,
    ) {
        if self.links.len() >= PER_LIST_MAX {
            return self.leave_out_links(Reason::TooManyParts, 1);
        }
        let (Ok(trace_id), Ok(span_id)) = (checked_trace_id(target.0), checked_span_id(target.1))
        else {
            return self.leave_out_links(Reason::InvalidId, 1);
        };
        (link.trace_id, link.span_id) = (trace_id, span_id);
        self.left_out.merge(&attributes.left_out);
        link.dropped_attributes =
            link.dropped_attributes.saturating_add(attributes.left_out.total());
        link.attributes = attributes.attributes;
        self.links.push(link);
    }

    /// Notes links that were not even read, or that lead nowhere.
    pub(crate) fn leave_out_links(&mut self, reason: Reason, quantity: u32) {
        self.links_left_out = self.links_left_out.saturating_add(quantity);
        self.left_out.note(reason, u64::from(quantity));
    }

    /// Checks the span and hands it to `decoded`: among the spans, or among
    /// the rejections.
    pub(crate) fn deliver(
        mut self,
        origin: &Origin,
        decoded: &mut Decoded,
        budget: &mut Budget,
    ) -> Result<(), RequestError> {
        let mut left_out = std::mem::take(&mut self.left_out);
        left_out.merge(&self.attributes.left_out);
        match self.finish(origin) {
            Ok(span) => {
                budget.pay_span(&span)?;
                left_out.report(decoded);
                decoded.spans.push(span);
            }
            Err((reason, message)) => decoded.reject(reason, message),
        }
        Ok(())
    }

    fn finish(self, origin: &Origin) -> Result<Span, Refused> {
        let trace_id = checked_trace_id(self.trace_id)?;
        let span_id = checked_span_id(self.span_id)?;
        let parent = checked_parent(self.parent)?;
        let (start, end) = (nanos(self.start_ns), nanos(self.end_ns));
        check_order(start, end)?;
        let kind = kind_of(self.kind);
        let left_out = self.attributes.left_out.total();
        Ok(Span {
            trace_id,
            span_id,
            parent,
            name: self.name,
            kind,
            start,
            end,
            status: status_of(self.status_code),
            status_message: self.status_message,
            attributes: self.attributes.attributes,
            events: self.events,
            links: self.links,
            flags: self.flags,
            weight: weight_of_trace_state(&self.trace_state),
            trace_state: self.trace_state,
            dropped_attributes: self.dropped_attributes.saturating_add(left_out),
            dropped_events: self.dropped_events.saturating_add(self.events_left_out),
            dropped_links: self.dropped_links.saturating_add(self.links_left_out),
            resource: Arc::clone(&origin.resource),
            scope: Arc::clone(&origin.scope),
            service: Arc::clone(&origin.service),
            entry: EntryHint::of_otlp(parent, kind, self.flags),
            door: origin.door,
        })
    }
}

/// The trace id, unless it is unreadable or zero.
pub(crate) fn checked_trace_id(id: Option<TraceId>) -> Result<TraceId, Refused> {
    match id {
        Some(id) if !id.is_zero() => Ok(id),
        Some(_) => Err((
            Reason::ZeroTraceId,
            "trace_id is missing or all zeros; give every trace 16 random bytes".to_owned(),
        )),
        None => Err((
            Reason::InvalidId,
            "trace_id is not 16 bytes; send 16 bytes, in JSON as 32 hex digits".to_owned(),
        )),
    }
}

/// The span id, unless it is unreadable or zero.
pub(crate) fn checked_span_id(id: Option<SpanId>) -> Result<SpanId, Refused> {
    match id {
        Some(id) if !id.is_zero() => Ok(id),
        Some(_) => Err((
            Reason::ZeroSpanId,
            "span_id is missing or all zeros; give every span 8 random bytes".to_owned(),
        )),
        None => Err((
            Reason::InvalidId,
            "span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits".to_owned(),
        )),
    }
}

/// The parent, unless its id is unreadable; zero means there is none.
pub(crate) fn checked_parent(id: Option<SpanId>) -> Result<Option<SpanId>, Refused> {
    match id {
        Some(id) => Ok((!id.is_zero()).then_some(id)),
        None => Err((
            Reason::InvalidId,
            "parent_span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits, or nothing"
                .to_owned(),
        )),
    }
}

/// Refuses a span that ends before it starts.
pub(crate) fn check_order(start: UnixNanos, end: UnixNanos) -> Result<(), Refused> {
    if end < start {
        return Err((
            Reason::EndBeforeStart,
            format!(
                "the span ends {} ns before it starts; take both times from one monotonic clock",
                start.since(end)
            ),
        ));
    }
    Ok(())
}

fn nanos(unsigned: u64) -> UnixNanos {
    UnixNanos(i64::try_from(unsigned).unwrap_or(i64::MAX))
}

/// OTLP's numbers; unspecified and unknown ones mean internal.
fn kind_of(number: i32) -> SpanKind {
    match number {
        2 => SpanKind::Server,
        3 => SpanKind::Client,
        4 => SpanKind::Producer,
        5 => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn status_of(code: i32) -> Status {
    match code {
        1 => Status::Ok,
        2 => Status::Error,
        _ => Status::Unset,
    }
}

/// OpenTelemetry's consistent sampling: member `ot`, key `th`, up to 14 hex
/// digits of a 56-bit threshold, trailing zeros left out. A span was kept when
/// a random 56-bit number reached the threshold.
fn weight_of_trace_state(trace_state: &str) -> f64 {
    const THRESHOLD_DIGITS: usize = 14;
    const RANDOM_RANGE: u64 = 1 << 56;
    if trace_state.is_empty() {
        return 1.0;
    }
    let threshold = trace_state
        .split(',')
        .find_map(|member| member.trim().strip_prefix("ot="))
        .and_then(|value| value.split(';').find_map(|pair| pair.strip_prefix("th:")))
        .filter(|digits| digits.len() <= THRESHOLD_DIGITS)
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u64::from_str_radix(&format!("{digits:0<THRESHOLD_DIGITS$}"), 16).ok());
    match threshold {
        Some(threshold) => weight_of((RANDOM_RANGE - threshold) as f64 / RANDOM_RANGE as f64),
        None => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_state_weights() {
        for (trace_state, weight) in [
            ("", 1.0),
            ("ot=th:0", 1.0),
            ("ot=th:8", 2.0),
            ("ot=th:c", 4.0),
            ("other=1, ot=rv:abc;th:f0", 16.0),
            ("ot=th:zz", 1.0),
            ("ot=th:ffffffffffffff", 1_000_000.0),
            ("ot=th:fffffffffffffff", 1.0),
            ("not=th:8", 1.0),
            ("ot=th:", 1.0),
            ("ot=th:+8", 1.0),
        ] {
            assert_eq!(weight_of_trace_state(trace_state), weight, "{trace_state}");
        }
    }
}
