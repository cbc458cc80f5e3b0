//! Percentiles on a log scale: a dot for the median, a bar up to p95, a tick
//! for p99. All strips of a table share one scale.

use maud::{Markup, html};

use super::format;

/// The scale that the strips of one table share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LogScale {
    min_ln: f64,
    max_ln: f64,
}

impl LogScale {
    /// From the shortest to the longest of these, in whole decades.
    pub(crate) fn over(durations: impl IntoIterator<Item = i64>) -> Self {
        let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
        for duration in durations.into_iter().filter(|duration| *duration > 0) {
            min = min.min(duration as f64);
            max = max.max(duration as f64);
        }
        if min > max {
            (min, max) = (1e6, 1e9);
        }
        let decade = |value: f64| 10f64.powf(value);
        let (low, high) = (decade(min.log10().floor()), decade(max.log10().ceil()));
        Self { min_ln: low.ln(), max_ln: high.max(low * 10.0).ln() }
    }

    /// Closely around these, with a little room at both ends: for charts that
    /// stand alone.
    pub(crate) fn around(durations: impl IntoIterator<Item = i64>) -> Self {
        let ln = |duration: i64| (duration as f64).ln();
        let positive = durations.into_iter().filter(|duration| *duration > 0).map(ln);
        let (min, max) = positive
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), ln| (min.min(ln), max.max(ln)));
        if min > max {
            return Self::over([]);
        }
        Self { min_ln: min - 0.25, max_ln: max + 0.25 }
    }

    /// Round durations inside: powers of ten, and 2 and 5 of each where those
    /// are few.
    pub(crate) fn round_marks(self) -> Vec<i64> {
        let decades = (self.max_ln - self.min_ln) / std::f64::consts::LN_10;
        let factors: &[f64] = if decades > 2.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let power = |ln: f64| (ln / std::f64::consts::LN_10) as i32;
        (power(self.min_ln)..=power(self.max_ln))
            .flat_map(|power| factors.iter().map(move |factor| factor * 10f64.powi(power)))
            .filter(|mark| (self.min_ln..=self.max_ln).contains(&mark.ln()))
            .map(|mark| mark as i64)
            .collect()
    }

    /// Where a duration stands, in 0..=1.
    pub(crate) fn place(self, duration_ns: i64) -> f64 {
        let ln = (duration_ns.max(1) as f64).ln();
        ((ln - self.min_ln) / (self.max_ln - self.min_ln)).clamp(0.0, 1.0)
    }

    /// Every power of ten inside, ends included.
    pub(crate) fn decades(self) -> impl Iterator<Item = i64> {
        let power = |ln: f64| (ln / std::f64::consts::LN_10).round() as i32;
        (power(self.min_ln)..=power(self.max_ln)).map(|power| 10f64.powi(power) as i64)
    }
}

const WIDTH: f64 = 120.0;
/// Room for dots and ticks at the ends.
const MARGIN: f64 = 4.0;

/// The strip of one row.
pub(crate) fn strip(scale: LogScale, p50_ns: i64, p95_ns: i64, p99_ns: i64) -> Markup {
    let x = |duration| MARGIN + scale.place(duration) * (WIDTH - 2.0 * MARGIN);
    let (p50, p95, p99) = (x(p50_ns), x(p95_ns), x(p99_ns));
    let label = format!(
        "p50 {}, p95 {}, p99 {}",
        format::duration_short(p50_ns),
        format::duration_short(p95_ns),
        format::duration_short(p99_ns)
    );
    html! {
        svg.strip role="img" aria-label=(label) width="120" height="16" viewBox="0 0 120 16" {
            title { (label) }
            @for decade in scale.decades() {
                line.decade x1=(dot1(x(decade))) x2=(dot1(x(decade))) y1="5.5" y2="10.5" {}
            }
            line.axis x1="2" x2="118" y1="8" y2="8" {}
            rect.tail x=(dot1(p50)) y="5" width=(dot1((p95 - p50).max(1.0))) height="6" rx="1" {}
            line.far x1=(dot1(p99)) x2=(dot1(p99)) y1="2.5" y2="13.5" {}
            circle.middle cx=(dot1(p50)) cy="8" r="3.2" {}
        }
    }
}

/// One decimal: a tenth of a pixel is enough.
pub(crate) fn dot1(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_strip() {
        let scale = LogScale::over([1_000_000, 9_000_000_000]);
        expect![[r#"
            <svg class="strip" role="img" aria-label="p50 10 ms, p95 100 ms, p99 1.0 s" width="120" height="16" viewBox="0 0 120 16">
            <title>p50 10 ms, p95 100 ms, p99 1.0 s</title>
            <line class="decade" x1="4.0" x2="4.0" y1="5.5" y2="10.5">
            </line>
            <line class="decade" x1="32.0" x2="32.0" y1="5.5" y2="10.5">
            </line>
            <line class="decade" x1="60.0" x2="60.0" y1="5.5" y2="10.5">
            </line>
            <line class="decade" x1="88.0" x2="88.0" y1="5.5" y2="10.5">
            </line>
            <line class="decade" x1="116.0" x2="116.0" y1="5.5" y2="10.5">
            </line>
            <line class="axis" x1="2" x2="118" y1="8" y2="8">
            </line>
            <rect class="tail" x="32.0" y="5" width="28.0" height="6" rx="1">
            </rect>
            <line class="far" x1="88.0" x2="88.0" y1="2.5" y2="13.5">
            </line>
            <circle class="middle" cx="32.0" cy="8" r="3.2">
            </circle>
            </svg>"#]].assert_eq(&crate::parts::lines(&strip(scale, 10_000_000, 100_000_000, 1_000_000_000)));
    }

    #[test]
    fn scales_hold_anything() {
        for durations in [vec![], vec![0, -5], vec![1], vec![i64::MAX, 1]] {
            let scale = LogScale::over(durations.clone());
            for duration in [i64::MIN, 0, 1, 1_000_000, i64::MAX] {
                let place = scale.place(duration);
                assert!((0.0..=1.0).contains(&place), "{durations:?} {duration} {place}");
            }
            assert!(scale.decades().count() >= 2);
        }
    }
}
