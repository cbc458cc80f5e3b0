//! The call tree of a segment, and of an endpoint when many are merged.
//!
//! A path is the names from the entry span down, so repeated calls fold into
//! one node. Sums are weighted and kept as integers: trees merge and subtract
//! exactly as long as no path was folded away by a cap.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::Class;

/// One path of a [`CallTree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallNode {
    /// What the time of the spans on this path is spent on.
    pub class: Class,
    /// Spans on this path, in thousandths of a weighted span.
    pub count: i64,
    /// Requests that have this path, in thousandths of a weighted request.
    pub requests: i64,
    /// Weighted wall time of the spans on this path, children included.
    pub total_ns: i64,
    /// Weighted wall time that no child covers.
    pub self_ns: i64,
    /// Paths below this one, by normalised name.
    pub children: BTreeMap<Arc<str>, CallNode>,
}

impl CallNode {
    /// A node without spans yet.
    pub fn new(class: Class) -> Self {
        Self { class, count: 0, requests: 0, total_ns: 0, self_ns: 0, children: BTreeMap::new() }
    }

    fn paths(&self) -> usize {
        1 + self.children.values().map(Self::paths).sum::<usize>()
    }

    fn add(&mut self, other: &Self, sign: i64) {
        let sum =
            |into: &mut i64, from: i64| *into = into.saturating_add(from.saturating_mul(sign));
        sum(&mut self.count, other.count);
        sum(&mut self.requests, other.requests);
        sum(&mut self.total_ns, other.total_ns);
        sum(&mut self.self_ns, other.self_ns);
        add_children(&mut self.children, &other.children, sign);
    }

    fn is_spent(&self) -> bool {
        let sums = [self.count, self.requests, self.total_ns, self.self_ns];
        sums == [0; 4] && self.children.is_empty()
    }
}

fn add_children(
    into: &mut BTreeMap<Arc<str>, CallNode>,
    from: &BTreeMap<Arc<str>, CallNode>,
    sign: i64,
) {
    for (name, node) in from {
        into.entry(Arc::clone(name)).or_insert_with(|| CallNode::new(node.class)).add(node, sign);
    }
    into.retain(|_, node| !node.is_spent());
}

/// Call paths with their counts and times.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallTree {
    /// Entry paths by name: one for a segment or an endpoint.
    pub roots: BTreeMap<Arc<str>, CallNode>,
}

impl CallTree {
    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self) {
        add_children(&mut self.roots, &other.roots, 1);
    }

    /// Takes everything of `other` out again.
    pub fn subtract(&mut self, other: &Self) {
        add_children(&mut self.roots, &other.roots, -1);
    }

    /// How many paths there are.
    pub fn paths(&self) -> usize {
        self.roots.values().map(CallNode::paths).sum()
    }

    /// Keeps the dearest paths and folds the others, with everything below
    /// them, into an `(other)` path beside them, until at most `paths_max` are
    /// left (or the roots, if they are more); returns how many were folded.
    pub fn fold_beyond(&mut self, paths_max: usize) -> usize {
        let before = self.paths();
        if before <= paths_max {
            return 0;
        }
        let mut ranks = Vec::with_capacity(before);
        rank(&self.roots, i64::MAX, &mut ranks);
        let mut descending = ranks.clone();
        descending.sort_unstable_by(|left, right| right.cmp(left));
        // Every kept path may need an `(other)` beside its children, so how
        // many can be kept depends on which: the largest number that fits.
        let (mut fits, mut too_many) = (0, paths_max + 1);
        while too_many - fits > 1 {
            let kept = (fits + too_many) / 2;
            let mut order = ranks.iter();
            if paths_left(&self.roots, true, descending[kept - 1], &mut order) <= paths_max {
                fits = kept;
            } else {
                too_many = kept;
            }
        }
        let floor = fits.checked_sub(1).map_or((i64::MAX, usize::MAX), |last| descending[last]);
        fold(&mut self.roots, true, floor, &mut ranks.iter());
        before - self.paths()
    }

    /// The name of the node that collects folded paths.
    pub const OTHER: &'static str = "(other)";
}

/// What a path is worth keeping: its time, at most its parent's, so that no
/// path outranks the one it hangs on; and its place, which breaks ties.
type Rank = (i64, usize);

