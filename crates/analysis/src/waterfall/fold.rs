//! Repeated siblings become one item.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Piece;

/// What makes two siblings repeats of each other.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FoldKey {
    /// Never folded.
    Alone,
    /// The calls of one kind of lookup, whichever step they are.
    Lookup(Arc<str>),
    /// The same operation on the same target.
    Call(Arc<str>, Arc<str>),
    /// The same name.
    Name(Arc<str>),
}

/// Fewer siblings than this stay rows of their own: a run of three reads
/// faster than a row that must be opened.
const FOLD_MIN: usize = 4;

/// What one row shows.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Span(usize),
    /// Repeats in the order of their start.
    Fold(Vec<usize>),
    /// Stretches of the parent's time that no child covers.
    Gap(super::gaps::Gap),
    /// Siblings that the budget has no rows for.
    More(Vec<usize>),
}

impl Item {
    /// The pieces that this item stands for.
    pub(super) fn members(&self) -> &[usize] {
        match self {
            Self::Span(index) => std::slice::from_ref(index),
            Self::Fold(members) | Self::More(members) => members,
            Self::Gap(_) => &[],
        }
    }
}

/// One item a sibling, or one a run where siblings repeat. `siblings` are in
/// the order of their start and so are the items.
pub(super) fn items_of(pieces: &[Piece], siblings: &[usize], fold: bool) -> Vec<Item> {
    if !fold {
        return siblings.iter().copied().map(Item::Span).collect();
    }
    let mut runs: BTreeMap<&FoldKey, Vec<usize>> = BTreeMap::new();
    for index in siblings.iter().copied() {
        runs.entry(&pieces[index].fold).or_default().push(index);
    }
    let mut items = Vec::new();
    for index in siblings.iter().copied() {
        let key = &pieces[index].fold;
        match runs.get(key) {
            Some(run) if *key != FoldKey::Alone && run.len() >= FOLD_MIN => {
                if run[0] == index {
                    items.push(Item::Fold(run.clone()));
                }
            }
            _ => items.push(Item::Span(index)),
        }
    }
    items
}

/// Interval union: sorted, overlapping ones joined.
pub(super) fn union(mut intervals: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    intervals.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::with_capacity(intervals.len());
    for (start, end) in intervals {
        let end = end.max(start);
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// The time that intervals of a [`union`] cover.
pub(super) fn covered(joined: &[(i64, i64)]) -> i64 {
    joined.iter().map(|(start, end)| end.saturating_sub(*start)).fold(0i64, i64::saturating_add)
}
