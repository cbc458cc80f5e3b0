//! A quantile sketch of durations that merges exactly.
//!
//! DDSketch (Masson, Rim, Lee, VLDB 2019) with bounds fixed at compile time.
//! Library sketches collapse buckets when a limit is reached, so the result of
//! a merge depends on its order; with fixed bounds one node, many nodes and a
//! replay give the same number, and a contribution can be taken out again when
//! a late span replaces a segment. Weights are whole thousandths for the same
//! reason: sums of floats depend on their order.

use std::collections::BTreeMap;

/// Ratio of neighbouring bucket bounds: 2% wide, so ±1% relative error.
const GAMMA: f64 = 1.02;
/// Durations up to this land in bucket 0: 1 µs.
const NANOS_MIN: f64 = 1_000.0;
/// The last bucket: ln(24 h / 1 µs) / ln γ. Longer durations land in it.
pub const BUCKET_MAX: u16 = 1_272;
/// One request of weight 1 counts this much.
pub const WEIGHT_UNIT: i64 = 1_000;

/// Durations by bucket. Only buckets with something in them are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    buckets: BTreeMap<u16, i64>,
}

impl Sketch {
    /// Counts one duration with a sampling weight (1.0 = unsampled).
    pub fn add(&mut self, duration_ns: i64, weight: f64) {
        self.add_bucket(bucket_of(duration_ns), (weight * WEIGHT_UNIT as f64).round() as i64);
    }

    /// Adds thousandths to one bucket: for decoding a stored sketch.
    pub fn add_bucket(&mut self, bucket: u16, thousandths: i64) {
        let bucket = bucket.min(BUCKET_MAX);
        let count = self.buckets.entry(bucket).or_insert(0);
        *count = count.saturating_add(thousandths);
        if *count == 0 {
            self.buckets.remove(&bucket);
        }
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.buckets.iter().for_each(|(bucket, count)| self.add_bucket(*bucket, *count));
    }

    /// Takes everything of `other` out again.
    pub fn subtract(&mut self, other: &Self) {
        other.buckets.iter().for_each(|(bucket, count)| self.add_bucket(*bucket, -*count));
    }

    /// The filled buckets with their thousandths, ascending: for storage and histograms.
    pub fn buckets(&self) -> impl ExactSizeIterator<Item = (u16, i64)> {
        self.buckets.iter().map(|(bucket, count)| (*bucket, *count))
    }

    /// Weighted count of durations.
    pub fn count(&self) -> f64 {
        self.buckets.values().sum::<i64>() as f64 / WEIGHT_UNIT as f64
    }

    /// True when nothing was added.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The duration in nanoseconds that a share `q` (0..=1) of all durations
    /// does not exceed, to ±1%; `None` when empty.
    pub fn quantile_ns(&self, q: f64) -> Option<i64> {
        let total: i64 = self.buckets.values().sum();
        if total <= 0 {
            return None;
        }
        let rank = (q.clamp(0.0, 1.0) * (total - 1) as f64).floor() as i64;
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += count;
            if seen > rank {
                return Some(bucket_middle_ns(*bucket));
            }
        }
        self.buckets.keys().next_back().map(|bucket| bucket_middle_ns(*bucket))
    }
}

/// The bucket that holds a duration.
pub fn bucket_of(duration_ns: i64) -> u16 {
    let ratio = duration_ns as f64 / NANOS_MIN;
    if ratio <= 1.0 {
        return 0;
    }
    (ratio.ln() / GAMMA.ln()).ceil().min(f64::from(BUCKET_MAX)) as u16
}

/// The value a bucket stands for, in nanoseconds: at most 1% from any in it.
pub fn bucket_middle_ns(bucket: u16) -> i64 {
    let upper = NANOS_MIN * GAMMA.powi(i32::from(bucket));
    (upper * 2.0 / (1.0 + GAMMA)).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(durations: &[i64]) -> Sketch {
        let mut sketch = Sketch::default();
        durations.iter().for_each(|duration| sketch.add(*duration, 1.0));
        sketch
    }

    proptest! {
        #[test]
        fn quantiles_are_within_one_percent(
            mut durations in prop::collection::vec(2_000i64..80_000_000_000_000, 1..200),
            q in 0.0f64..=1.0,
        ) {
            let sketch = of(&durations);
            durations.sort_unstable();
            let rank = (q * (durations.len() as i64 * WEIGHT_UNIT - 1) as f64).floor() as i64;
            let exact = durations[(rank / WEIGHT_UNIT) as usize];
            let found = sketch.quantile_ns(q).expect("not empty");
            let error = (found - exact).abs() as f64 / exact as f64;
            prop_assert!(error <= 0.0101, "{found} for {exact}");
        }

        #[test]
        fn merging_is_exact_and_undone_by_subtracting(
            left in prop::collection::vec(0i64..1_000_000_000, 0..50),
            right in prop::collection::vec(0i64..1_000_000_000, 0..50),
        ) {
            let mut merged = of(&left);
            merged.merge(&of(&right));
            prop_assert_eq!(&merged, &of(&[left.clone(), right.clone()].concat()));
            merged.subtract(&of(&right));
            prop_assert_eq!(merged, of(&left));
        }
    }

    #[test]
    fn weights_count() {
        let mut sketch = Sketch::default();
        sketch.add(5_000_000, 4.0);
        sketch.add(9_000_000, 0.5);
        assert_eq!(sketch.count(), 4.5);
        assert_eq!(Sketch::default().quantile_ns(0.5), None);
    }
}
