//! Who is below whom among the pieces, safe against broken parents.

use hotspan_model::SpanId;

use super::Piece;

/// Children in the order of their start, with what their subtrees hold.
#[derive(Debug)]
pub(crate) struct Tree {
    children: Vec<Vec<usize>>,
    roots: Vec<usize>,
    /// Every drawn piece, parents before children.
    order: Vec<usize>,
    below: Vec<Below>,
}

/// What a piece and everything below it hold.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Below {
    pub(crate) spans: usize,
    pub(crate) offender: bool,
    pub(crate) error: bool,
}

impl Tree {
    /// The tree of all pieces, or of `within` and what is below it.
    pub(crate) fn of(pieces: &[Piece], within: Option<SpanId>) -> Self {
        let parents = sound_parents(pieces);
        let mut children = vec![Vec::new(); pieces.len()];
        let mut roots = Vec::new();
        for (index, parent) in parents.iter().enumerate() {
            match parent {
                Some(parent) => children[*parent].push(index),
                None => roots.push(index),
            }
        }
        let by_start = |index: &usize| {
            let piece = &pieces[*index];
            (piece.start, std::cmp::Reverse(piece.end), *index)
        };
        roots.sort_by_key(by_start);
        children.iter_mut().for_each(|siblings| siblings.sort_by_key(by_start));
        if let Some(top) = within.and_then(|id| pieces.iter().position(|piece| piece.span_id == id))
        {
            roots = vec![top];
        }
        let order = parents_first(&roots, &children);
        let below = sums_below(pieces, &order, &children);
        Self { children, roots, order, below }
    }

    pub(crate) fn roots(&self) -> &[usize] {
        &self.roots
    }

    pub(crate) fn children(&self, index: usize) -> &[usize] {
        &self.children[index]
    }

    pub(crate) fn below(&self, index: usize) -> Below {
        self.below[index]
    }

    /// Every drawn piece, parents before children.
    pub(crate) fn order(&self) -> impl Iterator<Item = usize> {
        self.order.iter().copied()
    }

    /// How many pieces are drawn.
    pub(crate) fn spans(&self) -> usize {
        self.order.len()
    }
}

/// Parents that exist and do not lead back to their own child: a broken one
/// makes its piece a root.
fn sound_parents(pieces: &[Piece]) -> Vec<Option<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        OnPath,
        Done,
    }
    let mut parents: Vec<Option<usize>> = pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| {
            piece.parent.filter(|parent| *parent < pieces.len() && *parent != index)
        })
        .collect();
    let mut seen = vec![Seen::No; pieces.len()];
    for start in 0..pieces.len() {
        let mut path = Vec::new();
        let mut at = start;
        while seen[at] == Seen::No {
            seen[at] = Seen::OnPath;
            path.push(at);
            match parents[at] {
                Some(parent) if seen[parent] == Seen::OnPath => parents[at] = None,
                Some(parent) => at = parent,
                None => {}
            }
        }
        path.into_iter().for_each(|index| seen[index] = Seen::Done);
    }
    parents
}

/// Walks with a stack of its own: a trace may be a chain of 100,000 spans.
fn parents_first(roots: &[usize], children: &[Vec<usize>]) -> Vec<usize> {
    let mut order = Vec::with_capacity(children.len());
    let mut waiting: Vec<usize> = roots.iter().rev().copied().collect();
    while let Some(index) = waiting.pop() {
        order.push(index);
        waiting.extend(children[index].iter().rev());
    }
    order
}

fn sums_below(pieces: &[Piece], order: &[usize], children: &[Vec<usize>]) -> Vec<Below> {
    let mut below = vec![Below::default(); pieces.len()];
    for index in order.iter().rev().copied() {
        let own = Below { spans: 1, offender: pieces[index].offender, error: pieces[index].error };
        below[index] = children[index].iter().fold(own, |sum, child| Below {
            spans: sum.spans + below[*child].spans,
            offender: sum.offender || below[*child].offender,
            error: sum.error || below[*child].error,
        });
    }
    below
}
