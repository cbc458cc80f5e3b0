//! OTLP over gRPC: `Export` of the trace, metrics and logs services.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use hotspan_wire::encoding::Encoding;
use hotspan_wire::otlp::{self, Format};
use tokio::time::Instant;

use super::body::{self, Held, Leftover};
use super::denial::{Denial, code};
use super::grpc_frame;
use super::otlp::{Signal, Taken, project_of, take};
use crate::state::AppState;

/// The three methods that exporters call.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", post(traces))
        .route("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", post(metrics))
        .route("/opentelemetry.proto.collector.logs.v1.LogsService/Export", post(logs))
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

/// The answer to any other method.
pub(crate) fn unknown_method() -> Response {
    let message = "this method is not served: traces, metrics and logs are exported here";
    failure(code::UNIMPLEMENTED, message, None)
}

async fn receive(state: &AppState, signal: Signal, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match attempt(state, signal, &parts.headers, body).await {
        Ok(taken) => grpc_frame::success(&taken.body(Format::Protobuf)),
        Err(denial) => {
            denial.count(&state.ingest);
            let retry_after = denial.retry_after();
            failure(denial.grpc_code(), &denial.to_string(), retry_after)
        }
    }
}

async fn attempt(
    state: &AppState,
    signal: Signal,
    headers: &HeaderMap,
    body: Body,
) -> Result<Taken, Denial> {
    let project = project_of(state, headers).await?;
    let until = Instant::now() + state.config.otlp_patience;
    let held = read_message(state, headers, body, until).await?;
    take(state, signal, Format::Protobuf, project, held).await
}

async fn read_message(
    state: &AppState,
    headers: &HeaderMap,
    body: Body,
    until: Instant,
) -> Result<Held, Denial> {
    let limit = state.config.body_bytes_max;
    let frame_max = limit.saturating_add(grpc_frame::PREFIX_BYTES);
    // HTTP/2 lets a server answer while the client still sends.
    let held =
        body::read_raw(state, body, frame_max, Leftover::Leave, until).await.map_err(|denial| {
            match denial {
                Denial::BodyTooLarge { .. } => Denial::BodyTooLarge { limit },
                other => other,
            }
        })?;
    let message = grpc_frame::parse(held.bytes.clone())?;
    let held = held.map(|_| message.bytes);
    if !message.compressed {
        return Ok(held);
    }
    body::decompress(state, held, encoding_of(headers)?, until).await
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, Denial> {
    let name = headers
        .get(grpc_frame::ENCODING)
        .map_or("", |value| value.to_str().unwrap_or("(not text)"));
    match Encoding::from_header(name) {
        Ok(Encoding::Identity) => Err(Denial::Malformed(
            "the message is marked as compressed, but grpc-encoding does not tell how".to_owned(),
        )),
        Ok(encoding) => Ok(encoding),
        Err(_) => Err(Denial::UnknownEncoding(name.to_owned())),
    }
}

fn failure(code: i32, message: &str, retry_after: Option<std::time::Duration>) -> Response {
    let details = otlp::answer::status(code, message, retry_after, Format::Protobuf);
    grpc_frame::failure(code, message, &details)
}
