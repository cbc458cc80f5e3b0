//! HTTP requests: method, host, path and query from whatever attributes there
//! are, and the GraphQL operation where one is told.

use hotspan_knowledge::knowledge;
use hotspan_model::normalise::url;
use hotspan_model::{Call, CallKind, Class, SpanKind};

use super::{call, known_call, op, peer};
use crate::conventions::{Key, Told, ToldSpan};

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    /// When it is written out in a URL.
    pub(crate) port: Option<u16>,
    /// `None` when only the host is known.
    pub(crate) path: Option<&'a str>,
    /// Without `?`; empty when there is none or none is told.
    pub(crate) query: &'a str,
}

/// The HTTP request that `span` makes, in parts.
pub(crate) fn parts_of<'a>(span: &ToldSpan<'a>) -> Option<Request<'a>> {
    let http_op = op(span).starts_with("http.client");
    if span.kind != SpanKind::Client && !http_op {
        return None;
    }
    from_url(span)
        .or_else(|| from_parts(span))
        .filter(|request| !request.method.is_empty() || http_op)
}

/// The HTTP request that `span` makes.
pub(super) fn request(span: &ToldSpan<'_>) -> Option<Call> {
    let request = parts_of(span)?;
    let (host, path) = (request.host, request.path.unwrap_or("/"));
    if let Some(mut found) = knowledge().families.http(request.method, host, path) {
        found.template = readable(&found.template, request.method, path);
        return Some(known_call(CallKind::Http, host, found));
    }
    let mut operation = url::call_template(request.method, path);
    let keys = url::query_keys(request.query);
    if !keys.is_empty() {
        operation.push('?');
        operation.push_str(&keys);
    }
    if let Some(graphql) = graphql_operation(span) {
        operation.push_str(&format!(" ({graphql})"));
    }
    Some(call(CallKind::Http, Class::Http, host, operation))
}

/// The template of a rule as people read it: what may stand before its path as
/// it stands there, what may follow as `…`, since that is names of secrets.
fn readable(template: &str, method: &str, path: &str) -> String {
    match template.split_once(' ') {
        Some((_, rule)) if rule.starts_with("**") => url::call_template(method, path),
        _ => template.replace("/**", "/…"),
    }
}

/// `query GetUser`: all requests of GraphQL go to one path.
fn graphql_operation(span: &ToldSpan<'_>) -> Option<String> {
    let attributes = &span.attributes;
    let kinds = ["query", "mutation", "subscription"];
    if let Some(name) = attributes.first_str(&[Key::GraphqlOperationName]) {
        let kind = attributes.first_str(&[Key::GraphqlOperationType]).unwrap_or("query");
        return Some(format!("{kind} {name}"));
    }
    // Sentry's SDK for browsers and Node.js writes it behind the URL.
    let named = span.name.strip_suffix(')').and_then(|name| name.rsplit_once(" (")).map(|at| at.1);
    let told = attributes.first_str(&[Key::SentryGraphqlOperation]).or(named)?;
    let kind = told.split(' ').next().unwrap_or_default();
    kinds.contains(&kind).then(|| told.to_owned())
}

/// A whole URL: an attribute, or in Sentry's transactions part of the name.
fn from_url<'a>(span: &ToldSpan<'a>) -> Option<Request<'a>> {
    let (named_method, named_rest) = split_name(span.told_name());
    let attributes = &span.attributes;
    let text = attributes
        .first_str(&[Key::UrlFull, Key::HttpUrl, Key::Url])
        .filter(|text| text.contains("://"))
        // What stands behind the URL is no part of it.
        .or_else(|| named_rest.split(' ').next().filter(|text| text.contains("://")))?;
    let parts = url::parse(text)?;
    let query = match parts.query {
        // Sentry's SDKs cut the query off and tell it beside the URL.
        "" => attributes.first_str(&[Key::HttpQuery, Key::UrlQuery]).unwrap_or_default(),
        query => query,
    };
    Some(Request {
        method: method(attributes).unwrap_or(named_method),
        host: parts.host,
        port: parts.port,
        path: Some(parts.path),
        query: query.trim_start_matches('?'),
    })
}

/// Host and path apart, as in OpenTelemetry Ruby.
fn from_parts<'a>(span: &ToldSpan<'a>) -> Option<Request<'a>> {
    let attributes = &span.attributes;
    let (named_method, named_rest) = split_name(span.told_name());
    let method = method(attributes).unwrap_or(named_method);
    let path = attributes.first_str(&[Key::UrlPath, Key::HttpTarget]);
    let host = [attributes.first_str(&[Key::HttpHost]).map_or("", without_port), peer(attributes)]
        .into_iter()
        .find(|host| !host.is_empty());
    if method.is_empty() || (host.is_none() && path.is_none()) {
        return None;
    }
    let target = path.or_else(|| named_rest.starts_with('/').then_some(named_rest));
    let target = target.map(|target| target.split('#').next().unwrap_or_default());
    let (path, query) = match target.map(|target| target.split_once('?').unwrap_or((target, ""))) {
        Some((path, query)) => (Some(path), query),
        None => (None, ""),
    };
    let told = || attributes.first_str(&[Key::UrlQuery, Key::HttpQuery]).unwrap_or_default();
    Some(Request {
        method,
        host: host.unwrap_or_default(),
        port: None,
        path,
        query: if query.is_empty() { told().trim_start_matches('?') } else { query },
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
pub(super) fn without_port(host: &str) -> &str {
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
