//! Requests, errors, durations and time by class of an endpoint, by minute and
//! hour: what a batch of segments adds to them or takes out.
//!
//! All sums are whole numbers, so that taking out is exact and a row without
//! samples can go. How rows are read for pages is in `queries`.

use std::collections::BTreeMap;

use hotspan_model::sketch::WEIGHT_UNIT;
use hotspan_model::{Sketch, TimeByClass};
use rusqlite::{OptionalExtension, Transaction, params};

use super::codec::contribution::Contribution;
use super::codec::shapes;
use super::grain::{HOUR, MINUTE, bucket_of};
use super::{BookError, DamagedIn, During};

/// Largest sampling weight that is believed, in thousandths: one in a million.
const UNITS_MAX: f64 = 1e9;

/// Largest weighted time of one segment that is believed, in nanoseconds: 104
/// days. It keeps sums far from the end of their range.
const WEIGHTED_NS_MAX: i128 = 1 << 53;

/// A sampling weight in thousandths, at least one: a weight that makes no
/// sense counts as one request.
pub(super) fn units_of(weight: f64) -> i64 {
    if !weight.is_finite() || weight <= 0.0 {
        return WEIGHT_UNIT;
    }
    (weight * WEIGHT_UNIT as f64).round().clamp(1.0, UNITS_MAX) as i64
}

/// Nanoseconds times a weight in thousandths, rounded the same way every time.
pub(super) fn weighted(nanos: i64, units: i64) -> i64 {
    let product = i128::from(nanos) * i128::from(units) / i128::from(WEIGHT_UNIT);
    product.clamp(-WEIGHTED_NS_MAX, WEIGHTED_NS_MAX) as i64
}

/// Largest weighted count of one segment that is believed, in thousandths.
const COUNT_MAX: f64 = 1e15;

/// A count in thousandths, times a weight.
pub(super) fn weighted_count(count: f64, units: i64) -> i64 {
    let product = (count * units as f64).round();
    if product.is_finite() { product.clamp(-COUNT_MAX, COUNT_MAX) as i64 } else { 0 }
}

/// Which row: endpoint, bucket, environment, release.
type Key = (i64, i64, i64, i64);

#[derive(Debug, Clone, Default, PartialEq)]
struct Delta {
    samples: i64,
    requests: i64,
    errors: i64,
    wall_ns: i64,
    time: TimeByClass,
    sketch: Sketch,
}

