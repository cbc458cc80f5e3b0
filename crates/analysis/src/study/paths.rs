//! Time on the critical path, by span and by set of spans.
//!
//! The path is cut into stretches that never overlap, so what ran in parallel
//! counts once, and a span that nothing waited for counts nothing.

use super::Slice;
use crate::tree::Tree;

/// The critical path's time by span, and where spans stand in the tree.
#[derive(Debug)]
pub(crate) struct Paths {
    /// For each span its own part of the path.
    own_ns: Vec<i64>,
    /// For each span its own part and that of everything under it, credential
    /// lookups left out: their own findings speak of them.
    below_ns: Vec<i64>,
    /// For each span its place in the tree's order, in which everything under
    /// a span directly follows it. Error events have none.
    places: Vec<Option<usize>>,
    /// For each span how many stand in that order from it on, itself included.
    sizes: Vec<usize>,
}

impl Paths {
    /// Adds up `slices`. `owners` tells for each span the family of lookups
    /// that it is part of.
    pub(super) fn of(tree: &Tree, slices: &[Slice], owners: &[Option<usize>]) -> Self {
        let spans = tree.parents.len();
        let (mut own_ns, mut below_ns) = (vec![0_i64; spans], vec![0_i64; spans]);
        // What a lookup claims of another span's time is not that span's own.
        for slice in slices.iter().filter(|slice| slice.family == owners[slice.span]) {
            own_ns[slice.span] = own_ns[slice.span].saturating_add(slice.duration_ns());
            if slice.family.is_none() {
                below_ns[slice.span] = own_ns[slice.span];
            }
        }
        let mut places = vec![None; spans];
        let mut sizes = vec![0; spans];
        for (place, &span) in tree.order.iter().enumerate().rev() {
            places[span] = Some(place);
            sizes[span] += 1;
            if let Some(parent) = tree.parents[span] {
                below_ns[parent] = below_ns[parent].saturating_add(below_ns[span]);
                sizes[parent] += sizes[span];
            }
        }
        Self { own_ns, below_ns, places, sizes }
    }

    /// The span's own part of the path, in nanoseconds.
    pub(crate) fn own_ns(&self, span: usize) -> i64 {
        self.own_ns[span]
    }

    /// The part of a set of spans and of everything under them, each stretch
    /// once although one of them may lie under another. Credential lookups are
    /// left out.
    pub(crate) fn of_set_ns(&self, spans: impl IntoIterator<Item = usize>) -> i64 {
        let place = |span| Some((self.places[span]?, span));
        let mut standing: Vec<(usize, usize)> = spans.into_iter().filter_map(place).collect();
        standing.sort_unstable();
        let (mut sum, mut counted_to) = (0_i64, 0);
        for (place, span) in standing {
            if place >= counted_to {
                sum = sum.saturating_add(self.below_ns[span]);
                counted_to = place + self.sizes[span];
            }
        }
        sum
    }

    /// The span and everything under it, as places of the tree's order.
    pub(crate) fn below(&self, span: usize) -> std::ops::Range<usize> {
        let first = self.places[span];
        first.map_or(0..0, |first| first..first + self.sizes[span])
    }
}
