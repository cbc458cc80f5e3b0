//! One endpoint's requests over a window, summed from roll-ups: in total, by
//! step of time, and by release.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::sketch::{BUCKET_MAX, WEIGHT_UNIT};
use hotspan_model::{Sketch, TimeByClass, UnixNanos};
use rusqlite::{Row, Transaction};

use super::super::codec::shapes;
use super::super::grain::{Steps, Stretch, start_of};
use super::super::rows::{Bucket, ReleaseRow};
use super::super::{BookError, DamagedIn, During};

/// Durations by bucket in an array: adding thousands of stored sketches is
/// several times faster than in a map.
#[derive(Debug, Clone)]
struct Durations(Vec<i64>);

impl Durations {
    fn new() -> Self {
        Self(vec![0; usize::from(BUCKET_MAX) + 1])
    }

    fn add(&mut self, bucket: u16, count: i64) {
        if let Some(sum) = self.0.get_mut(usize::from(bucket.min(BUCKET_MAX))) {
            *sum = sum.saturating_add(count);
        }
    }

    fn take(&mut self) -> Sketch {
        let mut sketch = Sketch::default();
        for (bucket, count) in self.0.iter_mut().enumerate().filter(|(_, count)| **count != 0) {
            sketch.add_bucket(bucket as u16, std::mem::take(count));
        }
        sketch
    }
}

/// Sums over some requests. Counts are in thousandths of a weighted request.
#[derive(Debug, Clone, Default)]
pub(super) struct Figures {
    pub(super) samples: i64,
    pub(super) requests: i64,
    pub(super) errors: i64,
    pub(super) wall_ns: i64,
    pub(super) time: TimeByClass,
    pub(super) sketch: Sketch,
}

impl Figures {
    fn add_numbers(&mut self, row: &StoredRow) {
        self.samples += row.samples;
        self.requests = self.requests.saturating_add(row.requests);
        self.errors = self.errors.saturating_add(row.errors);
        self.wall_ns = self.wall_ns.saturating_add(row.wall_ns);
        self.time.merge(&row.time, 1);
    }

    /// The duration that a share `q` of the requests does not exceed, or 0.
    pub(super) fn quantile_ns(&self, q: f64) -> i64 {
        self.sketch.quantile_ns(q).unwrap_or_default()
    }

    fn bucket(self, start: UnixNanos) -> Bucket {
        Bucket {
            start,
            requests: count(self.requests),
            errors: count(self.errors),
            wall_ns: self.wall_ns,
            time: self.time,
            sketch: self.sketch,
        }
    }
}

/// Thousandths as a number of requests.
pub(super) fn count(thousandths: i64) -> f64 {
    thousandths as f64 / WEIGHT_UNIT as f64
}

struct StoredRow {
    bucket: i64,
    release_id: i64,
    samples: i64,
    requests: i64,
    errors: i64,
    wall_ns: i64,
    time: TimeByClass,
}

const COLUMNS: &str = "bucket, release_id, samples, requests, errors, wall_ns, time, sketch";

/// Calls `each` with every row of an endpoint in the stretches, in order of
/// time, and with the bytes of its sketch.
fn for_each_row(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
    mut each: impl FnMut(&Stretch, StoredRow, &[u8]) -> Result<(), BookError>,
) -> Result<(), BookError> {
    let mut statement = transaction
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM rollup WHERE grain = ?1 AND endpoint_id = ?2 \
             AND bucket >= ?3 AND bucket < ?4 ORDER BY bucket"
        ))
        .during("read roll-ups")?;
    for stretch in stretches {
        let mut rows = statement
            .query([stretch.grain, endpoint_id, stretch.from, stretch.to])
            .during("read roll-ups")?;
        while let Some(row) = rows.next().during("read roll-ups")? {
            let sketch = row.get_ref(7).during("read roll-ups")?;
            let sketch = sketch.as_blob().unwrap_or_default();
            each(stretch, stored_row(row)?, sketch)?;
        }
    }
    Ok(())
}

fn stored_row(row: &Row<'_>) -> Result<StoredRow, BookError> {
    let number = |column: usize| row.get::<_, i64>(column).during("read roll-ups");
    let time = row.get_ref(6).during("read roll-ups")?;
    let time = time.as_blob().unwrap_or_default();
    Ok(StoredRow {
        bucket: number(0)?,
        release_id: number(1)?,
        samples: number(2)?,
        requests: number(3)?,
        errors: number(4)?,
        wall_ns: number(5)?,
        time: shapes::decode_time(time).damaged_in("time by class")?,
    })
}

