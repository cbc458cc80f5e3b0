//! Latency and traffic over time, as drawings that need no script.

use hotspan_model::UnixNanos;
use hotspan_model::time::NANOS_PER_MINUTE;
use maud::{Markup, html};

use super::format;
use super::sparkline::joined;
use super::strip::{LogScale, dot1};

/// What happened in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    /// Its start.
    pub(crate) start: UnixNanos,
    /// Weighted requests.
    pub(crate) requests: f64,
    /// Weighted errors.
    pub(crate) errors: f64,
    /// Median, 95th and 99th percentile; `None` without requests.
    pub(crate) quantiles: Option<(i64, i64, i64)>,
}

/// Drawings are this wide inside and stretched to the page.
const WIDTH: f64 = 1_000.0;
const LATENCY_HEIGHT: f64 = 168.0;
const TRAFFIC_HEIGHT: f64 = 52.0;

/// Percentiles above, requests and errors below, one time axis.
pub(crate) fn over_time(moments: &[Moment], step_ns: i64) -> Markup {
    html! {
        figure.chart {
            (latency(moments, step_ns))
            (traffic(moments, step_ns))
            (time_axis(moments, step_ns))
            figcaption {
                span.key-p50 { (sample("p50")) "p50" }
                span.key-p95 { (sample("band")) "up to p95" }
                span.key-p99 { (sample("p99")) "p99" }
                span { (sample("requests")) "requests" }
                span { (sample("errors")) "errors" }
                span.soft { "log scale" }
            }
        }
    }
}

fn sample(class: &str) -> Markup {
    html! {
        svg.sample width="18" height="10" aria-hidden="true" {
            @if matches!(class, "p50" | "p99") {
                line class=(class) x1="0" x2="18" y1="5" y2="5" {}
            } @else {
                rect class=(class) x="2" y="1" width="14" height="8" {}
            }
        }
    }
}

fn latency(moments: &[Moment], step_ns: i64) -> Markup {
    let all = moments.iter().filter_map(|moment| moment.quantiles);
    let scale = LogScale::around(all.flat_map(|(p50, _, p99)| [p50, p99]));
    let y = |duration| LATENCY_HEIGHT - 1.0 - scale.place(duration) * (LATENCY_HEIGHT - 12.0);
    let marks = scale.round_marks();
    html! {
        svg.axis width="64" height=(LATENCY_HEIGHT) aria-hidden="true" {
            @for mark in &marks {
                text.tick x="56" y=(dot1(y(*mark) + 4.0)) text-anchor="end" { (format::round_duration(*mark)) }
            }
        }
        svg.plot role="img" aria-label="p50, p95 and p99 over time" width="100%" height=(LATENCY_HEIGHT)
            viewBox={ "0 0 1000 " (LATENCY_HEIGHT) } preserveAspectRatio="none" {
            @for mark in &marks { line.grid x1="0" x2="1000" y1=(dot1(y(*mark))) y2=(dot1(y(*mark))) {} }
            @for stretch in stretches(moments) {
                polygon.band points=(joined(&outline(&stretch, y))) {}
                polyline.p99 points=(joined(&line(&stretch, |(_, _, p99)| y(p99)))) {}
                polyline.p50 points=(joined(&line(&stretch, |(p50, _, _)| y(p50)))) {}
            }
            (hits(moments, step_ns, LATENCY_HEIGHT))
        }
    }
}

/// A middle and percentiles.
type Point = (f64, (i64, i64, i64));

/// Runs of moments with requests, by the middle of each.
fn stretches(moments: &[Moment]) -> Vec<Vec<Point>> {
    let slot = WIDTH / moments.len().max(1) as f64;
    let mut stretches: Vec<Vec<Point>> = vec![Vec::new()];
    for (index, moment) in moments.iter().enumerate() {
        match (moment.quantiles, stretches.last_mut()) {
            (Some(quantiles), Some(last)) => last.push(((index as f64 + 0.5) * slot, quantiles)),
            _ => stretches.push(Vec::new()),
        }
    }
    stretches.retain(|points| !points.is_empty());
    stretches
}

/// A line through a run; a single moment becomes a short dash.
fn line(stretch: &[Point], y: impl Fn((i64, i64, i64)) -> f64) -> Vec<(f64, f64)> {
    match stretch {
        [(x, quantiles)] => vec![(x - 2.0, y(*quantiles)), (x + 2.0, y(*quantiles))],
        _ => stretch.iter().map(|(x, quantiles)| (*x, y(*quantiles))).collect(),
    }
}

/// Around the space between p50 and p95.
fn outline(stretch: &[Point], y: impl Fn(i64) -> f64) -> Vec<(f64, f64)> {
    let mut points = line(stretch, |(_, p95, _)| y(p95));
    points.extend(line(stretch, |(p50, _, _)| y(p50)).into_iter().rev());
    points
}

