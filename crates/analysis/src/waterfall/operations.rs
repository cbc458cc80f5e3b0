//! The spans of a trace summed up: by operation, and by run of repeats.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::{Class, SpanId};

use super::fold::{covered, union};
use super::{Piece, Tree, self_ns};

/// Every span of one label and service.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// The label they share.
    pub label: Arc<str>,
    /// The service that sent them.
    pub service: Arc<str>,
    /// What their time is spent on.
    pub class: Class,
    /// How many there are.
    pub count: usize,
    /// Wall time with at least one of them, parallel ones counted once.
    pub total_ns: i64,
    /// The sum of the time that no child covers.
    pub self_ns: i64,
    /// The longest of them.
    pub longest_ns: i64,
    /// The span that is the longest.
    pub longest: SpanId,
    /// How many ended in error.
    pub errors: usize,
}

/// Operations, most own time first.
pub fn operations(pieces: &[Piece]) -> Vec<Operation> {
    let tree = Tree::of(pieces, None);
    let mut groups: BTreeMap<(&Arc<str>, &Arc<str>), Vec<usize>> = BTreeMap::new();
    for (index, piece) in pieces.iter().enumerate() {
        groups.entry((&piece.service, &piece.label)).or_default().push(index);
    }
    let mut operations: Vec<Operation> =
        groups.into_values().filter_map(|members| operation(pieces, &tree, &members)).collect();
    operations.sort_by_key(|operation| std::cmp::Reverse(operation.self_ns));
    operations
}

fn operation(pieces: &[Piece], tree: &Tree, members: &[usize]) -> Option<Operation> {
    let of = |index: &usize| &pieces[*index];
    let longest = members.iter().map(of).max_by_key(|piece| piece.length_ns())?;
    let intervals = members.iter().map(of).map(|piece| (piece.start, piece.end)).collect();
    Some(Operation {
        label: Arc::clone(&longest.label),
        service: Arc::clone(&longest.service),
        class: longest.class,
        count: members.len(),
        total_ns: covered(&union(intervals)),
        self_ns: members
            .iter()
            .map(|index| self_ns(pieces, tree, *index))
            .fold(0, i64::saturating_add),
        longest_ns: longest.length_ns(),
        longest: longest.span_id,
        errors: members.iter().map(of).filter(|piece| piece.error).count(),
    })
}

/// What the spans of one run have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Spans in it.
    pub spans: usize,
    /// Whole repeats in it.
    pub repeats: usize,
    /// Duration of the shortest, the median and the longest span.
    pub each_ns: [i64; 3],
    /// The different labels, in the order of their first span.
    pub labels: Vec<Arc<str>>,
}

/// Sums up the pieces of a run, as [`super::Row::members`] names them; `None`
/// when there are none.
pub fn run_of(pieces: &[Piece], members: &[usize]) -> Option<Run> {
    let members: Vec<&Piece> = members.iter().filter_map(|place| pieces.get(*place)).collect();
    let mut lengths: Vec<i64> = members.iter().map(|piece| piece.length_ns()).collect();
    lengths.sort_unstable();
    let each_ns = [*lengths.first()?, lengths[lengths.len() / 2], *lengths.last()?];
    let mut labels: Vec<Arc<str>> = Vec::new();
    for piece in &members {
        if !labels.contains(&piece.label) {
            labels.push(Arc::clone(&piece.label));
        }
    }
    let repeats = members.iter().filter(|piece| piece.counts).count();
    Some(Run { spans: members.len(), repeats, each_ns, labels })
}
