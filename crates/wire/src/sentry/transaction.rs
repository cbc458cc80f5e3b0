//! `transaction` items: an entry span with its children in one payload, and
//! standalone `span` items of the first version, which have a child's shape.

use hotspan_model::{Attributes, EntryHint, Span, SpanKind, ValueRef};
use serde_json::value::RawValue;

use super::Reading;
use super::body::{Body, ChildSpan, Contexts, RequestInfo, TraceContext};
use super::op::{kind_of_child, kind_of_entry};
use super::origin::{Facts, Maker, Place, set_status};
use crate::decoded::{Reason, RequestError};
use crate::json::{Flat, Held, Text, for_each, for_each_raw, text_of, value_of_raw};
use crate::otlp::Refused;
use crate::value::{Collected, text};

/// Tags of one span. Each is looked up among its attributes, so many times
/// many would take long; Sentry itself keeps 200.
const TAGS_MAX: usize = 200;

/// Decodes a transaction: its root span first, then its children. Without a
/// root that can be kept nothing is.
pub(super) fn decode(mut body: Body<'_>, reading: &mut Reading<'_>) -> Result<(), RequestError> {
    let facts = Facts::of_body(&mut body, reading.header);
    let contexts = body.contexts.take().unwrap_or_default();
    let rate = reading.sample_rate().or_else(|| rate_in_data(&contexts));
    let mut maker = Maker::new(facts, reading.service.clone(), rate);
    let spans = body.spans;
    reading.budget.pay_item()?;
    let root = match root(&mut maker, body, contexts) {
        Ok((span, collected)) => {
            let trace_id = span.trace_id.to_string();
            maker.left_out.report(&mut reading.decoded);
            reading.deliver(span, collected)?;
            trace_id
        }
        Err((reason, message)) => {
            reading.decoded.reject(reason, message);
            return Ok(());
        }
    };
    match spans {
        None => Ok(()),
        Some(list) if list.get().starts_with('[') => {
            let malformed = |error| RequestError::malformed("Sentry transaction", error);
            for_each(list, malformed, |child| decode_child(child, &root, &mut maker, reading))
        }
        Some(_) => {
            let message = "spans is not a list; send a list of spans";
            reading.decoded.reject(Reason::MalformedItem, message);
            Ok(())
        }
    }
}

/// Decodes a standalone span.
pub(super) fn decode_standalone(json: &str, reading: &mut Reading<'_>) -> Result<(), RequestError> {
    let facts = Facts::of_header(reading.header);
    let mut maker = Maker::new(facts, reading.service.clone(), reading.sample_rate());
    decode_child(serde_json::from_str(json), "", &mut maker, reading)
}

fn rate_in_data(contexts: &Contexts) -> Option<f64> {
    let data = contexts.trace.as_ref()?.data.as_ref()?;
    match data.0.attributes.get("sentry.sample_rate")? {
        ValueRef::Int(number) => Some(number as f64),
        ValueRef::Float(number) => Some(number),
        _ => None,
    }
}

/// The entry span: `contexts.trace` is its core.
fn root(
    maker: &mut Maker,
    body: Body<'_>,
    contexts: Contexts,
) -> Result<(Span, Collected), Refused> {
    let Some(trace) = contexts.trace else {
        let message = "contexts.trace is missing; update the SDK or enable tracing in it";
        return Err((Reason::MalformedItem, message.to_owned()));
    };
    let place = Place {
        trace_id: trace.trace_id.as_deref(),
        span_id: trace.span_id.as_deref(),
        parent: trace.parent_span_id.as_deref(),
        start: body.start_timestamp,
        end: body.timestamp,
    };
    let mut span = maker.span(&place, trace.origin.as_deref().unwrap_or_default())?;
    let op = trace.op.clone().unwrap_or_default();
    let request = body.request.unwrap_or_default();
    span.name = body.transaction.unwrap_or_default();
    span.entry = EntryHint::Yes;
    span.kind = told_kind(trace.data.as_ref())
        .unwrap_or_else(|| kind_of_entry(&op, request.method.is_some()));
    set_status(&mut span, trace.status.as_deref());
    let source = body.transaction_info.and_then(|info| info.source);
    let status_code =
        contexts.response.and_then(|response| response.status_code).and_then(|code| code.0);
    let mut collected = attributes(&op, trace, body.tags);
    add_source(&mut collected, source);
    add_request(&mut collected, request);
    if let Some(code) = status_code {
        add(&mut collected, "http.response.status_code", ValueRef::Int(code));
    }
    Ok((span, collected))
}

fn attributes(op: &str, trace: TraceContext, tags: Option<&RawValue>) -> Collected {
    let mut collected = trace.data.unwrap_or_default().0;
    add_op(&mut collected, op);
    add_tags(&mut collected, tags);
    collected
}

