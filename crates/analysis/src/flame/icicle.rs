//! The icicle of a merged call tree: width is time, widest first.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::calltree::CallNode;
use hotspan_model::sketch::WEIGHT_UNIT;
use hotspan_model::{CallTree, Class};

use super::{BoxKind, Flame, FlameBox};

/// Lines an icicle has at most.
const LINES_MAX: usize = 48;
/// Narrower paths are drawn together.
const WIDTH_MIN: f64 = 1.0 / 400.0;
/// Classes whose calls belong together, and the name of the box above them.
const LOOKUPS: [(Class, &str); 3] = [
    (Class::CredentialLookup, "credential lookups"),
    (Class::TokenFetch, "token fetches"),
    (Class::SecretFetch, "secret fetches"),
];

pub(super) fn layout(tree: &CallTree) -> Flame {
    let tree = &grouped(tree);
    let whole: i64 = tree.roots.values().map(|root| root.total_ns.max(0)).sum();
    let requests: i64 = tree.roots.values().map(|root| root.requests).sum();
    if whole <= 0 {
        return Flame::default();
    }
    let mut icicle = Icicle {
        requests: requests.max(1) as f64,
        flame: Flame {
            range_ns: whole,
            requests: requests.max(0) as f64 / WEIGHT_UNIT as f64,
            ..Flame::default()
        },
    };
    let roots = tree.roots.iter().collect();
    icicle.draw(roots, (0.0, 1.0), whole);
    icicle.flame
}

/// The calls of one lookup are siblings in a call tree; a box above them tells
/// what they are together.
fn grouped(tree: &CallTree) -> CallTree {
    CallTree {
        roots: tree.roots.iter().map(|(name, node)| (Arc::clone(name), group_in(node))).collect(),
    }
}

/// Call trees are capped to hundreds of paths before they are stored, so the
/// walk does not go deep.
fn group_in(node: &CallNode) -> CallNode {
    let mut children: BTreeMap<Arc<str>, CallNode> =
        node.children.iter().map(|(name, child)| (Arc::clone(name), group_in(child))).collect();
    for (class, name) in LOOKUPS {
        let calls: Vec<Arc<str>> = children
            .iter()
            .filter(|(_, child)| child.class == class)
            .map(|(name, _)| Arc::clone(name))
            .collect();
        if calls.len() < 2 || node.class == class {
            continue;
        }
        let mut group = CallNode::new(class);
        for call in calls {
            if let Some(child) = children.remove(&call) {
                group.total_ns = group.total_ns.saturating_add(child.total_ns);
                // Every lookup makes each of its calls about once.
                group.count = group.count.max(child.count);
                group.requests = group.requests.max(child.requests);
                group.children.insert(call, child);
            }
        }
        children.insert(Arc::from(name), group);
    }
    CallNode { children, ..node.clone() }
}

/// Paths that share a box above them.
struct Level<'a> {
    paths: Vec<(&'a Arc<str>, &'a CallNode)>,
    room: (f64, f64),
    /// The time that the whole room stands for.
    room_ns: i64,
    depth: usize,
    /// The node above, for its self time.
    above: Option<(&'a Arc<str>, &'a CallNode)>,
}

struct Icicle {
    requests: f64,
    flame: Flame,
}

impl Icicle {
    fn draw(&mut self, roots: Vec<(&Arc<str>, &CallNode)>, room: (f64, f64), room_ns: i64) {
        let mut waiting = vec![Level { paths: roots, room, room_ns, depth: 0, above: None }];
        while let Some(level) = waiting.pop() {
            if level.depth >= LINES_MAX {
                self.flame.undrawn += level.paths.len();
                continue;
            }
            waiting.extend(self.draw_level(level));
        }
    }

    /// Draws one line of paths and returns those below it. Parallel children
    /// may have more time than the box above; they share its width then.
    fn draw_level<'a>(&mut self, mut level: Level<'a>) -> Vec<Level<'a>> {
        let (mut x, end) = level.room;
        let sum: i64 = level.paths.iter().map(|(_, node)| node.total_ns.max(0)).sum();
        let scale = (end - x) / level.room_ns.max(sum).max(1) as f64;
        level.paths.sort_by_key(|(name, node)| (Reverse(node.total_ns), Arc::clone(name)));
        let mut below = Vec::new();
        let mut small = Vec::new();
        for (name, node) in level.paths {
            let width = node.total_ns.max(0) as f64 * scale;
            if width < WIDTH_MIN {
                small.push(node);
                continue;
            }
            let room = (x, (x + width).min(end));
            self.push_spans(name, node, room, level.depth);
            if !node.children.is_empty() {
                below.push(Level {
                    paths: node.children.iter().collect(),
                    room,
                    room_ns: node.total_ns,
                    depth: level.depth + 1,
                    above: Some((name, node)),
                });
            }
            x = room.1;
        }
        x = self.push_small(&small, x, scale, level.depth, end);
        if let Some((name, node)) = level.above {
            let width = (node.self_ns.max(0) as f64 * scale).min(end - x);
            self.push_self(name, node, (x, x + width), level.depth);
        }
        below
    }

    fn push_spans(&mut self, name: &Arc<str>, node: &CallNode, room: (f64, f64), depth: usize) {
        let count = node.count as f64 / WEIGHT_UNIT as f64;
        self.push(FlameBox {
            kind: BoxKind::Spans,
            x0: room.0,
            x1: room.1,
            depth,
            name: Arc::clone(name),
            class: node.class,
            total_ns: node.total_ns,
            self_ns: node.self_ns,
            count,
            count_per_request: node.count as f64 / self.requests,
            span: None,
            offender: false,
        });
    }

    /// One box for the paths that are too narrow; returns where it ends.
    fn push_small(
        &mut self,
        small: &[&CallNode],
        x: f64,
        scale: f64,
        depth: usize,
        end: f64,
    ) -> f64 {
        let total_ns: i64 = small.iter().map(|node| node.total_ns.max(0)).sum();
        let x1 = (x + total_ns as f64 * scale).min(end);
        if x1 - x < WIDTH_MIN {
            self.flame.undrawn += small.len();
            return x;
        }
        let count: i64 = small.iter().map(|node| node.count).sum();
        self.push(FlameBox {
            kind: BoxKind::Small,
            x0: x,
            x1,
            depth,
            name: Arc::from(CallTree::OTHER),
            class: Class::Own,
            total_ns,
            self_ns: total_ns,
            count: count as f64 / WEIGHT_UNIT as f64,
            count_per_request: count as f64 / self.requests,
            span: None,
            offender: false,
        });
        x1
    }

    fn push_self(&mut self, name: &Arc<str>, node: &CallNode, room: (f64, f64), depth: usize) {
        if room.1 - room.0 < WIDTH_MIN {
            return;
        }
        self.push(FlameBox {
            kind: BoxKind::SelfTime,
            x0: room.0,
            x1: room.1,
            depth,
            name: Arc::clone(name),
            class: node.class,
            total_ns: node.self_ns,
            self_ns: node.self_ns,
            count: node.count as f64 / WEIGHT_UNIT as f64,
            count_per_request: node.count as f64 / self.requests,
            span: None,
            offender: false,
        });
    }

    fn push(&mut self, drawn: FlameBox) {
        self.flame.lines = self.flame.lines.max(drawn.depth + 1);
        self.flame.boxes.push(drawn);
    }
}
