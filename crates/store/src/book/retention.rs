//! What the book lets go as it gets old: fine buckets first, then whole hours,
//! lists of traces, and occurrences. The dearest occurrences of an issue stay,
//! because they are its evidence.

use std::collections::HashSet;

use hotspan_model::{TraceId, UnixNanos};
use rusqlite::{Transaction, params};

use super::connection::Book;
use super::endpoints::Interned;
use super::grain::{HOUR, MINUTE, TREE, bucket_of, start_of};
use super::{BookError, During, agents, deploys};

/// Occurrences of an issue that stay however old they are, with their traces.
pub const EVIDENCE_MAX: i64 = 3;
/// Endpoints, or issues, cleared in one transaction, so that commits of
/// segments never wait long.
const CLEARED_AT_ONCE: usize = 20;
/// The setting that says from when on there are minutes.
const MINUTES_FROM: &str = "rollups.minutes_from";

/// What is let go: everything that began before these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Horizons {
    /// Sums by minute, call trees by five minutes.
    pub minutes: UnixNanos,
    /// Lists of traces, occurrences, call trees by hour.
    pub traces: UnixNanos,
    /// Sums by hour.
    pub hours: UnixNanos,
}

impl Book {
    /// Lets go of what is older than it is kept. Returns how many rows went.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn expire(&self, horizons: &Horizons) -> Result<u64, BookError> {
        // Whole hours, so that what minutes no longer tell, hours do.
        let minutes = start_of(bucket_of(horizons.minutes, HOUR), HOUR);
        let horizons = Horizons { minutes, ..*horizons };
        self.keep_minutes_from(minutes)?;
        let mut rows = 0;
        for endpoints in self.ids_of("endpoint")?.chunks(CLEARED_AT_ONCE) {
            rows += self.write("let old figures go", |transaction, _| {
                let cleared = |id: &i64| clear_endpoint(transaction, *id, &horizons);
                endpoints.iter().map(cleared).sum::<Result<u64, _>>().during("let old figures go")
            })?;
        }
        for issues in self.ids_of("issue")?.chunks(CLEARED_AT_ONCE) {
            rows += self.write("let old occurrences go", |transaction, interned| {
                let mut cleared = |id: &i64| clear_issue(transaction, interned, *id, &horizons);
                issues.iter().map(&mut cleared).sum::<Result<u64, _>>().during("let occurrences go")
            })?;
        }
        rows += self.write("let old deploys go", |transaction, _| {
            deploys::expire(transaction, horizons.hours).during("let old deploys go")
        })?;
        loop {
            let gone = self.write("let what agents told go", |transaction, _| {
                agents::expire(transaction, horizons.minutes).during("let what agents told go")
            })?;
            rows += gone;
            if gone == 0 {
                break;
            }
        }
        Ok(rows)
    }

    /// The traces of each issue's dearest occurrences.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn evidence_traces(&self) -> Result<HashSet<TraceId>, BookError> {
        self.read("list evidence", |transaction| {
            transaction
                .prepare_cached(
                    "SELECT DISTINCT trace_id FROM (SELECT trace_id, row_number() OVER ( \
                       PARTITION BY issue_id ORDER BY wall_ns DESC, start DESC) AS nth \
                     FROM occurrence) WHERE nth <= ?1",
                )
                .and_then(|mut statement| {
                    statement.query_map([EVIDENCE_MAX], |row| Ok(TraceId(row.get(0)?)))?.collect()
                })
                .during("list evidence")
        })
    }

    fn ids_of(&self, table: &str) -> Result<Vec<i64>, BookError> {
        self.read("list what is kept", |transaction| {
            transaction
                .prepare_cached(&format!("SELECT id FROM {table}"))
                .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
                .during("list what is kept")
        })
    }

    /// Remembers from when on there are minutes, before the first one goes.
    fn keep_minutes_from(&self, minutes: UnixNanos) -> Result<(), BookError> {
        if minutes > self.minutes_from() {
            self.set_setting(MINUTES_FROM, &minutes.0.to_string())?;
            self.set_minutes_from(minutes);
        }
        Ok(())
    }

    /// What [`Self::keep_minutes_from`] remembered, when the file is opened.
    pub(super) fn load_minutes_from(&self) -> Result<(), BookError> {
        let kept = self.setting(MINUTES_FROM)?.and_then(|text| text.parse().ok());
        self.set_minutes_from(UnixNanos(kept.unwrap_or(i64::MIN)));
        Ok(())
    }
}

fn clear_endpoint(
    transaction: &Transaction<'_>,
    endpoint: i64,
    horizons: &Horizons,
) -> rusqlite::Result<u64> {
    let mut rows = 0;
    let mut clear = |table: &str, grain: i64, before: UnixNanos| -> rusqlite::Result<()> {
        let sql =
            format!("DELETE FROM {table} WHERE grain = ?1 AND endpoint_id = ?2 AND bucket < ?3");
        let before = bucket_of(before, grain);
        rows += transaction.prepare_cached(&sql)?.execute([grain, endpoint, before])? as u64;
        Ok(())
    };
    for table in ["rollup", "class_use"] {
        clear(table, MINUTE, horizons.minutes)?;
        clear(table, HOUR, horizons.hours)?;
    }
    clear("profile", TREE, horizons.minutes)?;
    clear("profile", HOUR, horizons.traces)?;
    let lists = transaction
        .prepare_cached("DELETE FROM trace_summary WHERE endpoint_id = ?1 AND hour < ?2")?
        .execute([endpoint, bucket_of(horizons.traces, HOUR)])?;
    Ok(rows + lists as u64)
}

fn clear_issue(
    transaction: &Transaction<'_>,
    interned: &mut Interned,
    issue: i64,
    horizons: &Horizons,
) -> rusqlite::Result<u64> {
    let mut rows = 0;
    for (grain, before) in [(MINUTE, horizons.minutes), (HOUR, horizons.hours)] {
        rows += transaction
            .prepare_cached(
                "DELETE FROM issue_rollup WHERE issue_id = ?1 AND grain = ?2 AND bucket < ?3",
            )?
            .execute([issue, grain, bucket_of(before, grain)])?;
    }
    let expired = "issue_id = ?1 AND start < ?2 AND rowid NOT IN ( \
                   SELECT rowid FROM occurrence WHERE issue_id = ?1 \
                   ORDER BY wall_ns DESC, start DESC LIMIT ?3)";
    let bounds = params![issue, horizons.traces.0, EVIDENCE_MAX];
    transaction
        .prepare_cached(&format!(
            "UPDATE issue SET pruned_first_seen = coalesce(min(pruned_first_seen, oldest), \
             oldest, pruned_first_seen) FROM (SELECT min(start) AS oldest FROM occurrence \
             WHERE {expired}) WHERE id = ?1 AND oldest IS NOT NULL"
        ))?
        .execute(bounds)?;
    let occurrences = transaction
        .prepare_cached(&format!("DELETE FROM occurrence WHERE {expired}"))?
        .execute(bounds)?;
    if occurrences > 0 {
        interned.forget_fixes(transaction)?;
    }
    Ok(rows as u64 + occurrences as u64)
}
