//! `GET /traces/{trace_id}?view=…&span=…&open=…&fold=0|1&path=0|1`.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::Path;
use hotspan_analysis::flame;
use hotspan_analysis::waterfall::{self, RowKind, Waterfall, WaterfallOptions};
use hotspan_model::time::NANOS_PER_MINUTE;
use hotspan_model::{Attributes, Class, SpanId, TraceId};
use hotspan_store::{IssueFilter, TimeWindow, TraceFilter};

use super::loaded_trace::LoadedTrace;
use super::view::span::Chosen;
use super::view::trace::{Drawing, TraceError, TracePage, trace};
use super::visit::{PageError, Shown, Visit};

/// Requests around the trace's start among which its endpoint is looked for.
const NEIGHBOURS_MAX: usize = 500;

pub(crate) async fn show(Path(id): Path<String>, visit: Visit) -> Shown {
    let trace_id: TraceId = id.parse().map_err(|error| {
        visit.missing("Not a trace id", &format!("A trace id is 32 hex digits: {error}."))
    })?;
    let loaded = LoadedTrace::load(&visit, trace_id).await?.ok_or_else(|| {
        visit.missing(
            "No such trace",
            "This server keeps no span of it. It may be older than the retention, still on its way, or belong to another server.",
        )
    })?;
    let issues = issues(&visit, &loaded).await?;
    let endpoint_id = endpoint_id(&visit, &loaded).await?;
    let agent_lookups = agent_lookups(&visit, trace_id).await?;
    let page = TracePage { agent_lookups, ..page(&visit, &loaded, issues, endpoint_id) };
    Ok(trace(&visit.frame, &page))
}

/// The time around the trace.
fn around(loaded: &LoadedTrace, margin: i64) -> TimeWindow {
    TimeWindow { from: loaded.view.start.plus(-margin), to: loaded.view.end.plus(margin + 1) }
}

/// Numbers of the issues that the trace's findings belong to.
async fn issues(visit: &Visit, loaded: &LoadedTrace) -> Result<Vec<(String, i64)>, PageError> {
    if loaded.view.records.iter().all(|record| record.findings.is_empty()) {
        return Ok(Vec::new());
    }
    let window = around(loaded, 60 * NANOS_PER_MINUTE);
    let found = visit.state.store.issues(window, &IssueFilter::default()).await;
    let found = found.map_err(|error| visit.failed(&error))?;
    Ok(found.into_iter().map(|issue| (issue.fingerprint, issue.id)).collect())
}

/// The number of the first segment's endpoint: the list of requests knows it.
async fn endpoint_id(visit: &Visit, loaded: &LoadedTrace) -> Result<Option<i64>, PageError> {
    let Some(record) = loaded.view.records.first() else {
        return Ok(None);
    };
    let window = TimeWindow { from: record.start, to: record.start.plus(1) };
    let found =
        visit.state.store.recent_traces(window, &TraceFilter::default(), NEIGHBOURS_MAX).await;
    let found = found.map_err(|error| visit.failed(&error))?;
    Ok(found.into_iter().find(|row| row.endpoint == record.endpoint).map(|row| row.endpoint_id))
}

/// How many credential lookups of the trace agents answered.
async fn agent_lookups(visit: &Visit, trace_id: TraceId) -> Result<u64, PageError> {
    let found = visit.state.store.agent_lookups_of(trace_id).await;
    Ok(found.map_err(|error| visit.failed(&error))?.iter().map(|row| row.lookups).sum())
}

