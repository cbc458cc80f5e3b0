//! What looks over time found: issues that no single request shows. Their
//! figures by minute come from the look, which *sets* them: a later look at the
//! same minutes replaces what an earlier one said.

use hotspan_model::{HistoryFinding, IssueStatus, MinuteCost, UnixNanos};
use rusqlite::{OptionalExtension, Transaction, params};

use super::connection::Book;
use super::grain::{MINUTE, start_of};
use super::issues::keep_endpoint_finding;
use super::occurrences::IssueDeltas;
use super::rollups::{units_of, weighted_count};
use super::uses::UseSums;
use super::{BookError, During};

impl Book {
    /// Keeps what a look over time found at an endpoint. An issue that has the
    /// minutes already gets these in their place.
    ///
    /// # Errors
    /// When the commit fails.
    pub fn record_history_findings(
        &self,
        endpoint_id: i64,
        findings: &[HistoryFinding],
    ) -> Result<(), BookError> {
        if findings.is_empty() {
            return Ok(());
        }
        self.write("keep what a look over time found", |transaction, interned| {
            let mut deltas = IssueDeltas::default();
            for HistoryFinding { finding, minutes } in findings {
                let kept = keep_endpoint_finding(transaction, interned, endpoint_id, finding)?;
                let Some(issue) = kept else { continue };
                for cost in minutes {
                    let known = known(transaction, issue, cost.minute).during("read a minute")?;
                    deltas.set(issue, cost.minute, &known, &sums_of(cost));
                }
            }
            deltas.apply(transaction, interned)
        })
    }

    /// The start of the first minute since `from` that an open issue of one of
    /// the detectors has a cost in; `None` without such an issue.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn open_since(
        &self,
        endpoint_id: i64,
        detectors: &[&str],
        from: UnixNanos,
    ) -> Result<Option<UnixNanos>, BookError> {
        self.read("read since when an issue is open", |transaction| {
            let mut first: Option<i64> = None;
            for detector in detectors {
                let found: Option<i64> = transaction
                    .prepare_cached(
                        "SELECT min(r.bucket) FROM issue i JOIN issue_rollup r ON r.issue_id = i.id \
                         WHERE i.endpoint_id = ?1 AND i.detector = ?2 AND i.status <> ?3 \
                         AND r.grain = 1 AND r.bucket >= ?4",
                    )
                    .and_then(|mut statement| {
                        let verified = IssueStatus::Verified.slug();
                        let bounds = params![endpoint_id, detector, verified, from.minute()];
                        statement.query_row(bounds, |row| row.get(0))
                    })
                    .during("date an open issue")?;
                first = first.into_iter().chain(found).min();
            }
            Ok(first.map(|minute| start_of(minute, MINUTE)))
        })
    }
}

fn sums_of(cost: &MinuteCost) -> UseSums {
    let samples = i64::try_from(cost.samples).unwrap_or(i64::MAX);
    let requests = weighted_count(cost.requests, units_of(1.0));
    UseSums {
        segments: samples,
        samples,
        requests,
        lookups: requests,
        calls: requests,
        wall_ns: cost.wall_ns,
        ..UseSums::default()
    }
}

/// What an earlier look said of a minute.
fn known(transaction: &Transaction<'_>, issue: i64, minute: i64) -> rusqlite::Result<UseSums> {
    let known = transaction
        .prepare_cached(
            "SELECT samples, samples, truncated, requests, lookups, calls, wall_ns, hidden_ns \
             FROM issue_rollup WHERE issue_id = ?1 AND grain = 1 AND bucket = ?2",
        )?
        .query_row([issue, minute], |row| UseSums::at(row, 0))
        .optional()?;
    Ok(known.unwrap_or_default())
}
