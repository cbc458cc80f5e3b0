//! `event` items: errors. An error becomes a span without length under the
//! span that was open when it happened, so that it shows in its trace.

use hotspan_model::{SpanId, Status, ValueRef};
use serde::Deserialize;
use serde_json::value::RawValue;
use twox_hash::XxHash3_128;

use super::Reading;
use super::body::Body;
use super::origin::{Facts, Maker, checked_time, id};
use crate::decoded::RequestError;
use crate::json::{for_each_raw, lenient};
use crate::otlp::{Refused, checked_parent, checked_trace_id};
use crate::value::{Collected, text};

/// Marks the span that an error became.
const ERROR_EVENT: &str = "hotspan.error_event";

/// Decodes an event that tells of an error. Without a trace it has no place
/// here, nor has a message that is no error: both are counted.
pub(super) fn decode(mut body: Body<'_>, reading: &mut Reading<'_>) -> Result<(), RequestError> {
    let thrown = body.exception.and_then(last_exception);
    let is_error = matches!(body.level.as_deref(), None | Some("error" | "fatal"));
    if thrown.is_none() && !is_error {
        reading.decoded.count("sentry_item.message", 1);
        return Ok(());
    }
    let in_trace = body
        .contexts
        .as_ref()
        .and_then(|contexts| contexts.trace.as_ref())
        .is_some_and(|trace| trace.trace_id.is_some());
    if !in_trace {
        reading.decoded.count("sentry_item.event_without_trace", 1);
        return Ok(());
    }
    reading.budget.pay_item()?;
    let facts = Facts::of_body(&mut body, reading.header);
    let mut maker = Maker::new(facts, reading.service.clone(), None);
    maker.left_out.report(&mut reading.decoded);
    match span(body, thrown.unwrap_or_default(), &mut maker, reading.header.event_id.as_deref()) {
        Ok((span, collected)) => reading.deliver(span, collected),
        Err((reason, message)) => {
            reading.decoded.reject(reason, message);
            Ok(())
        }
    }
}

fn span(
    body: Body<'_>,
    thrown: Exception,
    maker: &mut Maker,
    header_event_id: Option<&str>,
) -> Result<(hotspan_model::Span, Collected), Refused> {
    let trace = body.contexts.and_then(|contexts| contexts.trace).unwrap_or_default();
    let trace_id = checked_trace_id(id(trace.trace_id.as_deref()))?;
    let parent = checked_parent(id(trace.span_id.as_deref()))?;
    let time = checked_time(body.timestamp, "timestamp")?;
    let event_id = body.event_id.as_deref().or(header_event_id);
    let span_id = span_id_of(event_id, time.0);
    let mut span = maker.blank((trace_id, span_id, parent), (time, time), "");
    let message =
        thrown.value.or_else(|| message_of(body.logentry)).or_else(|| message_of(body.message));
    span.name = thrown.kind.clone().unwrap_or_else(|| "error".to_owned());
    span.status = Status::Error;
    let mut collected = Collected::default();
    collected.push(ERROR_EVENT, Ok(ValueRef::Bool(true)));
    for (key, value) in [
        ("exception.type", thrown.kind.as_deref()),
        ("exception.message", message.as_deref()),
        ("sentry.event_id", event_id),
        ("sentry.transaction", body.transaction.as_deref()),
        ("sentry.level", body.level.as_deref()),
    ] {
        if let Some(value) = value {
            collected.push(key, text(value));
        }
    }
    Ok((span, collected))
}

/// An event has an id of its own but no span id. The same event always gets
/// the same one, so that a copy is known as a copy.
fn span_id_of(event_id: Option<&str>, time_ns: i64) -> SpanId {
    let name = event_id.unwrap_or_default();
    let seed = if name.is_empty() { time_ns as u64 } else { 0 };
    let hash = XxHash3_128::oneshot_with_seed(seed, name.as_bytes()) as u64;
    // Zero would mean that there is none.
    SpanId(hash.max(1).to_be_bytes())
}

/// One exception of a chain.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Exception {
    #[serde(rename = "type", deserialize_with = "lenient")]
    kind: Option<String>,
    #[serde(deserialize_with = "lenient")]
    value: Option<String>,
}

#[derive(Deserialize)]
struct Exceptions<'a> {
    #[serde(borrow)]
    values: Option<&'a RawValue>,
}

/// The exception that was thrown last: SDKs send its causes before it. The
/// chain is an object with `values`, or in old SDKs the list itself.
fn last_exception(raw: &RawValue) -> Option<Exception> {
    let list = if raw.get().starts_with('{') {
        let wrapped: Exceptions<'_> = serde_json::from_str(raw.get()).ok()?;
        match wrapped.values {
            Some(list) => list,
            None => return told(raw),
        }
    } else {
        raw
    };
    let mut last = None;
    let _ = for_each_raw(list, drop, |raw| {
        last = told(raw).or(last.take());
        Ok(())
    });
    last
}

fn told(raw: &RawValue) -> Option<Exception> {
    let exception: Exception = serde_json::from_str(raw.get()).ok()?;
    (exception.kind.is_some() || exception.value.is_some()).then_some(exception)
}

/// A message is text, or an object with the text in it.
fn message_of(raw: Option<&RawValue>) -> Option<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Message {
        #[serde(deserialize_with = "lenient")]
        formatted: Option<String>,
        #[serde(deserialize_with = "lenient")]
        message: Option<String>,
    }
    let json = raw?.get();
    serde_json::from_str(json).ok().or_else(|| {
        let message: Message = serde_json::from_str(json).ok()?;
        message.formatted.or(message.message)
    })
}
