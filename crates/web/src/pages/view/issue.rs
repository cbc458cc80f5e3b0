//! The card of one issue: what, how much, why, what to do, and the evidence.

use hotspan_analysis::flame::Flame;
use hotspan_analysis::waterfall::Waterfall;
use hotspan_model::issue::{DayLoss, Occurrence};
use hotspan_model::life::Deploy;
use hotspan_model::{Class, Issue, TraceId};
use maud::{Markup, html};

use super::issues::tone;
use super::{issue_actions, issue_life, words};
use crate::parts::address::Address;
use crate::parts::figures::{Figure, figures};
use crate::parts::flame::FlameLinks;
use crate::parts::shell::{Frame, Place, crumbs, page, when};
use crate::parts::waterfall::WaterfallLinks;
use crate::parts::{days, fixes, flame, format, waterfall};

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct IssuePage {
    /// The issue with its figures over the window.
    pub(crate) issue: Issue,
    /// Affected requests, most time lost first.
    pub(crate) occurrences: Vec<Occurrence>,
    /// Time lost by day.
    pub(crate) days: Vec<DayLoss>,
    /// Releases of its service that went out in these days.
    pub(crate) deploys: Vec<Deploy>,
    /// The same class and family on other endpoints.
    pub(crate) others: Vec<Issue>,
    /// One affected request, its repeats folded.
    pub(crate) example: Option<(TraceId, Waterfall)>,
    /// The merged call tree of the endpoint's requests.
    pub(crate) tree: Option<Flame>,
}

/// Days that the bars reach back.
pub(crate) const DAYS: i64 = 14;

/// Affected requests that are listed, most time lost first.
const OCCURRENCES: usize = 20;

/// The page.
pub(crate) fn issue(frame: &Frame, model: &IssuePage) -> Markup {
    let issue = &model.issue;
    let body = html! {
        (crumbs(&[(Some(frame.link("/issues")), "Issues".to_owned()), (None, words::number(issue))]))
        (head(frame, issue))
        (issue_actions::actions(frame, issue))
        (issue_life::verification(frame, issue))
        (figures(&numbers(issue)))
        div.two {
            (cause(issue))
            section { h2 { "Fix" } (fixes::fixes(&issue.fixes, frame.here.get("fix"))) (issue_life::how_to_verify(issue)) }
        }
        (example(frame, model))
        (tree(model))
        div.two {
            section { h2 { "Time lost a day" } (days::days(&model.days, &model.deploys, issue.class, frame.now, DAYS)) }
            section { h2 { "Other endpoints that suffer" } (others(frame, &model.others)) }
        }
        (issue_life::history(frame, issue))
        (occurrences(frame, model))
    };
    page(frame, Some(Place::Issues), &format!("{} {}", words::number(issue), issue.subject), &body)
}

fn head(frame: &Frame, issue: &Issue) -> Markup {
    html! {
        section.head {
            h1 {
                (issue.subject) " inside "
                a href=(frame.link(&format!("/endpoints/{}", issue.endpoint_id))) { code { (issue.endpoint.name) } }
            }
            p.lead {
                (format::percent(issue.share_of_wall())) " of its time goes to "
                span class=(tone(issue.class)) { (issue.subject) } ": "
                (words::amount(issue, issue.lookups_per_request())) " " (words::how_often(issue))
                @if let Some(calls) = calls_each(issue) { ", " (calls) }
                ", " (format::duration(per_call(issue))) " a call."
            }
            p.state {
                (words::status_tag(issue.status))
                @if !issue.life.history.is_empty() { " since " (when(issue.life.since, frame.now)) " ·" }
                " " (issue.endpoint.service)
                " · first seen " (when(issue.first_seen, frame.now))
                " · last seen " (when(issue.last_seen, frame.now))
                " · " (format::count(issue.requests_affected)) " of " (format::plural(issue.requests, "request", "requests"))
                " " (frame.window.phrase())
                @if issue.at_least { " · " span title="The SDK stops recording at its span limit, so the trace shows less than happened" { "counts are lower bounds: an SDK cut the trace" } }
            }
        }
    }
}

/// `3 calls each`; `None` where a repeat is one call and there is nothing to say.
fn calls_each(issue: &Issue) -> Option<String> {
    (issue.lookups > 0.0 && issue.calls > issue.lookups)
        .then(|| format!("{} calls each", format::average(issue.calls / issue.lookups)))
}

fn per_call(issue: &Issue) -> i64 {
    if issue.calls > 0.0 { (issue.wall_ns as f64 / issue.calls) as i64 } else { 0 }
}

