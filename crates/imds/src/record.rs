//! What is told about a request: enough to see who asks how often and to which
//! trace it belongs. Never a token, a secret, a header as it came, or a query.

use http::header::AsHeaderName;
use http::{HeaderMap, Method};
use serde::Serialize;

use crate::civil::UnixSeconds;
use crate::trace::trace_of;

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
    /// The trace that the request belongs to, as [`crate::trace`] reads it.
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
            trace_id: trace.map(|trace| trace.trace_id.to_owned()),
            span_id: trace.and_then(|trace| trace.span_id).map(str::to_owned),
        }
    }
}

/// A header that is text.
pub fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn bounded(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}
