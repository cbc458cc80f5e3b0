//! Segments: one trace split into entry spans and what they did in their own service.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Door, EntryHint, SpanId, SpanKind, TraceId};

use crate::digest::{EntryFacts, SpanDigest};

/// A span may begin this long before the one that encloses it, or end as much
/// later: clocks of one process differ by rounding only.
const SLACK_NS: i64 = 1_000_000;
/// How many entry spans of a service are looked at to find the one that
/// encloses an orphan; keeps broken traces of many entries cheap.
const CANDIDATES_MAX: usize = 64;

/// An entry span and its descendants in the same service.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// The trace it is part of.
    pub trace_id: TraceId,
    /// The entry span's place in `spans`.
    pub entry: usize,
    /// Its spans by start time, the entry span and error events included.
    pub spans: Vec<SpanDigest>,
    /// Each span's place in the list given to [`segments`].
    pub sources: Vec<usize>,
    /// Each span's parent in `spans`, before any re-parenting; `None` for the
    /// entry span. Following parents always ends at the entry span.
    pub parents: Vec<Option<usize>>,
    /// Which parents are guesses because the real parent never came.
    pub inferred: Vec<bool>,
    /// What the entry span tells.
    pub facts: Arc<EntryFacts>,
}

impl Segment {
    /// The entry span.
    pub fn entry_span(&self) -> &SpanDigest {
        &self.spans[self.entry]
    }

    /// How many spans it has, error events left out.
    pub fn spans_counted(&self) -> u32 {
        self.spans.iter().filter(|span| !span.is_error_event()).count() as u32
    }
}

/// Splits one trace into its segments, in order of their entry spans. A span
/// whose parent never came hangs under the entry span of its service that
/// encloses it in time; without one it belongs to no segment.
pub fn segments(trace_id: TraceId, spans: &[SpanDigest]) -> Vec<Segment> {
    let links = Links::of(spans);
    let mut owners = Owners::new(spans.len());
    let mut entries: Vec<usize> =
        (0..spans.len()).filter(|&i| is_entry(spans, &links, i)).collect();
    entries.sort_by_key(|&i| (spans[i].start, i));
    for &entry in &entries {
        owners.adopt(entry, entry, None, false, &links, spans);
    }
    adopt_orphans(spans, &links, &entries, &mut owners);
    build(trace_id, spans, &entries, &owners)
}

/// Parents and children as the ids say.
struct Links {
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl Links {
    fn of(spans: &[SpanDigest]) -> Self {
        let mut by_id: HashMap<SpanId, Vec<usize>> = HashMap::with_capacity(spans.len());
        for (i, span) in spans.iter().enumerate() {
            by_id.entry(span.span_id).or_default().push(i);
        }
        let mut children = vec![Vec::new(); spans.len()];
        let parents: Vec<Option<usize>> =
            (0..spans.len()).map(|i| parent_of(spans, &by_id, i)).collect();
        for (i, parent) in parents.iter().enumerate() {
            if let Some(parent) = parent {
                children[*parent].push(i);
            }
        }
        Self { parents, children }
    }
}

/// Different spans may share an id: the one of the same service wins, then the
/// first. Never the span itself.
fn parent_of(spans: &[SpanDigest], by_id: &HashMap<SpanId, Vec<usize>>, i: usize) -> Option<usize> {
    let bearers = by_id.get(&spans[i].parent?)?;
    let others = || bearers.iter().copied().filter(|&other| other != i);
    others().find(|&other| spans[other].service == spans[i].service).or_else(|| others().next())
}

/// An entry span says so, except that two server spans of one OTLP service may
/// nest: then two instrumentations saw the same request.
fn is_entry(spans: &[SpanDigest], links: &Links, i: usize) -> bool {
    let span = &spans[i];
    let Some(facts) = span.entry_facts.as_ref() else {
        return false;
    };
    let serves = matches!(span.kind, SpanKind::Server | SpanKind::Consumer);
    let nested = links.parents[i].is_some_and(|parent| {
        let parent = &spans[parent];
        serves
            && parent.service == span.service
            && parent.start <= span.start
            && span.end <= parent.end.plus(SLACK_NS)
            && matches!(parent.kind, SpanKind::Internal | SpanKind::Server | SpanKind::Consumer)
    });
    span.entry == EntryHint::Yes && !(facts.door == Door::Otlp && nested)
}

/// Which segment each span belongs to and what it hangs under there.
struct Owners {
    entry: Vec<Option<usize>>,
    parent: Vec<Option<usize>>,
    inferred: Vec<bool>,
}

impl Owners {
    fn new(spans: usize) -> Self {
        Self { entry: vec![None; spans], parent: vec![None; spans], inferred: vec![false; spans] }
    }

