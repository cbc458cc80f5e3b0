//! How many pages and API requests are answered at once, and for how long.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::timeout;

use crate::api::error::ApiError;
use crate::state::AppState;

/// Waits for a turn and runs the request, both within the page's time.
pub(crate) async fn limit(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let turns = Arc::clone(&state.doors.pages);
    let answering = async {
        match turns.acquire_owned().await {
            Ok(_turn) => Some(next.run(request).await),
            Err(_) => None,
        }
    };
    if let Ok(Some(response)) = timeout(state.config.page_timeout, answering).await {
        return response;
    }
    state.count_refusal("page_timeout");
    ApiError::new(
        StatusCode::SERVICE_UNAVAILABLE,
        format!("no answer within {} s", state.config.page_timeout.as_secs()),
        "try again, or ask for a shorter window",
    )
    .into_response()
}
