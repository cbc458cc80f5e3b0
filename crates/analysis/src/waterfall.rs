//! The waterfall of a trace as rows with places between 0 and 1.
//!
//! Pure: the same pieces and options give the same rows. Repeated siblings
//! become one row (`waterfall/fold.rs`), stretches that no span covers become
//! rows of their own (`waterfall/gaps.rs`), and a budget decides which rows of
//! a huge trace are shown (`waterfall/budget.rs`).
//!
//! What must not live here: markup, colours, units of text, detectors.

mod budget;
mod fold;
mod gaps;
mod operations;
mod pieces;
mod rows;
mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use hotspan_model::{Class, SpanId};

pub use fold::FoldKey;
pub(crate) use gaps::self_ns;
pub use operations::{Operation, Run, operations, run_of};
pub use pieces::pieces_of;
pub(crate) use tree::Tree;

use crate::trace_view::TraceView;

/// What a layout needs to know of one span.
#[derive(Debug, Clone, PartialEq)]
pub struct Piece {
    /// Its id, for links.
    pub span_id: SpanId,
    /// The index of its parent among the pieces, corrections included.
    pub parent: Option<usize>,
    /// The parent was inferred from times, not told by the SDK.
    pub inferred: bool,
    /// When it began, in nanoseconds.
    pub start: i64,
    /// When it ended, in nanoseconds.
    pub end: i64,
    /// What a person reads: the span's name or its call.
    pub label: Arc<str>,
    /// What one repeat is called in a row of many.
    pub run_label: Arc<str>,
    /// The service that sent it.
    pub service: Arc<str>,
    /// What its time is spent on.
    pub class: Class,
    /// Siblings with equal keys are repeats of each other.
    pub fold: FoldKey,
    /// It counts as one whole repeat; the other calls of a lookup do not.
    pub counts: bool,
    /// It ended in error.
    pub error: bool,
    /// It is an error event: a moment, not a stretch of time.
    pub moment: bool,
    /// A finding names it or its kind as the offender.
    pub offender: bool,
    /// It is on the critical path of its segment.
    pub critical: bool,
}

impl Piece {
    /// Its wall time; never negative.
    pub fn length_ns(&self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }
}

/// A stretch of time that an analysis ascribes to calls that no span shows.
#[derive(Debug, Clone, PartialEq)]
pub struct HiddenTime {
    /// The index of the piece whose time it is.
    pub parent: usize,
    /// When it began, in nanoseconds.
    pub start: i64,
    /// When it ended, in nanoseconds.
    pub end: i64,
    /// What it was spent on.
    pub class: Class,
    /// What a person reads.
    pub label: Arc<str>,
}

/// What to draw of a trace, and how much of it.
#[derive(Debug, Clone)]
pub struct WaterfallOptions {
    /// Draw repeated siblings as one row.
    pub fold: bool,
    /// Rows to draw at most; what does not fit is grouped and counted.
    pub rows_max: usize,
    /// Rows that someone opened, by [`Row::key`].
    pub open: BTreeSet<SpanId>,
    /// The chosen span: the row that shows it is marked.
    pub chosen: Option<SpanId>,
    /// Draw only this span and what is below it.
    pub within: Option<SpanId>,
}

impl Default for WaterfallOptions {
    fn default() -> Self {
        Self { fold: true, rows_max: 2_000, open: BTreeSet::new(), chosen: None, within: None }
    }
}

/// What a row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// One span.
    Span,
    /// A run of repeated siblings.
    Fold,
    /// Time that no span covers.
    Gap,
    /// Spans that the budget has no rows for.
    More,
}

/// Whether a row has rows to show below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// Nothing below it.
    Leaf,
    /// Something below it that is not drawn.
    Closed,
    /// What is below it follows.
    Open,
}