/// Newer SDKs tell the kind themselves.
fn told_kind(data: Option<&Flat>) -> Option<SpanKind> {
    let data = &data?.0.attributes;
    SpanKind::from_slug(data.first_str(&["sentry.kind"])?)
}

/// Adds an attribute that the payload did not already send under that name.
pub(super) fn add(collected: &mut Collected, key: &str, value: ValueRef<'_>) {
    if collected.attributes.get(key).is_none() {
        collected.push(key, Ok(value));
    }
}

fn add_text(collected: &mut Collected, key: &str, value: &str) {
    if !value.is_empty() && collected.attributes.get(key).is_none() {
        collected.push(key, text(value));
    }
}

pub(super) fn add_op(collected: &mut Collected, op: &str) {
    add_text(collected, "sentry.op", op);
}

/// Where the name comes from: `route`, `url`, `view`, …
pub(super) fn add_source(collected: &mut Collected, source: Option<String>) {
    let told_elsewhere = |attributes: &Attributes| {
        attributes
            .first_str(&["sentry.segment.name.source", "sentry.span.source"])
            .map(str::to_owned)
    };
    let source = source.or_else(|| told_elsewhere(&collected.attributes));
    add_text(collected, "sentry.transaction.source", &source.unwrap_or_default());
}

fn add_request(collected: &mut Collected, request: RequestInfo) {
    add_text(collected, "http.request.method", &request.method.unwrap_or_default());
    add_text(collected, "url.full", &request.url.unwrap_or_default());
}

/// Tags are an object, or in old SDKs a list of pairs. What is neither is no
/// reason to refuse the span.
fn add_tags(collected: &mut Collected, tags: Option<&RawValue>) {
    let Some(tags) = tags else {
        return;
    };
    let mut left = TAGS_MAX;
    let mut add_tag = |key: &str, value: Result<ValueRef<'_>, Reason>| match left.checked_sub(1) {
        None => collected.left_out.note(Reason::TooManyParts, 1),
        Some(rest) => {
            left = rest;
            if collected.attributes.get(key).is_none() {
                collected.push(key, value);
            }
        }
    };
    if tags.get().starts_with('{') {
        let Flat(flat) = serde_json::from_str(tags.get()).unwrap_or_default();
        for (key, value) in flat.attributes.iter() {
            add_tag(key, Ok(value));
        }
        collected.left_out.merge(&flat.left_out);
        return;
    }
    let _ = for_each_raw(tags, drop, |raw| {
        let pair: Result<(Text<'_>, &RawValue), _> = serde_json::from_str(raw.get());
        if let Ok((Text(key), value)) = pair
            && let Some(value) = value_of_raw(value)
        {
            add_tag(&key, value.as_ref().map(Held::as_ref).map_err(|reason| *reason));
        }
        Ok(())
    });
}

fn decode_child(
    child: serde_json::Result<ChildSpan<'_>>,
    trace_id: &str,
    maker: &mut Maker,
    reading: &mut Reading<'_>,
) -> Result<(), RequestError> {
    reading.budget.pay_item()?;
    let child = match child {
        Ok(child) => child,
        Err(error) => {
            let message = format!("span is unreadable: {error}; send it as the SDK made it");
            reading.decoded.reject(Reason::MalformedItem, message);
            return Ok(());
        }
    };
    match finish_child(child, trace_id, maker) {
        Ok((span, collected)) => reading.deliver(span, collected),
        Err((reason, message)) => {
            reading.decoded.reject(reason, message);
            Ok(())
        }
    }
}

fn finish_child(
    child: ChildSpan<'_>,
    trace_id: &str,
    maker: &mut Maker,
) -> Result<(Span, Collected), Refused> {
    let place = Place {
        trace_id: Some(text_of(&child.trace_id).unwrap_or(trace_id)),
        span_id: text_of(&child.span_id),
        parent: text_of(&child.parent_span_id),
        start: child.start_timestamp,
        end: child.timestamp.or(child.end_timestamp),
    };
    let mut span = maker.span(&place, text_of(&child.origin).unwrap_or_default())?;
    let op = text_of(&child.op).unwrap_or_default();
    let is_entry = child.is_segment == Some(true);
    span.name = child.description.or(child.name).unwrap_or_default();
    span.entry = if is_entry { EntryHint::Yes } else { EntryHint::No };
    span.kind = told_kind(child.data.as_ref())
        .unwrap_or_else(|| if is_entry { kind_of_entry(op, false) } else { kind_of_child(op) });
    set_status(&mut span, text_of(&child.status));
    let mut collected = child.data.unwrap_or_default().0;
    add_op(&mut collected, op);
    add_tags(&mut collected, child.tags);
    if is_entry {
        add_source(&mut collected, None);
    }
    Ok((span, collected))
}
