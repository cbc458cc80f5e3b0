//! Numbers that look random and are the same in every run.

/// SplitMix64 (Steele, Lea and Flood 2014): enough for data, not for secrets.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// True once in `n` times.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// An index below `end`, small ones far more often: how services and
    /// endpoints share traffic.
    pub(crate) fn skewed(&mut self, end: usize) -> usize {
        let unit = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        ((unit * unit * unit) * end as f64) as usize
    }

    /// Nanoseconds around `typical`, with a long tail.
    pub(crate) fn duration(&mut self, typical: u64) -> u64 {
        let unit = ((self.next() >> 11) as f64 / (1_u64 << 53) as f64).max(1e-9);
        (typical as f64 * (0.3 - unit.ln() * 0.7)) as u64
    }
}
