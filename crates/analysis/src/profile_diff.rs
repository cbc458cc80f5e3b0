//! Two merged call trees of one endpoint, path by path: two windows, or two
//! releases. Everything is told for one request, so that windows of different
//! length and traffic compare.
//!
//! How a difference is drawn stands in [`crate::flame`]; whether it is more than
//! chance is told by [`crate::history`].

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::calltree::CallNode;
use hotspan_model::sketch::WEIGHT_UNIT;
use hotspan_model::{CallTree, Class};

/// A path for one request of the endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PathFigures {
    /// Wall time, children included, in nanoseconds.
    pub total_ns: f64,
    /// Wall time that no child covers, in nanoseconds.
    pub self_ns: f64,
    /// Spans.
    pub calls: f64,
    /// The part of the requests that have this path, 0..=1.
    pub share_of_requests: f64,
}

/// On which side a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// On both.
    Both,
    /// After only.
    New,
    /// Before only.
    Gone,
    /// On one side only, and the other has folded paths away there: it may
    /// have been among them.
    Unsure,
}

/// A path before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct PathDiff {
    /// The normalised name of its spans.
    pub name: Arc<str>,
    /// What its time is spent on.
    pub class: Class,
    /// On which side it is.
    pub presence: Presence,
    /// Before; all zero when it was not there.
    pub before: PathFigures,
    /// After; all zero when it is not there any more.
    pub after: PathFigures,
    /// Paths below it: those with most time on either side first.
    pub children: Vec<PathDiff>,
}

impl PathDiff {
    /// Time added to each request, children included; negative when taken away.
    pub fn total_shift_ns(&self) -> f64 {
        self.after.total_ns - self.before.total_ns
    }

    /// Time added to each request by the path itself; negative when taken away.
    pub fn self_shift_ns(&self) -> f64 {
        self.after.self_ns - self.before.self_ns
    }
}

/// An endpoint's calls before and after.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfileDiff {
    /// Weighted requests before.
    pub requests_before: f64,
    /// Weighted requests after.
    pub requests_after: f64,
    /// Entry paths.
    pub roots: Vec<PathDiff>,
}

/// One path of a difference, with where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct PathChange<'a> {
    /// Names from the entry span down to the path's own.
    pub path: Vec<&'a str>,
    /// Its figures.
    pub diff: &'a PathDiff,
}

impl ProfileDiff {
    /// The paths whose own time changed most, by how much it did; at most
    /// `paths_max`. Paths without a change are left out.
    pub fn changes(&self, paths_max: usize) -> Vec<PathChange<'_>> {
        let mut found = Vec::new();
        let mut path = Vec::new();
        self.roots.iter().for_each(|root| gather(root, &mut path, &mut found));
        found.retain(|change| change.diff.self_shift_ns() != 0.0);
        found.sort_by(|one, other| {
            let sizes = [one, other].map(|change| change.diff.self_shift_ns().abs());
            sizes[1].total_cmp(&sizes[0]).then_with(|| one.path.cmp(&other.path))
        });
        found.truncate(paths_max);
        found
    }
}

/// Trees are capped before they are stored, so the walk does not go deep.
fn gather<'a>(diff: &'a PathDiff, path: &mut Vec<&'a str>, found: &mut Vec<PathChange<'a>>) {
    path.push(&diff.name);
    found.push(PathChange { path: path.clone(), diff });
    diff.children.iter().for_each(|child| gather(child, path, found));
    path.pop();
}

/// Compares two merged call trees by the names of their paths. Where each has
/// one root, these are the same however they are called: an endpoint that was
/// renamed can be compared, too.
pub fn profile_diff(before: &CallTree, after: &CallTree) -> ProfileDiff {
    let requests = [before, after].map(requests);
    let pair = Pair { requests: requests.map(|count| count.max(1) as f64) };
    let renamed = match (single(before), single(after)) {
        (Some((_, one)), Some((name, other))) => {
            Some(vec![pair.path(name, Some(one), Some(other), false)])
        }
        _ => None,
    };
    let [requests_before, requests_after] = requests.map(|count| count as f64 / WEIGHT_UNIT as f64);
    ProfileDiff {
        requests_before,
        requests_after,
        roots: renamed.unwrap_or_else(|| pair.level(&before.roots, &after.roots)),
    }
}

fn requests(tree: &CallTree) -> i64 {
    tree.roots.values().fold(0, |sum: i64, root| sum.saturating_add(root.requests.max(0)))
}

fn single(tree: &CallTree) -> Option<(&Arc<str>, &CallNode)> {
    tree.roots.first_key_value().filter(|_| tree.roots.len() == 1)
}

/// Paths by name.
type Level = BTreeMap<Arc<str>, CallNode>;

/// The requests of both sides, in thousandths.
struct Pair {
    requests: [f64; 2],
}

impl Pair {
    fn level(&self, before: &Level, after: &Level) -> Vec<PathDiff> {
        let folded = [before, after].iter().any(|level| level.contains_key(CallTree::OTHER));
        let gone = before.iter().filter(|(name, _)| !after.contains_key(*name));
        let gone = gone.map(|(name, node)| self.path(name, Some(node), None, folded));
        let there =
            after.iter().map(|(name, node)| self.path(name, before.get(name), Some(node), folded));
        let mut paths: Vec<PathDiff> = gone.chain(there).collect();
        let width = |path: &PathDiff| path.before.total_ns.max(path.after.total_ns);
        paths.sort_by(|one, other| {
            width(other).total_cmp(&width(one)).then_with(|| one.name.cmp(&other.name))
        });
        paths
    }

    fn path(
        &self,
        name: &Arc<str>,
        before: Option<&CallNode>,
        after: Option<&CallNode>,
        folded: bool,
    ) -> PathDiff {
        let presence = match (before, after) {
            (Some(_), Some(_)) => Presence::Both,
            _ if folded => Presence::Unsure,
            (None, _) => Presence::New,
            (_, None) => Presence::Gone,
        };
        PathDiff {
            name: Arc::clone(name),
            class: after.or(before).map_or(Class::Own, |node| node.class),
            presence,
            before: before.map_or(PathFigures::default(), |node| figures(node, self.requests[0])),
            after: after.map_or(PathFigures::default(), |node| figures(node, self.requests[1])),
            children: self.level(children(before), children(after)),
        }
    }
}

fn children(node: Option<&CallNode>) -> &Level {
    static NONE: Level = Level::new();
    node.map_or(&NONE, |node| &node.children)
}

fn figures(node: &CallNode, requests: f64) -> PathFigures {
    let thousandths = WEIGHT_UNIT as f64;
    PathFigures {
        total_ns: node.total_ns as f64 / requests * thousandths,
        self_ns: node.self_ns as f64 / requests * thousandths,
        calls: node.count as f64 / requests,
        share_of_requests: (node.requests as f64 / requests).clamp(0.0, 1.0),
    }
}
