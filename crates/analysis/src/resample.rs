//! Bootstrap: how far a figure would move had chance drawn other minutes.
//!
//! The draws come from a fixed seed, so the same figures give the same answer
//! on every server and at every replay. No statistics of issues are here.

/// Where every series of draws begins: an arbitrary odd number.
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// A stream of draws (SplitMix64; Steele, Lea, Flood, OOPSLA 2014).
#[derive(Debug, Clone)]
pub(crate) struct Draws(u64);

impl Default for Draws {
    fn default() -> Self {
        Self(SEED)
    }
}

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(SEED);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when `end` is 0. The bias of the multiplication
    /// is one in 2⁵⁰ for the few dozens that are drawn from here.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}

/// The value that a part `q` (0 to 1) of all values does not exceed; `None`
/// without values.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    values.get((q.clamp(0.0, 1.0) * last as f64).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_the_same_every_time() {
        let mut counts = [0u32; 10];
        let (mut draws, mut again) = (Draws::default(), Draws::default());
        for _ in 0..100_000 {
            let drawn = draws.below(10);
            assert_eq!(drawn, again.below(10));
            counts[drawn] += 1;
        }
        // Five standard deviations of a binomial count: √(n·p·(1−p)) = 95.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 475), "{counts:?}");
        assert_eq!(draws.below(0), 0);
    }

    #[test]
    fn quantiles() {
        for (values, q, expected) in [
            (vec![], 0.5, None),
            (vec![3.0], 0.0, Some(3.0)),
            (vec![3.0, 1.0, 2.0], 0.5, Some(2.0)),
            (vec![3.0, 1.0, 2.0], 1.0, Some(3.0)),
        ] {
            assert_eq!(quantile(&mut values.clone(), q), expected, "{values:?} at {q}");
        }
    }
}
