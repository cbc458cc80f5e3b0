//! The slowest and the newest segments of each endpoint and hour, for lists of
//! traces. Bounded: a busy endpoint keeps some hundred an hour.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use hotspan_model::{SpanId, TraceId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::codec::contribution::Contribution;
use super::grain::{HOUR, bucket_of};
use super::{BookError, During};

/// Slowest segments kept of an endpoint and hour.
pub(super) const SLOWEST_MAX: usize = 20;
/// Newest segments kept of an endpoint and hour.
pub(super) const NEWEST_MAX: usize = 200;
/// Newest segments in error kept of an endpoint and hour.
pub(super) const ERRORS_MAX: usize = 20;
/// Newest segments that one batch adds to an endpoint and hour: a batch comes
/// every half second, so a list that is read by people stays as full as it was,
/// and thousands of requests a second do not cost thousands of rows.
pub(super) const NEWEST_OF_BATCH_MAX: usize = 8;
/// Rows an endpoint and hour may have before they are cut to the above.
const ROWS_MAX: i64 = 480;
/// Endpoints and hours whose rows are remembered.
const REMEMBERED_MAX: usize = 20_000;

/// Which rows: endpoint, hour.
type Key = (i64, i64);

#[derive(Debug, Clone, Copy)]
struct Summary {
    start: i64,
    duration_ns: i64,
    error: bool,
    spans: u32,
    lost_ns: i64,
}

type Summaries = BTreeMap<(TraceId, SpanId), Summary>;

/// What the writer knows of the rows without reading them.
#[derive(Debug, Default)]
pub(super) struct KnownRows(HashMap<Key, Known>);

#[derive(Debug, Clone, Copy)]
struct Known {
    /// Rows there are, or more.
    rows: i64,
    /// At least [`SLOWEST_MAX`] rows are slower; a segment that is not need
    /// not be written as one of the slowest.
    slower_than_ns: i64,
}

impl KnownRows {
    /// Forgets what grew too large.
    pub(super) fn trim(&mut self) {
        if self.0.len() > REMEMBERED_MAX {
            self.0.clear();
        }
    }

    /// A row went: how many slower ones are left is not known any more.
    fn forget(&mut self, key: Key) {
        self.0.remove(&key);
    }

    fn of(&mut self, transaction: &Transaction<'_>, key: Key) -> rusqlite::Result<&mut Known> {
        Ok(match self.0.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let rows = count(transaction, key)?;
                place.insert(Known { rows, slower_than_ns: i64::MIN })
            }
        })
    }
}

/// What a batch of segments adds. Only what may be kept is written, so that a
/// batch of thousands on one endpoint writes a few hundred rows.
#[derive(Debug, Default)]
pub(super) struct SummaryDeltas(BTreeMap<Key, Summaries>);

impl SummaryDeltas {
    /// Adds a segment.
    pub(super) fn add(&mut self, id: (TraceId, SpanId), segment: &Contribution) {
        let lost: i64 =
            segment.issues.iter().fold(0, |sum: i64, share| sum.saturating_add(share.wall_ns));
        let summary = Summary {
            start: segment.start.0,
            duration_ns: segment.duration_ns,
            error: segment.error,
            spans: segment.spans,
            lost_ns: lost.clamp(0, segment.duration_ns.max(0)),
        };
        let key = (segment.endpoint_id, bucket_of(segment.start, HOUR));
        self.0.entry(key).or_default().insert(id, summary);
    }

    /// Takes out the earlier form of a segment.
    pub(super) fn remove(
        &mut self,
        transaction: &Transaction<'_>,
        known: &mut KnownRows,
        id: (TraceId, SpanId),
        segment: &Contribution,
    ) -> rusqlite::Result<()> {
        let (endpoint, hour) = (segment.endpoint_id, bucket_of(segment.start, HOUR));
        known.forget((endpoint, hour));
        if let Some(summaries) = self.0.get_mut(&(endpoint, hour)) {
            summaries.remove(&id);
        }
        transaction
            .prepare_cached(
                "DELETE FROM trace_summary WHERE endpoint_id = ?1 AND hour = ?2 \
                 AND trace_id = ?3 AND entry_span = ?4",
            )?
            .execute(params![endpoint, hour, id.0.0, id.1.0])?;
        Ok(())
    }

