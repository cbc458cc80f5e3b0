//! A panic in a handler ends one request with 500 and a counter, nothing more.

use std::panic::AssertUnwindSafe;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use crate::api::error::ApiError;
use crate::state::AppState;

/// Runs the rest of the request, whatever it does.
pub(crate) async fn catch(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => {
            tracing::error!(path, "a handler panicked; please report this");
            state.count_refusal("panic");
            ApiError::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "this request hit a defect of Hotspan".to_owned(),
                "report the line that the server logged",
            )
            .into_response()
        }
    }
}
