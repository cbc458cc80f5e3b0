//! Every issue, most time lost first.

use hotspan_model::{Class, Issue};
use maud::{Markup, html};

use super::words;
use crate::parts::class_bar::swatch;
use crate::parts::format;
use crate::parts::shell::{Frame, Place, page, when};

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct Issues {
    /// Issues that pass the filters.
    pub(crate) rows: Vec<Issue>,
    /// The endpoint they are filtered by.
    pub(crate) endpoint: Option<String>,
    /// Verified and ignored ones are shown too.
    pub(crate) all: bool,
}

/// The page.
pub(crate) fn issues(frame: &Frame, model: &Issues) -> Markup {
    let lost: i64 = model.rows.iter().map(|issue| issue.wall_ns).sum();
    let body = html! {
        section.lede {
            p {
                @if model.rows.is_empty() { b { "No issues " (frame.window.phrase()) "." } }
                @else {
                    b { (format::plural(model.rows.len() as f64, "issue", "issues")) }
                    " cost users " b { (format::duration_short(lost)) } " " (frame.window.phrase()) "."
                }
                @if let Some(name) = &model.endpoint {
                    " Only " b { (name) } ". " a href=(frame.here.with("endpoint", "")) { "Show every endpoint" }
                }
            }
        }
        p.choices {
            a href=(frame.here.with("all", "")) aria-current=[(!model.all).then_some("true")] { "Open" }
            a href=(frame.here.with("all", "1")) aria-current=[model.all.then_some("true")] { "All, with verified and ignored" }
        }
        @if model.rows.is_empty() {
            p.nothing { "Hotspan raises an issue when requests waste time in a shape that it knows: credentials fetched again and again, or in nearly every request." }
        } @else { (table(frame, &model.rows, true)) }
    };
    page(frame, Some(Place::Issues), "Issues", &body)
}

/// Issues as a table, with the endpoint where pages mix several.
pub(crate) fn table(frame: &Frame, rows: &[Issue], with_endpoint: bool) -> Markup {
    html! {
        div.scroll { table.list.issues {
            thead { tr {
                th scope="col" { "Issue" }
                th.num scope="col" { "Time lost" }
                th.num scope="col" { "Share" }
                th.num scope="col" { "A request" }
                th.num scope="col" { "Requests" }
                th scope="col" { "Cause" }
                th scope="col" { "Last seen" }
            } }
            tbody { @for issue in rows { (line(frame, issue, with_endpoint)) } }
        } }
    }
}

fn line(frame: &Frame, issue: &Issue, with_endpoint: bool) -> Markup {
    let address = frame.link(&format!("/issues/{}", issue.id));
    html! {
        tr {
            td.name {
                a href=(address) data-row { (swatch(issue.class)) (issue.subject) }
                small {
                    (words::number(issue)) " · " (words::status_tag(issue.status))
                    @if with_endpoint { " · " (issue.endpoint.name) " · " (issue.endpoint.service) }
                }
            }
            td.num { (format::duration_short(issue.wall_ns)) }
            td.num { b class={ "t-" (issue.class.slug()) } { (format::percent(issue.share_of_wall())) } }
            td.num {
                (words::counted(issue, issue.lookups_per_request()))
                small { (words::unit(issue)) }
            }
            td.num {
                (format::count(issue.requests_affected))
                small { "of " (format::count(issue.requests)) }
            }
            td.cause { (cause(issue)) small { (issue.cause.confidence.slug()) } }
            td { (when(issue.last_seen, frame.now)) }
        }
    }
}

/// The first sentence of the cause.
fn cause(issue: &Issue) -> &str {
    let text = issue.cause.text.as_str();
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// The class an issue page is coloured by.
pub(crate) fn tone(class: Class) -> String {
    format!("t-{}", class.slug())
}