/// One row of the waterfall.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it shows.
    pub kind: RowKind,
    /// How deep it is indented.
    pub depth: usize,
    /// The span it shows, the first of a run, or the span whose time a gap is.
    pub key: SpanId,
    /// The name of the span, of one repeat of a run, of the hidden call in a
    /// gap, or of the span whose time an unexplained gap is.
    pub label: Arc<str>,
    /// The service that sent it.
    pub service: Arc<str>,
    /// What its time is spent on.
    pub class: Class,
    /// Where it has its time: from and to, each between 0 and 1.
    pub bars: Vec<(f64, f64)>,
    /// When it begins, after the start of the drawing.
    pub offset_ns: i64,
    /// Wall time, parallel repeats counted once.
    pub total_ns: i64,
    /// The part of a span's time that no child covers.
    pub self_ns: i64,
    /// `total_ns` as a part of the row at the top of this tree, 0..=1.
    pub share: f64,
    /// Repeats in it; 1 for a span.
    pub repeats: usize,
    /// Spans that this row stands for and no other row shows.
    pub spans: usize,
    /// The pieces that a run is made of, by place; empty for other rows.
    pub members: Vec<usize>,
    /// Whether something is below it.
    pub opening: Opening,
    /// It shows offenders of a finding.
    pub offender: bool,
    /// It is on the critical path.
    pub critical: bool,
    /// It, or something that only it shows, ended in error.
    pub error: bool,
    /// It is a moment, not a stretch of time.
    pub moment: bool,
    /// Its parent was inferred.
    pub inferred: bool,
}

/// A waterfall ready to be drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Waterfall {
    /// Rows from top to bottom.
    pub rows: Vec<Row>,
    /// The time that 0 stands for.
    pub start_ns: i64,
    /// The time from 0 to 1.
    pub range_ns: i64,
    /// Spans in the drawing, shown or folded away.
    pub spans: usize,
    /// Time in gap rows that no hidden call explains, counted once where gaps of
    /// parallel spans overlap.
    pub uncovered_ns: i64,
    /// The row that shows the chosen span.
    pub chosen: Option<usize>,
    /// Where to draw lines, and the time after the start that each stands for.
    pub ticks: Vec<(f64, i64)>,
}

/// Lays out a trace.
pub fn layout(trace: &TraceView, options: &WaterfallOptions) -> Waterfall {
    let (pieces, hidden) = pieces_of(trace);
    layout_pieces(&pieces, &hidden, options)
}

/// Lays out pieces.
pub fn layout_pieces(
    pieces: &[Piece],
    hidden: &[HiddenTime],
    options: &WaterfallOptions,
) -> Waterfall {
    let tree = Tree::of(pieces, options.within);
    let Some(scale) = Scale::of(pieces, &tree) else {
        return Waterfall::default();
    };
    let plan = budget::plan(pieces, hidden, &tree, scale, options);
    let (rows, chosen) = rows::rows_of(pieces, &tree, scale, &plan, options);
    let uncovered_ns = plan.uncovered_ns();
    Waterfall {
        rows,
        start_ns: scale.start,
        range_ns: scale.range,
        spans: tree.spans(),
        uncovered_ns,
        chosen,
        ticks: ticks(scale.range),
    }
}

/// Times to places between 0 and 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) start: i64,
    pub(crate) range: i64,
}

impl Scale {
    /// From the first start to the last end; `None` when there is nothing.
    pub(crate) fn of(pieces: &[Piece], tree: &Tree) -> Option<Self> {
        let mut drawn = tree.order().map(|index| &pieces[index]);
        let first = drawn.next()?;
        let (start, end) = drawn.fold((first.start, first.end), |(start, end), piece| {
            (start.min(piece.start), end.max(piece.end))
        });
        Some(Self { start, range: end.saturating_sub(start).max(1) })
    }

    pub(crate) fn place(self, time: i64) -> f64 {
        (time.saturating_sub(self.start) as f64 / self.range as f64).clamp(0.0, 1.0)
    }

    pub(crate) fn bar(self, (from, to): (i64, i64)) -> (f64, f64) {
        let from = self.place(from);
        (from, self.place(to).max(from))
    }
}

/// Four to nine round times along the axis.
fn ticks(range_ns: i64) -> Vec<(f64, i64)> {
    let rough = (range_ns as f64 / 5.0).max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let step = (step.round() as i64).max(1);
    (0..=range_ns / step)
        .map(|index| (index * step, (index * step) as f64 / range_ns as f64))
        .map(|(time, place)| (place.clamp(0.0, 1.0), time))
        .collect()
}
