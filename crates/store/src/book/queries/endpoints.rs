//! The list of endpoints.

use hotspan_model::Endpoint;
use hotspan_model::time::NANOS_PER_MINUTE;
use rusqlite::{Transaction, params};

use super::super::connection::Book;
use super::super::endpoints::endpoint_at;
use super::super::grain::Steps;
use super::super::rows::{EndpointList, EndpointRow, Filter, SparkPoint, TimeWindow};
use super::super::{BookError, During};
use super::as_of;
use super::figures::{History, count, history};
use super::lost::lost;

/// Points of a sparkline at most.
const SPARK_POINTS_MAX: usize = 48;
/// From a day on at most so many: each is an hour then, and a list of hundreds
/// of endpoints need not read every minute of each.
const DAY_SPARK_POINTS_MAX: usize = 26;
const DAY_NS: i64 = 24 * 60 * NANOS_PER_MINUTE;

impl Book {
    /// Endpoints with requests in the window, most time lost first.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn endpoints(
        &self,
        window: TimeWindow,
        filter: &Filter,
    ) -> Result<EndpointList, BookError> {
        let steps = Steps::of(window, spark_points(window), self.minutes_from());
        self.read("list endpoints", |transaction| {
            let mut rows = Vec::new();
            for (id, endpoint) in matching(transaction, filter)? {
                let history = history(transaction, id, &steps)?;
                if history.total.samples > 0 {
                    rows.push(row(transaction, id, endpoint, &history, &steps)?);
                }
            }
            rows.sort_by_key(|row| (-row.lost_ns, -row.wall_ns, row.id));
            Ok(EndpointList { rows, as_of: as_of(transaction)?, spark_step_ns: steps.width_ns() })
        })
    }
}

fn spark_points(window: TimeWindow) -> usize {
    match window.to.since(window.from) >= DAY_NS {
        true => DAY_SPARK_POINTS_MAX,
        false => SPARK_POINTS_MAX,
    }
}

fn matching(
    transaction: &Transaction<'_>,
    filter: &Filter,
) -> Result<Vec<(i64, Endpoint)>, BookError> {
    transaction
        .prepare_cached(
            "SELECT id, project, service, kind, name FROM endpoint \
             WHERE (?1 IS NULL OR project = ?1) AND (?2 IS NULL OR service = ?2) ORDER BY id",
        )
        .and_then(|mut statement| {
            statement
                .query_map(params![filter.project, filter.service], |row| {
                    Ok((row.get(0)?, endpoint_at(row, 1)?))
                })?
                .collect()
        })
        .during("list endpoints")
}

/// The figures of one endpoint as lists and its own page show them.
pub(super) fn row(
    transaction: &Transaction<'_>,
    id: i64,
    endpoint: Endpoint,
    history: &History,
    steps: &Steps,
) -> Result<EndpointRow, BookError> {
    let total = &history.total;
    let lost = lost(transaction, id, &steps.stretches)?;
    let lost_ns = lost.wall_ns.clamp(0, total.wall_ns.max(0));
    let share = if total.wall_ns > 0 { lost_ns as f64 / total.wall_ns as f64 } else { 0.0 };
    Ok(EndpointRow {
        id,
        endpoint,
        requests: count(total.requests),
        samples: total.samples as u64,
        errors: count(total.errors),
        p50_ns: total.quantile_ns(0.50),
        p95_ns: total.quantile_ns(0.95),
        p99_ns: total.quantile_ns(0.99),
        wall_ns: total.wall_ns,
        time: total.time,
        lost_ns,
        share_lost: share,
        issues: lost.issues,
        spark: spark(history, steps),
    })
}

fn spark(history: &History, steps: &Steps) -> Vec<SparkPoint> {
    let points = history.steps.iter().enumerate();
    points
        .map(|(index, figures)| SparkPoint {
            start: steps.start(index),
            requests: count(figures.requests),
            p95_ns: figures.sketch.quantile_ns(0.95),
        })
        .collect()
}
