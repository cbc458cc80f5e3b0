//! A trace from the store with everything that analysis says about it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use hotspan_analysis::waterfall::{
    HiddenTime, Piece, Waterfall, WaterfallOptions, layout_pieces, pieces_of,
};
use hotspan_analysis::{TraceView, trace_view};
use hotspan_model::{Span, SpanId, TraceId};

use super::visit::{PageError, Visit};

/// How long a page waits for spans that were acknowledged when it was asked for.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// A trace, analysed and cut into pieces for drawing.
pub(crate) struct LoadedTrace {
    /// Spans with the projects that received them.
    pub(crate) spans: Vec<(Arc<str>, Span)>,
    /// What analysis says, all projects together.
    pub(crate) view: TraceView,
    /// One piece for each node of the view.
    pub(crate) pieces: Vec<Piece>,
    /// Time of calls that left no span.
    pub(crate) hidden: Vec<HiddenTime>,
    /// Every span could be read.
    pub(crate) complete: bool,
    /// Spans acknowledged before the page was asked for may be missing.
    pub(crate) stale: bool,
}

impl LoadedTrace {
    /// `None` when no span of it is kept.
    pub(crate) async fn load(visit: &Visit, trace_id: TraceId) -> Result<Option<Self>, PageError> {
        let store = &visit.state.store;
        let fresh = store.wait_applied(store.durable(), WAIT_MAX).await;
        let found = store.trace(trace_id).await.map_err(|error| visit.failed(&error))?;
        if found.spans.is_empty() {
            return Ok(None);
        }
        let analysis = tokio::task::spawn_blocking(move || {
            Self::analysed(found.spans, found.complete, !fresh)
        });
        analysis.await.map(Some).map_err(|error| {
            tracing::error!(%error, %trace_id, "analysis of a trace failed");
            visit.broken()
        })
    }

    fn analysed(spans: Vec<(Arc<str>, Span)>, complete: bool, stale: bool) -> Self {
        let view = view_of(&spans);
        let (pieces, hidden) = pieces_of(&view);
        Self { spans, view, pieces, hidden, complete, stale }
    }

    /// Its waterfall.
    pub(crate) fn waterfall(&self, options: &WaterfallOptions) -> Waterfall {
        layout_pieces(&self.pieces, &self.hidden, options)
    }
}

/// Projects are analysed apart, as they are when spans come in, and drawn together.
fn view_of(spans: &[(Arc<str>, Span)]) -> TraceView {
    let mut projects: BTreeMap<&Arc<str>, Vec<usize>> = BTreeMap::new();
    for (index, (project, _)) in spans.iter().enumerate() {
        projects.entry(project).or_default().push(index);
    }
    let views = projects.into_iter().map(|(project, members)| {
        let own: Vec<Span> = members.iter().map(|index| spans[*index].1.clone()).collect();
        let mut view = trace_view(project, &own);
        view.nodes.iter_mut().for_each(|node| node.source = members[node.source]);
        view
    });
    let mut whole = views.reduce(joined).unwrap_or_else(|| trace_view(&Arc::from(""), &[]));
    adopt_orphans(&mut whole);
    whole.records.sort_by_key(|record| record.start);
    whole
}

/// Appends `other`, whose places move behind those of `whole`.
fn joined(mut whole: TraceView, other: TraceView) -> TraceView {
    let (nodes, records) = (whole.nodes.len(), whole.records.len());
    whole.start = whole.start.min(other.start);
    whole.end = whole.end.max(other.end);
    whole.nodes.extend(other.nodes.into_iter().map(|mut node| {
        node.parent = node.parent.map(|parent| parent + nodes);
        node.segment = node.segment.map(|segment| segment + records);
        node
    }));
    whole.hidden.extend(other.hidden.into_iter().map(|mut call| {
        call.parent = call.parent.map(|parent| parent + nodes);
        call.before += nodes;
        call
    }));
    whole.records.extend(other.records);
    whole
}

/// A node whose parent another project received hangs under it. Layouts break
/// the circles that broken ids may make.
fn adopt_orphans(whole: &mut TraceView) {
    let places: HashMap<SpanId, usize> =
        whole.nodes.iter().enumerate().map(|(place, node)| (node.span.span_id, place)).collect();
    for place in 0..whole.nodes.len() {
        let node = &mut whole.nodes[place];
        if node.parent.is_none() {
            let parent = node.span.parent.and_then(|parent| places.get(&parent).copied());
            node.parent = parent.filter(|parent| *parent != place);
        }
    }
}
