//! A line of values without axes: the shape of the last hours.

use maud::{Markup, html};

use super::strip::dot1;

const WIDTH: f64 = 100.0;
const HEIGHT: f64 = 22.0;
/// Half the width of the line, so that it is not cut at the edges.
const MARGIN: f64 = 1.5;

/// Points of each unbroken stretch. A stretch without values is a hole, not
/// a zero.
fn stretches(values: &[Option<f64>]) -> Vec<Vec<(f64, f64)>> {
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    let max = values.iter().filter_map(finite).fold(0.0, f64::max);
    let step = (WIDTH - 2.0 * MARGIN) / values.len().saturating_sub(1).max(1) as f64;
    let height = |value: f64| {
        let share = if max > 0.0 { (value / max).clamp(0.0, 1.0) } else { 0.0 };
        HEIGHT - MARGIN - share * (HEIGHT - 2.0 * MARGIN)
    };
    let mut stretches = vec![Vec::new()];
    for (index, value) in values.iter().map(finite).enumerate() {
        match (value, stretches.last_mut()) {
            (Some(value), Some(last)) => last.push((MARGIN + index as f64 * step, height(value))),
            _ => stretches.push(Vec::new()),
        }
    }
    stretches.retain(|points| !points.is_empty());
    stretches
}

/// The line; `hot` draws it in the colour of issues.
pub(crate) fn sparkline(values: &[Option<f64>], hot: bool, label: &str) -> Markup {
    html! {
        svg.spark.hot[hot] role="img" aria-label=(label) width="100" height="22" viewBox="0 0 100 22" preserveAspectRatio="none" {
            title { (label) }
            @for points in stretches(values) {
                @if let [(x, y)] = points[..] {
                    circle cx=(dot1(x)) cy=(dot1(y)) r="1.2" {}
                } @else {
                    polyline points=(joined(&points)) {}
                }
            }
        }
    }
}

/// Points as SVG wants them.
pub(crate) fn joined(points: &[(f64, f64)]) -> String {
    let texts: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    texts.join(" ")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn holes_break_the_line() {
        let values = [Some(1.0), Some(3.0), None, Some(2.0), None, Some(0.0), Some(3.0)];
        expect![[r#"
            <svg class="spark hot" role="img" aria-label="p95" width="100" height="22" viewBox="0 0 100 22" preserveAspectRatio="none">
            <title>p95</title>
            <polyline points="1.5,14.2 17.7,1.5">
            </polyline>
            <circle cx="50.0" cy="7.8" r="1.2">
            </circle>
            <polyline points="82.3,20.5 98.5,1.5">
            </polyline>
            </svg>"#]].assert_eq(&crate::parts::lines(&sparkline(&values, true, "p95")));
    }

    #[test]
    fn nothing_and_one_value() {
        for values in [&[][..], &[None], &[Some(0.0)], &[Some(f64::INFINITY), Some(1.0)]] {
            let drawn = sparkline(values, false, "p95").into_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}
