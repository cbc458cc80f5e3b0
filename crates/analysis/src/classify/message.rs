//! Messages to queues and topics.

use std::borrow::Cow;

use hotspan_model::normalise::key::key_template;
use hotspan_model::{Call, CallKind, Class, SpanKind, ValueRef};

use super::{call, op};
use crate::conventions::{Key, ToldSpan};

/// What a client's own operation is in the words of the convention's types.
const VERBS: [(&str, &str); 12] = [
    ("ack", "settle"),
    ("basic_publish", "publish"),
    ("create", "create"),
    ("deliver", "process"),
    ("poll", "receive"),
    ("process", "process"),
    ("produce", "publish"),
    ("publish", "publish"),
    ("receive", "receive"),
    ("send", "publish"),
    ("settle", "settle"),
    ("submit", "publish"),
];

/// A message that `span` sends, or asks a queue for: `publish orders`.
pub(super) fn message(span: &ToldSpan<'_>) -> Option<Call> {
    let system = span.attributes.first_str(&[Key::MessagingSystem]);
    let sends = span.kind == SpanKind::Producer || op(span).starts_with("queue.");
    if !sends && (system.is_none() || span.kind != SpanKind::Client) {
        return None;
    }
    let destination = destination(span);
    let target = destination.as_deref().or(system).unwrap_or_default();
    let operation = format!("{} {target}", verb(span));
    Some(call(CallKind::Message, Class::Queue, target, operation.trim()))
}

/// Where the message goes, without the ids that queues for one answer have.
pub(super) fn destination<'a>(span: &ToldSpan<'a>) -> Option<Cow<'a, str>> {
    let attributes = &span.attributes;
    if let Some(template) = attributes.first_str(&[Key::MessagingDestinationTemplate]) {
        return Some(template.into());
    }
    let passing = [Key::MessagingDestinationTemporary, Key::MessagingDestinationAnonymous];
    if passing.into_iter().any(|key| attributes.get(key) == Some(ValueRef::Bool(true))) {
        return Some("(temporary)".into());
    }
    let name = attributes.first_str(&[Key::MessagingDestinationName, Key::MessagingDestination])?;
    // RabbitMQ's names for queues that last as long as a connection.
    if name.starts_with("amq.gen-") {
        return Some("(temporary)".into());
    }
    // SQS names queues by their URL.
    let name = match name.contains("://") {
        true => name.rsplit('/').find(|part| !part.is_empty()).unwrap_or(name),
        false => name,
    };
    Some(key_template(name).into())
}

fn verb<'a>(span: &ToldSpan<'a>) -> &'a str {
    let op = op(span).strip_prefix("queue.").and_then(|rest| rest.split('.').next());
    let told = span
        .attributes
        .first_str(&[
            Key::MessagingOperationType,
            Key::MessagingOperationName,
            Key::MessagingOperation,
        ])
        .or(op)
        .unwrap_or("publish");
    let known = VERBS.into_iter().find(|(name, _)| told.eq_ignore_ascii_case(name));
    known.map_or(told, |(_, verb)| verb)
}
