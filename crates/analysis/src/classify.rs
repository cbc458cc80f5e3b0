//! What an exit span calls: the one place that knows how instrumentations
//! spell calls, old and new semantic conventions and Sentry's shapes alike.
//!
//! Which hosts and paths are credential lookups is not known here but in the
//! knowledge crate.

mod aws;
mod cache;
pub(crate) mod database;
pub(crate) mod http;
mod message;
mod rpc;
mod search;
pub(crate) mod set_up;

use std::sync::Arc;

use hotspan_knowledge::Match;
use hotspan_model::normalise::url;
use hotspan_model::{Call, CallKind, Class, LookupStep, SpanKind};

use crate::conventions::{Key, Told, ToldSpan};

/// Longer span names are cut: they become paths of call trees.
const NAME_CHARS_MAX: usize = 160;

/// The call that `span` makes; `None` when it is work of the service itself.
pub(crate) fn call_of(span: &ToldSpan<'_>) -> Option<Call> {
    if matches!(span.kind, SpanKind::Server | SpanKind::Consumer) {
        return None;
    }
    set_up::set_up(span)
        .or_else(|| aws::operation(span))
        .or_else(|| database::statement(span))
        .or_else(|| message::message(span))
        .or_else(|| rpc::procedure(span))
        .or_else(|| http::request(span))
        .or_else(|| unknown(span))
}

/// The name that call trees and waterfalls use: equal for equal operations.
pub(crate) fn name_of(span: &ToldSpan<'_>, call: Option<&Call>) -> Arc<str> {
    let name = match call {
        Some(call) if call.kind == CallKind::Http && !call.target.is_empty() => {
            match call.operation.split_once(' ') {
                Some((method, path)) => format!("{method} {}{path}", call.target),
                None => format!("{} {}", call.operation, call.target),
            }
        }
        // A client span without a name must stay recognisable as one.
        Some(call) if !span.name.is_empty() => call.operation.clone(),
        _ if span.name.contains("://") => http::template_of_text(&span.name),
        _ if span.name.starts_with('/') => url::path_template(&span.name),
        _ => span.name.clone(),
    };
    match name.char_indices().nth(NAME_CHARS_MAX) {
        Some((cut, _)) => Arc::from(&name[..cut]),
        None => Arc::from(name),
    }
}

/// Sentry's operation; empty for other spans.
fn op<'a>(span: &ToldSpan<'a>) -> &'a str {
    span.attributes.first_str(&[Key::SentryOp]).unwrap_or_default()
}

/// The other side's host name or address.
fn peer<'a>(attributes: &Told<'a>) -> &'a str {
    attributes
        .first_str(&[
            Key::ServerAddress,
            Key::NetPeerName,
            Key::NetworkPeerAddress,
            Key::NetPeerIp,
            Key::NetSockPeerAddr,
        ])
        .unwrap_or_default()
}

fn call(kind: CallKind, class: Class, target: &str, operation: impl Into<String>) -> Call {
    Call {
        kind,
        target: target.to_owned(),
        operation: operation.into(),
        class,
        step: None,
        family: Arc::from(""),
    }
}

/// A call that the knowledge files name.
fn known_call(kind: CallKind, target: &str, found: Match<'_>) -> Call {
    Call {
        kind,
        target: target.to_owned(),
        operation: found.template,
        class: Class::from_slug(found.class).unwrap_or(Class::Http),
        step: found.step.map(known_step),
        family: Arc::from(found.family),
    }
}

/// Reads a step slug of the knowledge files.
fn known_step(slug: &str) -> LookupStep {
    match slug {
        "token" => LookupStep::Token,
        "list" => LookupStep::List,
        "credentials" => LookupStep::Credentials,
        "batch" => LookupStep::Batch,
        _ => LookupStep::Other,
    }
}

/// A client span that fits nothing known still leaves the service.
fn unknown(span: &ToldSpan<'_>) -> Option<Call> {
    (span.kind == SpanKind::Client).then(|| {
        let (kind, class) = match op(span) {
            "" | "http.client" => (CallKind::Http, Class::Http),
            _ => (CallKind::Rpc, Class::Rpc),
        };
        call(kind, class, peer(&span.attributes), span.name.as_str())
    })
}
