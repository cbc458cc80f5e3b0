//! One endpoint before and after: what became of its requests, and which calls
//! that is. The figures are compared in `analysis`.

use hotspan_analysis::flame::{Side, layout_diff};
use hotspan_analysis::profile_diff::{PathChange, Presence, ProfileDiff, profile_diff};
use hotspan_model::UnixNanos;
use hotspan_model::life::Deploy;
use hotspan_store::{EndpointDetail, EndpointRow, TimeWindow};
use maud::{Markup, html};

use crate::parts::shell::{Frame, Place, crumbs, page};
use crate::parts::{diff_flame, format, shift};

/// Paths in the table.
const PATHS_MAX: usize = 30;
/// Calls in the sentence.
const NAMED_MAX: usize = 3;
/// A change that is a smaller part of the largest one is not listed.
const SHOWN_MIN: f64 = 0.01;
/// Names of a path that are shown: its own and the one above it.
const NAMES_SHOWN: usize = 2;
/// Deploys that are offered, the newest ones.
const DEPLOYS_MAX: usize = 6;
const DAY_NS: i64 = 24 * 60 * hotspan_model::time::NANOS_PER_MINUTE;

/// What the chosen window is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum With {
    /// The stretch right before it.
    #[default]
    Previous,
    /// The same time of yesterday.
    Day,
    /// The same time a week ago.
    Week,
    /// What was before a moment, with what came after it.
    Since(UnixNanos),
}

impl With {
    const SHIFTS: [(Self, &'static str, &'static str); 3] = [
        (Self::Previous, "previous", "the time before"),
        (Self::Day, "day", "a day earlier"),
        (Self::Week, "week", "a week earlier"),
    ];

    /// Reads the value of `?with=`.
    pub(crate) fn from_slug(slug: &str) -> Self {
        let known = Self::SHIFTS.into_iter().find(|shift| shift.1 == slug);
        known.map_or_else(Self::default, |shift| shift.0)
    }

    /// How far back the other stretch is, for a window of `width_ns`.
    pub(crate) fn back_ns(self, width_ns: i64) -> i64 {
        match self {
            Self::Day => DAY_NS.max(width_ns),
            Self::Week => 7 * DAY_NS,
            Self::Previous | Self::Since(_) => width_ns,
        }
    }
}

/// Everything the page shows; first before, then after.
#[derive(Debug, Clone)]
pub(crate) struct ComparePage {
    /// What is compared.
    pub(crate) with: With,
    /// Both stretches of time.
    pub(crate) windows: [TimeWindow; 2],
    /// The endpoint in each.
    pub(crate) sides: [EndpointDetail; 2],
    /// Deploys of its service in either.
    pub(crate) deploys: Vec<Deploy>,
}

/// The page.
pub(crate) fn compare(frame: &Frame, model: &ComparePage) -> Markup {
    let row = &model.sides[1].row;
    let name = row.endpoint.name.to_string();
    let diff = profile_diff(&model.sides[0].tree, &model.sides[1].tree);
    let comparable = model.sides.iter().all(|side| side.row.requests > 0.0);
    let up = frame.link(&format!("/endpoints/{}", row.id));
    let body = html! {
        (crumbs(&[
            (Some(frame.link("/")), "Endpoints".to_owned()), (Some(up), name.clone()), (None, "Before and after".to_owned()),
        ]))
        section.head {
            h1 { (name) " " span.mut { (row.endpoint.service) } }
            p.state { (sentence(model, &diff)) }
            (choices(frame, model))
        }
        (figures(model))
        @if comparable {
            (flames(&diff))
            (paths(&diff))
        }
    };
    page(frame, Some(Place::Endpoints), &format!("{name}, before and after"), &body)
}

fn sentence(model: &ComparePage, diff: &ProfileDiff) -> String {
    let [before, after] = [&model.sides[0].row, &model.sides[1].row];
    match (before.requests > 0.0, after.requests > 0.0) {
        (false, _) => {
            return "No request ended in the earlier stretch: there is nothing to compare with."
                .to_owned();
        }
        (_, false) => return "No request ended in the later stretch.".to_owned(),
        _ => {}
    }
    let shift = mean_ns(after) - mean_ns(before);
    let mean = match shift {
        shift if shift.abs() < mean_ns(before) * 0.01 => {
            "A request takes as long as before".to_owned()
        }
        shift if shift > 0.0 => format!("A request takes {} longer", whole(shift)),
        shift => format!("A request takes {} less", whole(-shift)),
    };
    let named: Vec<String> = diff
        .changes(NAMED_MAX)
        .iter()
        .filter(|change| change.diff.self_shift_ns().abs() >= shift.abs() * 0.1)
        .map(|change| {
            format!("{} {}", change.diff.name, shift::signed(change.diff.self_shift_ns()))
        })
        .collect();
    let calls = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
    format!("{mean} on average{calls}.")
}

fn whole(nanos: f64) -> String {
    format::duration(nanos as i64)
}

fn mean_ns(row: &EndpointRow) -> f64 {
    if row.requests > 0.0 { row.wall_ns as f64 / row.requests } else { 0.0 }
}

