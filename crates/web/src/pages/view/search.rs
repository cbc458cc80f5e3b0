//! Search: the filter, what is wrong with it, and the spans or traces that
//! pass it.

use hotspan_model::Status;
use hotspan_store::search::language::FilterError;
use hotspan_store::{Coverage, SearchHit, SearchMode, SearchPage};
use maud::{Markup, html};

use crate::parts::format;
use crate::parts::shell::{Frame, Place, page, when};

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// The filter as it was typed.
    pub(crate) q: String,
    /// Spans or traces.
    pub(crate) mode: SearchMode,
    /// What came of it.
    pub(crate) outcome: Outcome,
}

/// What came of a search.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The text is not a filter.
    Unclear(FilterError),
    /// Something else that was asked for makes no sense; a sentence.
    Refused(String),
    /// A page of hits.
    Found {
        /// The hits.
        page: SearchPage,
        /// Spans that were acknowledged may be missing still.
        stale: bool,
    },
}

/// Filters to begin with, and what they find.
const EXAMPLES: [(&str, &str); 6] = [
    ("status:error is:entry", "requests that failed"),
    ("duration:>2s kind:server", "slow requests"),
    ("http.url:*169.254*", "calls to the instance metadata service"),
    ("has:db.statement duration:>100ms", "slow statements"),
    ("http.status:5xx -environment:dev", "server errors outside development"),
    ("service:api (name:*report* OR http.route:/reports*)", "either of two"),
];

/// The page.
pub(crate) fn search(frame: &Frame, model: &Search) -> Markup {
    let body = html! {
        section.lede { p { b { "Search" } " " (frame.window.phrase()) "." } }
        (form(frame, model))
        @match &model.outcome {
            Outcome::Unclear(error) => (unclear(&model.q, error)),
            Outcome::Refused(message) => { p.bad role="alert" { (message) } },
            Outcome::Found { page, stale } => (found(frame, model, page, *stale)),
        }
        @if model.q.trim().is_empty() { (examples(frame)) }
    };
    page(frame, Some(Place::Search), "Search", &body)
}

fn form(frame: &Frame, model: &Search) -> Markup {
    let kept = frame.here.keeping("/search", &["window", "theme", "mode", "from", "to"]);
    let is_unclear = matches!(model.outcome, Outcome::Unclear(_));
    let mode = |mode: SearchMode, slug: &str, name: &str| {
        let here = frame.here.with("mode", slug).with("cursor", "");
        html! { a href=(here) aria-current=[(model.mode == mode).then_some("true")] { (name) } }
    };
    html! {
        form.search action="/search" method="get" role="search" {
            @for (name, value) in kept.params() {
                input type="hidden" name=(name) value=(value);
            }
            input type="search" name="q" value=(model.q) data-filter maxlength="4096"
                aria-label="Filter" aria-invalid=[is_unclear.then_some("true")]
                placeholder="service:api duration:>2s status:error" autocomplete="off" autocapitalize="off" spellcheck="false";
            button.act type="submit" { "Search" }
        }
        p.choices { (mode(SearchMode::Spans, "", "Spans")) (mode(SearchMode::Traces, "traces", "Traces")) }
    }
}

/// The text with a mark under the place where it stops making sense.
fn unclear(q: &str, error: &FilterError) -> Markup {
    // Blanks of any kind become one each, so that the mark stands right.
    let shown: String = q.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let mark = format!("{}{}", " ".repeat(error.column), "^".repeat(error.width));
    html! {
        section.unclear role="alert" {
            pre { (shown) "\n" span.bad { (mark) } }
            p { "Found " code { (error.found.trim_matches('`')) } ", expected " (error.expected) "." }
            @if let Some(hint) = &error.hint { p.soft { (sentence(hint)) } }
        }
    }
}

