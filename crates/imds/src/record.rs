//! What is told about a request: enough to see who asks how often and to which
//! trace it belongs. Never a token, a secret, a header as it came, or a query.

use http::{HeaderMap, Method};
use serde::Serialize;

use crate::civil::UnixSeconds;

/// Longer paths and user agents are cut: they come from anyone who can connect.
const TEXT_CHARS_MAX: usize = 256;

/// The protocol a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// Without a token.
    V1,
    /// Asks for a token or has one.
    V2,
    /// The container endpoint.
    Container,
}

/// One request and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Record {
    /// When it came, RFC 3339.
    pub time: String,
    /// E.g. `PUT`.
    pub method: String,
    /// The path as asked for, without query.
    pub path: String,
    /// The answer's status; absent when none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The protocol spoken.
    pub version: Version,
    /// What the caller calls itself; some SDKs say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// The trace that the request belongs to, from `traceparent` or `sentry-trace`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// The span that made the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<String>,
}

impl Record {
    /// The record of a request whose answer is not known yet.
    pub(crate) fn of(
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        version: Version,
        now: UnixSeconds,
    ) -> Self {
        let trace = trace_of(headers);
        Self {
            time: now.rfc3339(),
            method: bounded(method.as_str()),
            path: bounded(path),
            status: None,
            version,
            user_agent: header(headers, "user-agent").map(bounded),
            trace_id: trace.map(|(trace_id, _)| trace_id.to_owned()),
            span_id: trace.map(|(_, span_id)| span_id.to_owned()),
        }
    }
}

/// A header that is text.
pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

/// Trace and span id, from `traceparent` or `sentry-trace`. The headers are
/// untrusted: only well-formed ids count.
pub fn trace_of(headers: &HeaderMap) -> Option<(&str, &str)> {
    let w3c = header(headers, "traceparent").and_then(|value| {
        let mut parts = value.split('-').skip(1);
        Some((parts.next()?, parts.next()?))
    });
    let sentry = || {
        let mut parts = header(headers, "sentry-trace")?.split('-');
        Some((parts.next()?, parts.next()?))
    };
    w3c.filter(is_trace).or_else(|| sentry().filter(is_trace))
}

fn is_trace((trace_id, span_id): &(&str, &str)) -> bool {
    let is_id = |text: &str, chars: usize| {
        text.len() == chars
            && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && text.bytes().any(|byte| byte != b'0')
    };
    is_id(trace_id, 32) && is_id(span_id, 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_are_read_from_either_header() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let span = "b7ad6b7169203331";
        let found = Some((trace, span));
        for (name, value, expected) in [
            ("traceparent", format!("00-{trace}-{span}-03"), found),
            ("sentry-trace", format!("{trace}-{span}-1"), found),
            ("sentry-trace", format!("{trace}-{span}"), found),
            ("traceparent", format!("00-{}-{span}-01", "0".repeat(32)), None),
            ("traceparent", format!("00-{trace}"), None),
            ("sentry-trace", "'; drop table".to_owned(), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header"));
            assert_eq!(trace_of(&headers), expected, "{name}: {value}");
        }
    }
}
