//! OTLP over HTTP, protobuf and JSON by content type.
//!
//! Answers are in the request's format. Exporters try again after 429, 502,
//! 503 and 504 only, so nothing that passes by itself is answered otherwise.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hotspan_wire::otlp::{self, Format};
use tokio::time::Instant;

use super::body;
use super::denial::{Denial, retry_seconds};
use super::otlp::{Signal, Taken, project_of, take};
use crate::api::health;
use crate::state::AppState;

/// The doors of the OTLP listener.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/v1/traces", post(traces))
        .route("/v1/metrics", post(metrics))
        .route("/v1/logs", post(logs))
        .route("/healthz", get(health::alive))
}

async fn traces(State(state): State<AppState>, request: Request) -> Response {
    receive(&state, Signal::Traces, request).await
}

async fn metrics(State(state): State<AppState>, request: Request) -> Response {
    receive(&state, Signal::Metrics, request).await
}

async fn logs(State(state): State<AppState>, request: Request) -> Response {
    receive(&state, Signal::Logs, request).await
}

async fn receive(state: &AppState, signal: Signal, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let format = format_of(&parts.headers);
    let format = match format {
        Ok(format) => format,
        // There is no format to answer in; people read JSON.
        Err(denial) => {
            body::decline(state, &parts.headers, body).await;
            return refuse(state, &denial, Format::Json);
        }
    };
    match attempt(state, signal, format, &parts.headers, body).await {
        Ok(taken) => answer(StatusCode::OK, format, taken.body(format)),
        Err(denial) => refuse(state, &denial, format),
    }
}

async fn attempt(
    state: &AppState,
    signal: Signal,
    format: Format,
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, Denial> {
    let project = match project_of(state, headers).await {
        Ok(project) => project,
        Err(denial) => {
            body::decline(state, headers, body).await;
            return Err(denial);
        }
    };
    let until = Instant::now() + state.config.otlp_patience;
    let held = body::read(state, headers, body, until).await?;
    take(state, signal, format, project, held).await
}

fn format_of(headers: &HeaderMap) -> Result<Format, Denial> {
    let value = headers
        .get(header::CONTENT_TYPE)
        .map_or("", |value| value.to_str().unwrap_or("(not text)"));
    let essence = value.split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/x-protobuf" | "application/protobuf" => Ok(Format::Protobuf),
        "application/json" => Ok(Format::Json),
        _ => Err(Denial::UnknownContentType(essence.to_owned())),
    }
}

fn refuse(state: &AppState, denial: &Denial, format: Format) -> Response {
    denial.count(&state.ingest);
    let retry_after = denial.retry_after();
    let status = otlp::answer::status(denial.grpc_code(), &denial.to_string(), retry_after, format);
    let mut response = answer(denial.otlp_status(), format, status);
    if let Some(wait) = retry_after {
        let seconds = HeaderValue::from(retry_seconds(wait));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

fn answer(status: StatusCode, format: Format, body: Vec<u8>) -> Response {
    let content_type = match format {
        Format::Protobuf => "application/x-protobuf",
        Format::Json => "application/json",
    };
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
