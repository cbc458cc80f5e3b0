//! The tree of a segment as analysis sees it: re-parented where instrumentation
//! hangs a call beside the span that it happened in, and self times.
//!
//! Following parents from any span ends at the entry span: re-parenting moves a
//! span only to a sibling that covers it for longer.

use hotspan_knowledge::knowledge;
use hotspan_model::{CallKind, Class, SpanKind};

use crate::digest::SpanDigest;
use crate::segment::Segment;

/// Ends of spans that belong together differ by the clock's rounding: some
/// SDKs start spans at whole milliseconds and measure their length exactly.
const SLACK_NS: i64 = 1_000_000;
/// How many open siblings are looked at for one that covers a call.
const COVERS_MAX: usize = 64;

/// Parents, children and self times of a segment's spans, by their index in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// What each span hangs under; `None` for the entry span.
    pub parents: Vec<Option<usize>>,
    /// Which parents are inferred, not as received.
    pub inferred: Vec<bool>,
    /// What hangs under each span, by start time; error events left out.
    pub children: Vec<Vec<usize>>,
    /// The spans from the entry span down, parents before children.
    pub order: Vec<usize>,
}

impl Tree {
    /// The tree of `segment`.
    pub fn of(segment: &Segment) -> Self {
        let spans = &segment.spans;
        let mut children = vec![Vec::new(); spans.len()];
        for (i, parent) in segment.parents.iter().enumerate() {
            if let Some(parent) = parent.filter(|_| !spans[i].is_error_event()) {
                children[parent].push(i);
            }
        }
        let mut tree = Self {
            parents: segment.parents.clone(),
            inferred: segment.inferred.clone(),
            children,
            order: Vec::with_capacity(spans.len()),
        };
        let leaves: Vec<bool> = tree.children.iter().map(Vec::is_empty).collect();
        let sdk = &segment.facts.sdk;
        let flat =
            knowledge().sdks.telemetry(&sdk.name).is_some_and(|known| known.is_flat(&sdk.version));
        let mut queue = vec![segment.entry];
        while let Some(at) = queue.pop() {
            tree.order.push(at);
            tree.move_under_covers(at, spans, &leaves, flat);
            queue.extend(tree.children[at].iter().rev());
        }
        tree
    }

    /// Moves children of `at` that lie inside a longer sibling under it.
    fn move_under_covers(&mut self, at: usize, spans: &[SpanDigest], leaves: &[bool], flat: bool) {
        let mut siblings = std::mem::take(&mut self.children[at]);
        // Longest first among those that begin together, so that a cover is
        // open when what it covers begins; its slack makes it begin earlier.
        siblings.sort_by_key(|&i| {
            let early = if spans[i].is_exit() { 0 } else { SLACK_NS };
            (spans[i].start.plus(-early), -spans[i].duration_ns(), i)
        });
        let mut open: Vec<usize> = Vec::new();
        let mut stay = Vec::with_capacity(siblings.len());
        for &i in &siblings {
            while open.last().is_some_and(|&top| spans[top].end.plus(SLACK_NS) < spans[i].start) {
                open.pop();
            }
            let cover = open
                .iter()
                .rev()
                .take(COVERS_MAX)
                .copied()
                .find(|&cover| covers(&spans[cover], &spans[i], leaves[cover], flat));
            match cover {
                Some(cover) => {
                    self.parents[i] = Some(cover);
                    self.inferred[i] = true;
                    self.children[cover].push(i);
                }
                None => stay.push(i),
            }
            if can_cover(&spans[i]) {
                open.push(i);
            }
        }
        stay.sort_by_key(|&i| (spans[i].start, i));
        self.children[at] = stay;
    }

    /// Wall time of each span that none of its children covers.
    pub fn self_times(&self, spans: &[SpanDigest]) -> Vec<i64> {
        (0..spans.len())
            .map(|i| {
                let span = &spans[i];
                let mut covered = 0;
                let mut until = span.start;
                let mut children: Vec<&SpanDigest> =
                    self.children[i].iter().map(|&child| &spans[child]).collect();
                children.sort_by_key(|child| child.start);
                for child in children {
                    let end = child.end.min(span.end);
                    covered = end.since(child.start.max(until)).max(0).saturating_add(covered);
                    until = until.max(end);
                }
                (span.duration_ns() - covered).max(0)
            })
            .collect()
    }
}

/// Internal spans cover what happens in them; so do SDK operations, whose
/// credential lookups some instrumentations hang beside them.
fn can_cover(span: &SpanDigest) -> bool {
    !span.is_error_event() && (is_internal(span) || is_operation(span))
}

fn is_internal(span: &SpanDigest) -> bool {
    span.kind == SpanKind::Internal && span.call.is_none()
}

fn is_operation(span: &SpanDigest) -> bool {
    span.call.as_ref().is_some_and(|call| call.kind == CallKind::Rpc && call.step.is_none())
}

fn covers(cover: &SpanDigest, inner: &SpanDigest, cover_is_leaf: bool, flat: bool) -> bool {
    let inside = cover.start.plus(-SLACK_NS) <= inner.start
        && inner.end <= cover.end.plus(SLACK_NS)
        && inner.duration_ns() < cover.duration_ns();
    let lookup = inner.call.as_ref().is_some_and(|call| call.class == Class::CredentialLookup);
    inside
        && match (is_internal(cover), inner.is_exit()) {
            (true, true) => true,
            // Internal siblings that overlap are parallel work, except for an
            // SDK that hangs everything beside everything.
            (true, false) => flat && cover_is_leaf,
            (false, _) => lookup,
        }
}
