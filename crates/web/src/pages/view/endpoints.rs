//! Home: the worst issue in one sentence, then every endpoint in one table.

use hotspan_model::{Class, Issue, UnixNanos};
use hotspan_store::EndpointRow;
use maud::{Markup, html};

use super::connect::{Connect, connect};
use super::words;
use crate::parts::shell::{Frame, Place, page};
use crate::parts::sparkline::sparkline;
use crate::parts::strip::{LogScale, strip};
use crate::parts::table::{SortKey, Sorting};
use crate::parts::{class_bar, format};

/// What the table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Name,
    Lost,
    Share,
    P50,
    P95,
    P99,
    Requests,
    Errors,
}

impl SortKey for Column {
    const ALL: &'static [Self] = &[
        Self::Name,
        Self::Lost,
        Self::Share,
        Self::P50,
        Self::P95,
        Self::P99,
        Self::Requests,
        Self::Errors,
    ];

    fn slug(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Lost => "lost",
            Self::Share => "share",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Requests => "requests",
            Self::Errors => "errors",
        }
    }

    fn descends_first(self) -> bool {
        self != Self::Name
    }
}

impl Column {
    fn value(self, row: &EndpointRow) -> f64 {
        match self {
            Self::Name => 0.0,
            Self::Lost => row.lost_ns as f64,
            Self::Share => row.share_lost,
            Self::P50 => row.p50_ns as f64,
            Self::P95 => row.p95_ns as f64,
            Self::P99 => row.p99_ns as f64,
            Self::Requests => row.requests,
            Self::Errors => error_share(row),
        }
    }
}

/// Everything the page shows.
#[derive(Debug, Clone)]
pub(crate) struct Endpoints {
    /// The issue that cost most in the window.
    pub(crate) worst: Option<Issue>,
    /// Endpoints that pass the filter, unsorted.
    pub(crate) rows: Vec<EndpointRow>,
    /// How many there are without the filter.
    pub(crate) all: usize,
    /// What endpoints are filtered by.
    pub(crate) filter: String,
    /// How to sort.
    pub(crate) sorting: Sorting<Column>,
    /// Figures reach up to here.
    pub(crate) as_of: Option<UnixNanos>,
    /// Set when nothing ever arrived.
    pub(crate) connect: Option<Connect>,
}

/// The page.
pub(crate) fn endpoints(frame: &Frame, mut model: Endpoints) -> Markup {
    match model.sorting.key {
        Column::Name => model.sorting.apply(&mut model.rows, |row| {
            (row.endpoint.name.clone(), row.endpoint.service.clone())
        }),
        column => model.sorting.apply(&mut model.rows, |row| column.value(row)),
    }
    let body = html! {
        @if let Some(to) = &model.connect {
            (connect(to))
        } @else {
            (headline(frame, model.worst.as_ref(), &model))
            (filter(frame, &model))
            @if model.rows.is_empty() { (nothing(frame, &model)) } @else { (table(frame, &model)) }
            (notes(frame, &model))
        }
    };
    page(frame, Some(Place::Endpoints), "Endpoints", &body)
}

/// The sentence that names the worst issue with its numbers.
fn headline(frame: &Frame, worst: Option<&Issue>, model: &Endpoints) -> Markup {
    html! {
        section.lede {
            @match worst {
                Some(issue) => {
                    p {
                        a href=(frame.link(&format!("/endpoints/{}", issue.endpoint_id))) { b { (issue.endpoint.name) } }
                        " lost " b { (format::duration_short(issue.wall_ns)) } " of its users’ time " (frame.window.phrase()) " to "
                        a class={ "t-" (issue.class.slug()) } href=(frame.link(&format!("/issues/{}", issue.id))) { (issue.subject) }
                        ": " (words::amount(issue, issue.lookups_per_request())) " " (words::how_often(issue)) ", "
                        (format::percent(issue.share_of_wall())) " of its " (format::duration_short(words::mean_ns(issue))) "."
                    }
                    a.act href=(frame.link(&format!("/issues/{}", issue.id))) { "See the cause and the fix →" }
                }
                None => p {
                    b { "No issue " (frame.window.phrase()) "." }
                    " " (format::plural(model.all as f64, "endpoint was", "endpoints were")) " watched; no wasteful shape was found in their requests."
                }
            }
        }
    }
}

fn filter(frame: &Frame, model: &Endpoints) -> Markup {
    let kept = frame.here.with("q", "");
    html! {
        @if model.all > 8 || !model.filter.is_empty() {
            form.filter action="/" method="get" role="search" {
                @for (name, value) in kept.params() { input type="hidden" name=(name) value=(value); }
                input type="search" name="q" value=(model.filter) placeholder="Filter endpoints" aria-label="Filter endpoints by name or service" data-filter;
                button.act type="submit" { "Filter" }
                span.soft { (format::exact(model.rows.len() as u64)) " of " (format::exact(model.all as u64)) }
            }
        }
    }
}

