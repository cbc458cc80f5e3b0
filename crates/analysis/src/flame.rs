//! Flame charts and icicles as boxes with places between 0 and 1.
//!
//! [`layout_trace`] draws one trace along time; [`layout_tree`] draws the
//! merged call tree of an endpoint, as wide as its time, widest first, and
//! [`layout_diff`] one of two such trees with what changed since the other.
//!
//! What must not live here: markup, colours, units of text.

mod chart;
mod difference;
mod icicle;

use std::sync::Arc;

use hotspan_model::{CallTree, Class, SpanId};

use crate::profile_diff::{PathFigures, Presence, ProfileDiff};
use crate::trace_view::TraceView;
use crate::waterfall::{Piece, pieces_of};

/// What a box shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoxKind {
    /// Spans.
    Spans,
    /// Time of the box above that none of its children covers.
    SelfTime,
    /// Paths too narrow to draw one by one.
    Small,
}

/// One box of a flame.
#[derive(Debug, Clone, PartialEq)]
pub struct FlameBox {
    /// What it shows.
    pub kind: BoxKind,
    /// Where it begins, between 0 and 1.
    pub x0: f64,
    /// Where it ends, between `x0` and 1.
    pub x1: f64,
    /// Its line, 0 at the top.
    pub depth: usize,
    /// The name of its spans.
    pub name: Arc<str>,
    /// What its time is spent on.
    pub class: Class,
    /// Its wall time; weighted in a merged tree.
    pub total_ns: i64,
    /// The part of it that no child covers.
    pub self_ns: i64,
    /// Spans in it; weighted in a merged tree.
    pub count: f64,
    /// Spans in it for each request of the tree.
    pub count_per_request: f64,
    /// The (first) span, in a chart of a trace.
    pub span: Option<SpanId>,
    /// It shows offenders of a finding.
    pub offender: bool,
}

/// A flame ready to be drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Flame {
    /// Boxes, each after the one above it.
    pub boxes: Vec<FlameBox>,
    /// How many lines it has.
    pub lines: usize,
    /// The time from 0 to 1.
    pub range_ns: i64,
    /// Requests merged into it; 1 for a trace.
    pub requests: f64,
    /// Spans that are not drawn: too deep or too many at once.
    pub undrawn: usize,
}

/// Draws a trace along time.
pub fn layout_trace(trace: &TraceView) -> Flame {
    layout_pieces(&pieces_of(trace).0)
}

/// Draws pieces along time.
pub fn layout_pieces(pieces: &[Piece]) -> Flame {
    chart::layout(pieces)
}

/// Draws a merged call tree.
pub fn layout_tree(tree: &CallTree) -> Flame {
    icicle::layout(tree)
}

/// Which of two trees gives boxes their width.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The earlier one: shows paths that are gone.
    Before,
    /// The later one: shows paths that are new.
    #[default]
    After,
}

/// One box of a flame that shows a difference.
#[derive(Debug, Clone, PartialEq)]
pub struct DiffBox {
    /// What it shows.
    pub kind: BoxKind,
    /// Where it begins, between 0 and 1.
    pub x0: f64,
    /// Where it ends, between `x0` and 1.
    pub x1: f64,
    /// Its line, 0 at the top.
    pub depth: usize,
    /// The name of its spans.
    pub name: Arc<str>,
    /// What its time is spent on.
    pub class: Class,
    /// On which side it is.
    pub presence: Presence,
    /// For one request, before.
    pub before: PathFigures,
    /// For one request, after.
    pub after: PathFigures,
    /// How much time of its own was added, from -1 (most was taken away) to 1
    /// (most was added): blue to red. 0 for a box with others below it: they
    /// and the box of its own time show where in it the change is.
    pub heat: f64,
}

/// A flame of a difference, ready to be drawn.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DiffFlame {
    /// Boxes, each after the one above it.
    pub boxes: Vec<DiffBox>,
    /// How many lines it has.
    pub lines: usize,
    /// The time from 0 to 1: that of a request on the slower side, so that the
    /// flames of both sides can be laid on each other.
    pub range_ns: f64,
    /// The time that a heat of 1 stands for.
    pub heat_ns: f64,
    /// Paths that are not drawn: too deep or too narrow.
    pub undrawn: usize,
}

/// Draws one side of a difference.
pub fn layout_diff(diff: &ProfileDiff, side: Side) -> DiffFlame {
    difference::layout(diff, side)
}
