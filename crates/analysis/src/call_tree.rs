//! The call tree of one segment: its spans folded by path, weighted.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::calltree::CallNode;
use hotspan_model::sketch::WEIGHT_UNIT;
use hotspan_model::{CallTree, Class};

use crate::study::Study;

/// Paths that a segment may add to its endpoint's profile.
const PATHS_MAX: usize = 500;
/// Deeper spans are folded into their ancestor at this depth: recursion comes
/// from outside and must not decide how deep ours goes.
const DEPTH_MAX: usize = 48;

/// The call tree of a segment.
pub(crate) fn call_tree(study: &Study<'_>) -> CallTree {
    let mut builder =
        Builder { study, nodes: Vec::new(), places: vec![0; study.segment.spans.len()] };
    for &span in &study.tree.order {
        builder.add_span(span);
    }
    builder.add_missing();
    let mut tree = builder.finish();
    // One pass folds leaves only; a pass that folds nothing is the last.
    while tree.paths() > PATHS_MAX && tree.fold_beyond(PATHS_MAX) > 0 {}
    tree
}

/// A path being summed, unweighted.
struct Node {
    name: Arc<str>,
    class: Class,
    depth: usize,
    count: i64,
    total_ns: i64,
    self_ns: i64,
    children: BTreeMap<Arc<str>, usize>,
}

impl Node {
    /// Sums of times from outside stop at the end of their range.
    fn add(&mut self, total_ns: i64, self_ns: i64) {
        self.total_ns = self.total_ns.saturating_add(total_ns);
        self.self_ns = self.self_ns.saturating_add(self_ns);
    }
}

struct Builder<'a, 's> {
    study: &'a Study<'s>,
    /// The paths, the entry span's first.
    nodes: Vec<Node>,
    /// For each span its path.
    places: Vec<usize>,
}

impl Builder<'_, '_> {
    fn add_span(&mut self, span: usize) {
        let segment = self.study.segment;
        let digest = &segment.spans[span];
        let class = self.study.class(span);
        let self_ns = self.study.self_ns[span];
        let place = match self.study.tree.parents[span] {
            None => self.node(None, &segment.facts.endpoint.name, class),
            Some(parent) => {
                let parent = self.places[parent];
                if self.nodes[parent].depth >= DEPTH_MAX {
                    self.nodes[parent].add(0, self_ns);
                    self.places[span] = parent;
                    return;
                }
                let unnamed = Arc::from("(no name)");
                let name = if digest.name.is_empty() { &unnamed } else { &digest.name };
                self.node(Some(parent), name, class)
            }
        };
        self.places[span] = place;
        let node = &mut self.nodes[place];
        node.count += 1;
        node.add(digest.duration_ns(), self_ns);
    }

    /// Calls without a span get a path too; their time was taken for their
    /// parent's own.
    fn add_missing(&mut self) {
        let families = &self.study.lookups.families;
        for found in families.iter().filter(|found| !found.missing.is_empty()) {
            let template = found.token_template().unwrap_or_default();
            let name: Arc<str> = Arc::from(format!("{template} (no span)"));
            for missing in &found.missing {
                let nanos = missing.stretch.1.since(missing.stretch.0);
                let parent = self.places[missing.parent];
                self.nodes[parent].add(0, -nanos);
                let place = self.node(Some(parent), &name, Class::CredentialLookup);
                let node = &mut self.nodes[place];
                node.count += 1;
                node.add(nanos, nanos);
            }
        }
    }

    /// The path `name` under `parent`, made when it is new.
    fn node(&mut self, parent: Option<usize>, name: &Arc<str>, class: Class) -> usize {
        let place = self.nodes.len();
        let mut depth = 1;
        if let Some(parent) = parent {
            let parent = &mut self.nodes[parent];
            depth = parent.depth + 1;
            let known = *parent.children.entry(Arc::clone(name)).or_insert(place);
            if known != place {
                return known;
            }
        }
        self.nodes.push(Node {
            name: Arc::clone(name),
            class,
            depth,
            count: 0,
            total_ns: 0,
            self_ns: 0,
            children: BTreeMap::new(),
        });
        place
    }

    fn finish(&self) -> CallTree {
        let mut tree = CallTree::default();
        if let Some(root) = self.nodes.first() {
            tree.roots.insert(Arc::clone(&root.name), self.weighted(root));
        }
        tree
    }

    /// A node and all below it, weighted. As deep as [`DEPTH_MAX`].
    fn weighted(&self, node: &Node) -> CallNode {
        let weight = self.study.segment.facts.weight;
        let weighted = |amount: i64| (amount as f64 * weight).round() as i64;
        let mut out = CallNode::new(node.class);
        out.count = weighted(node.count * WEIGHT_UNIT);
        out.requests = weighted(WEIGHT_UNIT);
        out.total_ns = weighted(node.total_ns);
        // Parallel lookups may each have waited through the same gap.
        out.self_ns = weighted(node.self_ns).max(0);
        for (name, child) in &node.children {
            let child = self.weighted(&self.nodes[*child]);
            out.children.insert(Arc::clone(name), child);
        }
        out
    }
}