/// A hint, as a sentence.
fn sentence(hint: &str) -> String {
    let mut letters = hint.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if hint.ends_with(['?', '.']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn found(frame: &Frame, model: &Search, page: &SearchPage, stale: bool) -> Markup {
    let what = match model.mode {
        SearchMode::Spans => "span",
        SearchMode::Traces => "trace",
    };
    html! {
        (covered(&page.coverage))
        @if stale { p.soft { "Spans are still being stored: reload in a moment to find all of them." } }
        @if page.hits.is_empty() {
            @if page.coverage.cut.is_none() {
                p.nothing { "No " (what) " passes this filter " (frame.window.phrase()) "." }
            }
        } @else {
            (table(frame, model.mode, &page.hits))
        }
        @if let Some(next) = &page.next {
            p.notes { a href=(frame.here.with("cursor", next)) rel="next" { "Older" } }
        } @else if !page.hits.is_empty() {
            p.soft.notes { "These are all." }
        }
    }
}

/// What the search did not get to.
fn covered(coverage: &Coverage) -> Markup {
    html! {
        @if let Some(cut) = coverage.cut {
            p.cut role="status" {
                b { "Not all was searched." }
                " Time ran out: searched back to "
                time datetime=(cut.back_to) { (format::moment(cut.back_to)) }
                ", " (format::exact(cut.files_left)) " of " (format::plural(coverage.files as f64, "file", "files"))
                " left. Go on with older ones, or choose a shorter time window or a narrower filter."
            }
        }
        @if coverage.unreadable_files > 0 {
            p.cut role="status" {
                b { (format::plural(coverage.unreadable_files as f64, "file", "files")) " could not be read." }
                " Spans in them are not shown. The server's log names the files."
            }
        }
    }
}

fn table(frame: &Frame, mode: SearchMode, hits: &[SearchHit]) -> Markup {
    let longest = hits.iter().map(|hit| hit.duration_ns).max().unwrap_or(0).max(1);
    html! {
        div.scroll { table.list.hits {
            thead { tr {
                th scope="col" { @if mode == SearchMode::Traces { "Newest span of each trace" } @else { "Span" } }
                th scope="col" { "Duration" }
                th scope="col" { "Status" }
                th scope="col" { "Kind" }
                th scope="col" { "When" }
                th scope="col" { "Trace" }
            } }
            tbody { @for hit in hits { (line(frame, hit, longest)) } }
        } }
    }
}

fn line(frame: &Frame, hit: &SearchHit, longest: i64) -> Markup {
    let trace = frame.link(&format!("/traces/{}", hit.trace_id));
    let width = (hit.duration_ns as f64 / longest as f64 * 1_000.0).clamp(2.0, 1_000.0).round();
    let name = if hit.name.is_empty() { "(no name)" } else { &hit.name };
    html! {
        tr {
            td.name {
                a href=(trace.with("span", hit.span_id)) data-row { (name) }
                small { (hit.service) @if let Some(environment) = &hit.environment { " · " (environment) } }
            }
            td.length {
                svg.length viewBox="0 0 1000 10" preserveAspectRatio="none" width="160" height="8" aria-hidden="true" {
                    rect.c-own x="0" y="0" width=(width) height="10" {}
                }
                span { (format::duration(hit.duration_ns)) }
            }
            td {
                @match hit.status {
                    Status::Error => span.tag.bad-tag { "error" },
                    Status::Ok => "ok",
                    Status::Unset => span.soft { "–" },
                }
                @if let Some(status) = hit.http_status { " " span.bad[status >= 500] { (status) } }
            }
            td { (hit.kind.slug()) @if hit.is_entry { small { "entry" } } }
            td { (when(hit.start, frame.now)) small { (format::time_of_day(hit.start)) } }
            td { a href=(trace) { code { (format::short_id(hit.trace_id)) } } }
        }
    }
}

fn examples(frame: &Frame) -> Markup {
    html! {
        section.examples {
            h2 { "For example" }
            ul.plain-list { @for (filter, what) in EXAMPLES { li {
                a href=(frame.link("/search").with("q", filter)) { code { (filter) } }
                span.right.soft { (what) }
            } } }
            p.soft.notes {
                "Conditions side by side must all hold; " code { "OR" } ", " code { "!" } " and brackets join them otherwise. "
                code { "*" } " stands for any text, quotes keep blanks, a word alone is a part of the name."
            }
        }
    }
}