fn choices(frame: &Frame, model: &ComparePage) -> Markup {
    let here = frame.here.with("since", "").with("with", "");
    html! {
        nav.choices aria-label="Compare with" {
            @for (with, slug, label) in With::SHIFTS {
                a href=(here.with("with", slug)) aria-current=[(model.with == with).then_some("true")] { (label) }
            }
            @for deploy in model.deploys.iter().rev().take(DEPLOYS_MAX) {
                @let seconds = deploy.at.0.div_euclid(hotspan_model::time::NANOS_PER_SECOND);
                a href=(here.with("since", seconds)) aria-current=[is_since(model.with, seconds).then_some("true")]
                    title=(format!("Before and after {}", format::moment(deploy.at))) {
                    @if deploy.release.is_empty() { "deploy " (format::hour_minute(deploy.at)) } @else { "release " (deploy.release) }
                }
            }
        }
    }
}

fn is_since(with: With, seconds: i64) -> bool {
    matches!(with, With::Since(at) if at.0.div_euclid(hotspan_model::time::NANOS_PER_SECOND) == seconds)
}

fn figures(model: &ComparePage) -> Markup {
    let [before, after] = [&model.sides[0].row, &model.sides[1].row];
    let stretch = |window: TimeWindow| {
        let at = |time: UnixNanos| format!("{} {}", format::day(time), format::hour_minute(time));
        format!("{} – {}", at(window.from), at(window.to))
    };
    type Time = fn(&EndpointRow) -> f64;
    let times: [(&str, Time); 4] = [
        ("Mean", mean_ns),
        ("Median", |row| row.p50_ns as f64),
        ("95th percentile", |row| row.p95_ns as f64),
        ("99th percentile", |row| row.p99_ns as f64),
    ];
    let comparable = before.requests > 0.0 && after.requests > 0.0;
    let errors =
        |row: &EndpointRow| if row.requests > 0.0 { row.errors / row.requests } else { 0.0 };
    html! {
        section.verify {
            div.scroll { table.list.narrow {
                thead { tr { th scope="col" {} th.num scope="col" { "Before" } th.num scope="col" { "After" } th.num scope="col" { "Change" } } }
                tbody {
                    @for (says, of) in times { tr {
                        th scope="row" { (says) }
                        td.num { (told(before, whole(of(before)))) } td.num { (told(after, whole(of(after)))) }
                        td.num { @if comparable { (shift::relative(of(before), of(after))) } }
                    } }
                    tr { th scope="row" { "Requests" } td.num { (format::count(before.requests)) } td.num { (format::count(after.requests)) } td.num {} }
                    tr { th scope="row" { "Errors" } td.num { (told(before, format::percent(errors(before)))) } td.num { (told(after, format::percent(errors(after)))) } td.num {} }
                    tr { th scope="row" { "From, to (UTC)" } td.num { (stretch(model.windows[0])) } td.num { (stretch(model.windows[1])) } td.num {} }
                }
            } }
        }
    }
}

/// A figure of requests, where there are any.
fn told(row: &EndpointRow, figure: String) -> String {
    if row.requests > 0.0 { figure } else { "–".to_owned() }
}

fn flames(diff: &ProfileDiff) -> Markup {
    html! {
        section {
            h2 { "A request after " span.conf { "red: takes more time of its own than before, blue: less" } }
            (diff_flame::diff_flame(&layout_diff(diff, Side::After)))
            h3 { "A request before" }
            (diff_flame::diff_flame(&layout_diff(diff, Side::Before)))
        }
    }
}

fn paths(diff: &ProfileDiff) -> Markup {
    let mut changes = diff.changes(PATHS_MAX);
    let largest = changes.first().map_or(0.0, |change| change.diff.self_shift_ns().abs());
    changes.retain(|change| change.diff.self_shift_ns().abs() >= largest * SHOWN_MIN);
    html! {
        section {
            h2 { "Calls by what changed" }
            @if changes.is_empty() { p.soft { "Every path takes as long as before." } } @else {
                div.scroll { table.list {
                    thead { tr {
                        th scope="col" { "Call" } th.num scope="col" { "Calls a request" } th.num scope="col" { "Time a request" }
                        th.num scope="col" { "Of its own" } th scope="col" { "Change" }
                    } }
                    tbody { @for change in &changes { (path(change, largest)) } }
                } }
            }
        }
    }
}

fn path(change: &PathChange<'_>, largest: f64) -> Markup {
    let diff = change.diff;
    let both = |before: String, after: String| format!("{before} → {after}");
    let shown = &change.path[change.path.len().saturating_sub(NAMES_SHOWN)..];
    let presence = match diff.presence {
        Presence::New => Some("new"),
        Presence::Gone => Some("gone"),
        Presence::Both | Presence::Unsure => None,
    };
    html! {
        tr title=(change.path.join(" › ")) {
            td {
                @if let [above, _] = shown { span.soft { (above) " › " } }
                code class={ "t-" (diff.class.slug()) } { (diff.name) }
                @if let Some(presence) = presence { " " span.tag.quiet { (presence) } }
            }
            td.num { (both(format::average(diff.before.calls), format::average(diff.after.calls))) }
            td.num { (both(whole(diff.before.total_ns), whole(diff.after.total_ns))) }
            td.num { (shift::signed(diff.self_shift_ns())) }
            td { (shift::bar(diff.self_shift_ns(), largest)) }
        }
    }
}
