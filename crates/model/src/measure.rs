//! Counting and measuring without locks, for whatever a server tells about
//! itself. Exactly mergeable quantiles of requests are in [`crate::sketch`];
//! these are coarser and cost one atomic addition.
//!
//! What must not live here: names, units in words, the clock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Nanoseconds: 50 µs to 10 s in steps of 1, 2 and 5, which tell a disk that
/// syncs in 200 µs from one that takes 300 ms.
pub const DURATION_BOUNDS_NS: &[u64] = &[
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
    2_000_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
];

/// Counts of things that come together: powers of two to 4,096.
pub const COUNT_BOUNDS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many values lay below each of some bounds, and their sum.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// One for each bound, and one for what lies above all of them.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// An empty one. `bounds` ascend and are inclusive.
    pub fn new(bounds: &'static [u64]) -> Self {
        let buckets = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, buckets, sum: AtomicU64::new(0) }
    }

    /// One for durations, by [`DURATION_BOUNDS_NS`].
    pub fn of_durations() -> Self {
        Self::new(DURATION_BOUNDS_NS)
    }

    /// Adds a value.
    pub fn observe(&self, value: u64) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(at) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Adds a duration, in nanoseconds.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What it holds. Values added meanwhile are in it or not.
    pub fn read(&self) -> Distribution {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        Distribution { bounds: self.bounds, counts, sum: self.sum.load(Ordering::Relaxed) }
    }
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Distribution {
    /// Inclusive upper bounds, ascending.
    pub bounds: &'static [u64],
    /// Values of each bucket alone; the last lies above every bound.
    pub counts: Vec<u64>,
    /// Sum of all values.
    pub sum: u64,
}

impl Distribution {
    /// How many values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What was added since `earlier`, a reading of the same histogram.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let before = earlier.counts.iter().copied().chain(std::iter::repeat(0));
        let counts =
            self.counts.iter().zip(before).map(|(now, then)| now.saturating_sub(then)).collect();
        Self { bounds: self.bounds, counts, sum: self.sum.saturating_sub(earlier.sum) }
    }

    /// The value below which the part `q` (0 to 1) of all lies, as if values
    /// were spread evenly within their bucket. Above the last bound it is that
    /// bound. `None` when there are no values.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let count = self.count();
        let last = *self.bounds.last()?;
        if count == 0 {
            return None;
        }
        let rank = q.clamp(0.0, 1.0) * count as f64;
        let mut below = 0u64;
        for (index, inside) in self.counts.iter().copied().enumerate() {
            let reached = below + inside;
            if inside > 0 && reached as f64 >= rank {
                let Some(upper) = self.bounds.get(index) else { return Some(last) };
                let lower = index.checked_sub(1).map_or(0, |before| self.bounds[before]);
                let share = ((rank - below as f64) / inside as f64).clamp(0.0, 1.0);
                return Some(lower + ((upper - lower) as f64 * share) as u64);
            }
            below = reached;
        }
        Some(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: &[u64]) -> Distribution {
        let histogram = Histogram::new(&[10, 20, 40]);
        values.iter().for_each(|value| histogram.observe(*value));
        histogram.read()
    }

    #[test]
    fn values_lie_at_or_below_their_bound() {
        let distribution = filled(&[0, 10, 11, 20, 40, 41, 1_000]);
        assert_eq!(distribution.counts, [2, 2, 1, 2]);
        assert_eq!((distribution.count(), distribution.sum), (7, 1_122));
    }

    #[test]
    fn quantiles() {
        for (values, q, expected) in [
            (&[][..], 0.5, None),
            (&[5], 0.0, Some(0)),
            (&[5], 1.0, Some(10)),
            (&[5, 5, 15, 15], 0.5, Some(10)),
            (&[15, 15], 0.5, Some(15)),
            (&[15, 15], 1.0, Some(20)),
            (&[1, 1, 1, 100], 0.99, Some(40)),
            (&[1, 30, 30], 2.0, Some(40)),
        ] {
            assert_eq!(filled(values).quantile(q), expected, "{values:?} at {q}");
        }
        assert_eq!(Distribution::default().quantile(0.5), None);
    }

    #[test]
    fn what_came_since() {
        let (early, late) = (filled(&[5, 15]), filled(&[5, 15, 15, 50]));
        assert_eq!(late.since(&early), filled(&[15, 50]));
        assert_eq!(late.since(&Distribution::default()), late);
        assert_eq!(early.since(&late).count(), 0);
    }
}
