//! The doors that spans come in by.
//!
//! Every door does the same steps in its own protocol: read the body within
//! limits ([`body`]), find the project ([`project`]), hand the bytes to
//! ingest, and say what came of it. Whatever a request is refused for is one
//! [`denial::Denial`], which each door words in its own way.

pub(crate) mod body;
pub(crate) mod budget;
pub(crate) mod denial;
pub(crate) mod grpc_frame;
pub(crate) mod otlp;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
pub(crate) mod project;
pub(crate) mod sentry;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::error::ApiError;
use crate::state::AppState;

/// Both OTLP protocols on one listener.
pub(crate) fn otlp_router() -> Router<AppState> {
    otlp_http::router().merge(otlp_grpc::router()).fallback(unknown_path)
}

/// Exporters of signals that are not received get an answer they understand.
async fn unknown_path(request: Request) -> Response {
    if grpc_frame::is_grpc(request.headers()) {
        return otlp_grpc::unknown_method();
    }
    ApiError::new(
        StatusCode::NOT_FOUND,
        "nothing is received here",
        "send traces to /v1/traces; profiles are not received",
    )
    .into_response()
}
