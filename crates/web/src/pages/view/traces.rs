//! Requests one by one: the latest, or the slowest.

use hotspan_store::TraceSummary;
use maud::{Markup, html};

use crate::parts::format;
use crate::parts::shell::{Frame, Place, page, when};

/// Everything the page shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Traces {
    /// Segments that pass the filters.
    pub(crate) rows: Vec<TraceSummary>,
    /// Services to choose from.
    pub(crate) services: Vec<String>,
    /// The chosen service.
    pub(crate) service: String,
    /// `?min=` as it was typed.
    pub(crate) min: String,
    /// `?min=` could not be read.
    pub(crate) min_unclear: bool,
    /// Only requests that ended in error.
    pub(crate) errors_only: bool,
    /// Slowest first instead of latest first.
    pub(crate) slowest: bool,
    /// The slowest were looked for among this many of the latest only.
    pub(crate) slowest_of: Option<usize>,
    /// Rows asked for at most.
    pub(crate) rows_max: usize,
}

/// The page.
pub(crate) fn traces(frame: &Frame, model: &Traces) -> Markup {
    let body = html! {
        section.lede { p {
            b { @if model.slowest { "Slowest requests" } @else { "Latest requests" } }
            " " (frame.window.phrase())
            @if let Some(latest) = model.slowest_of { ", among the latest " (format::exact(latest as u64)) }
            "."
        } }
        (filters(frame, model))
        @if model.rows.is_empty() {
            p.nothing { "No request passes these filters. " a href=(frame.link("/traces")) { "Show all" } }
        } @else {
            (table(frame, &model.rows, true))
            @if model.rows.len() >= model.rows_max {
                p.soft.notes { "The first " (format::exact(model.rows_max as u64)) " are shown: narrow the filters to see others." }
            }
        }
    };
    page(frame, Some(Place::Traces), "Traces", &body)
}

fn filters(frame: &Frame, model: &Traces) -> Markup {
    html! {
        p.choices {
            a href=(frame.here.with("by", "")) aria-current=[(!model.slowest).then_some("true")] { "Latest" }
            a href=(frame.here.with("by", "slowest")) aria-current=[model.slowest.then_some("true")] { "Slowest" }
        }
        form.filter action="/traces" method="get" {
            @for (name, value) in frame.here.keeping("/traces", &["window", "theme", "by"]).params() {
                input type="hidden" name=(name) value=(value);
            }
            label { "Service "
                select name="service" {
                    option value="" selected[model.service.is_empty()] { "all" }
                    @for service in &model.services {
                        option value=(service) selected[*service == model.service] { (service) }
                    }
                }
            }
            label { "At least "
                input type="text" name="min" value=(model.min) size="8" placeholder="500 ms" data-filter
                    aria-invalid=[model.min_unclear.then_some("true")];
            }
            label.check { input type="checkbox" name="errors" value="1" checked[model.errors_only]; " errors only" }
            button.act type="submit" { "Filter" }
            @if model.min_unclear { span.bad { "“" (model.min) "” is not a duration: write 500 ms, 2s or 1m" } }
        }
    }
}

/// Requests as a table, with the endpoint where pages mix several.
pub(crate) fn table(frame: &Frame, rows: &[TraceSummary], with_endpoint: bool) -> Markup {
    let longest = rows.iter().map(|row| row.duration_ns).max().unwrap_or(0).max(1);
    html! {
        div.scroll { table.list.traces {
            thead { tr {
                th scope="col" { @if with_endpoint { "Request" } @else { "Trace" } }
                th scope="col" { "Duration" }
                th.num scope="col" { "Lost to issues" }
                th.num scope="col" { "Spans" }
                th scope="col" { "When" }
            } }
            tbody { @for row in rows { (line(frame, row, longest, with_endpoint)) } }
        } }
    }
}

fn line(frame: &Frame, row: &TraceSummary, longest: i64, with_endpoint: bool) -> Markup {
    let address = frame.link(&format!("/traces/{}", row.trace_id));
    let width =
        |nanos: i64| (nanos as f64 / longest as f64 * 1_000.0).clamp(0.0, 1_000.0).max(2.0).round();
    html! {
        tr {
            td.name {
                @if with_endpoint {
                    a href=(address) data-row { (row.endpoint.name) } (failed(row)) small { (row.endpoint.service) " · " code { (format::short_id(row.trace_id)) } }
                } @else { a href=(address) data-row { code { (format::short_id(row.trace_id)) } } (failed(row)) }
            }
            td.length {
                svg.length viewBox="0 0 1000 10" preserveAspectRatio="none" width="160" height="8" aria-hidden="true" {
                    rect.c-own x="0" y="0" width=(width(row.duration_ns)) height="10" {}
                    @if row.lost_ns > 0 { rect.lost x="0" y="0" width=(width(row.lost_ns)) height="10" {} }
                }
                span { (format::duration(row.duration_ns)) }
            }
            td.num {
                @if row.lost_ns > 0 {
                    (format::duration(row.lost_ns))
                    small { (format::percent(row.lost_ns as f64 / row.duration_ns.max(1) as f64)) }
                } @else { span.soft { "–" } }
            }
            td.num { (format::exact(u64::from(row.spans))) }
            td { (when(row.start, frame.now)) }
        }
    }
}

fn failed(row: &TraceSummary) -> Markup {
    html! { @if row.error { " " span.tag.bad-tag { "error" } } }
}
