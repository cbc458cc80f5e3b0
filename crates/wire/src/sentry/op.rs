//! What Sentry's `op` says about a span: its role in a call.

use hotspan_model::SpanKind;

/// First segments of the ops of calls to something outside.
const CLIENT_FAMILIES: &[&str] =
    &["db", "cache", "rpc", "grpc", "redis", "elasticsearch", "mongodb", "aws"];

/// Ops of root spans that answer a request but do not end in `.server`.
const SERVER_OPS: &[&str] = &["rails.request", "rack.request", "asgi.request", "wsgi.request"];

/// Ops that send a message.
const PRODUCER_OPS: &[&str] = &["queue.publish", "queue.submit", "topic.send"];

/// The kind of a transaction or segment. `answers_request` is true when the
/// payload describes an HTTP request that came in.
pub(super) fn kind_of_entry(op: &str, answers_request: bool) -> SpanKind {
    if produces(op) {
        SpanKind::Producer
    } else if op.starts_with("queue.") {
        SpanKind::Consumer
    } else if op.ends_with(".server") || SERVER_OPS.contains(&op) || answers_request {
        SpanKind::Server
    } else {
        SpanKind::Internal
    }
}

/// The kind of any other span.
pub(super) fn kind_of_child(op: &str) -> SpanKind {
    let family = op.split('.').next().unwrap_or_default();
    if produces(op) {
        SpanKind::Producer
    } else if CLIENT_FAMILIES.contains(&family) || op == "http.client" || op.ends_with(".client") {
        SpanKind::Client
    } else {
        SpanKind::Internal
    }
}

/// Celery and others append their name, as in `queue.submit.celery`.
fn produces(op: &str) -> bool {
    PRODUCER_OPS.iter().any(|producer| {
        op.strip_prefix(producer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (op, entry, child) in [
            ("http.server", SpanKind::Server, SpanKind::Internal),
            ("rails.request", SpanKind::Server, SpanKind::Internal),
            ("queue.process", SpanKind::Consumer, SpanKind::Internal),
            ("queue.task.celery", SpanKind::Consumer, SpanKind::Internal),
            ("queue.publish", SpanKind::Producer, SpanKind::Producer),
            ("queue.submit.celery", SpanKind::Producer, SpanKind::Producer),
            ("http.client", SpanKind::Internal, SpanKind::Client),
            ("db", SpanKind::Internal, SpanKind::Client),
            ("db.sql.query", SpanKind::Internal, SpanKind::Client),
            ("dbx", SpanKind::Internal, SpanKind::Internal),
            ("cache.get_item", SpanKind::Internal, SpanKind::Client),
            ("rpc", SpanKind::Internal, SpanKind::Client),
            ("websocket.client", SpanKind::Internal, SpanKind::Client),
            ("template.render", SpanKind::Internal, SpanKind::Internal),
            ("", SpanKind::Internal, SpanKind::Internal),
        ] {
            assert_eq!(kind_of_entry(op, false), entry, "entry {op:?}");
            assert_eq!(kind_of_child(op), child, "child {op:?}");
        }
        assert_eq!(kind_of_entry("", true), SpanKind::Server);
        assert_eq!(kind_of_entry("queue.process", true), SpanKind::Consumer);
    }
}
