//! The critical path: for every instant of the entry span, the one span that
//! the request was waiting for.
//!
//! The walk goes backwards from the end. At each instant it follows a child in
//! flight; where none is, the span itself is at work. A child that begins
//! before the one followed and is still in flight when that one begins counts
//! for the time before it: spans of sequential calls overlap by a rounding
//! error, and dropping the earlier one would lose it whole.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hotspan_model::UnixNanos;

use crate::digest::SpanDigest;
use crate::segment::Segment;
use crate::tree::Tree;

/// A stretch of the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathPart {
    /// The span (index in the segment) at work or waited for.
    pub span: usize,
    /// From here.
    pub start: UnixNanos,
    /// To here.
    pub end: UnixNanos,
}

impl PathPart {
    /// Its length in nanoseconds.
    pub fn duration_ns(&self) -> i64 {
        self.end.since(self.start)
    }
}

/// The critical path of `segment`, in time order and without gaps from the
/// start of its entry span to its end.
pub fn critical_path(segment: &Segment, tree: &Tree) -> Vec<PathPart> {
    let spans = &segment.spans;
    let entry = segment.entry;
    let mut parts = Vec::new();
    let mut walks = vec![(entry, spans[entry].start, spans[entry].end)];
    while let Some((span, from, to)) = walks.pop() {
        walk(span, from, to, spans, tree, &mut parts, &mut walks);
    }
    parts.sort_by_key(|part| part.start);
    parts
}

/// Splits `from..to` of `span` into its own parts and walks into children.
fn walk(
    span: usize,
    from: UnixNanos,
    to: UnixNanos,
    spans: &[SpanDigest],
    tree: &Tree,
    parts: &mut Vec<PathPart>,
    walks: &mut Vec<(usize, UnixNanos, UnixNanos)>,
) {
    let mut by_end: Vec<usize> = tree.children[span]
        .iter()
        .copied()
        .filter(|&child| spans[child].start < to && spans[child].end > from)
        .filter(|&child| spans[child].duration_ns() > 0)
        .collect();
    by_end.sort_by_key(|&child| (spans[child].end, Reverse(spans[child].start)));
    // Children in flight at `at`; the one that ended soonest after it first,
    // because that is the one whose end let the next begin.
    let mut in_flight: BinaryHeap<Reverse<(UnixNanos, UnixNanos, usize)>> = BinaryHeap::new();
    let mut at = to;
    while at > from {
        while let Some(&child) = by_end.last().filter(|&&child| spans[child].end >= at) {
            in_flight.push(Reverse((spans[child].end, spans[child].start, child)));
            by_end.pop();
        }
        match in_flight.pop() {
            Some(Reverse((_, start, child))) if start < at => {
                let start = start.max(from);
                walks.push((child, start, at));
                at = start;
            }
            // It begins later than this instant: of no more use.
            Some(_) => {}
            None => {
                let until = by_end.last().map_or(from, |&child| spans[child].end.max(from));
                parts.push(PathPart { span, start: until, end: at });
                at = until;
            }
        }
    }
}