/// Ranks every path, parents first. Places count down, so that of equal paths
/// the earlier one ranks higher.
fn rank(nodes: &BTreeMap<Arc<str>, CallNode>, parent_ns: i64, ranks: &mut Vec<Rank>) {
    for (name, node) in nodes {
        let worth =
            if &**name == CallTree::OTHER { i64::MIN } else { node.total_ns.min(parent_ns) };
        ranks.push((worth, usize::MAX - ranks.len()));
        rank(&node.children, worth, ranks);
    }
}

/// Paths that are left when only those ranked `floor` or higher are kept.
fn paths_left(
    nodes: &BTreeMap<Arc<str>, CallNode>,
    roots: bool,
    floor: Rank,
    ranks: &mut std::slice::Iter<'_, Rank>,
) -> usize {
    let (mut left, mut folds) = (0, false);
    for node in nodes.values() {
        let kept = ranks.next().is_some_and(|rank| roots || *rank >= floor);
        let below = paths_left(&node.children, false, floor, ranks);
        left += if kept { 1 + below } else { 0 };
        folds |= !kept;
    }
    left + usize::from(folds)
}

/// Folds what ranks below `floor`; the roots always stay.
fn fold(
    nodes: &mut BTreeMap<Arc<str>, CallNode>,
    roots: bool,
    floor: Rank,
    ranks: &mut std::slice::Iter<'_, Rank>,
) {
    let mut other: Option<CallNode> = None;
    nodes.retain(|_, node| {
        let kept = ranks.next().is_some_and(|rank| roots || *rank >= floor);
        fold(&mut node.children, false, floor, ranks);
        if !kept {
            let leaf =
                CallNode { self_ns: node.total_ns, children: BTreeMap::new(), ..node.clone() };
            match &mut other {
                Some(other) => other.add(&leaf, 1),
                None => other = Some(leaf),
            }
        }
        kept
    });
    if let Some(other) = other {
        nodes.insert(Arc::from(CallTree::OTHER), other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(children: &[(&str, i64)]) -> CallTree {
        let mut root = CallNode::new(Class::Own);
        (root.count, root.total_ns) = (1_000, 100);
        for (name, total_ns) in children {
            let mut child = CallNode::new(Class::Http);
            (child.count, child.total_ns, child.self_ns) = (1_000, *total_ns, *total_ns);
            root.children.insert(Arc::from(*name), child);
        }
        CallTree { roots: BTreeMap::from([(Arc::from("GET /"), root)]) }
    }

    #[test]
    fn merge_then_subtract_gives_the_first_again() {
        let first = tree(&[("a", 10), ("b", 20)]);
        let mut merged = first.clone();
        merged.merge(&tree(&[("b", 5), ("c", 7)]));
        assert_eq!(merged.paths(), 4);
        merged.subtract(&tree(&[("b", 5), ("c", 7)]));
        assert_eq!(merged, first);
    }

    #[test]
    fn cheapest_paths_fold_into_other() {
        let mut folded = tree(&[("a", 10), ("b", 20), ("c", 1), ("d", 2)]);
        assert_eq!(folded.fold_beyond(4), 1);
        let root = &folded.roots["GET /"];
        let names: Vec<&str> = root.children.keys().map(|name| &**name).collect();
        assert_eq!(names, ["(other)", "a", "b"].as_slice());
        assert_eq!(root.children["(other)"].total_ns, 3);
        assert_eq!(folded.fold_beyond(4), 0);
    }

    #[test]
    fn a_deep_or_wide_tree_folds_to_the_cap_and_keeps_its_time() {
        for (name, width, depth) in [("wide", 900, 1), ("deep", 1, 900), ("both", 40, 40)] {
            let mut grown = tree(&[]);
            for branch in 0..width {
                let mut node = CallNode::new(Class::Http);
                (node.count, node.total_ns) = (1_000, branch);
                for level in 0..depth {
                    let mut parent = CallNode::new(Class::Http);
                    (parent.count, parent.total_ns) = (1_000, branch + level);
                    parent.children.insert(Arc::from("below"), node);
                    node = parent;
                }
                let root = grown.roots.get_mut("GET /").expect("there");
                root.children.insert(Arc::from(format!("{branch}")), node);
            }
            let time = |tree: &CallTree| -> i64 {
                let children = &tree.roots["GET /"].children;
                children.values().map(|node| node.total_ns).sum()
            };
            let (before, time_before) = (grown.paths(), time(&grown));
            let folded = grown.fold_beyond(500);
            assert!(grown.paths() <= 500, "{name}: {} left", grown.paths());
            assert_eq!(folded, before - grown.paths(), "{name}");
            assert_eq!(time(&grown), time_before, "{name}");
        }
    }
}
