//! The flame chart of one trace: time to the right, calls downwards.

use std::sync::Arc;

use super::{BoxKind, Flame, FlameBox};
use crate::waterfall::{Piece, Scale, Tree};

/// Lines a chart has at most; spans below them are counted, not drawn.
const LINES_MAX: usize = 64;
/// Neighbours of one class, narrower than this and as near, become one box.
const WIDTH_MIN: f64 = 1.0 / 2_000.0;

pub(super) fn layout(pieces: &[Piece]) -> Flame {
    let tree = Tree::of(pieces, None);
    let Some(scale) = Scale::of(pieces, &tree) else {
        return Flame::default();
    };
    let mut chart =
        Chart { pieces, tree: &tree, scale, lines: Vec::new(), boxes: Vec::new(), undrawn: 0 };
    chart.draw();
    Flame {
        lines: chart.lines.len(),
        boxes: chart.boxes,
        range_ns: scale.range,
        requests: 1.0,
        undrawn: chart.undrawn,
    }
}

/// The last thing drawn on a line.
#[derive(Clone, Copy)]
struct LineEnd {
    time: i64,
    drawn: usize,
    parent: Option<usize>,
}

struct Chart<'a> {
    pieces: &'a [Piece],
    tree: &'a Tree,
    scale: Scale,
    lines: Vec<LineEnd>,
    boxes: Vec<FlameBox>,
    undrawn: usize,
}

impl Chart<'_> {
    /// Parents before children, earlier siblings before later ones: a span
    /// goes to the first line below its parent's that is free by its start,
    /// so what overlaps in time never overlaps in the drawing.
    fn draw(&mut self) {
        let tree = self.tree;
        let mut waiting: Vec<(usize, Option<usize>, usize)> =
            tree.roots().iter().rev().map(|root| (*root, None, 0)).collect();
        while let Some((index, parent, line_min)) = waiting.pop() {
            let whole = tree.below(index).spans;
            let Some(line) = self.free_line(index, line_min) else {
                self.undrawn += whole;
                continue;
            };
            if self.joins_last(index, parent, line, whole) {
                continue;
            }
            let narrow = self.width(index) < WIDTH_MIN;
            self.push(index, parent, line, if narrow { whole } else { 1 });
            if !narrow {
                let children = tree.children(index).iter().rev();
                waiting.extend(children.map(|child| (*child, Some(index), line + 1)));
            }
        }
    }

    fn free_line(&self, index: usize, line_min: usize) -> Option<usize> {
        let start = self.pieces[index].start;
        (line_min..LINES_MAX).find(|line| self.lines.get(*line).is_none_or(|end| end.time <= start))
    }

    fn width(&self, index: usize) -> f64 {
        let piece = &self.pieces[index];
        let (x0, x1) = self.scale.bar((piece.start, piece.end));
        x1 - x0
    }

    /// Adds a narrow span to the narrow box before it, so that thousands of
    /// short calls are a few boxes.
    fn joins_last(
        &mut self,
        index: usize,
        parent: Option<usize>,
        line: usize,
        whole: usize,
    ) -> bool {
        let piece = &self.pieces[index];
        let (x0, x1) = self.scale.bar((piece.start, piece.end));
        let Some(end) = self.lines.get_mut(line).filter(|end| end.parent == parent) else {
            return false;
        };
        let Some(last) = self.boxes.get_mut(end.drawn) else {
            return false;
        };
        let near = x0 - last.x1 < WIDTH_MIN;
        let narrow = x1 - x0 < WIDTH_MIN && (last.count > 1.0 || last.x1 - last.x0 < WIDTH_MIN);
        if last.class != piece.class || !near || !narrow {
            return false;
        }
        let duration = piece.end.saturating_sub(piece.start).max(0);
        last.x1 = last.x1.max(x1);
        last.count += whole as f64;
        last.count_per_request = last.count;
        last.total_ns = last.total_ns.saturating_add(duration);
        last.self_ns = last.total_ns;
        last.offender |= piece.offender;
        end.time = end.time.max(piece.end);
        true
    }

    fn push(&mut self, index: usize, parent: Option<usize>, line: usize, spans: usize) {
        let piece = &self.pieces[index];
        let (x0, x1) = self.scale.bar((piece.start, piece.end));
        let end = LineEnd { time: piece.end.max(piece.start), drawn: self.boxes.len(), parent };
        while self.lines.len() <= line {
            self.lines.push(LineEnd { time: i64::MIN, ..end });
        }
        self.lines[line] = end;
        self.boxes.push(FlameBox {
            kind: BoxKind::Spans,
            x0,
            x1,
            depth: line,
            name: Arc::clone(&piece.label),
            class: piece.class,
            total_ns: piece.end.saturating_sub(piece.start).max(0),
            self_ns: crate::waterfall::self_ns(self.pieces, self.tree, index),
            count: spans as f64,
            count_per_request: spans as f64,
            span: Some(piece.span_id),
            offender: piece.offender,
        });
    }
}