/// An endpoint's requests over a window: in total and by step.
pub(super) struct History {
    pub(super) total: Figures,
    /// One for each step, empty ones included.
    pub(super) steps: Vec<Figures>,
}

/// Sums the roll-ups of an endpoint.
pub(super) fn history(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    steps: &Steps,
) -> Result<History, BookError> {
    let mut by_step: Vec<Figures> = Vec::new();
    by_step.resize_with(steps.count, Figures::default);
    let (mut total, mut all, mut step) = (Figures::default(), Durations::new(), Durations::new());
    let mut current = 0;
    for_each_row(transaction, endpoint_id, &steps.stretches, |stretch, row, sketch| {
        let index = steps.index_of(row.bucket, stretch.grain).min(steps.count - 1);
        if index != current {
            by_step[current].sketch = step.take();
            current = index;
        }
        total.add_numbers(&row);
        by_step[index].add_numbers(&row);
        shapes::for_each_bucket(sketch, |bucket, count| {
            all.add(bucket, count);
            step.add(bucket, count);
        })
        .damaged_in("sketch")
    })?;
    if let Some(last) = by_step.get_mut(current) {
        last.sketch = step.take();
    }
    total.sketch = all.take();
    Ok(History { total, steps: by_step })
}

impl History {
    /// The steps as the page of an endpoint draws them.
    pub(super) fn series(&self, steps: &Steps) -> Vec<Bucket> {
        let figures = self.steps.iter().cloned().enumerate();
        figures.map(|(index, figures)| figures.bucket(steps.start(index))).collect()
    }
}

/// An endpoint's requests by release, the newest release first.
pub(super) fn releases(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<Vec<ReleaseRow>, BookError> {
    let mut by_release: BTreeMap<i64, (UnixNanos, Figures)> = BTreeMap::new();
    for_each_row(transaction, endpoint_id, stretches, |stretch, row, sketch| {
        let start = start_of(row.bucket, stretch.grain);
        let (_, figures) =
            by_release.entry(row.release_id).or_insert_with(|| (start, Figures::default()));
        figures.add_numbers(&row);
        shapes::for_each_bucket(sketch, |bucket, count| figures.sketch.add_bucket(bucket, count))
            .damaged_in("sketch")
    })?;
    let mut rows = Vec::with_capacity(by_release.len());
    for (release_id, (first_seen, figures)) in by_release {
        rows.push(ReleaseRow {
            release: label_of(transaction, release_id).during("read a release")?,
            requests: count(figures.requests),
            errors: count(figures.errors),
            first_seen,
            p95_ns: figures.quantile_ns(0.95),
        });
    }
    rows.sort_by(|left, right| {
        (right.first_seen, &left.release).cmp(&(left.first_seen, &right.release))
    });
    Ok(rows)
}

fn label_of(transaction: &Transaction<'_>, id: i64) -> rusqlite::Result<Arc<str>> {
    transaction
        .prepare_cached("SELECT name FROM label WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
}

/// Weighted requests and wall time of an endpoint, without its durations.
pub(super) struct Volume {
    pub(super) samples: i64,
    pub(super) requests: i64,
    pub(super) wall_ns: i64,
    /// Start of the first and of the last bucket with requests.
    pub(super) seen: Option<(UnixNanos, UnixNanos)>,
}

/// Sums what issues are compared with.
pub(super) fn volume(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretches: &[Stretch],
) -> Result<Volume, BookError> {
    let mut volume = Volume { samples: 0, requests: 0, wall_ns: 0, seen: None };
    let mut statement = transaction
        .prepare_cached(
            "SELECT total(samples), total(requests), total(wall_ns), min(bucket), max(bucket) \
             FROM rollup WHERE grain = ?1 AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4",
        )
        .during("sum roll-ups")?;
    for stretch in stretches {
        let (samples, requests, wall, first, last) = statement
            .query_row([stretch.grain, endpoint_id, stretch.from, stretch.to], |row| {
                let total = |column: usize| row.get::<_, f64>(column).map(|value| value as i64);
                let edge = |column: usize| row.get::<_, Option<i64>>(column);
                Ok((total(0)?, total(1)?, total(2)?, edge(3)?, edge(4)?))
            })
            .during("sum roll-ups")?;
        volume.samples += samples;
        volume.requests = volume.requests.saturating_add(requests);
        volume.wall_ns = volume.wall_ns.saturating_add(wall);
        if let (Some(first), Some(last)) = (first, last) {
            let last = start_of(last, stretch.grain);
            let begun = volume.seen.map(|(begun, _)| begun);
            volume.seen = Some((begun.unwrap_or(start_of(first, stretch.grain)), last));
        }
    }
    Ok(volume)
}