    /// Writes the rows, and cuts back where there are too many now.
    pub(super) fn apply(
        self,
        transaction: &Transaction<'_>,
        known: &mut KnownRows,
    ) -> Result<(), BookError> {
        known.trim();
        for (key, summaries) in self.0 {
            let known = known.of(transaction, key).during("count trace summaries")?;
            for id in worth_keeping(&summaries, known.slower_than_ns) {
                if let Some(summary) = summaries.get(&id) {
                    insert(transaction, key, id, summary).during("write a trace summary")?;
                    known.rows += 1;
                }
            }
            if known.rows > ROWS_MAX {
                *known = cut_back(transaction, key).during("cut back trace summaries")?;
            }
        }
        Ok(())
    }
}

fn worth_keeping(summaries: &Summaries, slower_than_ns: i64) -> BTreeSet<(TraceId, SpanId)> {
    let mut kept = BTreeSet::new();
    let mut keep = |most: usize, rank: &dyn Fn(&Summary) -> Option<i64>| {
        let mut ranked: Vec<_> = summaries
            .iter()
            .filter_map(|(id, summary)| Some((std::cmp::Reverse(rank(summary)?), *id)))
            .collect();
        ranked.sort_unstable();
        kept.extend(ranked.into_iter().take(most).map(|(_, id)| id));
    };
    keep(SLOWEST_MAX, &|summary| {
        (summary.duration_ns > slower_than_ns).then_some(summary.duration_ns)
    });
    keep(NEWEST_OF_BATCH_MAX, &|summary| Some(summary.start));
    keep(ERRORS_MAX, &|summary| summary.error.then_some(summary.start));
    kept
}

fn insert(
    transaction: &Transaction<'_>,
    (endpoint, hour): Key,
    (trace_id, entry_span): (TraceId, SpanId),
    summary: &Summary,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO trace_summary VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            endpoint,
            hour,
            trace_id.0,
            entry_span.0,
            summary.start,
            summary.duration_ns,
            summary.error,
            summary.spans,
            summary.lost_ns,
        ])?;
    Ok(())
}

fn count(transaction: &Transaction<'_>, (endpoint, hour): Key) -> rusqlite::Result<i64> {
    transaction
        .prepare_cached("SELECT count(*) FROM trace_summary WHERE endpoint_id = ?1 AND hour = ?2")?
        .query_row([endpoint, hour], |row| row.get(0))
}

/// Removes what is neither slow nor new nor in error; tells what is left.
fn cut_back(transaction: &Transaction<'_>, (endpoint, hour): Key) -> rusqlite::Result<Known> {
    transaction
        .prepare_cached(
            "WITH mine AS MATERIALIZED (SELECT trace_id, entry_span, start, duration_ns, error \
               FROM trace_summary WHERE endpoint_id = ?1 AND hour = ?2), \
             kept AS MATERIALIZED ( \
               SELECT * FROM (SELECT trace_id, entry_span FROM mine \
                 ORDER BY duration_ns DESC, trace_id, entry_span LIMIT ?3) \
               UNION SELECT * FROM (SELECT trace_id, entry_span FROM mine \
                 ORDER BY start DESC, trace_id, entry_span LIMIT ?4) \
               UNION SELECT * FROM (SELECT trace_id, entry_span FROM mine WHERE error \
                 ORDER BY start DESC, trace_id, entry_span LIMIT ?5)) \
             DELETE FROM trace_summary WHERE endpoint_id = ?1 AND hour = ?2 \
               AND (trace_id, entry_span) NOT IN (SELECT trace_id, entry_span FROM kept)",
        )?
        .execute(params![
            endpoint,
            hour,
            SLOWEST_MAX as i64,
            NEWEST_MAX as i64,
            ERRORS_MAX as i64
        ])?;
    let slower_than_ns = transaction
        .prepare_cached(
            "SELECT duration_ns FROM trace_summary WHERE endpoint_id = ?1 AND hour = ?2 \
             ORDER BY duration_ns DESC LIMIT 1 OFFSET ?3",
        )?
        .query_row([endpoint, hour, SLOWEST_MAX as i64 - 1], |row| row.get(0))
        .optional()?
        .unwrap_or(i64::MIN);
    Ok(Known { rows: count(transaction, (endpoint, hour))?, slower_than_ns })
}