fn traffic(moments: &[Moment], step_ns: i64) -> Markup {
    let max = moments.iter().map(|moment| moment.requests).fold(0.0, f64::max);
    let slot = WIDTH / moments.len().max(1) as f64;
    let height = |number: f64| match max {
        max if max > 0.0 => number.clamp(0.0, max) / max * (TRAFFIC_HEIGHT - 10.0),
        _ => 0.0,
    };
    html! {
        svg.axis width="64" height=(TRAFFIC_HEIGHT) aria-hidden="true" {
            @if max > 0.0 { text.tick x="56" y="14" text-anchor="end" { (format::rate(max, step_ns)) } }
        }
        svg.plot role="img" aria-label="requests and errors over time" width="100%" height=(TRAFFIC_HEIGHT)
            viewBox={ "0 0 1000 " (TRAFFIC_HEIGHT) } preserveAspectRatio="none" {
            line.grid x1="0" x2="1000" y1=(TRAFFIC_HEIGHT - 0.5) y2=(TRAFFIC_HEIGHT - 0.5) {}
            @for (index, moment) in moments.iter().enumerate().filter(|(_, moment)| moment.requests > 0.0) {
                @let x = dot1((index as f64 + 0.12) * slot);
                @let (all, bad) = (height(moment.requests).max(1.0), height(moment.errors));
                rect.requests x=(x) width=(dot1(slot * 0.76)) y=(dot1(TRAFFIC_HEIGHT - all)) height=(dot1(all)) {}
                @if moment.errors > 0.0 {
                    rect.errors x=(x) width=(dot1(slot * 0.76)) y=(dot1(TRAFFIC_HEIGHT - bad.max(1.5))) height=(dot1(bad.max(1.5))) {}
                }
            }
            (hits(moments, step_ns, TRAFFIC_HEIGHT))
        }
    }
}

/// Invisible columns that tell their figures when pointed at.
fn hits(moments: &[Moment], step_ns: i64, height: f64) -> Markup {
    let slot = WIDTH / moments.len().max(1) as f64;
    html! {
        @for (index, moment) in moments.iter().enumerate().filter(|(_, moment)| moment.requests > 0.0) {
            rect.hit x=(dot1(index as f64 * slot)) y="0" width=(dot1(slot)) height=(height) {
                title { (told(moment, step_ns)) }
            }
        }
    }
}

fn told(moment: &Moment, step_ns: i64) -> String {
    let end = moment.start.plus(step_ns);
    let mut text = format!(
        "{} {}–{} UTC\n{}",
        format::day(moment.start),
        format::hour_minute(moment.start),
        format::hour_minute(end),
        format::plural(moment.requests, "request", "requests")
    );
    if moment.errors > 0.0 {
        text += &format!(", {}", format::plural(moment.errors, "error", "errors"));
    }
    if let Some((p50, p95, p99)) = moment.quantiles {
        let [p50, p95, p99] = [p50, p95, p99].map(format::duration_short);
        text += &format!("\np50 {p50} · p95 {p95} · p99 {p99}");
    }
    text
}

/// Labels under the drawing: five moments, days when the whole is longer than two.
fn time_axis(moments: &[Moment], step_ns: i64) -> Markup {
    let count = moments.len();
    let long = step_ns.saturating_mul(count as i64) > 48 * 60 * NANOS_PER_MINUTE;
    let label = |start| if long { format::day(start) } else { format::hour_minute(start) };
    html! {
        span.axis {}
        svg.times width="100%" height="16" aria-hidden="true" {
            @for quarter in 0..=3usize {
                @if let Some(moment) = moments.get(count * quarter / 4) {
                    text.tick x={ (quarter * 25) "%" } y="12" text-anchor=(if quarter == 0 { "start" } else { "middle" }) {
                        (label(moment.start))
                    }
                }
            }
            text.tick x="100%" y="12" text-anchor="end" { "now" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(minute: i64, quantiles: Option<(i64, i64, i64)>) -> Moment {
        let requests = if quantiles.is_some() { 3.0 } else { 0.0 };
        Moment { start: UnixNanos(minute * NANOS_PER_MINUTE), requests, errors: 0.0, quantiles }
    }

    #[test]
    fn any_series_is_drawn() {
        let some = Some((1_000_000, 20_000_000, 900_000_000));
        for moments in [
            vec![],
            vec![moment(0, None)],
            vec![moment(0, some)],
            vec![
                moment(0, some),
                moment(1, None),
                moment(2, some),
                moment(3, Some((0, 0, i64::MAX))),
            ],
        ] {
            let drawn = over_time(&moments, NANOS_PER_MINUTE).into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }

    #[test]
    fn a_hole_breaks_the_lines() {
        let some = Some((1_000_000, 20_000_000, 900_000_000));
        let moments = [moment(0, some), moment(1, some), moment(2, None), moment(3, some)];
        let lengths: Vec<usize> = stretches(&moments).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1]);
    }

    #[test]
    fn what_a_moment_tells() {
        let told = told(&moment(842, Some((1_240_000, 20_000_000, 900_000_000))), NANOS_PER_MINUTE);
        assert_eq!(
            told.replace('\u{a0}', " "),
            "1 Jan 14:02–14:03 UTC\n3 requests\np50 1.2 ms · p95 20 ms · p99 900 ms"
        );
    }
}
