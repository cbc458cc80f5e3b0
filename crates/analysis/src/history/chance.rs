//! What chance explains: the tail of a binomial count, the next value of a
//! series, and a rank test.

use crate::thresholds::HistoryThresholds;

/// Larger counts are brought down to this: by then any difference that matters
/// is beyond chance, and the sum below stays short.
const COUNT_MAX: f64 = 10_000.0;

/// How likely at least the part `share` of `count` draws is when each is one
/// with probability `p`: the exact tail of the binomial distribution. Parts
/// that `p` explains give 1.
pub(super) fn of_at_least(share: f64, count: f64, p: f64) -> f64 {
    let count = count.clamp(0.0, COUNT_MAX).floor();
    let hits = (share * count).floor();
    if hits <= count * p {
        return 1.0;
    }
    let mut term = (ln_choose(count, hits) + hits * p.ln() + (count - hits) * (-p).ln_1p()).exp();
    let (mut sum, mut at) = (term, hits);
    while at < count && term > sum * 1e-12 {
        term *= (count - at) / (at + 1.0) * p / (1.0 - p);
        sum += term;
        at += 1.0;
    }
    sum.min(1.0)
}

fn ln_choose(n: f64, k: f64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Stirling's series from 16 on, where its error is below 1e-10; products below.
fn ln_factorial(n: f64) -> f64 {
    if n < 16.0 {
        return (2..=n as u32).map(|factor| f64::from(factor).ln()).sum();
    }
    let series = 1.0 / (12.0 * n) - 1.0 / (360.0 * n.powi(3)) + 1.0 / (1260.0 * n.powi(5));
    n * n.ln() - n + 0.5 * (std::f64::consts::TAU * n).ln() + series
}

/// The end of the interval in which one more of these levels is to be expected,
/// `score` standard deviations up: Student's, because they are known from few
/// (the expansion of its quantile by the degrees of freedom, Abramowitz and
/// Stegun 26.7.5).
pub(super) fn level_max(levels: &[f64], score: f64) -> f64 {
    let count = (levels.len() as f64).max(1.0);
    let freedom = (count - 1.0).max(1.0);
    let mean = levels.iter().sum::<f64>() / count;
    let variance = levels.iter().map(|level| (level - mean).powi(2)).sum::<f64>() / freedom;
    let student = score
        + (score.powi(3) + score) / (4.0 * freedom)
        + (5.0 * score.powi(5) + 16.0 * score.powi(3) + 3.0 * score) / (96.0 * freedom.powi(2));
    mean + student * (variance * (1.0 + 1.0 / count)).sqrt()
}

/// True when `after` lies higher than `before` beyond chance, stretches of time
/// going on to differ as they did: it is above all of them, its middle is above
/// where one more is to be expected, and its ranks are higher (the test of Mann
/// and Whitney, 1947): a single slow call moves a mean, and no rank by more
/// than one.
pub(crate) fn is_higher(before: &[f64], after: &[f64], limits: &HistoryThresholds) -> bool {
    /// What is next to nothing is as good as nothing, in logarithms too.
    const NEGLIGIBLE: f64 = 0.05;
    let mean = before.iter().sum::<f64>() / (before.len() as f64).max(1.0);
    let least = (mean * NEGLIGIBLE).max(f64::MIN_POSITIVE);
    let levels: Vec<f64> = before.iter().map(|value| value.max(least).ln()).collect();
    is_above_all(before, after)
        && middle(after).max(least).ln() > level_max(&levels, limits.level_score_min)
        && rank_score(before, after) >= limits.rank_score_min
}

/// True when the middle of `after` is above every value of `before`.
pub(crate) fn is_above_all(before: &[f64], after: &[f64]) -> bool {
    let highest = before.iter().copied().fold(f64::MIN, f64::max);
    middle(after) > highest
}

/// The middle value; the lowest there is when there is none.
fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::MIN)
}

/// By how many standard deviations the ranks of `after` are higher than chance
/// has them; 0 when either is empty or all values are equal.
fn rank_score(before: &[f64], after: &[f64]) -> f64 {
    let (m, n) = (before.len() as f64, after.len() as f64);
    let mut values: Vec<(f64, bool)> = before.iter().map(|value| (*value, false)).collect();
    values.extend(after.iter().map(|value| (*value, true)));
    values.sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
    let (mut ranks, mut ties, mut below) = (0.0, 0.0, 0.0);
    for equal in values.chunk_by(|one, other| one.0 == other.0) {
        let size = equal.len() as f64;
        let of_after = equal.iter().filter(|(_, after)| *after).count() as f64;
        ranks += of_after * (below + (size + 1.0) / 2.0);
        ties += size.powi(3) - size;
        below += size;
    }
    let all = m + n;
    let excess = ranks - n * (all + 1.0) / 2.0;
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)).max(1.0));
    if variance > 0.0 { excess / variance.sqrt() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binomial_tails() {
        // By exact sums in rational numbers.
        for (hits, count, p, expected) in [
            (0.0, 10.0, 0.5, 1.0),
            (8.0, 10.0, 0.5, 0.054_687_5),
            (10.0, 10.0, 0.5, 0.000_976_562_5),
            (6.0, 30.0, 0.05, 0.003_282_321),
            (16.0, 100.0, 0.05, 0.000_037_053),
            (5.0, 100.0, 0.05, 1.0),
        ] {
            let found = of_at_least(hits / count + 1e-9, count, p);
            assert!((found - expected).abs() < expected * 1e-4, "{hits} of {count}: {found}");
        }
    }

    #[test]
    fn the_next_level_is_expected_near_the_others() {
        for (levels, score, expected) in [
            (vec![1.0; 9], 3.3, 1.0),
            // t(9) at 0.9995 is 4.781: the expansion is 2% below it.
            ((0..10).map(f64::from).collect(), 3.2905, 4.5 + 4.68 * (9.166_667 * 1.1_f64).sqrt()),
        ] {
            let found = level_max(&levels, score);
            assert!((found - expected).abs() < 0.2, "{levels:?}: {found} for {expected}");
        }
    }

    #[test]
    fn ranks_are_compared() {
        let usual: Vec<f64> = (0..40).map(|value| 20.0 + f64::from(value % 7)).collect();
        for (after, higher) in [
            (vec![40.0; 6], true),
            (vec![40.0, 40.0], false),
            (vec![27.0; 6], false),
            (vec![20.0, 21.0, 22.0, 23.0, 900.0, 22.0], false),
            (vec![], false),
        ] {
            assert_eq!(
                is_higher(&usual, &after, &HistoryThresholds::default()),
                higher,
                "{after:?}"
            );
        }
        assert_eq!(rank_score(&[1.0; 5], &[1.0; 5]), 0.0);
    }
}
