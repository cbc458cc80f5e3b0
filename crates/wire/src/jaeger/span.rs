//! One span of a Jaeger trace: references, tags and logs.

use hotspan_model::{Event, Link, SpanId, TraceId, UnixNanos};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::process::Processes;
use crate::decoded::{Decoded, Reason, RequestError};
use crate::json::{Capped, Held, HeldOutcome, Text, text_of, value_of_raw};
use crate::limits::Budget;
use crate::micros;
use crate::otlp::{Draft, Unsigned};
use crate::padded;
use crate::tags::{Tags, declared};
use crate::value::Collected;

/// Jaeger's flag for a sampled trace, which is also W3C's.
const SAMPLED: u64 = 1;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SpanMessage<'a> {
    #[serde(borrow, rename = "traceID")]
    trace_id: Option<Text<'a>>,
    #[serde(borrow, rename = "spanID")]
    span_id: Option<Text<'a>>,
    /// Before there were references.
    #[serde(borrow, rename = "parentSpanID")]
    parent_span_id: Option<Text<'a>>,
    operation_name: Option<String>,
    flags: Option<Unsigned>,
    #[serde(borrow)]
    references: Option<Capped<Reference<'a>>>,
    start_time: Option<Unsigned>,
    duration: Option<Unsigned>,
    #[serde(borrow)]
    tags: Option<Capped<Tag<'a>>>,
    #[serde(borrow)]
    logs: Option<Capped<Log<'a>>>,
    #[serde(borrow, rename = "processID")]
    process_id: Option<Text<'a>>,
    #[serde(borrow)]
    process: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference<'a> {
    #[serde(borrow)]
    ref_type: Option<Text<'a>>,
    #[serde(borrow, rename = "traceID")]
    trace_id: Option<Text<'a>>,
    #[serde(borrow, rename = "spanID")]
    span_id: Option<Text<'a>>,
}

/// A tag of a span or process, or a field of a log.
#[derive(Deserialize)]
pub(super) struct Tag<'a> {
    #[serde(borrow)]
    key: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    value: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Log<'a> {
    timestamp: Option<Unsigned>,
    #[serde(borrow)]
    fields: Option<Capped<Tag<'a>>>,
}

impl Tag<'_> {
    /// Key and value; `None` without a value.
    pub(super) fn pair(&self) -> Option<(&str, HeldOutcome<'_>)> {
        let value = value_of_raw(self.value?)?;
        let kind = text_of(&self.kind).unwrap_or_default();
        Some((text_of(&self.key).unwrap_or_default(), declared(kind, value)))
    }
}

impl SpanMessage<'_> {
    /// Puts the span among the spans or the rejections. The answer is how many
    /// requests the trace stands for, if this span tells it.
    pub(super) fn deliver(
        mut self,
        processes: &mut Processes,
        decoded: &mut Decoded,
        budget: &mut Budget,
    ) -> Result<Option<f64>, RequestError> {
        let (start_ns, end_ns) = match self.times() {
            Ok(times) => times,
            Err(message) => {
                decoded.reject(Reason::InvalidTime, message);
                return Ok(None);
            }
        };
        let mut draft = Draft {
            trace_id: padded::trace_id(text_of(&self.trace_id).unwrap_or_default()),
            span_id: padded::span_id(text_of(&self.span_id).unwrap_or_default()),
            name: self.operation_name.take().unwrap_or_default(),
            flags: (self.flags.unwrap_or_default().0 & SAMPLED) as u32,
            start_ns,
            end_ns,
            ..Draft::new()
        };
        self.add_references(&mut draft);
        self.add_logs(&mut draft);
        let mut tags = Tags::default();
        let sent = self.tags.take().unwrap_or_default();
        for (key, value) in sent.items.iter().filter_map(Tag::pair) {
            tags.add(key, value);
        }
        tags.collected.left_out.note(Reason::TooManyParts, u64::from(sent.beyond));
        let told = tags.finish(&mut draft);
        let (origin, parts) =
            processes.origin(text_of(&self.process_id), self.process, told.scope, decoded);
        budget.pay_parts(parts)?;
        draft.deliver(&origin, decoded, budget)?;
        Ok(told.weight)
    }

    fn times(&self) -> Result<(u64, u64), String> {
        let start = self.start_time.ok_or("startTime is missing; send microseconds since 1970")?;
        let start = micros::nanos_of("startTime", start)?;
        Ok((start, micros::end_of(start, self.duration.unwrap_or_default())?))
    }

    /// The parent is the first span of the trace that this one is a child of,
    /// else the first one it follows from; the others are links.
    fn add_references(&mut self, draft: &mut Draft) {
        let sent = self.references.take().unwrap_or_default();
        draft.leave_out_links(Reason::TooManyParts, sent.beyond);
        let within = |reference: &&Reference<'_>| reference.trace_id() == draft.trace_id;
        let child = |reference: &&Reference<'_>| !reference.follows();
        let parent =
            sent.items.iter().filter(within).find(child).or_else(|| sent.items.iter().find(within));
        draft.parent = match parent {
            Some(parent) => parent.span_id(),
            None => padded::span_id(text_of(&self.parent_span_id).unwrap_or_default()),
        };
        for reference in &sent.items {
            if parent.is_some_and(|parent| std::ptr::eq(parent, reference)) {
                continue;
            }
            let target = (reference.trace_id(), reference.span_id());
            draft.push_link(Link::default(), target, Collected::default());
        }
    }

    /// A log is an event; its field `event` is the event's name.
    fn add_logs(&mut self, draft: &mut Draft) {
        let sent = self.logs.take().unwrap_or_default();
        draft.leave_out_events(sent.beyond);
        for log in sent.items {
            let micros = log.timestamp.unwrap_or_default().0;
            let time = i64::try_from(micros.saturating_mul(1_000)).unwrap_or(i64::MAX);
            let mut event = Event { time: UnixNanos(time), ..Event::default() };
            let mut collected = Collected::default();
            let fields = log.fields.unwrap_or_default();
            for (key, value) in fields.items.iter().filter_map(Tag::pair) {
                match &value {
                    Ok(Held::Str(text)) if key == "event" => {
                        event.name = text.clone().into_owned();
                    }
                    _ => collected.push(key, value.as_ref().map_err(|reason| *reason)),
                }
            }
            collected.left_out.note(Reason::TooManyParts, u64::from(fields.beyond));
            draft.push_event(event, collected);
        }
    }
}

impl Reference<'_> {
    fn follows(&self) -> bool {
        text_of(&self.ref_type) == Some("FOLLOWS_FROM")
    }

    fn trace_id(&self) -> Option<TraceId> {
        padded::trace_id(text_of(&self.trace_id).unwrap_or_default())
    }

    fn span_id(&self) -> Option<SpanId> {
        padded::span_id(text_of(&self.span_id).unwrap_or_default())
    }
}