fn nothing(frame: &Frame, model: &Endpoints) -> Markup {
    html! {
        p.nothing {
            @if model.filter.is_empty() {
                "No request ended " (frame.window.phrase()) ". "
                a href=(frame.here.with("window", "7d")) { "Look at the last 7 days" }
            } @else {
                "No endpoint or service is called like “" (model.filter) "”. "
                a href=(frame.here.with("q", "")) { "Show all" }
            }
        }
    }
}

fn table(frame: &Frame, model: &Endpoints) -> Markup {
    let head = |key, label, class, hint| model.sorting.head(&frame.here, key, label, class, hint);
    let scale = LogScale::over(model.rows.iter().flat_map(|row| [row.p50_ns, row.p99_ns]));
    html! {
        div.scroll {
            table.list.endpoints {
                thead { tr {
                    (head(Column::Name, "Endpoint", "", "Sort by name"))
                    (head(Column::Lost, "Time lost", "num", "Wall time of users that issues cost in this window"))
                    (head(Column::Share, "Where the time goes", "", "By class; the number is the share lost to issues"))
                    th.wide scope="col" title="A dot for the median, a bar up to p95, a tick for p99, on a log scale" { "Latency" }
                    (head(Column::P50, "p50", "num wide", "Half of the requests are faster"))
                    (head(Column::P95, "p95", "num", "95% of the requests are faster"))
                    (head(Column::P99, "p99", "num wide", "99% of the requests are faster"))
                    (head(Column::Requests, "Requests", "num", "Sort by requests"))
                    (head(Column::Errors, "Errors", "num", "Share of requests that ended in error"))
                    th.wide scope="col" { "p95, " (frame.window.slug()) }
                } }
                tbody { @for row in &model.rows { (line(frame, row, scale)) } }
            }
        }
        (class_bar::legend(class_bar::in_use(model.rows.iter().map(|row| &row.time))))
    }
}

fn line(frame: &Frame, row: &EndpointRow, scale: LogScale) -> Markup {
    let address = frame.link(&format!("/endpoints/{}", row.id));
    let spark: Vec<Option<f64>> =
        row.spark.iter().map(|point| point.p95_ns.map(|p95| p95 as f64)).collect();
    let worst = worst_class(row);
    html! {
        tr {
            td.name { a href=(address) data-row { (row.endpoint.name) } small { (row.endpoint.service) } }
            td.num {
                @if row.lost_ns > 0 { (format::duration_short(row.lost_ns)) } @else { span.soft { "–" } }
                @if row.issues > 0 {
                    small { a href=(frame.link("/issues").with("endpoint", row.id)) { (format::plural(f64::from(row.issues), "issue", "issues")) } }
                }
            }
            td.where {
                (class_bar::bar(&row.time, 112, 10))
                @if row.lost_ns > 0 { b class={ "pct t-" (worst.slug()) } { (format::percent(row.share_lost)) } } @else { span.pct.soft { "–" } }
            }
            td.wide { (strip(scale, row.p50_ns, row.p95_ns, row.p99_ns)) }
            td.num.wide { (format::duration_short(row.p50_ns)) }
            td.num { (format::duration_short(row.p95_ns)) }
            td.num.wide { (format::duration_short(row.p99_ns)) }
            td.num { (format::rate(row.requests, frame.window.nanos())) small { (format::count(row.requests)) } }
            td.num {
                @if row.errors > 0.0 { span.bad[error_share(row) >= 0.01] { (format::percent(error_share(row))) } small { (format::count(row.errors)) } }
                @else { span.soft { "0%" } }
            }
            td.wide { (sparkline(&spark, row.lost_ns > 0, "p95 over the window")) }
        }
    }
}

fn error_share(row: &EndpointRow) -> f64 {
    if row.requests > 0.0 { row.errors / row.requests } else { 0.0 }
}

/// The class whose colour the lost share has: the one that most time goes to
/// among those that issues are raised for first.
fn worst_class(row: &EndpointRow) -> Class {
    let watched = [
        Class::CredentialLookup,
        Class::TokenFetch,
        Class::SecretFetch,
        Class::Dns,
        Class::ConnectionSetup,
    ];
    watched.into_iter().find(|class| row.time.get(*class) > 0).unwrap_or(Class::CredentialLookup)
}

fn notes(frame: &Frame, model: &Endpoints) -> Markup {
    let samples = model.rows.iter().map(|row| row.samples).sum();
    let requests = model.rows.iter().map(|row| row.requests).sum();
    html! {
        p.soft.notes {
            @if let Some(as_of) = model.as_of {
                "Figures reach up to " span title=(format::moment(as_of)) { (format::ago(as_of, frame.now)) } ": a request is counted once its trace has been quiet for a few seconds. "
            }
            @if let Some(note) = words::weighting(samples, requests) { (note) }
        }
    }
}
