//! Occurrences of issues: one row an affected segment, and their sums by
//! minute and hour. The rows are pruned beyond a number; the sums are not.

use std::collections::{BTreeMap, BTreeSet};

use hotspan_model::{Finding, SpanId, TraceId};
use rusqlite::{Transaction, params};

use super::codec::contribution::{Contribution, IssueShare};
use super::codec::words;
use super::endpoints::Interned;
use super::grain::{HOUR, MINUTE, bucket_of};
use super::rollups::{weighted, weighted_count};
use super::uses::UseSums;
use super::{BookError, During};

/// Occurrences of an issue that can be opened: the newest ones.
pub(super) const KEPT_MAX: usize = 2_000;
/// Occurrences added to an issue between two prunings.
const UNPRUNED_MAX: usize = 500;

/// Which row: issue, bucket.
type Key = (i64, i64);

/// What a batch of segments changes, by minute.
#[derive(Debug, Default)]
pub(super) struct IssueDeltas {
    sums: BTreeMap<Key, UseSums>,
    /// Issues that lost an occurrence: they may have none left.
    lessened: BTreeSet<i64>,
}

impl IssueDeltas {
    /// Adds the occurrences in a segment (`sign` 1) or takes them out (-1).
    pub(super) fn add(&mut self, segment: &Contribution, sign: i64) {
        let minute = bucket_of(segment.start, MINUTE);
        for share in &segment.issues {
            let sums = sums_of(share, segment.units, sign);
            self.sums.entry((share.issue_id, minute)).or_default().add(&sums);
            if sign < 0 {
                self.lessened.insert(share.issue_id);
            }
        }
    }

    /// Puts what an issue cost in a minute in the place of what was `known`.
    pub(super) fn set(&mut self, issue: i64, minute: i64, known: &UseSums, now: &UseSums) {
        let change = now.minus(known);
        self.sums.entry((issue, minute)).or_default().add(&change);
    }

    /// Writes the changes to the rows of minutes and hours, and closes issues
    /// that have no occurrence left.
    pub(super) fn apply(
        self,
        transaction: &Transaction<'_>,
        interned: &mut Interned,
    ) -> Result<(), BookError> {
        let mut hours: BTreeMap<Key, UseSums> = BTreeMap::new();
        for ((issue, minute), sums) in &self.sums {
            hours.entry((*issue, minute.div_euclid(HOUR))).or_default().add(sums);
        }
        for (grain, rows) in [(MINUTE, &self.sums), (HOUR, &hours)] {
            for (key, sums) in rows.iter().filter(|(_, sums)| **sums != UseSums::default()) {
                apply_row(transaction, grain, *key, sums).during("write sums of an issue")?;
            }
        }
        interned
            .close_empty_issues(transaction, &self.lessened)
            .during("close an issue without occurrences")
    }
}

/// An occurrence is a segment with the finding, however many lookups it has.
fn sums_of(share: &IssueShare, units: i64, sign: i64) -> UseSums {
    let units = sign * units;
    UseSums {
        segments: sign,
        samples: sign,
        truncated: if share.at_least { sign } else { 0 },
        requests: units,
        lookups: weighted_count(share.lookups, units),
        calls: weighted_count(share.calls, units),
        wall_ns: weighted(share.wall_ns, units),
        hidden_ns: weighted(share.hidden_ns, units),
    }
}

