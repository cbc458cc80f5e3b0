//! Spans about connections: opening one, resolving a name, waiting for one of a
//! pool. What instrumentations call them is known by the knowledge crate.

use hotspan_knowledge::connections::Candidate;
use hotspan_knowledge::knowledge;
use hotspan_model::{Call, CallKind, Class};

use super::http::without_port;
use super::{call, op, peer};
use crate::conventions::{Key, ToldSpan};

/// The operation of a span that takes a connection out of a pool: waiting for
/// it is no connecting.
pub(crate) const ACQUIRE: &str = "acquire";
/// The operation of a span that opens a connection.
pub(crate) const CONNECT: &str = "connect";
/// The operation of a span that encrypts a connection.
const TLS: &str = "tls";

/// Name resolution and connection set-up as spans of their own.
pub(super) fn set_up(span: &ToldSpan<'_>) -> Option<Call> {
    let connections = &knowledge().connections;
    let by_op = op(span) == "http.connect";
    if !by_op && !connections.may_fit(span.told_name()) {
        return None;
    }
    let target = target_of(span);
    let database = span.attributes.first_str(&[Key::DbSystemName, Key::DbSystem]);
    let candidate = Candidate {
        name: span.told_name(),
        scope: &span.scope.name,
        database: database.is_some(),
        target: !target.is_empty(),
    };
    let (step, rest) = match connections.step(&candidate) {
        Some(found) => found,
        None if by_op => (CONNECT, ""),
        None => return None,
    };
    // .NET writes the other side into the name.
    let target = [target, without_port(rest), database.unwrap_or_default()];
    let target = target.into_iter().find(|target| !target.is_empty()).unwrap_or_default();
    Some(match step {
        "resolve" => call(CallKind::Dns, Class::Dns, target, "resolve"),
        ACQUIRE => call(CallKind::Connect, Class::ConnectionSetup, target, ACQUIRE),
        "tls" => call(CallKind::Connect, Class::ConnectionSetup, target, TLS),
        _ => call(CallKind::Connect, Class::ConnectionSetup, target, CONNECT),
    })
}

/// The other side without a port, which Go writes behind names and addresses.
fn target_of<'a>(span: &ToldSpan<'a>) -> &'a str {
    let told = peer(&span.attributes);
    let keys = [
        Key::DnsQuestionName,
        Key::NetHostName,
        Key::HttpHost,
        Key::HttpConnDoneAddr,
        Key::HttpRemote,
    ];
    let told =
        if told.is_empty() { span.attributes.first_str(&keys).unwrap_or_default() } else { told };
    without_port(told)
}
