//! `GET /api/v1/endpoints`: the endpoints with requests in a window.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use hotspan_model::{Class, UnixNanos};
use hotspan_store::{EndpointList, EndpointRow, Filter, SparkPoint};
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Parameters};
use super::window::WindowQuery;
use super::{millis, time_text};
use crate::state::AppState;

/// The asked.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    window: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    project: Option<String>,
    service: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Endpoints {
    from: String,
    to: String,
    as_of: Option<String>,
    endpoints: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    id: i64,
    project: String,
    service: String,
    kind: &'static str,
    endpoint: String,
    requests: f64,
    samples: u64,
    errors: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    wall_ms: f64,
    time_lost_ms: f64,
    share_lost: f64,
    issues: u32,
    time_ms: BTreeMap<&'static str, f64>,
    spark: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Point {
    start: String,
    requests: f64,
    p95_ms: Option<f64>,
}

/// Answers.
pub(crate) async fn list(
    State(state): State<AppState>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Endpoints>, ApiError> {
    let Asked { window, from, to, project, service } = asked;
    let window = WindowQuery { window, from, to }.resolve(state.now())?;
    let filter = Filter { project, service };
    let EndpointList { rows, as_of, .. } = state.store.endpoints(window, &filter).await?;
    Ok(Json(Endpoints {
        from: time_text(window.from),
        to: time_text(window.to),
        as_of: as_of.map(time_text),
        endpoints: rows.into_iter().map(row).collect(),
    }))
}

fn row(row: EndpointRow) -> Row {
    let time_ms = Class::ALL
        .into_iter()
        .map(|class| (class.slug(), millis(row.time.get(class))))
        .filter(|(_, time)| *time != 0.0)
        .collect();
    Row {
        id: row.id,
        project: row.endpoint.project.to_string(),
        service: row.endpoint.service.to_string(),
        kind: row.endpoint.kind.slug(),
        endpoint: row.endpoint.name.to_string(),
        requests: row.requests,
        samples: row.samples,
        errors: row.errors,
        p50_ms: millis(row.p50_ns),
        p95_ms: millis(row.p95_ns),
        p99_ms: millis(row.p99_ns),
        wall_ms: millis(row.wall_ns),
        time_lost_ms: millis(row.lost_ns),
        share_lost: row.share_lost,
        issues: row.issues,
        time_ms,
        spark: row.spark.into_iter().map(point).collect(),
    }
}

fn point(point: SparkPoint) -> Point {
    let start: UnixNanos = point.start;
    Point { start: time_text(start), requests: point.requests, p95_ms: point.p95_ns.map(millis) }
}
