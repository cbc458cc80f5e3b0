//! What browsers need to be told before their SDK may send from any page.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;

const HEADERS: [(HeaderName, &str); 2] = [
    // No cookies are involved: the key in the request is what lets it in.
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "x-sentry-error, x-sentry-rate-limits, retry-after"),
];

const PREFLIGHT_HEADERS: [(HeaderName, &str); 3] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, OPTIONS"),
    (
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, \
         content-type, content-encoding, transfer-encoding, authentication, authorization, \
         baggage, sentry-trace, traceparent",
    ),
    (header::ACCESS_CONTROL_MAX_AGE, "3600"),
];

/// Adds what every answer to a browser carries, refusals included: without it
/// the SDK could not even read why it was refused.
pub(super) async fn add(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Answers `OPTIONS`.
pub(super) async fn preflight() -> (StatusCode, [(HeaderName, &'static str); 3]) {
    (StatusCode::NO_CONTENT, PREFLIGHT_HEADERS)
}
