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

/// The process answers, and starting it again would help nothing.
pub(crate) async fn alive(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    match state.ingest.log_fault().filter(|fault| fault.halted) {
        Some(fault) => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("the log stopped after a disk failure: {}", fault.reason),
            "repair the disk of the data directory, then start the server again: nothing that \
             was acknowledged is lost",
        )),
        None => Ok("ok\n"),
    }
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
    let log_fault = state.ingest.log_fault().map(|fault| fault.reason);
    match storage.flush_error.or(log_fault) {
        Some(error) => Err(unavailable(error)),
        None => Ok("ready\n"),
    }
}
