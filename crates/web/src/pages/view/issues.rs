//! Every issue, most time lost first.

use hotspan_model::{Class, Issue, IssueStatus};
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
    /// The states they are filtered by.
    pub(crate) shown: Which,
}

/// Which states are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// Those that still cost time and are not ignored.
    Alive,
    /// Every one.
    All,
    /// One.
    In(IssueStatus),
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
        (states(frame, model.shown))
        @if model.rows.is_empty() && matches!(model.shown, Which::In(_)) {
            p.nothing { "No issue in this state was seen, or came into it, " (frame.window.phrase()) "." }
        } @else if model.rows.is_empty() {
            p.nothing { "Hotspan raises an issue when requests waste time in a shape that it knows: credentials fetched again and again, or in nearly every request." }
        } @else { (table(frame, &model.rows, true)) }
    };
    page(frame, Some(Place::Issues), "Issues", &body)
}

/// The states to choose from.
fn states(frame: &Frame, shown: Which) -> Markup {
    let plain = frame.here.with("all", "").with("state", "");
    let chosen = |which: Which| (shown == which).then_some("true");
    html! {
        p.choices {
            a href=(plain) aria-current=[chosen(Which::Alive)] title="Open, fix claimed, not fixed or regressed" { "To do" }
            @for status in IssueStatus::ALL {
                a href=(plain.with("state", status.slug())) aria-current=[chosen(Which::In(status))] { (words::status_word(status)) }
            }
            a href=(plain.with("all", "1")) aria-current=[chosen(Which::All)] { "All" }
        }
    }
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
                    (words::number(issue)) " · " (words::status_tag(issue.status)) (latest(issue))
                    @if with_endpoint { " · " (issue.endpoint.name) " · " (issue.endpoint.service) }
                }
            }
            td.num { (format::duration_short(issue.wall_ns)) }
            td.num { b class={ "t-" (issue.class.slug()) } { (format::percent(issue.share_of_wall())) } }
            td.num {
                (words::counted(issue, issue.lookups_per_request()))
                small { (words::units(issue)) }
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

/// What the state rests on, where it was measured.
fn latest(issue: &Issue) -> Markup {
    let newest = issue.life.history.first().filter(|change| change.to == issue.status);
    html! {
        @if let Some(figures) = newest.and_then(|change| change.comparison.as_ref()) { " " (words::outcome(figures)) }
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
