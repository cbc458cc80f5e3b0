//! The endpoint an entry span serves: kind and name, told by OpenTelemetry
//! attributes or by Sentry's transaction name and its source.

use std::sync::Arc;

use hotspan_model::normalise::url;
use hotspan_model::{Door, Endpoint, EndpointKind, SpanKind};

use crate::conventions::{Key, ToldSpan};

/// Longer endpoint names are cut: they come from outside.
const NAME_CHARS_MAX: usize = 200;

/// The endpoint of an entry span received for `project`.
pub(crate) fn endpoint_of(project: &Arc<str>, span: &ToldSpan<'_>) -> Endpoint {
    let kind = kind_of(span);
    let name = match span.door {
        Door::Sentry => sentry_name(span),
        Door::Otlp if kind == EndpointKind::Http => otlp_http_name(span),
        Door::Otlp => span.name.clone(),
    };
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    Endpoint {
        project: Arc::clone(project),
        service: Arc::clone(&span.service),
        kind,
        name: if name.is_empty() { Arc::from("(unnamed)") } else { Arc::from(name) },
    }
}

fn kind_of(span: &ToldSpan<'_>) -> EndpointKind {
    let attributes = &span.attributes;
    let has = |keys: &[Key]| keys.iter().any(|key| attributes.get(*key).is_some());
    let op = attributes.first_str(&[Key::SentryOp]).unwrap_or_default();
    match span.kind {
        SpanKind::Consumer => EndpointKind::Message,
        _ if op.starts_with("queue.") || has(&[Key::MessagingSystem]) => EndpointKind::Message,
        SpanKind::Server if has(&[Key::RpcSystem, Key::RpcSystemName]) => EndpointKind::Rpc,
        _ if op.starts_with("rpc") || op.starts_with("grpc") => EndpointKind::Rpc,
        SpanKind::Server => EndpointKind::Http,
        // Older Sentry SDKs call it `rails.request`, `rack.request`, …
        _ if op == "http.server" || op.ends_with(".request") => EndpointKind::Http,
        _ => EndpointKind::Job,
    }
}

/// Method and route; without a route the template of the path.
fn otlp_http_name(span: &ToldSpan<'_>) -> String {
    let attributes = &span.attributes;
    let method = attributes.first_str(&[Key::HttpRequestMethod, Key::HttpMethod]);
    let path = attributes.first_str(&[Key::UrlPath, Key::HttpTarget]).or_else(|| {
        let url = attributes.first_str(&[Key::UrlFull, Key::HttpUrl])?;
        url::parse(url).map(|parts| parts.path)
    });
    match (method, attributes.first_str(&[Key::HttpRoute]), path) {
        (Some(method), Some(route), _) => format!("{method} {route}"),
        // A name of the form `GET /users/{id}` comes from a framework that
        // knows its routes.
        (Some(method), None, _) if span.name.starts_with(&format!("{method} /")) => {
            url::call_template(method, &span.name[method.len() + 1..])
        }
        (Some(method), None, Some(path)) => url::call_template(method, path),
        _ => span.name.clone(),
    }
}

/// The transaction's name; made a template when the SDK took it from the URL.
fn sentry_name(span: &ToldSpan<'_>) -> String {
    let source = span.attributes.first_str(&[
        Key::SentryTransactionSource,
        Key::SentrySegmentNameSource,
        Key::SentrySpanSource,
    ]);
    let from_url = match source {
        Some(source) => source == "url",
        None => span.name.contains('/') && !span.name.contains(['{', ':', '<']),
    };
    // The SDK for Node.js names a request by its method alone where no
    // framework told it a route; the path is in the attributes then.
    let method_alone = span.name.chars().all(|c| c.is_ascii_uppercase());
    match span.name.split_once(' ') {
        _ if !from_url => span.name.clone(),
        _ if method_alone => otlp_http_name(span),
        Some((method, path)) if method.chars().all(|c| c.is_ascii_uppercase()) => {
            url::call_template(method, path)
        }
        _ => url::call_template("", &span.name),
    }
}
