//! Whether the process runs, and whether it can do its work.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::error::ApiError;
use crate::state::AppState;

/// `/healthz` and `/readyz`, open to everyone: they tell nothing else.
pub(crate) fn router() -> Router<AppState> {
    Router::new().route("/healthz", get(alive)).route("/readyz", get(ready))
}

/// The process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// The store answers too, and what is received can be written.
async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    let unavailable = |error: String| {
        ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            error,
            "look at the server's log and at the disk of its data directory",
        )
    };
    let storage =
        state.store.storage_stats().await.map_err(|error| unavailable(error.to_string()))?;
    match storage.flush_error {
        Some(error) => Err(unavailable(error)),
        None => Ok("ready\n"),
    }
}
