//! `GET /api/v1/stats`: what was accepted, what was not and why, what is held.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use hotspan_ingest::Stats;
use hotspan_store::StorageStats;
use serde::Serialize;

use super::error::ApiError;
use super::time_text;
use crate::state::AppState;

/// The answer.
#[derive(Debug, Serialize)]
pub(crate) struct StatsBody {
    now: String,
    started_at: String,
    accepted: Accepted,
    rejected: BTreeMap<String, u64>,
    rejected_requests: BTreeMap<String, u64>,
    dropped: BTreeMap<String, u64>,
    dropped_parts: BTreeMap<String, u64>,
    late: u64,
    duplicates: u64,
    client_losses: BTreeMap<String, u64>,
    ignored_items: BTreeMap<String, u64>,
    analysis: Analysis,
    log_fault: Option<LogFaultBody>,
    storage: Storage,
    /// CPU seconds by part of the work.
    cpu_seconds: BTreeMap<&'static str, f64>,
}

#[derive(Debug, Serialize)]
struct Accepted {
    requests: u64,
    spans: u64,
}

#[derive(Debug, Serialize)]
struct Analysis {
    segments: u64,
    open_traces: u64,
    held_traces: u64,
    open_spans: u64,
    apply_queue: u64,
    replay_bytes: u64,
    analysis_queue: u64,
    profile_queue: u64,
    in_flight_bytes: u64,
}

#[derive(Debug, Serialize)]
struct LogFaultBody {
    halted: bool,
    reason: String,
}

#[derive(Debug, Serialize)]
struct Storage {
    span_files: u64,
    span_file_bytes: u64,
    span_file_rows: u64,
    span_files_missing: u64,
    memory_spans: u64,
    memory_bytes: u64,
    wal_files: u64,
    wal_bytes: u64,
    database_bytes: u64,
    flush_error: Option<String>,
}

/// Answers.
pub(crate) async fn all(State(state): State<AppState>) -> Result<Json<StatsBody>, ApiError> {
    let storage = state.store.storage_stats().await?;
    let stats = state.ingest.stats();
    let parts = state.store.effort().seconds();
    let cpu_seconds = parts.map(|(part, seconds)| (part.slug(), seconds)).collect();
    Ok(Json(body(time_text(state.now()), stats, storage, cpu_seconds)))
}

fn body(
    now: String,
    stats: Stats,
    storage: StorageStats,
    cpu_seconds: BTreeMap<&'static str, f64>,
) -> StatsBody {
    StatsBody {
        now,
        started_at: time_text(stats.started_at),
        accepted: Accepted { requests: stats.accepted_requests, spans: stats.accepted_spans },
        rejected: stats.rejected,
        rejected_requests: stats.refused,
        dropped: stats.dropped,
        dropped_parts: stats.dropped_parts,
        late: stats.late,
        duplicates: stats.duplicates,
        client_losses: stats.client_losses,
        ignored_items: stats.ignored_items,
        analysis: Analysis {
            segments: stats.segments,
            open_traces: stats.open_traces,
            held_traces: stats.held_traces,
            open_spans: stats.open_spans,
            apply_queue: stats.apply_queue,
            replay_bytes: stats.replay_bytes,
            analysis_queue: stats.analysis_queue,
            profile_queue: stats.profile_queue,
            in_flight_bytes: stats.in_flight_bytes,
        },
        log_fault: stats
            .log_fault
            .map(|fault| LogFaultBody { halted: fault.halted, reason: fault.reason }),
        storage: storage_body(storage),
        cpu_seconds,
    }
}

fn storage_body(storage: StorageStats) -> Storage {
    Storage {
        span_files: storage.span_files,
        span_file_bytes: storage.span_file_bytes,
        span_file_rows: storage.span_file_rows,
        span_files_missing: storage.span_files_missing,
        memory_spans: storage.memory_spans,
        memory_bytes: storage.memory_bytes,
        wal_files: storage.wal_files,
        wal_bytes: storage.wal_bytes,
        database_bytes: storage.database_bytes,
        flush_error: storage.flush_error,
    }
}
