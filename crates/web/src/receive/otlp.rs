//! What OTLP over HTTP and over gRPC have in common: signals, project
//! headers, and what happens to a body.

use axum::http::{HeaderMap, header};
use hotspan_ingest::{Receipt, Received};
use hotspan_store::FrameDoor;
use hotspan_wire::otlp::{self, Format};

use super::body::Held;
use super::denial::Denial;
use super::project::{Claim, Place};
use crate::state::AppState;

/// Names a project by its key.
pub(crate) const KEY_HEADER: &str = "x-hotspan-key";
/// Names a project where keys are not required.
pub(crate) const PROJECT_HEADER: &str = "x-hotspan-project";
/// Rejected items that an answer tells one by one; the rest is counted.
const REJECTIONS_TOLD: usize = 5;

/// What an export request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// What an exporter is told about a request that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Everything was fine.
    Whole,
    /// Some spans were not: how many, and why.
    Part { rejected: i64, message: String },
}

impl Taken {
    /// The answer's body.
    pub(crate) fn body(&self, format: Format) -> Vec<u8> {
        match self {
            Self::Whole => otlp::answer::success(format),
            Self::Part { rejected, message } => otlp::answer::partial(*rejected, message, format),
        }
    }
}

/// Finds the project of a request by its headers or metadata.
pub(crate) async fn project_of(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<std::sync::Arc<str>, Denial> {
    let text =
        |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim());
    let own = text(KEY_HEADER).filter(|key| !key.is_empty());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(bearer_of);
    let claim = Claim {
        place: text(PROJECT_HEADER)
            .filter(|name| !name.is_empty())
            .map_or(Place::Anywhere, Place::Name),
        key: own.or(bearer),
        key_may_be_foreign: own.is_none(),
        key_hint: "send the project's key as `x-hotspan-key: KEY` or `Authorization: Bearer KEY`",
    };
    let keys_required = state.config.keys_required;
    state.doors.projects.admit(&claim, keys_required).await
}

fn bearer_of(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
}

/// Keeps a body's spans, or counts what it holds of signals that are not kept.
pub(crate) async fn take(
    state: &AppState,
    signal: Signal,
    format: Format,
    project: std::sync::Arc<str>,
    body: Held,
) -> Result<Taken, Denial> {
    match signal {
        Signal::Traces => take_traces(state, format, project, body).await,
        Signal::Metrics => count(state, "otlp.metrics", otlp::count_metrics(&body.bytes, format)),
        Signal::Logs => count(state, "otlp.logs", otlp::count_logs(&body.bytes, format)),
    }
}

async fn take_traces(
    state: &AppState,
    format: Format,
    project: std::sync::Arc<str>,
    body: Held,
) -> Result<Taken, Denial> {
    let (door, content_type) = match format {
        Format::Protobuf => (FrameDoor::OtlpProtobuf, "application/x-protobuf"),
        Format::Json => (FrameDoor::OtlpJson, "application/json"),
    };
    let received =
        Received { door, project, content_type: content_type.to_owned(), body: body.bytes.clone() };
    let receipt = state.ingest.submit(received).await?;
    Ok(taken(&receipt))
}

fn count(
    state: &AppState,
    name: &str,
    counted: Result<u64, hotspan_wire::RequestError>,
) -> Result<Taken, Denial> {
    let items = counted.map_err(|error| Denial::Malformed(error.to_string()))?;
    state.ingest.count(name, items);
    Ok(Taken::Whole)
}

fn taken(receipt: &Receipt) -> Taken {
    let rejected = receipt.rejections.len();
    if rejected == 0 {
        return Taken::Whole;
    }
    let mut message: Vec<String> = receipt
        .rejections
        .iter()
        .take(REJECTIONS_TOLD)
        .map(|rejection| format!("span {}: {}", rejection.item, rejection.message))
        .collect();
    if rejected > REJECTIONS_TOLD {
        message.push(format!("and {} more", rejected - REJECTIONS_TOLD));
    }
    Taken::Part {
        rejected: i64::try_from(rejected).unwrap_or(i64::MAX),
        message: message.join("; "),
    }
}
