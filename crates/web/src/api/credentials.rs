//! `GET /api/v1/credentials`: what agents on hosts told over a window.

use axum::Json;
use axum::extract::State;
use hotspan_model::agent::AgentCaller;
use hotspan_store::{AgentCallerRow, AgentRoleRow, AgentTraceRow, Filter};
use serde::{Deserialize, Serialize};

use super::error::{ApiError, Parameters};
use super::window::WindowQuery;
use super::{millis, time_text};
use crate::state::AppState;

/// The parameters.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    window: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
    project: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct Credentials {
    from: String,
    to: String,
    hosts: u64,
    lookups: u64,
    given: u64,
    mean_ms: f64,
    slowest_ms: f64,
    answered_from_memory: u64,
    fetches: u64,
    fetches_failed: u64,
    dropped: u64,
    roles: Vec<RoleBody>,
    callers: Vec<CallerBody>,
    traces: Vec<TraceBody>,
}

#[derive(Debug, Serialize)]
struct RoleBody {
    host: String,
    role: String,
    upstream_role: String,
    standing: String,
    reason: String,
    told_at: String,
    /// As of `told_at`.
    seconds_left: Option<i64>,
    life_seconds: Option<i64>,
    fetches: u64,
    fetches_failed: u64,
    clock_skew_seconds: Option<i64>,
    history: Vec<FetchBody>,
}

#[derive(Debug, Serialize)]
struct FetchBody {
    start: String,
    duration_ms: f64,
    outcome: String,
    reason: String,
    key_last_four: String,
}

#[derive(Debug, Serialize)]
struct CallerBody {
    #[serde(flatten)]
    who: WhoBody,
    hosts: u64,
    lookups: u64,
    given: u64,
    mean_ms: f64,
    slowest_ms: f64,
}

#[derive(Debug, Serialize)]
struct WhoBody {
    door: String,
    role: String,
    consumer: String,
    uid: Option<i64>,
    cgroup: String,
    executable: String,
}

#[derive(Debug, Serialize)]
struct TraceBody {
    trace_id: String,
    span_id: String,
    host: String,
    lookups: u64,
    last_seen: String,
    #[serde(flatten)]
    who: WhoBody,
}

/// Answers.
pub(crate) async fn all(
    State(state): State<AppState>,
    Parameters(asked): Parameters<Asked>,
) -> Result<Json<Credentials>, ApiError> {
    let window = WindowQuery { window: asked.window, from: asked.from, to: asked.to };
    let window = window.resolve(state.now())?;
    let filter = Filter { project: asked.project, service: None };
    let found = state.store.agents(window, &filter).await?;
    let totals = found.totals;
    let mean_ns = totals.sum_ns / i64::try_from(totals.lookups.max(1)).unwrap_or(i64::MAX);
    Ok(Json(Credentials {
        from: time_text(window.from),
        to: time_text(window.to),
        hosts: totals.hosts,
        lookups: totals.lookups,
        given: totals.given,
        mean_ms: millis(mean_ns),
        slowest_ms: millis(totals.max_ns),
        answered_from_memory: totals.answered_from_memory,
        fetches: totals.attempts,
        fetches_failed: totals.failures,
        dropped: totals.dropped,
        roles: found.roles.into_iter().map(role).collect(),
        callers: found.callers.into_iter().map(caller).collect(),
        traces: found.traces.into_iter().map(trace).collect(),
    }))
}

fn role(row: AgentRoleRow) -> RoleBody {
    let latest = row.latest;
    let history = row.fetches.into_iter().map(|fetch| FetchBody {
        start: time_text(fetch.start),
        duration_ms: millis(fetch.end.since(fetch.start)),
        outcome: fetch.outcome,
        reason: fetch.reason,
        key_last_four: fetch.key_last_four,
    });
    RoleBody {
        host: row.host,
        role: latest.role,
        upstream_role: latest.upstream,
        standing: latest.standing,
        reason: latest.reason,
        told_at: time_text(latest.at),
        seconds_left: latest.seconds_left,
        life_seconds: latest.life_seconds,
        fetches: row.attempts,
        fetches_failed: row.failures,
        clock_skew_seconds: latest.clock_skew_seconds,
        history: history.collect(),
    }
}

fn caller(row: AgentCallerRow) -> CallerBody {
    CallerBody {
        hosts: row.hosts,
        lookups: row.lookups,
        given: row.given,
        mean_ms: millis(row.mean_ns()),
        slowest_ms: millis(row.max_ns),
        who: who(row.caller),
    }
}

fn trace(row: AgentTraceRow) -> TraceBody {
    TraceBody {
        trace_id: row.trace_id.to_string(),
        span_id: row.span_id.to_string(),
        host: row.host,
        lookups: row.lookups,
        last_seen: time_text(row.at),
        who: who(row.caller),
    }
}

fn who(caller: AgentCaller) -> WhoBody {
    let AgentCaller { door, role, consumer, uid, cgroup, executable } = caller;
    WhoBody { door, role, consumer, uid, cgroup, executable }
}
