//! An endpoint's requests minute by minute, with what one issue cost them: what
//! before and after are told from.

use std::collections::BTreeMap;

use hotspan_model::comparison::MinuteFigures;
use rusqlite::{Transaction, params};

use super::super::codec::shapes;
use super::super::connection::Book;
use super::super::grain::{MINUTE, Stretch, bucket_of, cover};
use super::super::rows::TimeWindow;
use super::super::{BookError, DamagedIn, During};
use super::class_uses;
use super::figures::count;
use super::issue_row::{self, Wanted};
use super::lost::{IssueKey, sums_of};

impl Book {
    /// The requests of an issue's endpoint by minute, once for each window;
    /// minutes without requests are left out, and so are those that began
    /// before the window. Empty when there is no such issue. Figures by minute
    /// are kept for some days only.
    ///
    /// # Errors
    /// When the database cannot be read or holds something damaged.
    pub fn issue_minutes(
        &self,
        id: i64,
        windows: &[TimeWindow],
    ) -> Result<Vec<Vec<MinuteFigures>>, BookError> {
        let stretches: Vec<Stretch> = windows.iter().map(|window| whole_minutes(*window)).collect();
        self.read("read an issue by minute", |transaction| {
            let Some(key) = key_of(transaction, id)? else {
                return Ok(vec![Vec::new(); windows.len()]);
            };
            // All windows from one source, so that they can be compared.
            let uses = class_uses::sums_over(
                transaction,
                key.endpoint_id,
                key.class,
                &key.family,
                &stretches,
            )?;
            let watched = uses.segments > 0;
            stretches
                .iter()
                .map(|stretch| {
                    let mut minutes = requests(transaction, key.endpoint_id, stretch)?;
                    add_lost(transaction, &key, watched, stretch, &mut minutes)?;
                    Ok(minutes.into_values().collect())
                })
                .collect()
        })
    }

    /// Wall time that an issue cost in a window.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn issue_wall_ns(&self, id: i64, window: TimeWindow) -> Result<i64, BookError> {
        let stretches = cover(window, MINUTE, self.minutes_from());
        self.read("sum what an issue cost", |transaction| day_wall_ns(transaction, id, &stretches))
    }
}

/// Minutes that begin in the window.
fn whole_minutes(window: TimeWindow) -> Stretch {
    let first_from = |at: hotspan_model::UnixNanos| {
        bucket_of(hotspan_model::UnixNanos(at.0.saturating_sub(1)), MINUTE) + 1
    };
    Stretch { grain: MINUTE, from: first_from(window.from), to: first_from(window.to) }
}

/// Wall time that an issue cost in the stretches; 0 when there is none.
pub(in crate::book) fn day_wall_ns(
    transaction: &Transaction<'_>,
    id: i64,
    stretches: &[Stretch],
) -> Result<i64, BookError> {
    let Some(key) = key_of(transaction, id)? else { return Ok(0) };
    Ok(sums_of(transaction, &key, stretches)?.wall_ns)
}

fn key_of(transaction: &Transaction<'_>, id: i64) -> Result<Option<IssueKey>, BookError> {
    let wanted = Wanted { id: Some(id), ..Wanted::default() };
    Ok(issue_row::find(transaction, &wanted)?.pop().map(|found| found.key))
}

type Minutes = BTreeMap<i64, MinuteFigures>;

fn requests(
    transaction: &Transaction<'_>,
    endpoint_id: i64,
    stretch: &Stretch,
) -> Result<Minutes, BookError> {
    let mut minutes = Minutes::new();
    let mut statement = transaction
        .prepare_cached(
            "SELECT bucket, samples, requests, wall_ns, sketch FROM rollup \
             WHERE grain = ?1 AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4",
        )
        .during("read minutes")?;
    let mut rows = statement
        .query([stretch.grain, endpoint_id, stretch.from, stretch.to])
        .during("read minutes")?;
    while let Some(row) = rows.next().during("read minutes")? {
        let number = |column: usize| row.get::<_, i64>(column).during("read minutes");
        let minute = number(0)?;
        let figures = minutes.entry(minute).or_default();
        figures.minute = minute;
        figures.samples += number(1)?.max(0) as u64;
        figures.requests += count(number(2)?);
        figures.wall_ns = figures.wall_ns.saturating_add(number(3)?);
        let sketch = row.get_ref(4).during("read minutes")?.as_blob().unwrap_or_default();
        shapes::for_each_bucket(sketch, |bucket, count| figures.sketch.add_bucket(bucket, count))
            .damaged_in("sketch")?;
    }
    Ok(minutes)
}

/// Adds what the issue cost: where detectors watch its class, everything the
/// requests did of it, else its occurrences, as its other figures do.
fn add_lost(
    transaction: &Transaction<'_>,
    key: &IssueKey,
    watched: bool,
    stretch: &Stretch,
    minutes: &mut Minutes,
) -> Result<(), BookError> {
    let read = |sql: &str, bounds: &[&dyn rusqlite::ToSql]| {
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| {
                statement
                    .query_map(bounds, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .collect::<rusqlite::Result<Vec<(i64, i64, i64)>>>()
            })
            .during("read what an issue cost")
    };
    let rows = if watched {
        read(
            "SELECT bucket, segments, wall_ns FROM class_use WHERE grain = ?1 \
             AND endpoint_id = ?2 AND bucket >= ?3 AND bucket < ?4 AND class = ?5 AND family = ?6",
            params![
                stretch.grain,
                key.endpoint_id,
                stretch.from,
                stretch.to,
                key.class.slug(),
                key.family
            ],
        )
    } else {
        read(
            "SELECT bucket, samples, wall_ns FROM issue_rollup \
             WHERE grain = ?1 AND issue_id = ?2 AND bucket >= ?3 AND bucket < ?4",
            params![stretch.grain, key.id, stretch.from, stretch.to],
        )
    }?;
    for (minute, segments, wall_ns) in rows {
        if let Some(figures) = minutes.get_mut(&minute) {
            figures.samples_affected = (segments.max(0) as u64).min(figures.samples);
            figures.lost_ns = wall_ns.clamp(0, figures.wall_ns.max(0));
        }
    }
    Ok(())
}
