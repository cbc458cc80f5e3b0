//! How long requests take: a histogram on a log scale.

use hotspan_model::Sketch;
use hotspan_model::sketch::{WEIGHT_UNIT, bucket_middle_ns};
use maud::{Markup, html};

use super::format;
use super::strip::dot1;

/// Bars a histogram has at most.
const BARS_MAX: u16 = 40;
/// Fewer bars would say more about the bars than about the durations.
const BARS_MIN: u16 = 15;
/// Sketch buckets are 2% wide; bars are never narrower than this many.
const BUCKETS_A_BAR_MIN: u16 = 4;
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 168.0;

/// A bar: the sketch buckets it covers and the requests in them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bar {
    from: u16,
    to: u16,
    requests: f64,
}

/// Bars of equal width on the log scale, from the first filled bucket to the last.
fn bars(sketch: &Sketch) -> Vec<Bar> {
    let filled: Vec<(u16, i64)> = sketch.buckets().filter(|(_, count)| *count > 0).collect();
    let (Some(&(first, _)), Some(&(last, _))) = (filled.first(), filled.last()) else {
        return Vec::new();
    };
    let width = (last - first + 1).div_ceil(BARS_MAX).max(BUCKETS_A_BAR_MIN);
    let filled_bars = (last - first) / width + 1;
    let first = first.saturating_sub(BARS_MIN.saturating_sub(filled_bars) / 2 * width);
    let count = ((last - first) / width + 1).max(BARS_MIN);
    let mut bars: Vec<Bar> = (0..count)
        .map(|index| first + index * width)
        .map(|from| Bar { from, to: from + width, requests: 0.0 })
        .collect();
    for (bucket, thousandths) in filled {
        bars[usize::from((bucket - first) / width)].requests +=
            thousandths as f64 / WEIGHT_UNIT as f64;
    }
    bars
}

/// The histogram with its percentiles marked.
pub(crate) fn histogram(sketch: &Sketch) -> Markup {
    let bars = bars(sketch);
    let whole: f64 = bars.iter().map(|bar| bar.requests).sum();
    let max = bars.iter().map(|bar| bar.requests).fold(0.0, f64::max);
    let slot = WIDTH / bars.len().max(1) as f64;
    let marks = marks(sketch, &bars);
    html! {
        figure.histogram {
            svg.plot role="img" aria-label="durations of requests" width="100%" height=(HEIGHT)
                viewBox={ "0 0 1000 " (HEIGHT) } preserveAspectRatio="none" {
                line.grid x1="0" x2="1000" y1=(HEIGHT - 0.5) y2=(HEIGHT - 0.5) {}
                @for (index, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.requests > 0.0) {
                    @let height = (bar.requests / max * (HEIGHT - 22.0)).max(1.5);
                    g {
                        title { (told(bar, whole)) }
                        rect.hit x=(dot1(index as f64 * slot)) y="0" width=(dot1(slot)) height=(HEIGHT) {}
                        rect.requests x=(dot1((index as f64 + 0.06) * slot)) y=(dot1(HEIGHT - height))
                            width=(dot1(slot * 0.88)) height=(dot1(height)) {}
                    }
                }
                @for (_, place, _) in &marks {
                    line.mark x1=(dot1(place * WIDTH)) x2=(dot1(place * WIDTH)) y1="16" y2=(HEIGHT) {}
                }
            }
            svg.times width="100%" height="16" aria-hidden="true" {
                @if let (Some(first), Some(last)) = (bars.first(), bars.last()) {
                    text.tick x="0" y="12" text-anchor="start" { (format::duration_short(bucket_middle_ns(first.from))) }
                    text.tick x="100%" y="12" text-anchor="end" { (format::duration_short(bucket_middle_ns(last.to))) }
                }
            }
            figcaption {
                @for (name, _, duration) in &marks { span { (name) " " b { (format::duration_short(*duration)) } } }
                span.soft { "log scale" }
            }
        }
    }
}

/// Percentiles with their places, in 0..=1.
fn marks(sketch: &Sketch, bars: &[Bar]) -> Vec<(&'static str, f64, i64)> {
    let (Some(first), Some(last)) = (bars.first(), bars.last()) else {
        return Vec::new();
    };
    let span = f64::from(last.to - first.from);
    [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)]
        .into_iter()
        .filter_map(|(name, q)| {
            let duration = sketch.quantile_ns(q)?;
            let bucket = hotspan_model::sketch::bucket_of(duration);
            let place = (f64::from(bucket.saturating_sub(first.from)) + 0.5) / span;
            Some((name, place.clamp(0.0, 1.0), duration))
        })
        .collect()
}

fn told(bar: &Bar, whole: f64) -> String {
    format!(
        "{} to {}\n{} ({})",
        format::duration_short(bucket_middle_ns(bar.from)),
        format::duration_short(bucket_middle_ns(bar.to)),
        format::plural(bar.requests, "request", "requests"),
        format::percent(if whole > 0.0 { bar.requests / whole } else { 0.0 })
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_request_is_in_one_bar(durations in prop::collection::vec(0i64..100_000_000_000, 0..80)) {
            let mut sketch = Sketch::default();
            durations.iter().for_each(|duration| sketch.add(*duration, 1.0));
            let bars = bars(&sketch);
            prop_assert!(bars.len() <= usize::from(BARS_MAX));
            prop_assert_eq!(bars.iter().map(|bar| bar.requests).sum::<f64>(), durations.len() as f64);
            for (_, place, _) in marks(&sketch, &bars) {
                prop_assert!((0.0..=1.0).contains(&place));
            }
        }
    }

    #[test]
    fn an_empty_histogram_is_drawn() {
        assert!(!histogram(&Sketch::default()).into_string().contains("NaN"));
    }
}
