//! Planned rows become rows with places, counts and marks.

use std::collections::HashMap;
use std::sync::Arc;

use hotspan_model::{Class, SpanId};

use super::budget::{Node, Plan};
use super::fold::{FoldKey, Item, covered, union};
use super::gaps::{Gap, self_ns};
use super::tree::Below;
use super::{Opening, Piece, Row, RowKind, Scale, Tree, WaterfallOptions};

/// Bars closer than this part of the drawing are one: no screen shows the gap.
const BAR_GAP_MIN: f64 = 1.0 / 4_000.0;
/// Bars a row has at most; a run of thousands is drawn as its envelope then.
const BARS_MAX: usize = 600;

/// Every row from top to bottom, and the one that shows the chosen span.
pub(super) fn rows_of(
    pieces: &[Piece],
    tree: &Tree,
    scale: Scale,
    plan: &Plan,
    options: &WaterfallOptions,
) -> (Vec<Row>, Option<usize>) {
    let drawer = Drawer { pieces, tree, scale };
    let mut rows = Vec::with_capacity(plan.nodes.len());
    let mut shown_in: HashMap<usize, usize> = HashMap::new();
    let mut waiting: Vec<usize> = plan.top.iter().rev().copied().collect();
    while let Some(place) = waiting.pop() {
        let node = &plan.nodes[place];
        // The members of a listed run are shown below it.
        if !(node.open && node.listed) {
            shown_in.extend(node.item.members().iter().map(|index| (*index, rows.len())));
        }
        rows.push(drawer.row(node));
        waiting.extend(node.below.iter().rev());
    }
    let chosen = options.chosen.and_then(|id| row_that_shows(pieces, &shown_in, id));
    (rows, chosen)
}

/// The row of the span, or of the nearest one above it that has a row. A
/// sound chain of parents is no longer than the trace.
fn row_that_shows(pieces: &[Piece], shown_in: &HashMap<usize, usize>, id: SpanId) -> Option<usize> {
    let mut at = pieces.iter().position(|piece| piece.span_id == id)?;
    for _ in 0..pieces.len() {
        if let Some(row) = shown_in.get(&at) {
            return Some(*row);
        }
        at = pieces[at].parent.filter(|parent| *parent < pieces.len())?;
    }
    None
}

struct Drawer<'a> {
    pieces: &'a [Piece],
    tree: &'a Tree,
    scale: Scale,
}

