//! The list of issues, and the page of one.

use hotspan_model::issue::{DayLoss, Occurrence};
use hotspan_model::{Issue, SpanId, TraceId, UnixNanos};
use rusqlite::{Row, Transaction, params};

use super::super::codec::words::decode_spans;
use super::super::connection::Book;
use super::super::deploys::deploys_in;
use super::super::grain::{DAY_HOURS, HOUR, MINUTE, Stretch, bucket_of, cover};
use super::super::rows::{IssueDetail, IssueFilter, TimeWindow};
use super::super::{BookError, DamagedIn, During};
use super::class_uses;
use super::figures::count;
use super::issue_row::{self, Found, Wanted};

/// Occurrences on the page of an issue.
const OCCURRENCES_MAX: usize = 100;
/// Other endpoints on the page of an issue.
const OTHERS_MAX: usize = 20;

impl Book {
    /// Issues seen in the window, most time lost first.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn issues(
        &self,
        window: TimeWindow,
        filter: &IssueFilter,
    ) -> Result<Vec<Issue>, BookError> {
        self.read("list issues", |transaction| {
            let wanted = Wanted {
                id: None,
                project: filter.project.as_deref(),
                service: filter.service.as_deref(),
                endpoint_id: filter.endpoint_id,
                class: filter.class,
                family: None,
            };
            let stretches = cover(window, MINUTE, self.minutes_from());
            let mut issues = seen_in(transaction, &wanted, window, &stretches)?;
            issues.retain(|issue| {
                filter.statuses.is_empty() || filter.statuses.contains(&issue.status)
            });
            Ok(issues)
        })
    }

    /// One issue with what its page shows; `None` when there is none of that
    /// number.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn issue(&self, id: i64, window: TimeWindow) -> Result<Option<IssueDetail>, BookError> {
        self.read("read an issue", |transaction| {
            let stretches = cover(window, MINUTE, self.minutes_from());
            let wanted = Wanted { id: Some(id), ..Wanted::default() };
            let Some(found) = issue_row::find(transaction, &wanted)?.pop() else {
                return Ok(None);
            };
            let issue = issue_row::assemble(transaction, found.clone(), &stretches)?;
            Ok(Some(IssueDetail {
                occurrences: occurrences(transaction, &issue, window, &stretches)?,
                days: days(transaction, &found, window)?,
                others: others(transaction, &issue, window, &stretches)?,
                deploys: deploys_in(
                    transaction,
                    &issue.endpoint.project,
                    &issue.endpoint.service,
                    window,
                )?,
                issue,
            }))
        })
    }
}

/// Issues with requests in the window, or a first or last occurrence or a
/// change of their state in it.
fn seen_in(
    transaction: &Transaction<'_>,
    wanted: &Wanted<'_>,
    window: TimeWindow,
    stretches: &[Stretch],
) -> Result<Vec<Issue>, BookError> {
    let mut issues = Vec::new();
    for found in issue_row::find(transaction, wanted)? {
        let issue = issue_row::assemble(transaction, found, stretches)?;
        let seen = [issue.first_seen, issue.last_seen, issue.life.since];
        if issue.requests_affected > 0.0 || seen.into_iter().any(|at| window.contains(at)) {
            issues.push(issue);
        }
    }
    issues.sort_by_key(|issue| (-issue.wall_ns, std::cmp::Reverse(issue.last_seen), issue.id));
    Ok(issues)
}

fn others(
    transaction: &Transaction<'_>,
    issue: &Issue,
    window: TimeWindow,
    stretches: &[Stretch],
) -> Result<Vec<Issue>, BookError> {
    let wanted = Wanted {
        project: Some(&issue.endpoint.project),
        class: Some(issue.class),
        family: Some(&issue.family),
        ..Wanted::default()
    };
    let mut others = seen_in(transaction, &wanted, window, stretches)?;
    others.retain(|other| other.endpoint_id != issue.endpoint_id);
    others.truncate(OTHERS_MAX);
    Ok(others)
}

