//! `span` items of the second version: a list of spans, sent while their
//! segment is still open, with typed attributes.

use std::borrow::Cow;
use std::fmt;

use hotspan_model::{EntryHint, Link, Span, SpanKind, Status, ValueRef};
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Reading;
use super::op::{kind_of_child, kind_of_entry};
use super::origin::{Facts, Maker, Place, id};
use super::timestamp::Timestamp;
use super::transaction::add_source;
use crate::decoded::{Reason, RequestError};
use crate::json::{
    Capped, Held, HeldOutcome, Text, for_each, held_text, lenient, text_of, value_of_raw,
};
use crate::limits::{VALUE_BYTES_MAX, weight_of};
use crate::otlp::{Refused, checked_span_id, checked_trace_id};
use crate::value::{Collected, LeftOut};

/// The content type of these items.
pub(super) const CONTENT_TYPE: &str = "application/vnd.sentry.items.span.v2+json";

#[derive(Deserialize)]
struct Container<'a> {
    #[serde(borrow)]
    items: &'a RawValue,
}

#[derive(Deserialize)]
struct SpanV2<'a> {
    #[serde(borrow)]
    trace_id: Option<Text<'a>>,
    #[serde(borrow)]
    span_id: Option<Text<'a>>,
    #[serde(borrow)]
    parent_span_id: Option<Text<'a>>,
    name: Option<String>,
    #[serde(borrow, default, deserialize_with = "lenient")]
    status: Option<Text<'a>>,
    #[serde(default, deserialize_with = "lenient")]
    is_segment: Option<bool>,
    start_timestamp: Option<Timestamp>,
    end_timestamp: Option<Timestamp>,
    attributes: Option<Typed>,
    links: Option<Capped<LinkV2>>,
}

#[derive(Deserialize)]
struct LinkV2 {
    #[serde(default, deserialize_with = "lenient")]
    trace_id: Option<String>,
    #[serde(default, deserialize_with = "lenient")]
    span_id: Option<String>,
    attributes: Option<Typed>,
}

/// Decodes a list of spans.
pub(super) fn decode(json: &str, reading: &mut Reading<'_>) -> Result<(), RequestError> {
    let container: Container<'_> = match serde_json::from_str(json) {
        Ok(container) => container,
        Err(error) => {
            let message = format!("span container is unreadable: {error}; send a list as items");
            return reading.reject_item(Reason::MalformedItem, message);
        }
    };
    if !container.items.get().starts_with('[') {
        let message = "items of the span container is not a list; send a list of spans";
        return reading.reject_item(Reason::MalformedItem, message);
    }
    let facts = Facts::of_header(reading.header);
    let mut maker = Maker::new(facts.clone(), reading.service.clone(), reading.sample_rate());
    let malformed = |error| RequestError::malformed("Sentry span container", error);
    for_each(container.items, malformed, |sent| {
        reading.budget.pay_item()?;
        match read(sent, &facts, &mut maker, reading.sample_rate().is_none()) {
            Ok((span, collected)) => reading.deliver(span, collected),
            Err((reason, message)) => {
                reading.decoded.reject(reason, message);
                Ok(())
            }
        }
    })?;
    maker.left_out.report(&mut reading.decoded);
    Ok(())
}

fn read(
    sent: serde_json::Result<SpanV2<'_>>,
    header_facts: &Facts,
    maker: &mut Maker,
    rate_untold: bool,
) -> Result<(Span, Collected), Refused> {
    let sent = sent.map_err(|error| {
        let message = format!("span is unreadable: {error}; send it as the SDK made it");
        (Reason::MalformedItem, message)
    })?;
    let mut typed = sent.attributes.unwrap_or_default();
    maker.switch(std::mem::take(&mut typed.facts).or(header_facts));
    let place = Place {
        trace_id: text_of(&sent.trace_id),
        span_id: text_of(&sent.span_id),
        parent: text_of(&sent.parent_span_id),
        start: sent.start_timestamp,
        end: sent.end_timestamp,
    };
    let mut collected = typed.collected;
    let attributes = &collected.attributes;
    let origin = attributes.first_str(&["sentry.origin"]).unwrap_or_default();
    let mut span = maker.span(&place, origin)?;
    let is_entry = sent.is_segment == Some(true) || span.parent.is_none();
    let op = attributes.first_str(&["sentry.op"]).unwrap_or_default();
    let told = attributes.first_str(&["sentry.kind"]);
    span.kind = told.and_then(SpanKind::from_slug).unwrap_or_else(|| {
        if is_entry {
            kind_of_entry(op, attributes.get("http.request.method").is_some())
        } else {
            kind_of_child(op)
        }
    });
    let message = attributes.first_str(&["sentry.status.message"]);
    set_status(&mut span, text_of(&sent.status), message);
    if rate_untold && let Some(rate) = number(attributes.get("sentry.sample_rate")) {
        span.weight = weight_of(rate);
    }
    span.name = sent.name.unwrap_or_default();
    span.entry = if is_entry { EntryHint::Yes } else { EntryHint::No };
    if is_entry {
        add_source(&mut collected, None);
    }
    let left_out = add_links(&mut span, sent.links.unwrap_or_default());
    maker.left_out.merge(&left_out);
    Ok((span, collected))
}

fn set_status(span: &mut Span, status: Option<&str>, message: Option<&str>) {
    match status {
        Some("ok") => span.status = Status::Ok,
        None | Some("") => {}
        Some(other) => {
            span.status = Status::Error;
            let told = (other != "error").then_some(other);
            span.status_message = message.or(told).unwrap_or_default().to_owned();
        }
    }
}

