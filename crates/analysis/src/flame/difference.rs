//! The icicle of a difference: as wide as one side's time for a request, as hot
//! as the time of its own that a path gained or lost.

use std::sync::Arc;

use hotspan_model::{CallTree, Class};

use super::{BoxKind, DiffBox, DiffFlame, Side};
use crate::profile_diff::{PathDiff, PathFigures, Presence, ProfileDiff};

/// Lines a flame has at most.
const LINES_MAX: usize = 48;
/// Narrower paths are drawn together.
const WIDTH_MIN: f64 = 1.0 / 400.0;

pub(super) fn layout(diff: &ProfileDiff, side: Side) -> DiffFlame {
    let sum = |side: Side| -> f64 { diff.roots.iter().map(|root| width_of(root, side)).sum() };
    let range_ns = sum(Side::Before).max(sum(Side::After));
    if range_ns <= 0.0 {
        return DiffFlame::default();
    }
    let heat_ns = diff.roots.iter().map(hottest).fold(0.0, f64::max);
    let flame = DiffFlame { range_ns, heat_ns, ..DiffFlame::default() };
    let mut drawing = Drawing { side, flame };
    let roots = diff.roots.iter().collect();
    let mut waiting =
        vec![Level { paths: roots, room: (0.0, 1.0), room_ns: range_ns, depth: 0, above: None }];
    while let Some(level) = waiting.pop() {
        if level.depth >= LINES_MAX {
            drawing.flame.undrawn += level.paths.len();
        } else {
            waiting.extend(drawing.draw(level));
        }
    }
    drawing.flame
}

/// The side's time for one request.
fn width_of(path: &PathDiff, side: Side) -> f64 {
    figures(path, side).total_ns.max(0.0)
}

fn figures(path: &PathDiff, side: Side) -> &PathFigures {
    match side {
        Side::Before => &path.before,
        Side::After => &path.after,
    }
}

/// The largest change of a path's own time. Trees are capped before they are
/// stored, so the walk does not go deep.
fn hottest(path: &PathDiff) -> f64 {
    path.children.iter().map(hottest).fold(path.self_shift_ns().abs(), f64::max)
}

/// Paths that share a box above them.
struct Level<'a> {
    paths: Vec<&'a PathDiff>,
    room: (f64, f64),
    /// The time that the whole room stands for.
    room_ns: f64,
    depth: usize,
    /// The path above, for its own time.
    above: Option<&'a PathDiff>,
}

struct Drawing {
    side: Side,
    flame: DiffFlame,
}

impl Drawing {
    /// Draws one line of paths, in the order that both sides share, and returns
    /// those below it. Parallel children may have more time than the box
    /// above; they share its width then.
    fn draw<'a>(&mut self, level: Level<'a>) -> Vec<Level<'a>> {
        let (mut x, end) = level.room;
        let sum: f64 = level.paths.iter().map(|path| width_of(path, self.side)).sum();
        let scale = (end - x) / level.room_ns.max(sum).max(1.0);
        let (mut below, mut small) = (Vec::new(), Vec::new());
        for path in level.paths {
            let time_ns = width_of(path, self.side);
            if time_ns * scale < WIDTH_MIN {
                small.push(path);
                continue;
            }
            let room = (x, (x + time_ns * scale).min(end));
            self.push(path, BoxKind::Spans, room, level.depth);
            if !path.children.is_empty() {
                below.push(Level {
                    paths: path.children.iter().collect(),
                    room,
                    room_ns: time_ns,
                    depth: level.depth + 1,
                    above: Some(path),
                });
            }
            x = room.1;
        }
        x = self.push_small(&small, (x, end), scale, level.depth);
        if let Some(above) = level.above {
            let width = (figures(above, self.side).self_ns.max(0.0) * scale).min(end - x);
            if width >= WIDTH_MIN {
                self.push(above, BoxKind::SelfTime, (x, x + width), level.depth);
            }
        }
        below
    }

    fn push(&mut self, path: &PathDiff, kind: BoxKind, (x0, x1): (f64, f64), depth: usize) {
        // A box with children stands for them; its own time has its own box.
        let covered = kind == BoxKind::Spans && !path.children.is_empty();
        let shift = if covered { 0.0 } else { path.self_shift_ns() };
        self.flame.lines = self.flame.lines.max(depth + 1);
        self.flame.boxes.push(DiffBox {
            kind,
            x0,
            x1,
            depth,
            name: Arc::clone(&path.name),
            class: path.class,
            presence: path.presence,
            before: path.before,
            after: path.after,
            heat: self.heat(shift),
        });
    }

    /// One box for the paths that are too narrow; returns where it ends.
    fn push_small(
        &mut self,
        small: &[&PathDiff],
        (x, end): (f64, f64),
        scale: f64,
        depth: usize,
    ) -> f64 {
        let time_ns: f64 = small.iter().map(|path| width_of(path, self.side)).sum();
        let x1 = (x + time_ns * scale).min(end);
        if x1 - x < WIDTH_MIN {
            self.flame.undrawn += small.len();
            return x;
        }
        let added = |side: Side| {
            small.iter().fold(PathFigures::default(), |sum, path| {
                let path = figures(path, side);
                PathFigures {
                    total_ns: sum.total_ns + path.total_ns,
                    self_ns: sum.self_ns + path.total_ns,
                    calls: sum.calls + path.calls,
                    share_of_requests: sum.share_of_requests.max(path.share_of_requests),
                }
            })
        };
        let together = PathDiff {
            name: Arc::from(CallTree::OTHER),
            class: Class::Own,
            presence: Presence::Both,
            before: added(Side::Before),
            after: added(Side::After),
            children: Vec::new(),
        };
        self.push(&together, BoxKind::Small, (x, x1), depth);
        x1
    }

    fn heat(&self, shift_ns: f64) -> f64 {
        if self.flame.heat_ns > 0.0 {
            (shift_ns / self.flame.heat_ns).clamp(-1.0, 1.0)
        } else {
            0.0
        }
    }
}
