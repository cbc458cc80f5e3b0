//! Time lost by day, as bars, with the releases that went out.

use std::collections::BTreeMap;

use hotspan_model::issue::DayLoss;
use hotspan_model::life::Deploy;
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Class, UnixNanos};
use maud::{Markup, html};

use super::format;
use super::strip::dot1;

const DAY_NS: i64 = 24 * 60 * NANOS_PER_MINUTE;
const HEIGHT: f64 = 72.0;

/// Days up to the one `now` is in; days without loss are drawn empty.
fn filled(days: &[DayLoss], now: UnixNanos, length: i64) -> Vec<(i64, i64)> {
    let today = now.0.div_euclid(DAY_NS);
    let lost = |day: i64| days.iter().filter(|loss| loss.day == day).map(|loss| loss.wall_ns).sum();
    (today - length + 1..=today).map(|day| (day, lost(day))).collect()
}

/// Releases that went out on the same day share a mark; each is named once.
fn marked(deploys: &[Deploy], now: UnixNanos, length: i64) -> BTreeMap<i64, Vec<&Deploy>> {
    let today = now.0.div_euclid(DAY_NS);
    let mut marks: BTreeMap<i64, Vec<&Deploy>> = BTreeMap::new();
    for deploy in deploys {
        let day = deploy.at.0.div_euclid(DAY_NS);
        let of_day = marks.entry(day - (today - length + 1)).or_default();
        if !of_day.iter().any(|known| known.release == deploy.release) {
            of_day.push(deploy);
        }
    }
    marks.retain(|index, _| (0..length).contains(index));
    marks
}

/// The line of a day on which releases went out, at the first of them.
fn mark(deploys: &[&Deploy], index: i64, slot: f64) -> Markup {
    let first = deploys.iter().map(|deploy| deploy.at).min().unwrap_or_default();
    let of_day = first.0.rem_euclid(DAY_NS) as f64 / DAY_NS as f64;
    let at = dot1(slot * (index as f64 + of_day));
    let named = deploys.iter().map(|deploy| {
        let place = match deploy.environment.as_str() {
            "" => String::new(),
            environment => format!(" to {environment}"),
        };
        format!("release {}{place}, {}", deploy.release, format::moment(deploy.at))
    });
    html! {
        g.deploy {
            title { (named.collect::<Vec<_>>().join("; ")) }
            line.mark x1={ (at) "%" } x2={ (at) "%" } y1="0" y2=(HEIGHT) {}
            circle cx={ (at) "%" } cy="3" r="3" {}
        }
    }
}

/// One bar a day over the last `length` days, and a line for each day on which
/// releases went out.
pub(crate) fn days(
    days: &[DayLoss],
    deploys: &[Deploy],
    class: Class,
    now: UnixNanos,
    length: i64,
) -> Markup {
    let bars = filled(days, now, length);
    let max = bars.iter().map(|(_, lost)| *lost).max().unwrap_or(0).max(1);
    let slot = 100.0 / bars.len().max(1) as f64;
    let marks = marked(deploys, now, length);
    let midnight = |day: i64| UnixNanos(day.saturating_mul(DAY_NS));
    html! {
        figure.days {
            svg role="img" aria-label="time lost by day" width="100%" height=(HEIGHT + 20.0) {
                line.base x1="0" x2="100%" y1=(HEIGHT + 0.5) y2=(HEIGHT + 0.5) {}
                @for (index, (day, lost)) in bars.iter().enumerate() {
                    @let height = (*lost as f64 / max as f64 * (HEIGHT - 14.0)).max(if *lost > 0 { 1.5 } else { 0.0 });
                    g {
                        title { (format::day(midnight(*day))) ": " (format::duration_short(*lost)) " lost" }
                        rect.hit x={ (dot1(slot * index as f64)) "%" } y="0" width={ (dot1(slot)) "%" } height=(HEIGHT) {}
                        rect class={ "c-" (class.slug()) } x={ (dot1(slot * (index as f64 + 0.14))) "%" }
                            y=(dot1(HEIGHT - height)) width={ (dot1(slot * 0.72)) "%" } height=(dot1(height)) {}
                        @if *lost == max && max > 1 {
                            text.tick x={ (dot1(slot * (index as f64 + 0.5))) "%" } y=(dot1(HEIGHT - height - 4.0))
                                text-anchor=(anchor(index, bars.len())) { (format::duration_short(*lost)) }
                        }
                        @if index % 2 == (bars.len() + 1) % 2 {
                            text.tick x={ (dot1(slot * (index as f64 + 0.5))) "%" } y=(HEIGHT + 14.0)
                                text-anchor="middle" { (format::day(midnight(*day))) }
                        }
                    }
                }
                @for (index, deploys) in &marks { (mark(deploys, *index, slot)) }
            }
            @if !marks.is_empty() { figcaption.soft { svg.sample width="8" height="8" aria-hidden="true" { circle.deploy cx="4" cy="4" r="3" {} } "a release went out" } }
        }
    }
}

/// Labels at the ends lean inwards.
fn anchor(index: usize, count: usize) -> &'static str {
    match index {
        0 => "start",
        index if index + 1 == count => "end",
        _ => "middle",
    }
}

#[cfg(test)]
mod tests {
    use hotspan_model::life::DeploySource;

    use super::*;

    #[test]
    fn holes_are_empty_days() {
        let now = UnixNanos(20_000 * DAY_NS + 5);
        let loss = DayLoss { day: 19_998, wall_ns: 7, occurrences: 1.0 };
        let bars = filled(&[loss], now, 4);
        assert_eq!(bars, [(19_997, 0), (19_998, 7), (19_999, 0), (20_000, 0)]);
    }

    #[test]
    fn releases_of_a_day_share_a_mark() {
        let now = UnixNanos(20_000 * DAY_NS + 5);
        let deploy = |release: &str, day: i64| Deploy {
            project: "default".into(),
            service: "shop".into(),
            release: release.into(),
            environment: String::new(),
            at: UnixNanos(day * DAY_NS + DAY_NS / 2),
            source: DeploySource::Told,
        };
        let deploys =
            [deploy("old", 19_000), deploy("a", 19_999), deploy("a", 19_999), deploy("b", 19_999)];
        let marks = marked(&deploys, now, 4);
        let named = marks[&2].iter().map(|deploy| deploy.release.as_str()).collect::<Vec<_>>();
        assert_eq!((marks.len(), named), (1, vec!["a", "b"]));
        let drawn = mark(&marks[&2], 2, 25.0).into_string();
        assert!(drawn.contains("x1=\"62.5%\"") && drawn.contains("release b"), "{drawn}");
    }
}