    /// Gives `root` and its descendants in the same service to `entry`. Spans
    /// that already belong somewhere are left, so cycles end.
    fn adopt(
        &mut self,
        root: usize,
        entry: usize,
        parent: Option<usize>,
        inferred: bool,
        links: &Links,
        spans: &[SpanDigest],
    ) {
        if self.entry[root].is_some() {
            return;
        }
        self.entry[root] = Some(entry);
        self.parent[root] = parent;
        self.inferred[root] = inferred;
        let mut queue = vec![root];
        while let Some(at) = queue.pop() {
            for &child in &links.children[at] {
                let stays = spans[child].service == spans[at].service;
                if stays && self.entry[child].is_none() && !is_entry(spans, links, child) {
                    self.entry[child] = Some(entry);
                    self.parent[child] = Some(at);
                    queue.push(child);
                }
            }
        }
    }
}

/// Hangs what is left under the entry span that encloses it. Roots of orphaned
/// subtrees first, then whatever only cycles explain.
fn adopt_orphans(spans: &[SpanDigest], links: &Links, entries: &[usize], owners: &mut Owners) {
    let mut by_service: HashMap<&str, Vec<usize>> = HashMap::new();
    for &entry in entries {
        let service = spans[entry].service.as_ref();
        by_service.entry(service).or_default().push(entry);
    }
    let orphaned = |i: &usize| {
        links.parents[*i].is_none_or(|parent| spans[parent].service != spans[*i].service)
    };
    let roots = (0..spans.len()).filter(orphaned);
    for root in roots.chain(0..spans.len()) {
        if owners.entry[root].is_some() {
            continue;
        }
        let of_service = by_service.get(spans[root].service.as_ref());
        if let Some(entry) = of_service.and_then(|entries| enclosing(spans, entries, root)) {
            owners.adopt(root, entry, Some(entry), true, links, spans);
        }
    }
}

/// The shortest of the entry spans (by start) in which `orphan` begins.
fn enclosing(spans: &[SpanDigest], entries: &[usize], orphan: usize) -> Option<usize> {
    let start = spans[orphan].start;
    let after = entries.partition_point(|&entry| spans[entry].start.plus(-SLACK_NS) <= start);
    entries[..after]
        .iter()
        .rev()
        .take(CANDIDATES_MAX)
        .copied()
        .filter(|&entry| start <= spans[entry].end)
        .min_by_key(|&entry| spans[entry].duration_ns())
}

fn build(
    trace_id: TraceId,
    spans: &[SpanDigest],
    entries: &[usize],
    owners: &Owners,
) -> Vec<Segment> {
    let place: HashMap<usize, usize> = entries.iter().copied().zip(0..).collect();
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); entries.len()];
    for (i, entry) in owners.entry.iter().enumerate() {
        if let Some(segment) = entry.and_then(|entry| place.get(&entry)) {
            members[*segment].push(i);
        }
    }
    let mut local = vec![0; spans.len()];
    let segment = |(members, &entry): (&mut Vec<usize>, &usize)| {
        members.sort_by_key(|&i| (spans[i].start, i != entry, i));
        for (here, &i) in members.iter().enumerate() {
            local[i] = here;
        }
        let facts = Arc::clone(spans[entry].entry_facts.as_ref()?);
        Some(Segment {
            trace_id,
            entry: local[entry],
            spans: members.iter().map(|&i| spans[i].clone()).collect(),
            sources: members.clone(),
            parents: members
                .iter()
                .map(|&i| owners.parent[i].map(|parent| local[parent]))
                .collect(),
            inferred: members.iter().map(|&i| owners.inferred[i]).collect(),
            facts,
        })
    };
    members.iter_mut().zip(entries).filter_map(segment).collect()
}
