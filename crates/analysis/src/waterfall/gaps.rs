//! Time of a span that none of its children covers.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::Class;

use super::fold::{Item, covered, union};
use super::{HiddenTime, Piece, Scale, Tree};

/// A gap is worth a row from this part of the drawing on.
const GAP_SHARE_MIN: f64 = 0.03;
/// Shorter gaps are scheduling noise, whatever their share.
const GAP_NS_MIN: i64 = 500_000;
/// More gaps than this in one span become one row.
const GAP_ROWS_MAX: usize = 3;

/// From and to, in nanoseconds.
type Stretches = Vec<(i64, i64)>;

/// Stretches of the time of `parent` that no span covers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Gap {
    pub(super) parent: usize,
    pub(super) stretches: Stretches,
    /// [`Class::Own`] unless an analysis ascribes the time to hidden calls.
    pub(super) class: Class,
    /// The hidden calls' label.
    pub(super) label: Option<Arc<str>>,
}

/// The gaps of a piece: hidden time first, then what is long enough to see.
/// A piece without children is all its own work and has none.
pub(super) fn gaps_of(
    pieces: &[Piece],
    hidden: &[HiddenTime],
    tree: &Tree,
    scale: Scale,
    index: usize,
) -> Vec<Item> {
    let mut gaps = hidden_gaps(hidden, index);
    let known: Vec<(i64, i64)> =
        gaps.iter().flat_map(|gap| gap.stretches.iter().copied()).collect();
    if !tree.children(index).is_empty() && pieces[index].class == Class::Own {
        let long_ns = ((scale.range as f64 * GAP_SHARE_MIN) as i64).max(GAP_NS_MIN);
        let mut stretches = uncovered(pieces, tree, index, known);
        stretches.retain(|(start, end)| end.saturating_sub(*start) >= long_ns);
        gaps.extend(as_rows(index, stretches, Class::Own, None));
    }
    gaps.into_iter().map(Item::Gap).collect()
}

fn hidden_gaps(hidden: &[HiddenTime], index: usize) -> Vec<Gap> {
    let mut kinds: BTreeMap<(Class, &Arc<str>), Stretches> = BTreeMap::new();
    for time in hidden.iter().filter(|time| time.parent == index) {
        let stretch = (time.start, time.end.max(time.start));
        kinds.entry((time.class, &time.label)).or_default().push(stretch);
    }
    kinds
        .into_iter()
        .flat_map(|((class, label), stretches)| {
            as_rows(index, union(stretches), class, Some(Arc::clone(label)))
        })
        .collect()
}

fn as_rows(parent: usize, stretches: Stretches, class: Class, label: Option<Arc<str>>) -> Vec<Gap> {
    let gap = |stretches| Gap { parent, stretches, class, label: label.clone() };
    match stretches.len() {
        0 => Vec::new(),
        count if count > GAP_ROWS_MAX => vec![gap(stretches)],
        _ => stretches.into_iter().map(|stretch| gap(vec![stretch])).collect(),
    }
}

/// The part of a piece's time that neither children nor `known` stretches cover.
fn uncovered(
    pieces: &[Piece],
    tree: &Tree,
    index: usize,
    known: Vec<(i64, i64)>,
) -> Vec<(i64, i64)> {
    let piece = &pieces[index];
    let mut at = piece.start;
    let mut free = Vec::new();
    for (start, end) in union(inside(pieces, tree, index, known)) {
        if start > at {
            free.push((at, start));
        }
        at = at.max(end);
    }
    if piece.end > at {
        free.push((at, piece.end));
    }
    free
}

/// Children and `known` stretches, cut to the time of the piece.
fn inside(
    pieces: &[Piece],
    tree: &Tree,
    index: usize,
    mut known: Vec<(i64, i64)>,
) -> Vec<(i64, i64)> {
    let (from, to) = (pieces[index].start, pieces[index].end.max(pieces[index].start));
    known.extend(
        tree.children(index).iter().map(|child| (pieces[*child].start, pieces[*child].end)),
    );
    known.into_iter().map(|(start, end)| (start.clamp(from, to), end.clamp(from, to))).collect()
}

/// The part of a piece's time that no child covers.
pub(crate) fn self_ns(pieces: &[Piece], tree: &Tree, index: usize) -> i64 {
    let whole = pieces[index].end.saturating_sub(pieces[index].start).max(0);
    let children = union(inside(pieces, tree, index, Vec::new()));
    whole.saturating_sub(covered(&children)).max(0)
}
