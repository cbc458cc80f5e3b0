//! Lists of traces.

use hotspan_model::{SpanId, TraceId, UnixNanos};
use rusqlite::{Row, Transaction, params};

use super::super::connection::Book;
use super::super::endpoints::endpoint_at;
use super::super::grain::{HOUR, bucket_of};
use super::super::rows::{TimeWindow, TraceFilter, TraceSummary};
use super::super::{BookError, During};

const COLUMNS: &str = "t.trace_id, t.entry_span, t.endpoint_id, t.start, t.duration_ns, t.error, \
                       t.spans, t.lost_ns, e.project, e.service, e.kind, e.name";

impl Book {
    /// The slowest segments of an endpoint that began in the window, slowest
    /// first. Beyond the slowest of each hour only recent ones are known.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn slowest_traces(
        &self,
        endpoint_id: i64,
        window: TimeWindow,
        n: usize,
    ) -> Result<Vec<TraceSummary>, BookError> {
        self.read("list the slowest traces", |transaction| {
            slowest(transaction, endpoint_id, window, n)
        })
    }

    /// The newest segments that began in the window, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn recent_traces(
        &self,
        window: TimeWindow,
        filter: &TraceFilter,
        n: usize,
    ) -> Result<Vec<TraceSummary>, BookError> {
        self.read("list recent traces", |transaction| {
            transaction
                .prepare_cached(&format!(
                    // The unary plus keeps SQLite on the index by start.
                    "SELECT {COLUMNS} FROM trace_summary t INDEXED BY trace_summary_by_start \
                     JOIN endpoint e ON e.id = +t.endpoint_id \
                     WHERE t.start >= ?1 AND t.start < ?2 \
                     AND (?3 IS NULL OR e.project = ?3) AND (?4 IS NULL OR e.service = ?4) \
                     AND (?5 IS NULL OR t.duration_ns >= ?5) AND (NOT ?6 OR t.error) \
                     ORDER BY t.start DESC LIMIT ?7"
                ))
                .and_then(|mut statement| {
                    let bounds = params![
                        window.from.0,
                        window.to.0,
                        filter.project,
                        filter.service,
                        filter.duration_min_ns,
                        filter.errors_only,
                        n as i64,
                    ];
                    statement.query_map(bounds, summary_of)?.collect()
                })
                .during("list recent traces")
        })
    }
}

/// The slowest segments of an endpoint that began in the window.
pub(super) fn slowest(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    window: TimeWindow,
    n: usize,
) -> Result<Vec<TraceSummary>, BookError> {
    transaction
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM trace_summary t JOIN endpoint e ON e.id = t.endpoint_id \
             WHERE t.endpoint_id = ?1 AND t.hour BETWEEN ?2 AND ?3 \
             AND t.start >= ?4 AND t.start < ?5 \
             ORDER BY t.duration_ns DESC, t.start DESC, t.trace_id, t.entry_span LIMIT ?6"
        ))
        .and_then(|mut statement| {
            let bounds = params![
                endpoint_id,
                bucket_of(window.from, HOUR),
                bucket_of(window.to, HOUR),
                window.from.0,
                window.to.0,
                n as i64,
            ];
            statement.query_map(bounds, summary_of)?.collect()
        })
        .during("list the slowest traces")
}

fn summary_of(row: &Row<'_>) -> rusqlite::Result<TraceSummary> {
    Ok(TraceSummary {
        trace_id: TraceId(row.get(0)?),
        entry_span: SpanId(row.get(1)?),
        endpoint_id: row.get(2)?,
        start: UnixNanos(row.get(3)?),
        duration_ns: row.get(4)?,
        error: row.get(5)?,
        spans: row.get(6)?,
        lost_ns: row.get(7)?,
        endpoint: endpoint_at(row, 8)?,
    })
}
