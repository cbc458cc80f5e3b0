//! An endpoint over time: what is usual, and what it is like of late.

use std::collections::BTreeMap;

use hotspan_model::history::Example;
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{
    CallTree, EndpointHistory, HistoryWindow, RequestStretch, TreeStretch, UnixNanos,
};
use rusqlite::Transaction;

use super::super::codec::shapes;
use super::super::connection::Book;
use super::super::deploys::deploys_in;
use super::super::grain::{HOUR, MINUTE, Stretch, TREE, bucket_of, cover, start_of};
use super::super::rows::{TimeWindow, TraceSummary};
use super::super::{BookError, DamagedIn, During};
use super::endpoint_of;
use super::figures::count;
use super::profile::sdk_of;
use super::traces::slowest;

/// So much of the earlier window comes by minute.
const FINE_NS: i64 = 6 * HOUR * NANOS_PER_MINUTE;

impl Book {
    /// An endpoint's requests in two windows, without their call trees; `None`
    /// when there is no such endpoint.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn endpoint_history(
        &self,
        id: i64,
        earlier: TimeWindow,
        recent: TimeWindow,
    ) -> Result<Option<EndpointHistory>, BookError> {
        let minutes_from = self.minutes_from();
        self.read("read the history of an endpoint", |transaction| {
            let Some(endpoint) = endpoint_of(transaction, id)? else {
                return Ok(None);
            };
            let requests = |stretches: &[Stretch]| -> Result<HistoryWindow, BookError> {
                let requests = requests(transaction, id, stretches)?;
                Ok(HistoryWindow { requests, trees: Vec::new() })
            };
            let both = TimeWindow { from: earlier.from, to: recent.to };
            Ok(Some(EndpointHistory {
                sdk: sdk_of(transaction, id).during("read an SDK")?,
                earlier: requests(&late_ones_fine(earlier, minutes_from))?,
                recent: requests(&[fine(recent, MINUTE)])?,
                deploys: deploys_in(transaction, &endpoint.project, &endpoint.service, both)?,
                example: slowest(transaction, id, recent, 1)?.first().map(example_of),
                endpoint,
            }))
        })
    }

    /// An endpoint's call trees in two windows: by five minutes or hours in
    /// the earlier one, by five minutes in the recent one.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn history_trees(
        &self,
        id: i64,
        earlier: TimeWindow,
        recent: TimeWindow,
    ) -> Result<[Vec<TreeStretch>; 2], BookError> {
        let stretches = cover(earlier, TREE, self.minutes_from());
        self.read("read the call trees of an endpoint", |transaction| {
            Ok([
                trees(transaction, id, &stretches)?,
                trees(transaction, id, &[fine(recent, TREE)])?,
            ])
        })
    }
}

/// A window whose last hours come by minute, because a new server has nothing
/// else yet; the others come by hour.
fn late_ones_fine(window: TimeWindow, minutes_from: UnixNanos) -> Vec<Stretch> {
    let hour_ns = HOUR * NANOS_PER_MINUTE;
    let hour = window.to.plus(-FINE_NS).0.div_euclid(hour_ns) * hour_ns;
    let from = UnixNanos(hour).max(window.from).max(minutes_from);
    if from >= window.to {
        return cover(window, MINUTE, minutes_from);
    }
    let mut stretches = Vec::new();
    if window.from < from {
        stretches.extend(cover(TimeWindow { from: window.from, to: from }, MINUTE, minutes_from));
    }
    stretches.push(fine(TimeWindow { from, to: window.to }, MINUTE));
    stretches
}

/// A window in buckets of one width, the first and last of them whole.
fn fine(window: TimeWindow, grain: i64) -> Stretch {
    let last = bucket_of(window.to.plus(-1), grain);
    Stretch { grain, from: bucket_of(window.from, grain), to: last + 1 }
}

/// Requests by bucket; releases and environments added up.
fn requests(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<Vec<RequestStretch>, BookError> {
    let mut found: BTreeMap<i64, RequestStretch> = BTreeMap::new();
    let mut statement = transaction
        .prepare_cached(
            "SELECT bucket, samples, requests, wall_ns, sketch FROM rollup \
             WHERE grain = ?1 AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4",
        )
        .during("read roll-ups")?;
    for stretch in stretches {
        let mut rows = statement
            .query([stretch.grain, endpoint_id, stretch.from, stretch.to])
            .during("read roll-ups")?;
        while let Some(row) = rows.next().during("read roll-ups")? {
            let number = |column: usize| row.get::<_, i64>(column).during("read roll-ups");
            let start = start_of(number(0)?, stretch.grain);
            let sums = found.entry(start.0).or_default();
            (sums.start, sums.width_ns) = (start, stretch.grain * NANOS_PER_MINUTE);
            sums.samples += number(1)?.max(0) as u64;
            sums.requests += count(number(2)?);
            sums.wall_ns = sums.wall_ns.saturating_add(number(3)?);
            let sketch = row.get_ref(4).during("read roll-ups")?.as_blob().unwrap_or_default();
            shapes::for_each_bucket(sketch, |bucket, count| sums.sketch.add_bucket(bucket, count))
                .damaged_in("sketch")?;
        }
    }
    Ok(found.into_values().collect())
}

fn trees(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<Vec<TreeStretch>, BookError> {
    let mut found = Vec::new();
    let mut statement = transaction
        .prepare_cached(
            "SELECT bucket, tree FROM profile \
             WHERE grain = ?1 AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4 \
             ORDER BY bucket",
        )
        .during("read profiles")?;
    for stretch in stretches {
        let rows: Vec<(i64, Vec<u8>)> = statement
            .query_map([stretch.grain, endpoint_id, stretch.from, stretch.to], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .and_then(Iterator::collect)
            .during("read profiles")?;
        for (bucket, tree) in rows {
            let tree: CallTree = shapes::decode_tree(&tree).damaged_in("call tree")?;
            let start = start_of(bucket, stretch.grain);
            let width_ns = stretch.grain * NANOS_PER_MINUTE;
            found.push(TreeStretch { start, width_ns, tree });
        }
    }
    Ok(found)
}

fn example_of(segment: &TraceSummary) -> Example {
    Example { trace_id: segment.trace_id, entry_span: segment.entry_span }
}
