//! One trace: waterfall, flame chart or table, and the chosen span beside it.

use hotspan_analysis::flame::Flame;
use hotspan_analysis::waterfall::{Operation, Waterfall};
use hotspan_model::{Class, Finding, SegmentRecord, SpanId, TraceId, UnixNanos};
use maud::{Markup, html};

use super::span::{Chosen, panel};
use crate::parts::class_bar::{legend, swatch};
use crate::parts::flame::FlameLinks;
use crate::parts::shell::{Frame, Place, crumbs, page};
use crate::parts::waterfall::WaterfallLinks;
use crate::parts::{flame, format, waterfall};

/// How the trace is drawn.
#[derive(Debug, Clone)]
pub(crate) enum Drawing {
    /// Rows along time.
    Waterfall(Waterfall),
    /// Boxes along time.
    Flame(Flame),
    /// Operations, summed up.
    Table(Vec<Operation>),
}

impl Drawing {
    /// The value of `?view=`.
    fn slug(&self) -> &'static str {
        match self {
            Self::Waterfall(_) => "waterfall",
            Self::Flame(_) => "flame",
            Self::Table(_) => "table",
        }
    }
}

/// An error event, or an exception that a span recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceError {
    /// The span it happened in.
    pub(crate) span: SpanId,
    /// Its type.
    pub(crate) kind: String,
    /// Its message.
    pub(crate) message: String,
    /// When.
    pub(crate) time: UnixNanos,
}

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct TracePage {
    /// The trace.
    pub(crate) trace_id: TraceId,
    /// What the root span is called.
    pub(crate) title: String,
    /// When the trace began.
    pub(crate) start: UnixNanos,
    /// From its first start to its last end.
    pub(crate) length_ns: i64,
    /// Spans in it.
    pub(crate) spans: usize,
    /// Segments, in the order of their start.
    pub(crate) records: Vec<SegmentRecord>,
    /// Numbers of the issues of findings, by fingerprint.
    pub(crate) issues: Vec<(String, i64)>,
    /// The endpoint of the first segment, by number.
    pub(crate) endpoint_id: Option<i64>,
    /// HTTP status of the first entry span; 0 when not told.
    pub(crate) http_status: u16,
    /// Time that no span covers, in gaps long enough to see.
    pub(crate) uncovered_ns: i64,
    /// The drawing.
    pub(crate) drawing: Drawing,
    /// Repeats are folded.
    pub(crate) fold: bool,
    /// The critical path is outlined.
    pub(crate) path: bool,
    /// Classes in the drawing.
    pub(crate) classes: Vec<Class>,
    /// The chosen span.
    pub(crate) chosen: Option<Chosen>,
    /// What went wrong in it.
    pub(crate) errors: Vec<TraceError>,
    /// Lookups of this trace that agents answered from memory.
    pub(crate) agent_lookups: u64,
    /// Some spans could not be read.
    pub(crate) incomplete: bool,
    /// Spans that were acknowledged may be missing still.
    pub(crate) stale: bool,
}

/// The page.
pub(crate) fn trace(frame: &Frame, model: &TracePage) -> Markup {
    let body = html! {
        (crumbs(&path(frame, model)))
        (head(frame, model))
        (errors(frame, model))
        div.trace.with-panel[model.chosen.is_some()] {
            section.pane {
                (tools(frame, model))
                (drawing(frame, model))
                (legend(model.classes.iter().copied()))
            }
            @if let Some(chosen) = &model.chosen { (panel(&frame.here, chosen)) }
        }
    };
    page(frame, Some(Place::Traces), &model.title, &body)
}

fn path(frame: &Frame, model: &TracePage) -> Vec<(Option<crate::parts::address::Address>, String)> {
    let mut steps = vec![(Some(frame.link("/traces")), "Traces".to_owned())];
    if let (Some(id), Some(record)) = (model.endpoint_id, model.records.first()) {
        steps = vec![
            (Some(frame.link("/")), "Endpoints".to_owned()),
            (Some(frame.link(&format!("/endpoints/{id}"))), record.endpoint.name.to_string()),
        ];
    }
    steps.push((None, format::short_id(model.trace_id)));
    steps
}

fn head(frame: &Frame, model: &TracePage) -> Markup {
    let release = model.records.first().map(|record| (&record.endpoint.service, &record.release));
    html! {
        section.head {
            h1 { (model.title) " "
                span.mut {
                    (format::duration(model.length_ns))
                    @if model.http_status > 0 { " · " span.bad[model.http_status >= 500] { (model.http_status) } }
                    @if let Some((service, release)) = release { " · " (service) " " (release) }
                    " · " time datetime=(model.start) title=(format::moment(model.start)) { (format::time_of_day(model.start)) }
                    " · " (format::plural(model.spans as f64, "span", "spans"))
                }
            }
            p.state { (sentence(frame, model)) }
            @if model.incomplete { p.bad { "Some spans of this trace could not be read: it is too large, or a file is missing." } }
            @if model.stale { p.soft { "Spans are still being stored: reload in a moment to see all of them." } }
        }
    }
}

