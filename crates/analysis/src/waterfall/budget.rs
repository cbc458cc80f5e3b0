//! Which rows a waterfall has: the longest are opened first, until the budget
//! is spent. What does not fit stays closed or is counted in one row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use hotspan_model::{Class, SpanId};

use super::fold::{Item, covered, items_of, union};
use super::gaps::gaps_of;
use super::{HiddenTime, Piece, Scale, Tree, WaterfallOptions};

/// A row to be, with the rows below it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) item: Item,
    pub(super) depth: usize,
    /// The root piece of this tree, for shares.
    pub(super) root: usize,
    /// Places in the plan of the rows below; empty while closed.
    pub(super) below: Vec<usize>,
    pub(super) open: bool,
    /// A run whose members are the rows below, one by one, because someone
    /// asked for that.
    pub(super) listed: bool,
}

/// Rows to be, reachable from `top`.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) nodes: Vec<Node>,
    pub(super) top: Vec<usize>,
}

impl Plan {
    /// Time in gaps that nothing explains, overlapping ones counted once.
    pub(super) fn uncovered_ns(&self) -> i64 {
        let gaps = self.nodes.iter().filter_map(|node| match &node.item {
            Item::Gap(gap) if gap.class == Class::Own => Some(gap.stretches.iter().copied()),
            _ => None,
        });
        covered(&union(gaps.flatten().collect()))
    }
}

/// Rows wait to be opened: those that someone asked for first, then those with
/// offenders, then the longest, then the earliest planned.
type Waiting = BinaryHeap<((bool, bool, i64), Reverse<usize>)>;

pub(super) fn plan(
    pieces: &[Piece],
    hidden: &[HiddenTime],
    tree: &Tree,
    scale: Scale,
    options: &WaterfallOptions,
) -> Plan {
    let planner = Planner { pieces, hidden, tree, scale, options };
    let mut plan = Plan::default();
    let mut waiting = Waiting::new();
    let items = items_of(pieces, tree.roots(), options.fold);
    plan.top = planner.add(&mut plan, &mut waiting, items, None);
    while let Some((_, Reverse(node))) = waiting.pop() {
        if plan.nodes.len() >= options.rows_max {
            break;
        }
        let items = planner.items_below(&plan.nodes[node].item);
        let below = planner.add(&mut plan, &mut waiting, items, Some(node));
        plan.nodes[node].open = !below.is_empty();
        plan.nodes[node].below = below;
    }
    plan
}

struct Planner<'a> {
    pieces: &'a [Piece],
    hidden: &'a [HiddenTime],
    tree: &'a Tree,
    scale: Scale,
    options: &'a WaterfallOptions,
}

impl Planner<'_> {
    /// The rows below an item. Below a run stand the children of all its members
    /// together, folded again: lookups that hide one in each of a hundred
    /// uploads are one row. A run that was asked for lists its members.
    fn items_below(&self, item: &Item) -> Vec<Item> {
        match item {
            Item::Span(index) => {
                let mut items =
                    items_of(self.pieces, self.tree.children(*index), self.options.fold);
                items.extend(gaps_of(self.pieces, self.hidden, self.tree, self.scale, *index));
                items.sort_by_key(|item| self.start(item));
                items
            }
            Item::Fold(members) if self.asked_for(item) => {
                members.iter().copied().map(Item::Span).collect()
            }
            Item::Fold(members) => {
                let children = members.iter().flat_map(|index| self.tree.children(*index));
                let mut children: Vec<usize> = children.copied().collect();
                children.sort_by_key(|index| (self.pieces[*index].start, *index));
                items_of(self.pieces, &children, true)
            }
            Item::Gap(_) | Item::More(_) => Vec::new(),
        }
    }

    /// Adds items as rows, grouped where the budget ends, and queues those
    /// that can be opened.
    fn add(
        &self,
        plan: &mut Plan,
        waiting: &mut Waiting,
        items: Vec<Item>,
        above: Option<usize>,
    ) -> Vec<usize> {
        let room = self.options.rows_max.saturating_sub(plan.nodes.len()).max(1);
        let items = self.fitting(items, room);
        let mut places = Vec::with_capacity(items.len());
        for item in items {
            let place = plan.nodes.len();
            let (depth, root) = match above.and_then(|above| plan.nodes.get(above)) {
                Some(above) => (above.depth + 1, above.root),
                None => (0, item.members().first().copied().unwrap_or(0)),
            };
            if self.can_open(&item) {
                let rank = (self.asked_for(&item), self.offends(&item), self.length(&item));
                waiting.push((rank, Reverse(place)));
            }
            places.push(place);
            let listed = matches!(item, Item::Fold(_)) && self.asked_for(&item);
            plan.nodes.push(Node { item, depth, root, below: Vec::new(), open: false, listed });
        }
        places
    }

    /// Keeps offenders and the longest items, and puts the members of the
    /// others into one.
    fn fitting(&self, items: Vec<Item>, room: usize) -> Vec<Item> {
        if items.len() <= room {
            return items;
        }
        let mut by_length: Vec<usize> = (0..items.len()).collect();
        by_length.sort_by_key(|at| Reverse((self.offends(&items[*at]), self.length(&items[*at]))));
        let mut keeps = vec![false; items.len()];
        by_length.into_iter().take(room - 1).for_each(|at| keeps[at] = true);
        let mut kept = Vec::with_capacity(room);
        let mut rest = Vec::new();
        for (item, keep) in items.into_iter().zip(keeps) {
            if keep {
                kept.push(item);
            } else {
                rest.extend_from_slice(item.members());
            }
        }
        if !rest.is_empty() {
            kept.push(Item::More(rest));
        }
        kept
    }

    fn can_open(&self, item: &Item) -> bool {
        match item {
            Item::Span(index) => {
                !self.tree.children(*index).is_empty()
                    || self.hidden.iter().any(|time| time.parent == *index)
            }
            Item::Fold(members) => {
                self.asked_for(item)
                    || members.iter().any(|index| !self.tree.children(*index).is_empty())
            }
            Item::Gap(_) | Item::More(_) => false,
        }
    }

    fn offends(&self, item: &Item) -> bool {
        item.members().iter().any(|index| self.tree.below(*index).offender)
    }

    fn asked_for(&self, item: &Item) -> bool {
        self.key(item).is_some_and(|key| self.options.open.contains(&key))
    }

    fn key(&self, item: &Item) -> Option<SpanId> {
        item.members().first().map(|index| self.pieces[*index].span_id)
    }

    fn start(&self, item: &Item) -> i64 {
        match item {
            Item::Gap(gap) => gap.stretches.first().map_or(i64::MAX, |(start, _)| *start),
            _ => item.members().first().map_or(i64::MAX, |index| self.pieces[*index].start),
        }
    }

    fn length(&self, item: &Item) -> i64 {
        let of_gap = |gap: &super::gaps::Gap| covered(&gap.stretches);
        match item {
            Item::Gap(gap) => of_gap(gap),
            _ => item
                .members()
                .iter()
                .map(|index| &self.pieces[*index])
                .map(|piece| piece.end.saturating_sub(piece.start).max(0))
                .fold(0, i64::saturating_add),
        }
    }
}