fn page(
    visit: &Visit,
    loaded: &LoadedTrace,
    issues: Vec<(String, i64)>,
    endpoint_id: Option<i64>,
) -> TracePage {
    let chosen: Option<SpanId> = visit.param("span").parse().ok();
    let options = WaterfallOptions {
        fold: visit.param("fold") != "0",
        open: opened(visit.param("open")),
        chosen,
        ..WaterfallOptions::default()
    };
    let drawn = loaded.waterfall(&options);
    let view = &loaded.view;
    let root = view.nodes.iter().position(|node| node.parent.is_none()).unwrap_or(0);
    TracePage {
        trace_id: view.trace_id,
        title: title(loaded, root),
        start: view.start,
        length_ns: view.end.since(view.start),
        spans: view.nodes.len(),
        records: view.records.clone(),
        issues,
        endpoint_id,
        http_status: view.nodes.get(root).map_or(0, |node| node.span.http_status),
        uncovered_ns: drawn.uncovered_ns,
        chosen: chosen.and_then(|span| choose(loaded, &drawn, span)),
        fold: options.fold,
        path: visit.param("path") != "0",
        classes: classes(loaded),
        errors: errors(loaded),
        agent_lookups: 0,
        incomplete: !loaded.complete,
        stale: loaded.stale,
        drawing: match visit.param("view") {
            "flame" => Drawing::Flame(flame::layout_pieces(&loaded.pieces)),
            "table" => Drawing::Table(waterfall::operations(&loaded.pieces)),
            _ => Drawing::Waterfall(drawn),
        },
    }
}

/// The endpoint that the trace began with; the root's name when it has none.
fn title(loaded: &LoadedTrace, root: usize) -> String {
    let record = loaded.view.nodes.get(root).and_then(|node| node.segment);
    match record.and_then(|record| loaded.view.records.get(record)) {
        Some(record) => record.endpoint.name.to_string(),
        None => loaded.pieces.get(root).map_or_else(String::new, |piece| piece.label.to_string()),
    }
}

fn opened(list: &str) -> BTreeSet<SpanId> {
    list.split(',').filter_map(|id| id.parse().ok()).collect()
}

/// The chosen span with what its row says; `None` when the trace has no such span.
fn choose(loaded: &LoadedTrace, drawn: &Waterfall, span: SpanId) -> Option<Chosen> {
    let places: Vec<usize> = (0..loaded.view.nodes.len())
        .filter(|place| loaded.view.nodes[*place].span.span_id == span)
        .collect();
    let place = *places.first()?;
    let node = &loaded.view.nodes[place];
    let (project, found) = loaded.spans.get(node.source)?;
    let row = drawn.chosen.and_then(|row| drawn.rows.get(row));
    let folded = row.filter(|row| row.kind == RowKind::Fold && row.key == span);
    Some(Chosen {
        span: found.clone(),
        project: project.to_string(),
        label: folded.map_or(&loaded.pieces[place].label, |row| &row.label).to_string(),
        run: folded.and_then(|row| waterfall::run_of(&loaded.pieces, &row.members)),
        self_ns: node.self_ns,
        trace_start: loaded.view.start,
        same_id: places.len(),
    })
}

fn classes(loaded: &LoadedTrace) -> Vec<Class> {
    Class::ALL
        .into_iter()
        .filter(|class| loaded.pieces.iter().any(|piece| piece.class == *class))
        .collect()
}

/// Error events, and exceptions that spans recorded, each once, by time.
fn errors(loaded: &LoadedTrace) -> Vec<TraceError> {
    let mut errors: BTreeMap<(i64, String, String), TraceError> = BTreeMap::new();
    for node in &loaded.view.nodes {
        let Some((_, span)) = loaded.spans.get(node.source) else {
            continue;
        };
        let own = node.span.is_error_event().then_some((span.start, &span.attributes, &*span.name));
        let recorded = span
            .events
            .iter()
            .filter(|event| event.name == "exception")
            .map(|event| (event.time, &event.attributes, ""));
        for (time, attributes, name) in own.into_iter().chain(recorded) {
            let error = TraceError {
                span: span.span_id,
                kind: text(attributes, "exception.type").unwrap_or_else(|| name.to_owned()),
                message: text(attributes, "exception.message").unwrap_or_default(),
                time,
            };
            errors.insert((time.0, error.kind.clone(), error.message.clone()), error);
        }
    }
    errors.into_values().collect()
}

fn text(attributes: &Attributes, key: &str) -> Option<String> {
    attributes.first_str(&[key]).map(str::to_owned)
}