fn number(value: Option<ValueRef<'_>>) -> Option<f64> {
    match value? {
        ValueRef::Int(number) => Some(number as f64),
        ValueRef::Float(number) => Some(number),
        ValueRef::Str(text) => text.parse().ok(),
        _ => None,
    }
}

/// Adds the links that lead somewhere; tells what of them is left out.
fn add_links(span: &mut Span, links: Capped<LinkV2>) -> LeftOut {
    let mut left_out = LeftOut::default();
    left_out.note(Reason::TooManyParts, u64::from(links.beyond));
    span.dropped_links = links.beyond;
    for link in links.items {
        let target = (
            checked_trace_id(id(link.trace_id.as_deref())),
            checked_span_id(id(link.span_id.as_deref())),
        );
        let (Ok(trace_id), Ok(span_id)) = target else {
            left_out.note(Reason::InvalidId, 1);
            span.dropped_links = span.dropped_links.saturating_add(1);
            continue;
        };
        let attributes = link.attributes.unwrap_or_default().collected;
        left_out.merge(&attributes.left_out);
        span.links.push(Link {
            trace_id,
            span_id,
            dropped_attributes: attributes.left_out.total(),
            attributes: attributes.attributes,
            ..Link::default()
        });
    }
    left_out
}

/// Attributes as `{"key": {"value": …, "type": …}}`. What every span repeats
/// about its process is set apart.
#[derive(Default)]
struct Typed {
    collected: Collected,
    facts: SpanFacts,
}

/// What spans repeat about their process.
#[derive(Default)]
struct SpanFacts {
    release: Option<String>,
    environment: Option<String>,
    sdk_name: Option<String>,
    sdk_version: Option<String>,
}

impl SpanFacts {
    fn slot(&mut self, key: &str) -> Option<&mut Option<String>> {
        match key {
            "sentry.release" => Some(&mut self.release),
            "sentry.environment" => Some(&mut self.environment),
            "sentry.sdk.name" => Some(&mut self.sdk_name),
            "sentry.sdk.version" => Some(&mut self.sdk_version),
            _ => None,
        }
    }

    fn or(self, header: &Facts) -> Facts {
        Facts {
            release: self.release.or_else(|| header.release.clone()),
            environment: self.environment.or_else(|| header.environment.clone()),
            sdk_name: self.sdk_name.or_else(|| header.sdk_name.clone()),
            sdk_version: self.sdk_version.or_else(|| header.sdk_version.clone()),
            ..Facts::default()
        }
    }
}

impl<'de> Deserialize<'de> for Typed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TypedVisitor)
    }
}

struct TypedVisitor;

impl<'de> Visitor<'de> for TypedVisitor {
    type Value = Typed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Typed, A::Error> {
        let mut typed = Typed::default();
        while let Some(Text(key)) = map.next_key()? {
            let Wrapped(Some(value)) = map.next_value()? else {
                continue;
            };
            match (typed.facts.slot(&key), value) {
                (Some(slot), Ok(Held::Str(text))) => *slot = Some(text.into_owned()),
                (_, value) => {
                    typed.collected.push(&key, value.as_ref().map_err(|reason| *reason));
                }
            }
        }
        Ok(typed)
    }
}

/// The value inside `{"value": …, "type": …}`, or a bare one. A whole number
/// of type `double` is a float all the same. `None` for `null`.
struct Wrapped<'a>(Option<HeldOutcome<'a>>);

impl<'de> Deserialize<'de> for Wrapped<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrappedVisitor)
    }
}

struct WrappedVisitor;

impl WrappedVisitor {
    fn scalar<'de>(value: ValueRef<'de>) -> Wrapped<'de> {
        Wrapped(Some(Ok(Held::Scalar(value))))
    }
}

impl<'de> Visitor<'de> for WrappedVisitor {
    type Value = Wrapped<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute's value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut value, mut is_double) = (None, false);
        while let Some(Text(field)) = map.next_key()? {
            match &*field {
                "value" => value = value_of_raw(map.next_value()?),
                "type" => is_double = map.next_value::<&RawValue>()?.get() == "\"double\"",
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if let (Some(Ok(Held::Scalar(ValueRef::Int(number)))), true) = (&value, is_double) {
            return Ok(Self::scalar(ValueRef::Float(*number as f64)));
        }
        Ok(Wrapped(value))
    }

    /// A bare list, kept as JSON.
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut json = String::from("[");
        while let Some(element) = list.next_element::<&RawValue>()? {
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(element.get());
        }
        json.push(']');
        let fits = json.len() <= VALUE_BYTES_MAX;
        let held = || Held::Json(Cow::Owned(json));
        Ok(Wrapped(Some(fits.then(held).ok_or(Reason::AttributeTooLarge))))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Wrapped(Some(held_text(Cow::Borrowed(text)))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Wrapped(Some(held_text(Cow::Owned(text.to_owned())))))
    }

    fn visit_bool<E: Error>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Self::scalar(ValueRef::Bool(truth)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Self::scalar(ValueRef::Int(number)))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        let float = || ValueRef::Float(number as f64);
        Ok(Self::scalar(i64::try_from(number).map_or_else(|_| float(), ValueRef::Int)))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Self::scalar(ValueRef::Float(number)))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Wrapped(None))
    }
}