fn numbers(issue: &Issue) -> Vec<Figure> {
    let calls = calls_each(issue).map_or_else(String::new, |calls| format!(", {calls}"));
    let hidden = issue.hidden_ns > 0 && issue.hidden_ns * 20 > issue.wall_ns;
    vec![
        Figure::new(format::percent(issue.share_of_wall()), "of the requests’ time")
            .of(issue.class)
            .hint("Wall time on the critical path of all requests in the window, by the wall time of those requests"),
        Figure::new(
            words::counted(issue, issue.lookups_per_request()),
            format!("{} a request{calls}", words::units(issue)),
        ),
        Figure::new(
            format::duration(per_call(issue)),
            if hidden { "a call, with time-outs that no span shows" } else { "a call" },
        ),
        Figure::new(format::duration_short(issue.wall_ns), "lost by users in this window")
            .hint(format!("{} of it is seen in no well-named span", format::duration_short(issue.hidden_ns))),
    ]
}

fn cause(issue: &Issue) -> Markup {
    html! {
        section.cause {
            h2 { "Cause " span.conf { (issue.cause.confidence.slug()) } }
            p { (issue.cause.text) }
            @if !issue.cause.facts.is_empty() {
                table.facts { tbody {
                    @for (figure, says) in &issue.cause.facts { tr { th scope="row" { (figure) } td { (says) } } }
                } }
            }
            @if !issue.templates.is_empty() {
                p.soft { "Calls: " @for (index, template) in issue.templates.iter().enumerate() {
                    @if index > 0 { " → " } code { (template) }
                } }
            }
        }
    }
}

fn example(frame: &Frame, model: &IssuePage) -> Markup {
    html! {
        @if let Some((trace, drawn)) = &model.example {
            @let here = evidence_address(frame, *trace, model.occurrences.first());
            section {
                h2 { "In one request " a.more href=(here) { "open trace " code { (format::short_id(trace)) } } }
                div.pane {
                    (waterfall::waterfall(drawn, WaterfallLinks { here: &here, choosing: false, critical: false }))
                }
            }
        }
    }
}

fn evidence_address(frame: &Frame, trace: TraceId, occurrence: Option<&Occurrence>) -> Address {
    let address = frame.link(&format!("/traces/{trace}"));
    match occurrence.and_then(|occurrence| occurrence.evidence.first()) {
        Some(span) => address.with("span", span),
        None => address,
    }
}

fn tree(model: &IssuePage) -> Markup {
    html! {
        @if let Some(drawn) = model.tree.as_ref().filter(|drawn| drawn.lines > 0) {
            section {
                h2 { "Where the time goes, over " (format::plural(drawn.requests, "request", "requests")) }
                (flame::flame(drawn, FlameLinks { per_request: true, ..FlameLinks::default() }))
            }
        }
    }
}

fn others(frame: &Frame, found: &[Issue]) -> Markup {
    html! {
        @if found.is_empty() { p.soft { "No other endpoint has this issue in the window." } } @else {
            ul.plain-list { @for other in found.iter().take(8) {
                li {
                    a href=(frame.link(&format!("/issues/{}", other.id))) data-row { (other.endpoint.name) }
                    " " span.soft { (other.endpoint.service) }
                    span.right { b class=(tone(other.class)) { (format::percent(other.share_of_wall())) } " · " (format::duration_short(other.wall_ns)) }
                }
            } }
            @if found.len() > 8 { p.soft { a href=(issues_of(frame, found[0].class)) { "All of them" } } }
        }
    }
}

fn issues_of(frame: &Frame, class: Class) -> Address {
    frame.link("/issues").with("class", class.slug())
}

fn occurrences(frame: &Frame, model: &IssuePage) -> Markup {
    let issue = &model.issue;
    html! {
        section {
            h2 { "Affected requests " span.conf { (format::exact(issue.occurrences)) " since first seen" } }
            @if model.occurrences.is_empty() { p.soft { "None " (frame.window.phrase()) "." } } @else {
                div.scroll { table.list.narrow {
                    thead { tr {
                        th scope="col" { "Trace" } th.num scope="col" { "Duration" } th.num scope="col" { "Lost" }
                        th.num scope="col" { "Share" } th.num scope="col" { (capital(words::units(issue))) } th.num scope="col" { "Calls" } th scope="col" { "When" }
                    } }
                    tbody { @for one in model.occurrences.iter().take(OCCURRENCES) { tr {
                        td { a href=(evidence_address(frame, one.trace_id, Some(one))) data-row title="Open with the offending spans marked" { code { (format::short_id(one.trace_id)) } } }
                        td.num { (format::duration(one.duration_ns)) }
                        td.num { (format::duration(one.wall_ns)) }
                        td.num { (format::percent(one.wall_ns as f64 / one.duration_ns.max(1) as f64)) }
                        td.num { (words::counted(issue, one.lookups)) }
                        td.num { (format::count(one.calls)) }
                        td { (when(one.start, frame.now)) }
                    } } }
                } }
            }
        }
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
