//! How a call failed: whether its span says that time was over.

use hotspan_knowledge::knowledge;
use hotspan_model::{Status, ValueRef};

use crate::conventions::{Key, ToldSpan};

/// gRPC's number for a deadline that is exceeded.
const DEADLINE_EXCEEDED: i64 = 4;
/// Events of a span that are looked at.
const EVENTS_MAX: usize = 8;

/// True when the span says that it ended because time was over: by its status,
/// the type of its error, or an exception in it.
pub(crate) fn timed_out(span: &ToldSpan<'_>, http_status: u16) -> bool {
    let timeouts = &knowledge().timeouts;
    if timeouts.is_status(http_status) {
        return true;
    }
    if span.status != Status::Error {
        return false;
    }
    let attributes = &span.attributes;
    let grpc = attributes.first_int(&[Key::RpcGrpcStatusCode, Key::RpcResponseStatusCode]);
    grpc == Some(DEADLINE_EXCEEDED)
        || timeouts.says_so(&span.status_message)
        || attributes.first_str(&[Key::ErrorType]).is_some_and(|error| timeouts.says_so(error))
        || exceptions(span).any(|error| timeouts.says_so(error))
}

/// Types and messages of the exceptions in a span.
fn exceptions<'a>(span: &'a ToldSpan<'_>) -> impl Iterator<Item = &'a str> {
    let events = span.events.iter().filter(|event| event.name == "exception").take(EVENTS_MAX);
    events.flat_map(|event| {
        let told = event.attributes.iter().filter_map(|(key, value)| match value {
            ValueRef::Str(text) => Some((key, text)),
            _ => None,
        });
        told.filter(|(key, _)| matches!(*key, "exception.type" | "exception.message"))
            .map(|(_, text)| text)
    })
}
