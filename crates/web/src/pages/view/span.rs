//! Everything known of the chosen span, and of the run it stands for.

use hotspan_analysis::waterfall::Run;
use hotspan_model::{Attributes, Span, UnixNanos};
use maud::{Markup, html};

use crate::parts::address::Address;
use crate::parts::format;

/// The chosen span.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// The span as received and scrubbed.
    pub(crate) span: Span,
    /// Who received it.
    pub(crate) project: String,
    /// What its row is called.
    pub(crate) label: String,
    /// The run that its row folds, when it does.
    pub(crate) run: Option<Run>,
    /// Wall time that no child covers.
    pub(crate) self_ns: i64,
    /// The start of the trace.
    pub(crate) trace_start: UnixNanos,
    /// Different spans that came with the same id; this is the first.
    pub(crate) same_id: usize,
}

/// The panel.
pub(crate) fn panel(here: &Address, chosen: &Chosen) -> Markup {
    let span = &chosen.span;
    html! {
        aside.panel #chosen aria-label="Chosen span" {
            a.close href=(here.with("span", "")) data-keep aria-label="Close" title="Close" { "×" }
            @if let Some(run) = &chosen.run { (run_facts(chosen, run)) }
            h2 { @if chosen.run.is_some() { "The first of them" } @else { (chosen.label) } }
            @if chosen.run.is_none() && !span.name.is_empty() && span.name != chosen.label { p.soft { (span.name) } }
            (facts(chosen))
            (attributes("Attributes", &span.attributes, span.dropped_attributes))
            (events(chosen))
            (links(here, span))
            (attributes("Resource", &span.resource.attributes, 0))
            @if !span.scope.name.is_empty() {
                h3 { "Instrumentation" }
                p { code { (span.scope.name) " " (span.scope.version) } }
            }
        }
    }
}

fn run_facts(chosen: &Chosen, run: &Run) -> Markup {
    let [shortest, median, longest] = run.each_ns;
    html! {
        h2 { (format::exact(run.repeats.max(1) as u64)) "× " (chosen.label) }
        dl.pairs {
            dt { "calls" } dd {
                @for (index, label) in run.labels.iter().take(6).enumerate() { @if index > 0 { br; } (label) }
                @if run.labels.len() > 6 { br; "and " (run.labels.len() - 6) " more" }
            }
            dt { "spans" } dd { (format::exact(run.spans as u64)) }
            dt { "each" } dd { (format::duration(median)) " (median), " (format::duration(shortest)) " to " (format::duration(longest)) }
        }
    }
}

fn facts(chosen: &Chosen) -> Markup {
    let span = &chosen.span;
    html! {
        dl.pairs {
            dt { "duration" } dd { (format::duration(span.duration_ns())) }
            dt { "own work" } dd { (format::duration(chosen.self_ns)) }
            dt { "begins" } dd title=(span.start) { (format::duration(span.start.since(chosen.trace_start))) " after the trace" }
            dt { "kind" } dd { (span.kind.slug()) }
            dt { "status" } dd {
                (span.status.slug())
                @if !span.status_message.is_empty() { ": " span.bad { (span.status_message) } }
            }
            dt { "service" } dd { (span.service) " " span.soft { "project " (chosen.project) } }
            dt { "span id" } dd { code { (span.span_id) } }
            dt { "parent" } dd { @match span.parent { Some(parent) => code { (parent) }, None => "none: the root" } }
            @if span.weight > 1.0 { dt { "weight" } dd { "stands for " (format::average(span.weight)) " requests" } }
            @if !span.trace_state.is_empty() { dt { "trace state" } dd { code { (span.trace_state) } } }
            @if chosen.same_id > 1 { dt { "note" } dd { (chosen.same_id) " different spans came with this id" } }
        }
    }
}

fn attributes(title: &str, attributes: &Attributes, dropped: u32) -> Markup {
    let mut pairs: Vec<_> = attributes.iter().collect();
    pairs.sort_by_key(|(key, _)| *key);
    html! {
        @if !pairs.is_empty() || dropped > 0 {
            h3 { (title) }
            table.attributes { tbody {
                @for (key, value) in pairs { tr { th scope="row" { (key) } td { (value) } } }
            } }
            @if dropped > 0 { p.soft { (format::plural(f64::from(dropped), "attribute", "attributes")) " dropped by the SDK" } }
        }
    }
}

fn events(chosen: &Chosen) -> Markup {
    let span = &chosen.span;
    html! {
        @for event in &span.events {
            h3.bad[event.name == "exception"] {
                (event.name) " " span.soft { "after " (format::duration(event.time.since(chosen.trace_start))) }
            }
            (attributes("", &event.attributes, event.dropped_attributes))
        }
        @if span.dropped_events > 0 { p.soft { (format::plural(f64::from(span.dropped_events), "event", "events")) " dropped by the SDK" } }
    }
}

fn links(here: &Address, span: &Span) -> Markup {
    html! {
        @if !span.links.is_empty() {
            h3 { "Links" }
            ul.plain-list { @for link in &span.links { li {
                a href=(here.keeping(&format!("/traces/{}", link.trace_id), &["window", "theme"]).with("span", link.span_id)) {
                    code { (format::short_id(link.trace_id)) " / " (link.span_id) }
                }
            } } }
        }
        @if span.dropped_links > 0 { p.soft { (format::plural(f64::from(span.dropped_links), "link", "links")) " dropped by the SDK" } }
    }
}