/// What is lost in this trace, and what nobody saw.
fn sentence(frame: &Frame, model: &TracePage) -> Markup {
    let findings: Vec<(&SegmentRecord, &Finding)> = model
        .records
        .iter()
        .flat_map(|record| record.findings.iter().map(move |finding| (record, finding)))
        .collect();
    html! {
        @for (index, (record, finding)) in findings.iter().enumerate() {
            @if index > 0 { "; " }
            (format::percent(finding.share_of_wall()))
            @if model.records.len() > 1 { " of " (record.endpoint.name) }
            " is " (finding_link(frame, model, finding)) " on the critical path"
        }
        @if findings.is_empty() { "No issue was found in this trace" }
        @if model.uncovered_ns > 0 {
            "; " (format::duration(model.uncovered_ns)) " are covered by no span"
        }
        "."
        @if model.agent_lookups > 0 {
            " An agent on its host answered "
            a href=(frame.link("/credentials")) { (format::plural(model.agent_lookups as f64, "credential lookup", "credential lookups")) }
            " of it from memory."
        }
        @if findings.iter().any(|(_, finding)| finding.at_least) { " The SDK cut the trace at its span limit, so counts are lower bounds." }
    }
}

fn finding_link(frame: &Frame, model: &TracePage, finding: &Finding) -> Markup {
    let at_least = if finding.at_least { "≥\u{a0}" } else { "" };
    let text = format!("{at_least}{} {}", format::average(finding.lookups), finding.subject);
    let class = format!("t-{}", finding.class.slug());
    html! {
        @match model.issues.iter().find(|(fingerprint, _)| *fingerprint == finding.fingerprint) {
            Some((_, id)) => a class=(class) href=(frame.link(&format!("/issues/{id}"))) { (text) },
            None => span class=(class) { (text) },
        }
    }
}

fn errors(frame: &Frame, model: &TracePage) -> Markup {
    html! {
        @if !model.errors.is_empty() {
            section.trace-errors aria-label="Errors" {
                ul.plain-list { @for error in model.errors.iter().take(10) { li {
                    a href=(frame.here.with("span", error.span)) data-keep { b.bad { (error.kind) } " " (error.message) }
                    span.right.soft { "after " (format::duration(error.time.since(model.start))) }
                } } }
                @if model.errors.len() > 10 { p.soft { "and " (model.errors.len() - 10) " more" } }
            }
        }
    }
}

fn tools(frame: &Frame, model: &TracePage) -> Markup {
    let current = model.drawing.slug();
    let view = |slug: &'static str, name: &str| {
        html! {
            a href=(frame.here.with("view", if slug == "waterfall" { "" } else { slug })) aria-current=[(slug == current).then_some("true")] { (name) }
        }
    };
    let toggle = |key: &str, on: bool, name: &str| {
        html! {
            a.toggle href=(frame.here.with(key, if on { "0" } else { "" })) role="switch" aria-checked=(on) data-keep { (name) }
        }
    };
    html! {
        div.tools {
            span.choices { (view("waterfall", "Waterfall")) (view("flame", "Flame")) (view("table", "Table")) }
            @if current == "waterfall" {
                span.choices { (toggle("path", model.path, "Critical path")) (toggle("fold", model.fold, "Fold repeats")) }
            }
        }
    }
}

fn drawing(frame: &Frame, model: &TracePage) -> Markup {
    let chosen = model.chosen.as_ref().map(|chosen| chosen.span.span_id);
    match &model.drawing {
        Drawing::Waterfall(drawn) => {
            let links = WaterfallLinks { here: &frame.here, choosing: true, critical: model.path };
            waterfall::waterfall(drawn, links)
        }
        Drawing::Flame(drawn) => {
            let links = FlameLinks { here: Some(&frame.here), chosen, per_request: false };
            html! { div.flame-chart { (flame::flame(drawn, links)) } }
        }
        Drawing::Table(operations) => table(frame, model, operations),
    }
}

fn table(frame: &Frame, model: &TracePage, operations: &[Operation]) -> Markup {
    let share = |nanos: i64| format::percent(nanos as f64 / model.length_ns.max(1) as f64);
    html! {
        div.scroll { table.list.narrow {
            thead { tr {
                th scope="col" { "Operation" } th.num scope="col" { "Spans" } th.num scope="col" { "Time" } th.num scope="col" { "Share" }
                th.num scope="col" { "Own work" } th.num scope="col" { "Longest" } th.num scope="col" { "Errors" }
            } }
            tbody { @for operation in operations.iter().take(500) { tr {
                td.name { a href=(frame.here.with("span", operation.longest)) data-row data-keep { (swatch(operation.class)) (operation.label) } small { (operation.service) } }
                td.num { (format::exact(operation.count as u64)) }
                td.num { (format::duration(operation.total_ns)) }
                td.num { (share(operation.total_ns)) }
                td.num { (format::duration(operation.self_ns)) }
                td.num { (format::duration(operation.longest_ns)) }
                td.num { @if operation.errors > 0 { span.bad { (operation.errors) } } @else { span.soft { "–" } } }
            } } }
        } }
        @if operations.len() > 500 { p.soft { "and " (operations.len() - 500) " more operations" } }
    }
}
