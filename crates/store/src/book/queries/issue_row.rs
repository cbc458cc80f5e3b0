//! One issue as everything outside the book sees it.

use hotspan_model::{Cause, Class, Confidence, Endpoint, Fix, Issue, IssueStatus, UnixNanos};
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::super::codec::words::{decode_cause, decode_fixes};
use super::super::endpoints::endpoint_at;
use super::super::grain::{HOUR, MINUTE, Stretch, start_of};
use super::super::{BookError, DamagedIn, During};
use super::figures::{count, volume};
use super::life::life_of;
use super::lost::{IssueKey, sums_of};

/// Which issues to find; `None` means every one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wanted<'a> {
    pub(super) id: Option<i64>,
    pub(super) project: Option<&'a str>,
    pub(super) service: Option<&'a str>,
    pub(super) endpoint_id: Option<i64>,
    pub(super) class: Option<Class>,
    pub(super) family: Option<&'a str>,
}

/// An issue as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) key: IssueKey,
    fingerprint: String,
    detector: String,
    subject: String,
    pub(super) endpoint: Endpoint,
    /// When its oldest pruned occurrence was.
    pruned_first: Option<i64>,
    endpoint_first: Option<i64>,
    endpoint_last: Option<i64>,
    endpoint_cause: Option<Vec<u8>>,
    endpoint_fixes: Option<Vec<u8>>,
    since: UnixNanos,
}

/// Every issue that is wanted, oldest first.
pub(super) fn find(
    transaction: &Transaction<'_>,
    wanted: &Wanted<'_>,
) -> Result<Vec<Found>, BookError> {
    let found: Vec<Option<Found>> = transaction
        .prepare_cached(
            "SELECT i.id, i.endpoint_id, i.class, i.family, i.status, i.fingerprint, i.detector, \
             i.subject, e.project, e.service, e.kind, e.name, i.pruned_first_seen, \
             i.endpoint_first, i.endpoint_last, i.endpoint_cause, f.fixes, i.status_since \
             FROM issue i JOIN endpoint e ON e.id = i.endpoint_id \
             LEFT JOIN fix_set f ON f.id = i.endpoint_fixes_id \
             WHERE (?1 IS NULL OR i.id = ?1) AND (?2 IS NULL OR i.project = ?2) \
             AND (?3 IS NULL OR e.service = ?3) AND (?4 IS NULL OR i.endpoint_id = ?4) \
             AND (?5 IS NULL OR i.class = ?5) AND (?6 IS NULL OR i.family = ?6) ORDER BY i.id",
        )
        .and_then(|mut statement| {
            let bounds = params![
                wanted.id,
                wanted.project,
                wanted.service,
                wanted.endpoint_id,
                wanted.class.map(Class::slug),
                wanted.family,
            ];
            statement.query_map(bounds, found_of)?.collect()
        })
        .during("find issues")?;
    Ok(found.into_iter().flatten().collect())
}

/// `None` for a class that only a newer version knows.
fn found_of(row: &Row<'_>) -> rusqlite::Result<Option<Found>> {
    let (class, status): (String, String) = (row.get(2)?, row.get(4)?);
    let Some(class) = Class::from_slug(&class) else {
        return Ok(None);
    };
    let key = IssueKey {
        id: row.get(0)?,
        endpoint_id: row.get(1)?,
        class,
        family: row.get(3)?,
        status: IssueStatus::from_slug(&status).unwrap_or(IssueStatus::Open),
    };
    Ok(Some(Found {
        key,
        fingerprint: row.get(5)?,
        detector: row.get(6)?,
        subject: row.get(7)?,
        endpoint: endpoint_at(row, 8)?,
        pruned_first: row.get(12)?,
        endpoint_first: row.get(13)?,
        endpoint_last: row.get(14)?,
        endpoint_cause: row.get(15)?,
        endpoint_fixes: row.get(16)?,
        since: UnixNanos(row.get(17)?),
    }))
}

/// Adds the figures of a window, and what the newest occurrence says.
pub(super) fn assemble(
    transaction: &Transaction<'_>,
    found: Found,
    stretches: &[Stretch],
) -> Result<Issue, BookError> {
    let key = &found.key;
    let sums = sums_of(transaction, key, stretches)?;
    let all = volume(transaction, key.endpoint_id, stretches)?;
    let (first, last) = seen(transaction, &found).during("date an issue")?;
    let occurrences = occurrences_of(transaction, &found).during("count occurrences")?;
    let (cause, fixes, templates) = words(transaction, &found)?;
    let life = life_of(transaction, found.key.id, found.since)?;
    let Found { key, fingerprint, detector, subject, endpoint, .. } = found;
    Ok(Issue {
        id: key.id,
        fingerprint,
        detector,
        class: key.class,
        family: key.family,
        subject,
        endpoint,
        endpoint_id: key.endpoint_id,
        status: key.status,
        life,
        occurrences,
        requests: count(all.requests),
        requests_affected: count(sums.requests),
        lookups: count(sums.lookups),
        calls: count(sums.calls),
        at_least: sums.truncated > 0,
        wall_ns: sums.wall_ns,
        hidden_ns: sums.hidden_ns,
        entry_wall_ns: all.wall_ns,
        cause,
        fixes,
        templates,
        first_seen: UnixNanos(first),
        last_seen: UnixNanos(last),
    })
}

