//! `GET /metrics`: what the server measures of itself, for Prometheus.
//!
//! [`families`] is the table of everything told, [`reading`] takes the numbers
//! at one moment, [`exposition`] writes the text format. The Status page reads
//! the same numbers, so the two never disagree.
//!
//! What must not live here: counting. Every crate counts for itself.

pub(crate) mod doors;
mod exposition;
mod families;
pub(crate) mod process;
pub(crate) mod reading;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::security::metrics_token;
use crate::state::AppState;
use reading::Reading;

/// The text format that every Prometheus since 2014 reads.
const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/metrics`, behind the login where there is one, with a token of its own.
pub(crate) fn router(state: AppState) -> Router<AppState> {
    Router::new()
        .route("/metrics", get(show))
        .layer(from_fn_with_state(state, metrics_token::require))
}

/// Not among the pages that wait for a turn: a server with too much to do is
/// the one whose numbers are wanted.
async fn show(State(state): State<AppState>) -> Response {
    let reading = Reading::take(&state).await;
    let text = families::text(&reading);
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}
