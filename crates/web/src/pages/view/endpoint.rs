//! One endpoint: figures, latency over time, where the time goes, issues,
//! slowest requests.

use hotspan_analysis::flame;
use hotspan_model::time::NANOS_PER_SECOND;
use hotspan_model::{Issue, UnixNanos};
use hotspan_store::{EndpointDetail, TraceSummary};
use maud::{Markup, html};

use super::{issues, traces, words};
use crate::parts::address::Address;
use crate::parts::chart::{self, Moment};
use crate::parts::figures::{Figure, figures};
use crate::parts::flame::FlameLinks;
use crate::parts::shell::{Frame, Place, crumbs, page};
use crate::parts::{class_bar, format, histogram};

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct EndpointPage {
    /// Figures, series, histogram, tree.
    pub(crate) detail: EndpointDetail,
    /// Its issues in the window, most time lost first.
    pub(crate) issues: Vec<Issue>,
    /// Its slowest requests in the window.
    pub(crate) slowest: Vec<TraceSummary>,
}

/// The page.
pub(crate) fn endpoint(frame: &Frame, model: &EndpointPage) -> Markup {
    let row = &model.detail.row;
    let name = row.endpoint.name.to_string();
    let body = html! {
        (crumbs(&[(Some(frame.link("/")), "Endpoints".to_owned()), (None, name.clone())]))
        section.head {
            h1 { (name) " " span.mut { (row.endpoint.service) } }
            p.state { (sentence(frame, model)) }
        }
        (figures(&numbers(frame, model)))
        @if row.requests > 0.0 {
            div.three-one {
                section { h2 { "Latency over time" } (chart::over_time(&moments(&model.detail), model.detail.step_ns)) }
                section { h2 { "Durations" } (histogram::histogram(&model.detail.histogram)) }
            }
            (where_time_goes(frame, model))
        }
        section { h2 { "Issues" } (issue_table(frame, &model.issues)) }
        section { h2 { "Slowest requests" } (traces::table(frame, &model.slowest, false)) }
        (releases(frame, model))
    };
    page(frame, Some(Place::Endpoints), &name, &body)
}

fn sentence(frame: &Frame, model: &EndpointPage) -> Markup {
    let row = &model.detail.row;
    html! {
        @match model.issues.first() {
            _ if row.requests <= 0.0 => { "No request ended " (frame.window.phrase()) "." }
            Some(issue) => {
                (format::percent(issue.share_of_wall())) " of its time goes to "
                a class={ "t-" (issue.class.slug()) } href=(frame.link(&format!("/issues/{}", issue.id))) { (issue.subject) }
                ": " (words::amount(issue, issue.lookups_per_request())) " " (words::how_often(issue)) "."
            }
            None => { "No issue " (frame.window.phrase()) "." }
        }
        @if let Some(note) = words::weighting(row.samples, row.requests) { " " (note) }
    }
}

fn numbers(frame: &Frame, model: &EndpointPage) -> Vec<Figure> {
    let row = &model.detail.row;
    let errors = if row.requests > 0.0 { row.errors / row.requests } else { 0.0 };
    let quantile = |duration, says: &str| Figure::new(format::duration_short(duration), says);
    let none = || "none".to_owned();
    let lost = if row.lost_ns > 0 { format::duration_short(row.lost_ns) } else { none() };
    let lost = Figure::new(lost, "of users’ time lost to issues");
    vec![
        quantile(row.p50_ns, "p50"),
        quantile(row.p95_ns, "p95"),
        quantile(row.p99_ns, "p99"),
        Figure::new(
            format::rate(row.requests, frame.window.nanos()),
            format::plural(row.requests, "request", "requests"),
        ),
        Figure::new(format::percent(errors), format::plural(row.errors, "error", "errors")),
        match model.issues.first() {
            Some(issue) if row.lost_ns > 0 => lost.of(issue.class),
            _ => lost,
        },
    ]
}

fn moments(detail: &EndpointDetail) -> Vec<Moment> {
    let quantiles = |bucket: &hotspan_store::Bucket| {
        let of = |q| bucket.quantile_ns(q);
        Some((of(0.5)?, of(0.95)?, of(0.99)?))
    };
    detail
        .series
        .iter()
        .map(|bucket| Moment {
            start: bucket.start,
            requests: bucket.requests,
            errors: bucket.errors,
            quantiles: quantiles(bucket),
        })
        .collect()
}

fn where_time_goes(frame: &Frame, model: &EndpointPage) -> Markup {
    let row = &model.detail.row;
    let flame = flame::layout_tree(&model.detail.tree);
    let links = FlameLinks { per_request: true, ..FlameLinks::default() };
    html! {
        section {
            h2 {
                "Where the time goes, over " (format::plural(row.requests, "request", "requests"))
                " " a.more href=(compare_address(frame, row.id)) { "before and after" }
            }
            (class_bar::wide(&row.time, row.requests))
            @if flame.lines > 0 { (crate::parts::flame::flame(&flame, links)) }
        }
    }
}

fn issue_table(frame: &Frame, found: &[Issue]) -> Markup {
    html! {
        @if found.is_empty() { p.soft { "None " (frame.window.phrase()) "." } } @else { (issues::table(frame, found, false)) }
    }
}

fn since(frame: &Frame, id: i64, moment: UnixNanos) -> Address {
    compare_address(frame, id).with("since", moment.0.div_euclid(NANOS_PER_SECOND))
}

fn compare_address(frame: &Frame, id: i64) -> Address {
    frame.link(&format!("/endpoints/{id}/compare"))
}

fn releases(frame: &Frame, model: &EndpointPage) -> Markup {
    let told: Vec<_> =
        model.detail.releases.iter().filter(|release| !release.release.is_empty()).collect();
    html! {
        @if !told.is_empty() {
            section {
                h2 { "Releases" }
                div.scroll { table.list.narrow {
                    thead { tr { th scope="col" { "Release" } th.num scope="col" { "Requests" } th.num scope="col" { "Errors" } th.num scope="col" { "p95" } th scope="col" { "First request" } th scope="col" {} } }
                    tbody { @for release in told { tr {
                        td { code { (release.release) } }
                        td.num { (format::count(release.requests)) }
                        td.num { (format::count(release.errors)) }
                        td.num { (format::duration_short(release.p95_ns)) }
                        td { time datetime=(release.first_seen) { (format::moment(release.first_seen)) } }
                        td { a href=(since(frame, model.detail.row.id, release.first_seen)) { "before and after" } }
                    } } }
                } }
            }
        }
    }
}
