//! Whether a request was meant for this server, and whether a page of this
//! server made it.
//!
//! A web page elsewhere can make its own name resolve to 127.0.0.1 and then
//! read answers as if they were its own (DNS rebinding). The `Host` header
//! still carries that foreign name, so only names known to be ours are
//! answered. IP addresses are always fine: rebinding needs a name.

use std::net::IpAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::state::AppState;

/// Refuses requests for foreign host names, and changes asked for by pages of
/// other origins.
pub(crate) async fn check(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let host = host_of(request.uri(), request.headers());
    if !host.is_some_and(|host| is_ours(host, &state.config.hosts)) {
        state.count_refusal("foreign_host");
        return ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            format!("host {:?} is not a name of this server", host.unwrap_or_default()),
            "open the address printed at start, or add the name to the setting `hosts`",
        )
        .into_response();
    }
    if changes(request.method()) && !same_origin(request.headers(), host.unwrap_or_default()) {
        state.count_refusal("foreign_origin");
        return ApiError::new(
            StatusCode::FORBIDDEN,
            "a page of another origin asked for a change".to_owned(),
            "send the request from a page of this server",
        )
        .into_response();
    }
    next.run(request).await
}

/// The host a request names, with its port: HTTP/2's `:authority`, else `Host`.
pub(crate) fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    uri.authority()
        .map(|authority| authority.as_str())
        .or_else(|| headers.get(header::HOST)?.to_str().ok())
}

fn is_ours(host: &str, configured: &[String]) -> bool {
    let name = without_port(host);
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    let name = name.strip_suffix('.').unwrap_or(name);
    address.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        // RFC 6761: every name below localhost is loopback too.
        || name.to_ascii_lowercase().ends_with(".localhost")
        || configured
            .iter()
            .any(|ours| without_port(ours).eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty()
                && port.bytes().all(|byte| byte.is_ascii_digit())
                && (name.ends_with(']') || !name.contains(':')) =>
        {
            name
        }
        _ => host,
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Browsers tell the origin of every POST. A client that tells none is not a
/// browser and carries no cookies of one.
fn same_origin(headers: &HeaderMap, host: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or(""));
    if let Some(site) = text("sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text("origin") {
        None => true,
        Some(origin) => origin
            .split_once("://")
            .is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        let configured = ["apm.example.org".to_owned()];
        for (host, ours) in [
            ("localhost", true),
            ("LOCALHOST:4319", true),
            ("localhost.", true),
            ("hotspan.localhost:4319", true),
            ("127.0.0.1:4319", true),
            ("127.9.9.9", true),
            ("[::1]:4319", true),
            ("[::1]", true),
            ("192.168.1.5:80", true),
            ("apm.example.org", true),
            ("APM.example.org:443", true),
            ("apm.example.org.", true),
            ("evil.example.org", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("evillocalhost", false),
            ("localhost:4319@evil.example", false),
            ("", false),
            (":4319", false),
        ] {
            assert_eq!(is_ours(host, &configured), ours, "{host:?}");
        }
    }

    #[test]
    fn origins() {
        let host = "127.0.0.1:4319";
        for (name, value, same) in [
            ("origin", "http://127.0.0.1:4319", true),
            ("origin", "http://127.0.0.1:80", false),
            ("origin", "https://evil.example", false),
            ("origin", "null", false),
            ("sec-fetch-site", "same-origin", true),
            ("sec-fetch-site", "cross-site", false),
            ("sec-fetch-site", "same-site", false),
            ("accept", "*/*", true),
        ] {
            let headers = HeaderMap::from_iter([(
                header::HeaderName::from_static(name),
                header::HeaderValue::from_static(value),
            )]);
            assert_eq!(same_origin(&headers, host), same, "{name}: {value}");
        }
    }
}
