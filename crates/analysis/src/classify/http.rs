//! HTTP requests: method, host and path from whatever attributes there are.

use std::borrow::Cow;
use std::sync::Arc;

use hotspan_knowledge::knowledge;
use hotspan_model::normalise::url;
use hotspan_model::{Call, CallKind, Class, SpanKind};

use super::{call, known_class, known_step, op, peer};
use crate::conventions::{Key, Told, ToldSpan};

/// Where a request goes.
struct Request<'a> {
    method: &'a str,
    host: Cow<'a, str>,
    path: Cow<'a, str>,
}

/// The HTTP request that `span` makes.
pub(super) fn request(span: &ToldSpan<'_>) -> Option<Call> {
    let http_op = op(span).starts_with("http.client");
    if span.kind != SpanKind::Client && !http_op {
        return None;
    }
    let request = from_url(span)
        .or_else(|| from_parts(span))
        .filter(|request| !request.method.is_empty() || http_op)?;
    let (host, path) = (request.host.as_ref(), request.path.as_ref());
    if let Some(found) = knowledge().families.http(request.method, host, path) {
        return Some(Call {
            kind: CallKind::Http,
            target: host.to_owned(),
            operation: found.template,
            class: known_class(found.class),
            step: found.step.map(known_step),
            family: Arc::from(found.family),
        });
    }
    let operation = url::call_template(request.method, path);
    Some(call(CallKind::Http, Class::Http, host, operation))
}

/// A whole URL: an attribute, or in Sentry's transactions part of the name.
fn from_url<'a>(span: &'a ToldSpan<'_>) -> Option<Request<'a>> {
    let (named_method, named_rest) = split_name(&span.name);
    let text = span
        .attributes
        .first_str(&[Key::UrlFull, Key::HttpUrl, Key::Url])
        .filter(|text| text.contains("://"))
        .or_else(|| named_rest.contains("://").then_some(named_rest))?;
    let parts = url::parse(text)?;
    Some(Request {
        method: method(&span.attributes).unwrap_or(named_method),
        host: Cow::Borrowed(parts.host),
        path: Cow::Borrowed(parts.path),
    })
}

/// Host and path apart, as in OpenTelemetry Ruby.
fn from_parts<'a>(span: &'a ToldSpan<'_>) -> Option<Request<'a>> {
    let attributes = &span.attributes;
    let (named_method, named_rest) = split_name(&span.name);
    let method = method(attributes).unwrap_or(named_method);
    let path = attributes.first_str(&[Key::UrlPath, Key::HttpTarget]);
    let host = [attributes.first_str(&[Key::HttpHost]).map_or("", without_port), peer(attributes)]
        .into_iter()
        .find(|host| !host.is_empty());
    if method.is_empty() || (host.is_none() && path.is_none()) {
        return None;
    }
    let path = path.or_else(|| named_rest.starts_with('/').then_some(named_rest));
    let path = path.unwrap_or("/").split(['?', '#']).next();
    Some(Request {
        method,
        host: Cow::Borrowed(host.unwrap_or_default()),
        path: Cow::Borrowed(path.unwrap_or("/")),
    })
}

fn method<'a>(attributes: &Told<'a>) -> Option<&'a str> {
    attributes.first_str(&[Key::HttpRequestMethod, Key::HttpMethod, Key::HttpRequestMethodFlat])
}

/// `PUT http://…` and `HTTP PUT` as method and rest; other names have no method.
fn split_name(name: &str) -> (&str, &str) {
    let name = name.strip_prefix("HTTP ").unwrap_or(name);
    let (method, rest) = name.split_once(' ').unwrap_or((name, ""));
    let is_method =
        (3..=7).contains(&method.len()) && method.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_method { (method, rest) } else { ("", name) }
}

/// `host:80` and `[::1]:80` without the port; a bare IPv6 address has none.
fn without_port(host: &str) -> &str {
    if let Some(bracketed) = host.strip_prefix('[') {
        return bracketed.split(']').next().unwrap_or_default();
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

/// A text such as `GET https://host/users/7`, values taken out.
pub(super) fn template_of_text(text: &str) -> String {
    let (method, rest) = split_name(text);
    match url::parse(rest) {
        Some(parts) => {
            let path = url::path_template(parts.path);
            format!("{method} {}{path}", parts.host).trim().to_owned()
        }
        None => text.to_owned(),
    }
}