impl Drawer<'_> {
    fn row(&self, node: &Node) -> Row {
        match &node.item {
            Item::Span(index) => self.span_row(node, *index),
            Item::Fold(members) => self.run_row(node, members, RowKind::Fold),
            Item::More(members) => self.run_row(node, members, RowKind::More),
            Item::Gap(gap) => self.gap_row(node, gap),
        }
    }

    fn span_row(&self, node: &Node, index: usize) -> Row {
        let piece = &self.pieces[index];
        let below = self.tree.below(index);
        let total_ns = piece.end.saturating_sub(piece.start).max(0);
        Row {
            kind: RowKind::Span,
            depth: node.depth,
            key: piece.span_id,
            label: Arc::clone(&piece.label),
            service: Arc::clone(&piece.service),
            class: piece.class,
            bars: vec![self.scale.bar((piece.start, piece.end))],
            offset_ns: piece.start.saturating_sub(self.scale.start),
            total_ns,
            self_ns: self_ns(self.pieces, self.tree, index),
            share: self.share(node, total_ns),
            repeats: 1,
            spans: if node.open { 1 } else { below.spans },
            members: Vec::new(),
            opening: match (node.open, self.tree.children(index).is_empty()) {
                (true, _) => Opening::Open,
                (false, true) => Opening::Leaf,
                (false, false) => Opening::Closed,
            },
            offender: piece.offender || (!node.open && below.offender),
            critical: piece.critical,
            error: piece.error || (!node.open && below.error),
            moment: piece.moment,
            inferred: piece.inferred,
        }
    }

    fn run_row(&self, node: &Node, members: &[usize], kind: RowKind) -> Row {
        let first = &self.pieces[members.first().copied().unwrap_or(0)];
        let of = |index: &usize| &self.pieces[*index];
        let joined = union(members.iter().map(of).map(|p| (p.start, p.end)).collect());
        let total_ns = covered(&joined);
        let counted = members.iter().map(of).filter(|piece| piece.counts).count();
        let lookups = matches!(first.fold, FoldKey::Lookup(_)) && kind == RowKind::Fold;
        let below = || members.iter().map(|index| self.tree.below(*index));
        // What stands in rows of its own is marked there.
        let marked = |own: fn(&Piece) -> bool, all: fn(Below) -> bool| match node.open {
            true => members.iter().map(of).any(own),
            false => below().any(all),
        };
        Row {
            kind,
            depth: node.depth,
            key: first.span_id,
            label: Arc::clone(if kind == RowKind::Fold { &first.run_label } else { &first.label }),
            service: Arc::clone(&first.service),
            class: self.common_class(members),
            bars: self.bars(&joined),
            offset_ns: first.start.saturating_sub(self.scale.start),
            total_ns,
            self_ns: 0,
            share: self.share(node, total_ns),
            // A run without a single complete lookup still repeats its calls.
            repeats: if lookups && counted > 0 { counted } else { members.len() },
            spans: match (node.open, node.listed) {
                (true, true) => 0,
                (true, false) => members.len(),
                (false, _) => below().map(|sum| sum.spans).sum(),
            },
            members: if kind == RowKind::Fold { members.to_vec() } else { Vec::new() },
            opening: match (node.open && node.listed, kind) {
                (true, _) => Opening::Open,
                (false, RowKind::Fold) => Opening::Closed,
                (false, _) => Opening::Leaf,
            },
            offender: marked(|piece| piece.offender, |sum| sum.offender),
            critical: members.iter().map(of).any(|piece| piece.critical),
            error: marked(|piece| piece.error, |sum| sum.error),
            moment: false,
            inferred: first.inferred,
        }
    }

    fn gap_row(&self, node: &Node, gap: &Gap) -> Row {
        let parent = &self.pieces[gap.parent];
        let total_ns = covered(&gap.stretches);
        let start = gap.stretches.first().map_or(parent.start, |(start, _)| *start);
        Row {
            kind: RowKind::Gap,
            depth: node.depth,
            key: parent.span_id,
            label: Arc::clone(gap.label.as_ref().unwrap_or(&parent.label)),
            service: Arc::clone(&parent.service),
            class: gap.class,
            bars: self.bars(&gap.stretches),
            offset_ns: start.saturating_sub(self.scale.start),
            total_ns,
            self_ns: total_ns,
            share: self.share(node, total_ns),
            repeats: gap.stretches.len(),
            spans: 0,
            members: Vec::new(),
            opening: Opening::Leaf,
            offender: gap.class != Class::Own,
            critical: parent.critical,
            error: false,
            moment: false,
            inferred: false,
        }
    }

    /// Part of the time of the root above; shares of a row that outlives its
    /// root stop at 1.
    fn share(&self, node: &Node, total_ns: i64) -> f64 {
        let root = &self.pieces[node.root];
        let whole = root.end.saturating_sub(root.start);
        if whole <= 0 {
            return 0.0;
        }
        (total_ns as f64 / whole as f64).clamp(0.0, 1.0)
    }

    /// The class that takes most of the members' time.
    fn common_class(&self, members: &[usize]) -> Class {
        let mut time = [0i64; Class::ALL.len()];
        for piece in members.iter().map(|index| &self.pieces[*index]) {
            let slot = &mut time[piece.class.index()];
            *slot = slot.saturating_add(piece.end.saturating_sub(piece.start).max(0).max(1));
        }
        Class::ALL
            .into_iter()
            .max_by_key(|class| (time[class.index()], std::cmp::Reverse(class.index())))
            .unwrap_or(Class::Own)
    }

    /// Bars that a screen can tell apart.
    fn bars(&self, joined: &[(i64, i64)]) -> Vec<(f64, f64)> {
        let mut gap_min = BAR_GAP_MIN;
        loop {
            let mut bars: Vec<(f64, f64)> = Vec::new();
            for (from, to) in joined.iter().map(|stretch| self.scale.bar(*stretch)) {
                match bars.last_mut() {
                    Some(last) if from - last.1 < gap_min => last.1 = last.1.max(to),
                    _ => bars.push((from, to)),
                }
            }
            if bars.len() <= BARS_MAX {
                return bars;
            }
            gap_min *= 2.0;
        }
    }
}
