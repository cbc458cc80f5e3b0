//! What the Sentry doors say: the event's id, or why not.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hotspan_ingest::Receipt;
use serde::Serialize;

use crate::receive::denial::{Denial, retry_seconds};

const ERROR_HEADER: HeaderName = HeaderName::from_static("x-sentry-error");
const RATE_LIMITS_HEADER: HeaderName = HeaderName::from_static("x-sentry-rate-limits");
/// Rejected items that an answer tells one by one.
const REJECTIONS_TOLD: usize = 10;

#[derive(Serialize)]
struct Taken<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// SDKs do not look at it; people who wonder where a span is do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rejected: Vec<Rejected<'a>>,
}

#[derive(Serialize)]
struct Rejected<'a> {
    item: u32,
    reason: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct Refused {
    detail: String,
    causes: Vec<String>,
}

/// 200 with the event's id, and what of the request was not kept.
pub(super) fn taken(receipt: &Receipt) -> Response {
    let rejected = receipt
        .rejections
        .iter()
        .take(REJECTIONS_TOLD)
        .map(|rejection| Rejected {
            item: rejection.item,
            reason: rejection.reason.slug(),
            message: &rejection.message,
        })
        .collect();
    let id = receipt.event_id.as_deref();
    Json(Taken { id, rejected }).into_response()
}

/// 400: the request was read and nothing in it could be kept.
pub(super) fn all_rejected(receipt: &Receipt) -> Response {
    let causes = receipt
        .rejections
        .iter()
        .take(REJECTIONS_TOLD)
        .map(|rejection| format!("item {}: {}", rejection.item, rejection.message))
        .collect();
    error(StatusCode::BAD_REQUEST, "nothing in this request can be kept".to_owned(), causes)
}

/// The status and headers of a request that was refused whole.
pub(super) fn refused(denial: &Denial) -> Response {
    let text = denial.to_string();
    let mut response = error(denial.sentry_status(), text, vec![denial.reason().to_owned()]);
    if let Some(wait) = denial.retry_after() {
        let seconds = retry_seconds(wait);
        let headers = response.headers_mut();
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        // No category in the second field: the limit is for every kind of item.
        let limits = format!("{seconds}::organization:{}", denial.reason());
        if let Ok(limits) = HeaderValue::from_str(&limits) {
            headers.insert(RATE_LIMITS_HEADER, limits);
        }
    }
    response
}

fn error(status: StatusCode, detail: String, causes: Vec<String>) -> Response {
    // Header values are visible ASCII; what clients sent may be anything.
    let visible: String =
        detail.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect();
    let mut response = (status, Json(Refused { detail, causes })).into_response();
    if let Ok(value) = HeaderValue::from_str(&visible) {
        response.headers_mut().insert(ERROR_HEADER, value);
    }
    response
}