/// When the issue was first and last seen, by either form of its detector.
pub(super) fn seen(transaction: &Transaction<'_>, found: &Found) -> rusqlite::Result<(i64, i64)> {
    let edge = |sql: &str| {
        transaction
            .prepare_cached(sql)?
            .query_row([found.key.id], |row| row.get::<_, Option<i64>>(0))
    };
    // Two statements: SQLite takes one edge of an index from its end, not two.
    let first = edge("SELECT min(start) FROM occurrence WHERE issue_id = ?1")?;
    let last = edge("SELECT max(start) FROM occurrence WHERE issue_id = ?1")?;
    let first_use = match found.endpoint_first {
        Some(_) => first_use(transaction, &found.key)?,
        None => None,
    };
    let firsts = [first, found.pruned_first, found.endpoint_first, first_use];
    let lasts = [last, found.endpoint_last];
    Ok((
        firsts.into_iter().flatten().min().unwrap_or_default(),
        lasts.into_iter().flatten().max().unwrap_or_default(),
    ))
}

/// The minute of the first request that an endpoint form speaks of: it is
/// raised only after many of them.
fn first_use(transaction: &Transaction<'_>, key: &IssueKey) -> rusqlite::Result<Option<i64>> {
    let first = |grain: i64, from: i64| {
        transaction
            .prepare_cached(
                "SELECT bucket FROM class_use WHERE grain = ?1 AND endpoint_id = ?2 \
                 AND bucket >= ?3 AND class = ?4 AND family = ?5 AND samples > 0 \
                 ORDER BY bucket LIMIT 1",
            )?
            .query_row(params![grain, key.endpoint_id, from, key.class.slug(), key.family], |row| {
                row.get::<_, i64>(0)
            })
            .optional()
    };
    let Some(hour) = first(HOUR, i64::MIN)? else { return Ok(None) };
    let minute = first(MINUTE, hour * HOUR)?;
    let start = minute.map_or(start_of(hour, HOUR), |minute| start_of(minute, MINUTE));
    Ok(Some(start.0))
}

/// Affected segments since the issue was first seen. Once the endpoint form
/// raised it, every segment with a lookup is one.
fn occurrences_of(transaction: &Transaction<'_>, found: &Found) -> rusqlite::Result<u64> {
    let key = &found.key;
    let in_traces: f64 = transaction
        .prepare_cached(
            "SELECT total(samples) FROM issue_rollup WHERE issue_id = ?1 AND grain = 60",
        )?
        .query_row([key.id], |row| row.get(0))?;
    if found.endpoint_first.is_none() {
        return Ok(in_traces as u64);
    }
    let at_endpoint: f64 = transaction
        .prepare_cached(
            "SELECT total(samples) FROM class_use WHERE grain = 60 AND endpoint_id = ?1 \
             AND class = ?2 AND family = ?3",
        )?
        .query_row(params![key.endpoint_id, key.class.slug(), key.family], |row| row.get(0))?;
    Ok(in_traces.max(at_endpoint) as u64)
}

/// Cause, fixes and templates: of the newest occurrence in a trace, else of
/// the endpoint form.
fn words(
    transaction: &Transaction<'_>,
    found: &Found,
) -> Result<(Cause, Vec<Fix>, Vec<String>), BookError> {
    let newest: Option<(Vec<u8>, Vec<u8>)> = transaction
        .prepare_cached(
            "SELECT o.cause, f.fixes FROM occurrence o JOIN fix_set f ON f.id = o.fixes_id \
             WHERE o.issue_id = ?1 ORDER BY o.start DESC, o.trace_id, o.entry_span LIMIT 1",
        )
        .and_then(|mut statement| {
            statement.query_row([found.key.id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .during("read a cause")?;
    let at_endpoint = found.endpoint_cause.clone().zip(found.endpoint_fixes.clone());
    let Some((cause, fixes)) = newest.or(at_endpoint) else {
        return Ok((nothing_left(), Vec::new(), Vec::new()));
    };
    let (cause, templates) = decode_cause(&cause).damaged_in("cause")?;
    Ok((cause, decode_fixes(&fixes).damaged_in("list of fixes")?, templates))
}

/// An issue that somebody decided about stays when its occurrences go.
fn nothing_left() -> Cause {
    Cause {
        code: "undetermined".to_owned(),
        confidence: Confidence::Undetermined,
        text: "No occurrence is left to tell a cause from.".to_owned(),
        facts: Vec::new(),
    }
}