fn apply_row(
    transaction: &Transaction<'_>,
    grain: i64,
    (issue, bucket): Key,
    sums: &UseSums,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO issue_rollup VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) \
             ON CONFLICT (issue_id, grain, bucket) DO UPDATE SET \
             samples = samples + excluded.samples, truncated = truncated + excluded.truncated, \
             requests = requests + excluded.requests, lookups = lookups + excluded.lookups, \
             calls = calls + excluded.calls, wall_ns = wall_ns + excluded.wall_ns, \
             hidden_ns = hidden_ns + excluded.hidden_ns",
        )?
        .execute(params![
            grain,
            issue,
            bucket,
            sums.samples,
            sums.truncated,
            sums.requests,
            sums.lookups,
            sums.calls,
            sums.wall_ns,
            sums.hidden_ns,
        ])?;
    if sums.samples < 0 {
        transaction
            .prepare_cached(
                "DELETE FROM issue_rollup \
                 WHERE issue_id = ?1 AND grain = ?2 AND bucket = ?3 AND samples <= 0",
            )?
            .execute([issue, grain, bucket])?;
    }
    Ok(())
}

/// Keeps an occurrence, in place of its earlier form if there is one.
pub(super) fn keep(
    transaction: &Transaction<'_>,
    interned: &mut Interned,
    issue: i64,
    finding: &Finding,
    segment: &Contribution,
) -> rusqlite::Result<()> {
    let fixes = interned.fix_set(transaction, &finding.fixes)?;
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO occurrence \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            issue,
            finding.trace_id.0,
            finding.entry_span.0,
            segment.start.0,
            segment.duration_ns,
            finding.wall_ns,
            finite(finding.lookups),
            finite(finding.calls),
            words::encode_spans(&finding.evidence),
            words::encode_cause(&finding.cause, &finding.templates),
            fixes,
        ])?;
    let unpruned = interned.unpruned.entry(issue).or_default();
    *unpruned += 1;
    if *unpruned > UNPRUNED_MAX {
        interned.unpruned.remove(&issue);
        prune(transaction, interned, issue)?;
    }
    Ok(())
}

/// SQLite keeps NaN as null, which the column refuses.
fn finite(count: f64) -> f64 {
    if count.is_finite() { count } else { 0.0 }
}

/// Takes an occurrence away.
pub(super) fn remove(
    transaction: &Transaction<'_>,
    issue: i64,
    (trace_id, entry_span): (TraceId, SpanId),
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "DELETE FROM occurrence WHERE issue_id = ?1 AND trace_id = ?2 AND entry_span = ?3",
        )?
        .execute(params![issue, trace_id.0, entry_span.0])?;
    Ok(())
}

/// Drops the oldest occurrences beyond [`KEPT_MAX`], remembering when the
/// issue was first seen, and the fixes that only they advised.
fn prune(
    transaction: &Transaction<'_>,
    interned: &mut Interned,
    issue: i64,
) -> rusqlite::Result<()> {
    let too_old = "issue_id = ?1 AND start < (SELECT start FROM occurrence WHERE issue_id = ?1 \
                   ORDER BY start DESC LIMIT 1 OFFSET ?2)";
    let bounds = params![issue, KEPT_MAX as i64 - 1];
    transaction
        .prepare_cached(&format!(
            "UPDATE issue SET pruned_first_seen = coalesce(min(pruned_first_seen, oldest), \
             oldest, pruned_first_seen) FROM (SELECT min(start) AS oldest FROM occurrence \
             WHERE {too_old}) WHERE id = ?1"
        ))?
        .execute(bounds)?;
    let pruned = transaction
        .prepare_cached(&format!("DELETE FROM occurrence WHERE {too_old}"))?
        .execute(bounds)?;
    if pruned > 0 {
        interned.forget_fixes(transaction)?;
    }
    Ok(())
}

impl Interned {
    /// Drops the fixes that nothing advises any more.
    pub(super) fn forget_fixes(&mut self, transaction: &Transaction<'_>) -> rusqlite::Result<()> {
        self.fix_sets.clear();
        transaction
            .prepare_cached(
                "DELETE FROM fix_set WHERE id NOT IN (SELECT fixes_id FROM occurrence) \
                 AND id NOT IN (SELECT endpoint_fixes_id FROM issue \
                                WHERE endpoint_fixes_id IS NOT NULL)",
            )?
            .execute([])?;
        Ok(())
    }
}