impl Delta {
    fn add(&mut self, other: &Self) {
        self.samples += other.samples;
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.wall_ns = self.wall_ns.saturating_add(other.wall_ns);
        self.time.merge(&other.time, 1);
        self.sketch.merge(&other.sketch);
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a batch of segments changes, by minute.
#[derive(Debug, Default)]
pub(super) struct RollupDeltas(BTreeMap<Key, Delta>);

impl RollupDeltas {
    /// Adds a segment (`sign` 1) or takes it out (`sign` -1).
    pub(super) fn add(&mut self, segment: &Contribution, sign: i64) {
        let key = (
            segment.endpoint_id,
            bucket_of(segment.start, MINUTE),
            segment.environment_id,
            segment.release_id,
        );
        let units = sign * segment.units;
        let delta = self.0.entry(key).or_default();
        delta.samples += sign;
        delta.requests = delta.requests.saturating_add(units);
        if segment.error {
            delta.errors = delta.errors.saturating_add(units);
        }
        delta.wall_ns = delta.wall_ns.saturating_add(weighted(segment.duration_ns, units));
        add_weighted(&mut delta.time, &segment.time, units);
        delta.sketch.add_bucket(hotspan_model::sketch::bucket_of(segment.duration_ns), units);
    }

    /// Writes the changes to the rows of minutes and hours.
    pub(super) fn apply(self, transaction: &Transaction<'_>) -> Result<(), BookError> {
        let mut hours: BTreeMap<Key, Delta> = BTreeMap::new();
        for ((endpoint, minute, environment, release), delta) in &self.0 {
            let hour = minute.div_euclid(HOUR);
            hours.entry((*endpoint, hour, *environment, *release)).or_default().add(delta);
        }
        for (grain, rows) in [(MINUTE, self.0), (HOUR, hours)] {
            for (key, delta) in rows.into_iter().filter(|(_, delta)| !delta.is_nothing()) {
                apply_row(transaction, grain, key, delta)?;
            }
        }
        Ok(())
    }
}

fn add_weighted(into: &mut TimeByClass, time: &TimeByClass, units: i64) {
    for class in hotspan_model::Class::ALL {
        let nanos = time.get(class);
        if nanos != 0 {
            into.add(class, weighted(nanos, units));
        }
    }
}

fn apply_row(
    transaction: &Transaction<'_>,
    grain: i64,
    key: Key,
    delta: Delta,
) -> Result<(), BookError> {
    let mut row = read_row(transaction, grain, key)?.unwrap_or_default();
    row.add(&delta);
    let (endpoint, bucket, environment, release) = key;
    let place = params![grain, endpoint, bucket, environment, release];
    if row.samples <= 0 {
        return transaction
            .prepare_cached(
                "DELETE FROM rollup WHERE grain = ?1 AND endpoint_id = ?2 AND bucket = ?3 \
                 AND environment_id = ?4 AND release_id = ?5",
            )
            .and_then(|mut statement| statement.execute(place))
            .map(|_| ())
            .during("remove a roll-up");
    }
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO rollup VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                grain,
                endpoint,
                bucket,
                environment,
                release,
                row.samples,
                row.requests,
                row.errors,
                row.wall_ns,
                shapes::encode_time(&row.time),
                shapes::encode_sketch(&row.sketch),
            ])
        })
        .map(|_| ())
        .during("write a roll-up")
}

fn read_row(
    transaction: &Transaction<'_>,
    grain: i64,
    (endpoint, bucket, environment, release): Key,
) -> Result<Option<Delta>, BookError> {
    let mut statement = transaction
        .prepare_cached(
            "SELECT samples, requests, errors, wall_ns, time, sketch FROM rollup \
             WHERE grain = ?1 AND endpoint_id = ?2 AND bucket = ?3 \
             AND environment_id = ?4 AND release_id = ?5",
        )
        .during("read a roll-up")?;
    let stored = statement
        .query_row([grain, endpoint, bucket, environment, release], |row| {
            let delta = Delta {
                samples: row.get(0)?,
                requests: row.get(1)?,
                errors: row.get(2)?,
                wall_ns: row.get(3)?,
                ..Delta::default()
            };
            Ok((delta, row.get::<_, Vec<u8>>(4)?, row.get::<_, Vec<u8>>(5)?))
        })
        .optional()
        .during("read a roll-up")?;
    let Some((mut delta, time, sketch)) = stored else {
        return Ok(None);
    };
    delta.time = shapes::decode_time(&time).damaged_in("time by class")?;
    shapes::for_each_bucket(&sketch, |bucket, count| delta.sketch.add_bucket(bucket, count))
        .damaged_in("sketch")?;
    Ok(Some(delta))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_that_make_no_sense_count_as_one() {
        for (weight, units) in [
            (1.0, 1_000),
            (4.0, 4_000),
            (0.25, 250),
            (0.0, 1_000),
            (-3.0, 1_000),
            (f64::NAN, 1_000),
            (f64::INFINITY, 1_000),
            (1e-9, 1),
            (1e300, 1_000_000_000),
        ] {
            assert_eq!(units_of(weight), units, "{weight}");
        }
        assert_eq!(weighted(i64::MAX, 1_000_000_000), 1 << 53);
        assert_eq!(weighted(7, -500), -3);
        assert_eq!(weighted(7, 500), 3);
    }
}