/// The dearest occurrences. An issue that only the endpoint form raised has
/// none of its own; then the affected requests that its profile kept.
fn occurrences(
    transaction: &Transaction<'_>,
    issue: &Issue,
    window: TimeWindow,
    stretches: &[Stretch],
) -> Result<Vec<Occurrence>, BookError> {
    let rows: Vec<(Occurrence, Vec<u8>)> = transaction
        .prepare_cached(
            "SELECT trace_id, entry_span, start, duration_ns, wall_ns, lookups, calls, evidence \
             FROM occurrence WHERE issue_id = ?1 AND start >= ?2 AND start < ?3 \
             ORDER BY wall_ns DESC, start DESC, trace_id, entry_span LIMIT ?4",
        )
        .and_then(|mut statement| {
            let bounds = params![issue.id, window.from.0, window.to.0, OCCURRENCES_MAX as i64];
            statement.query_map(bounds, occurrence_of)?.collect()
        })
        .during("list occurrences")?;
    if rows.is_empty() {
        return witnesses(transaction, issue, window, stretches);
    }
    rows.into_iter()
        .map(|(occurrence, evidence)| {
            let evidence = decode_spans(&evidence).damaged_in("evidence")?;
            Ok(Occurrence { evidence, ..occurrence })
        })
        .collect()
}

fn occurrence_of(row: &Row<'_>) -> rusqlite::Result<(Occurrence, Vec<u8>)> {
    let occurrence = Occurrence {
        trace_id: TraceId(row.get(0)?),
        entry_span: SpanId(row.get(1)?),
        start: UnixNanos(row.get(2)?),
        duration_ns: row.get(3)?,
        wall_ns: row.get(4)?,
        lookups: row.get(5)?,
        calls: row.get(6)?,
        evidence: Vec::new(),
    };
    Ok((occurrence, row.get(7)?))
}

fn witnesses(
    transaction: &Transaction<'_>,
    issue: &Issue,
    window: TimeWindow,
    stretches: &[Stretch],
) -> Result<Vec<Occurrence>, BookError> {
    let totals = class_uses::totals_over(transaction, issue.endpoint_id, stretches)?;
    let mine = totals
        .into_iter()
        .filter(|((class, family), _)| *class == issue.class && **family == *issue.family);
    let witnesses = mine.flat_map(|(_, total)| total.detail.witnesses);
    Ok(witnesses
        .filter(|witness| window.contains(witness.start))
        .map(|witness| Occurrence {
            trace_id: witness.trace_id,
            entry_span: witness.entry_span,
            start: witness.start,
            duration_ns: witness.duration_ns,
            wall_ns: witness.wall_ns,
            lookups: f64::from(witness.lookups),
            calls: f64::from(witness.calls),
            evidence: witness.spans,
        })
        .collect())
}

/// Time lost in each day that the window touches, from the same sums as the
/// issue's own figures.
fn days(
    transaction: &Transaction<'_>,
    found: &Found,
    window: TimeWindow,
) -> Result<Vec<DayLoss>, BookError> {
    let last = UnixNanos(window.to.0.saturating_sub(1));
    let hour = |at: UnixNanos| bucket_of(at, HOUR).div_euclid(DAY_HOURS) * DAY_HOURS;
    let whole = Stretch { grain: HOUR, from: hour(window.from), to: hour(last) + DAY_HOURS };
    let (Stretch { from, to, .. }, key) = (whole, &found.key);
    let uses =
        class_uses::sums_over(transaction, key.endpoint_id, key.class, &key.family, &[whole])?;
    let by_day = "total(wall_ns), total(requests)";
    let read = |sql: String, bounds: &[&dyn rusqlite::ToSql]| {
        transaction
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_map(bounds, day_of)?.collect())
            .during("sum days")
    };
    if uses.segments > 0 {
        return read(
            format!(
                "SELECT bucket / 24, {by_day} FROM class_use WHERE grain = 60 \
                 AND endpoint_id = ?1 AND bucket >= ?2 AND bucket < ?3 \
                 AND class = ?4 AND family = ?5 GROUP BY 1 ORDER BY 1"
            ),
            params![key.endpoint_id, from, to, key.class.slug(), key.family],
        );
    }
    read(
        format!(
            "SELECT bucket / 24, {by_day} FROM issue_rollup WHERE grain = 60 \
             AND issue_id = ?1 AND bucket >= ?2 AND bucket < ?3 GROUP BY 1 ORDER BY 1"
        ),
        params![key.id, from, to],
    )
}

fn day_of(row: &Row<'_>) -> rusqlite::Result<DayLoss> {
    Ok(DayLoss {
        day: row.get(0)?,
        wall_ns: row.get::<_, f64>(1)? as i64,
        occurrences: count(row.get::<_, f64>(2)? as i64),
    })
}
