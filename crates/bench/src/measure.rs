//! Percentiles of what was measured.

use std::time::Duration;

/// The value below which a share `q` of the values lies.
pub(crate) fn quantile(values: &[u64], q: f64) -> Duration {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (q * sorted.len() as f64).ceil() as usize;
    Duration::from_nanos(sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0))
}

/// Milliseconds, for people.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

/// Megabytes, for people.
pub(crate) fn mb(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles() {
        let values: Vec<u64> = (1..=100).rev().collect();
        for (q, expected) in [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)] {
            assert_eq!(quantile(&values, q), Duration::from_nanos(expected), "{q}");
        }
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }
}
