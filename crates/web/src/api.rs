//! The JSON API beside the pages, described in `docs/api.md`.
//!
//! Its shapes are structs of this folder, made from the model's types: the
//! model may change without a client noticing. Pages do not go through here.

pub(crate) mod credentials;
pub(crate) mod deploys;
pub(crate) mod endpoints;
pub(crate) mod error;
pub(crate) mod health;
pub(crate) mod issues;
pub(crate) mod life;
pub(crate) mod profile;
pub(crate) mod search;
pub(crate) mod stats;
pub(crate) mod traces;
pub(crate) mod window;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use hotspan_model::UnixNanos;
use hotspan_model::time::NANOS_PER_MILLI;

use crate::state::AppState;

/// A body of this API is no larger.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Everything below `/api/v1`.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/endpoints", get(endpoints::list))
        .route("/endpoints/{id}/profile", get(profile::one))
        .route("/issues", get(issues::list))
        .route("/issues/{id}", get(issues::one))
        .route("/issues/{id}/state", post(life::set_state))
        .route("/deploys", post(deploys::tell))
        .route("/search", get(search::find))
        .route("/traces/{trace_id}", get(traces::one))
        .route("/credentials", get(credentials::all))
        .route("/stats", get(stats::all))
        .fallback(error::unknown_path)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// Nanoseconds as the milliseconds that durations are given in.
fn millis(nanos: i64) -> f64 {
    nanos as f64 / NANOS_PER_MILLI as f64
}

/// A moment as the API writes it: RFC 3339 in UTC, with milliseconds.
fn time_text(time: UnixNanos) -> String {
    time.to_string()
}
