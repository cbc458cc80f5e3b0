//! Life left over time, with each fetch as a mark: a saw that is cut before it
//! reaches the ground.

use hotspan_model::UnixNanos;
use hotspan_model::agent::AgentFetch;
use hotspan_model::time::NANOS_PER_SECOND;
use hotspan_store::AgentRoleRow;
use maud::{Markup, html};

use crate::parts::format;
use crate::parts::sparkline::joined;
use crate::parts::strip::dot1;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 40.0;
/// Room below the line for the marks of fetches.
const MARKS: f64 = 8.0;

/// Times from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Axis {
    pub(crate) from: UnixNanos,
    pub(crate) to: UnixNanos,
}

impl Axis {
    fn place(self, at: UnixNanos) -> f64 {
        let length = self.to.since(self.from).max(1) as f64;
        (at.since(self.from) as f64 / length).clamp(0.0, 1.0) * WIDTH
    }
}

/// Life left of one role, and when it was fetched.
pub(super) fn life(axis: Axis, row: &AgentRoleRow) -> Markup {
    let longest = row.life.iter().flatten().copied().max().unwrap_or_default();
    let longest = longest.max(row.latest.life_seconds.unwrap_or_default()).max(1);
    let low = HEIGHT - MARKS;
    let height = |left: i64| low - left.max(0) as f64 / longest as f64 * (low - 1.5);
    let step = WIDTH / row.life.len().saturating_sub(1).max(1) as f64;
    let label = format!(
        "Life left of role {}: {} at most; {}",
        row.latest.role,
        span(longest),
        format::plural(row.fetches.len() as f64, "fetch", "fetches"),
    );
    html! {
        svg.life role="img" aria-label=(label) width="100%" height=(dot1(HEIGHT)) viewBox="0 0 300 40" preserveAspectRatio="none" {
            title { (label) }
            line.base x1="0" x2="300" y1=(dot1(low)) y2=(dot1(low)) {}
            @for points in stretches(&row.life, step, height) {
                polyline points=(joined(&points)) {}
            }
            @for fetch in &row.fetches { (mark(axis, fetch)) }
        }
    }
}

/// A stretch without reports is a hole.
fn stretches(life: &[Option<i64>], step: f64, height: impl Fn(i64) -> f64) -> Vec<Vec<(f64, f64)>> {
    let mut all = vec![Vec::new()];
    for (index, left) in life.iter().enumerate() {
        match (left, all.last_mut()) {
            (Some(left), Some(points)) => points.push((index as f64 * step, height(*left))),
            _ => all.push(Vec::new()),
        }
    }
    // One point alone is drawn as a short line.
    for points in &mut all {
        if let [(x, y)] = points[..] {
            let to = if x + step / 2.0 > WIDTH { x - step / 2.0 } else { x + step / 2.0 };
            points.push((to, y));
        }
    }
    all.retain(|points| !points.is_empty());
    all
}

fn mark(axis: Axis, fetch: &AgentFetch) -> Markup {
    let at = dot1(axis.place(fetch.start));
    let took = format::duration_short(fetch.end.since(fetch.start).max(0));
    let says = match fetch.outcome.as_str() {
        "found" => format!(
            "{}: new credentials …{} in {took}",
            format::moment(fetch.start),
            fetch.key_last_four
        ),
        _ => format!(
            "{}: {} after {took}, {}",
            format::moment(fetch.start),
            fetch.outcome,
            fetch.reason
        ),
    };
    html! {
        g {
            title { (says) }
            line.fetch.failed[fetch.outcome != "found"] x1=(at) x2=(at) y1=(dot1(HEIGHT - MARKS + 2.0)) y2=(dot1(HEIGHT)) {}
        }
    }
}

/// Seconds as people read them.
pub(super) fn span(seconds: i64) -> String {
    format::duration_short(seconds.saturating_mul(NANOS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_break_the_saw() {
        let height = |left: i64| left as f64;
        for (life, expected) in [
            (vec![], vec![]),
            (vec![None, None], vec![]),
            (vec![Some(3)], vec![vec![(0.0, 3.0), (1.0, 3.0)]]),
            (
                vec![Some(3), Some(2), None, Some(9)],
                vec![vec![(0.0, 3.0), (2.0, 2.0)], vec![(6.0, 9.0), (7.0, 9.0)]],
            ),
        ] {
            assert_eq!(stretches(&life, 2.0, height), expected, "{life:?}");
        }
    }
}
