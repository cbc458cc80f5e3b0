//! A whole trace as its page needs it: every span with what analysis found out.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Class, SegmentRecord, Span, SpanId, TraceId, UnixNanos};

use crate::analyze::record_and_offenders;
use crate::asked::asked;
use crate::digest::{SpanDigest, digest};
use crate::segment::segments;
use crate::study::Study;

/// A trace as its page needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceView {
    /// The trace.
    pub trace_id: TraceId,
    /// Start of its first span.
    pub start: UnixNanos,
    /// End of its last span.
    pub end: UnixNanos,
    /// Its spans by start time; a parent may come after its child when clocks disagree.
    pub nodes: Vec<TraceNode>,
    /// Calls that must have happened but left no span.
    pub hidden: Vec<HiddenCall>,
    /// One record per segment, in order of their entry spans.
    pub records: Vec<SegmentRecord>,
}

/// One span of a [`TraceView`] with what analysis found out about it.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceNode {
    /// The span, normalised.
    pub span: SpanDigest,
    /// Its place in the spans that [`trace_view`] was given.
    pub source: usize,
    /// The node it hangs under, re-parenting done; never forms a cycle.
    pub parent: Option<usize>,
    /// The parent is inferred, not as received.
    pub inferred: bool,
    /// The segment (index into `records`) it belongs to.
    pub segment: Option<usize>,
    /// Wall time that no child covers.
    pub self_ns: i64,
    /// Wall time that is its own part of the critical path.
    pub critical_ns: i64,
    /// What its own time is spent on.
    pub class: Class,
    /// Part of the calls that a finding of its segment is about: to be marked.
    pub offender: bool,
}

/// A call that left no span: its SDK drops spans of calls that time out.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenCall {
    /// When it must have begun.
    pub start: UnixNanos,
    /// When it must have ended.
    pub end: UnixNanos,
    /// The node it hangs under.
    pub parent: Option<usize>,
    /// The node of the call that followed it.
    pub before: usize,
    /// What it was for.
    pub class: Class,
    /// A short text for the row, e.g. `PUT /latest/api/token (no span: timed out)`.
    pub label: String,
}

/// The view of the spans of one trace, received for `project`. What calls asked
/// for is told by the values that the spans still have.
pub fn trace_view(project: &Arc<str>, spans: &[Span]) -> TraceView {
    let trace_id = spans.first().map(|span| span.trace_id).unwrap_or_default();
    let digests = spans.iter().map(|span| digest(project, span, asked(span))).collect();
    let mut builder = Builder::new(digests);
    for (index, segment) in segments(trace_id, &builder.digests).iter().enumerate() {
        let study = Study::of(segment);
        builder.add_segment(index, &study);
    }
    builder.finish(trace_id)
}

/// Works in places of `spans`; `finish` turns them into places of nodes.
struct Builder {
    digests: Vec<SpanDigest>,
    nodes: Vec<TraceNode>,
    hidden: Vec<HiddenCall>,
    records: Vec<SegmentRecord>,
}

impl Builder {
    /// Every span as if it belonged to no segment.
    fn new(digests: Vec<SpanDigest>) -> Self {
        let mut by_id: HashMap<SpanId, usize> = HashMap::with_capacity(digests.len());
        for (i, span) in digests.iter().enumerate() {
            by_id.entry(span.span_id).or_insert(i);
        }
        let node = |(source, span): (usize, &SpanDigest)| TraceNode {
            span: span.clone(),
            source,
            parent: span
                .parent
                .and_then(|id| by_id.get(&id).copied())
                .filter(|parent| *parent != source),
            inferred: false,
            segment: None,
            self_ns: span.duration_ns(),
            critical_ns: 0,
            class: span.call.as_ref().map_or(Class::Own, |call| call.class),
            offender: false,
        };
        Self {
            nodes: digests.iter().enumerate().map(node).collect(),
            digests,
            hidden: Vec::new(),
            records: Vec::new(),
        }
    }

    fn add_segment(&mut self, index: usize, study: &Study<'_>) {
        let (record, offenders) = record_and_offenders(study);
        let sources = &study.segment.sources;
        for (local, &source) in sources.iter().enumerate() {
            let node = &mut self.nodes[source];
            if let Some(parent) = study.tree.parents[local] {
                node.parent = Some(sources[parent]);
                node.inferred = study.tree.inferred[local];
            }
            node.segment = Some(index);
            node.self_ns = study.self_ns[local];
            node.critical_ns = study.paths.own_ns(local);
            node.class = study.class(local);
            node.offender = offenders[local];
        }
        self.add_hidden(study);
        self.records.push(record);
    }

    fn add_hidden(&mut self, study: &Study<'_>) {
        let sources = &study.segment.sources;
        for found in &study.lookups.families {
            let template = found.token_template().unwrap_or_default();
            for missing in &found.missing {
                let parent = &mut self.nodes[sources[missing.parent]];
                let nanos = missing.stretch.1.since(missing.stretch.0);
                parent.self_ns = parent.self_ns.saturating_sub(nanos).max(0);
            }
            self.hidden.extend(found.missing.iter().map(|missing| HiddenCall {
                start: missing.stretch.0,
                end: missing.stretch.1,
                parent: Some(sources[missing.parent]),
                before: sources[missing.before],
                class: Class::CredentialLookup,
                label: format!("{template} (no span: timed out)"),
            }));
        }
    }

    fn finish(mut self, trace_id: TraceId) -> TraceView {
        self.cut_cycles();
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.sort_by_key(|&i| (self.nodes[i].span.start, i));
        let mut places = vec![0; order.len()];
        for (place, &i) in order.iter().enumerate() {
            places[i] = place;
        }
        for hidden in &mut self.hidden {
            hidden.parent = hidden.parent.map(|i| places[i]);
            hidden.before = places[hidden.before];
        }
        self.hidden.sort_by_key(|hidden| hidden.start);
        let mut nodes = self.nodes;
        nodes.sort_by_key(|node| (node.span.start, node.source));
        for node in &mut nodes {
            node.parent = node.parent.map(|i| places[i]);
        }
        TraceView {
            trace_id,
            start: nodes.first().map(|node| node.span.start).unwrap_or_default(),
            end: nodes.iter().map(|node| node.span.end).max().unwrap_or_default(),
            nodes,
            hidden: self.hidden,
            records: self.records,
        }
    }

    /// Takes away parents that would make following parents go in circles.
    fn cut_cycles(&mut self) {
        // 0: not visited, otherwise the walk that visited it.
        let mut visited = vec![0; self.nodes.len()];
        for start in 0..self.nodes.len() {
            let walk = start + 1;
            let mut at = start;
            while visited[at] == 0 {
                visited[at] = walk;
                match self.nodes[at].parent {
                    Some(parent) if visited[parent] == walk => self.nodes[at].parent = None,
                    Some(parent) => at = parent,
                    None => {}
                }
            }
        }
    }
}
