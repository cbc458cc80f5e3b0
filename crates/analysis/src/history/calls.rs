//! Wall time by call and request, before and after a change, from merged call
//! trees.
//!
//! Children that ran beside each other have more time than their parent waited
//! for them. Each is given its part of what the parent waited, so that calls
//! and own work add up to the requests' wall time, and their differences to
//! the difference of the whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use hotspan_model::calltree::CallNode;
use hotspan_model::history::TreeStretch;
use hotspan_model::sketch::WEIGHT_UNIT;
use hotspan_model::{CallTree, Class};

use crate::thresholds::HistoryThresholds;

/// A call, wherever in the tree: its name and what it is for.
pub(crate) type CallKey = (Arc<str>, Class);

/// What one call did in a stretch, weighted.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    calls: f64,
    /// Durations, added up.
    duration_ns: f64,
    /// The part of the requests' wall time.
    wall_ns: f64,
}

/// What the calls did in a stretch.
#[derive(Debug, Clone, Default)]
struct Sums {
    requests: f64,
    wall_ns: f64,
    by_call: BTreeMap<CallKey, Sum>,
}

/// What a call was like, on the whole and stretch by stretch.
#[derive(Debug, Clone, Default)]
pub(crate) struct CallFigures {
    /// Calls for each request.
    pub(crate) per_request: f64,
    /// Mean duration of one.
    pub(crate) mean_ns: f64,
    /// Wall time for each request.
    pub(crate) wall_ns: f64,
    /// `per_request` by stretch.
    pub(crate) per_request_by_stretch: Vec<f64>,
    /// `mean_ns` by stretch.
    pub(crate) mean_ns_by_stretch: Vec<f64>,
}

/// What became of one call.
#[derive(Debug, Clone)]
pub(crate) struct CallChange {
    /// The call.
    pub(crate) key: CallKey,
    /// What it was.
    pub(crate) before: CallFigures,
    /// What it is.
    pub(crate) after: CallFigures,
}

impl CallChange {
    /// The difference of its wall time for each request.
    pub(crate) fn shift_ns(&self) -> f64 {
        self.after.wall_ns - self.before.wall_ns
    }
}

/// What became of the time of requests.
#[derive(Debug, Clone)]
pub(crate) struct Breakdown {
    /// Mean wall time of a request before.
    pub(crate) before_ns: f64,
    /// Mean wall time of a request after.
    pub(crate) after_ns: f64,
    /// The calls, most time added first.
    pub(crate) calls: Vec<CallChange>,
}

impl Breakdown {
    /// Compares trees; `None` when either side has no requests. `weight` is how
    /// many requests a sample stands for, before and after.
    pub(super) fn of(
        before: &[&TreeStretch],
        after: &[&TreeStretch],
        weight: (f64, f64),
        limits: &HistoryThresholds,
    ) -> Option<Self> {
        let before: Vec<Sums> = before.iter().map(|stretch| sums(&stretch.tree)).collect();
        let after: Vec<Sums> = after.iter().map(|stretch| sums(&stretch.tree)).collect();
        let (whole_before, whole_after) = (added(before.iter()), added(after.iter()));
        if whole_before.requests <= 0.0 || whole_after.requests <= 0.0 {
            return None;
        }
        let least = limits.requests_stretch_min as f64;
        let before = enough_of_each(before, least * weight.0);
        let after = enough_of_each(after, least * weight.1);
        let mut keys: Vec<&CallKey> =
            whole_before.by_call.keys().chain(whole_after.by_call.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let change = |key: &CallKey| CallChange {
            key: key.clone(),
            before: figures(key, &whole_before, &before),
            after: figures(key, &whole_after, &after),
        };
        let mut calls: Vec<CallChange> = keys.into_iter().map(change).collect();
        calls.sort_by(|one, other| other.shift_ns().total_cmp(&one.shift_ns()));
        Some(Self {
            before_ns: whole_before.wall_ns / whole_before.requests,
            after_ns: whole_after.wall_ns / whole_after.requests,
            calls,
        })
    }

    /// The difference of a request's wall time.
    pub(crate) fn shift_ns(&self) -> f64 {
        self.after_ns - self.before_ns
    }

    /// The part of the difference that no call explains: the service's own work
    /// and what no span shows.
    pub(crate) fn own_shift_ns(&self) -> f64 {
        self.shift_ns() - self.calls.iter().map(CallChange::shift_ns).sum::<f64>()
    }
}

/// The calls of a tree.
fn sums(tree: &CallTree) -> Sums {
    let mut found = Sums::default();
    for (name, root) in &tree.roots {
        found.requests += root.requests as f64 / WEIGHT_UNIT as f64;
        found.wall_ns += root.total_ns as f64;
        walk(name, root, root.total_ns as f64, &mut found.by_call);
    }
    found
}

/// Gives `wall_ns` of the requests' time to a path and what is under it. Trees
/// are capped before they are stored, so the walk does not go deep.
fn walk(name: &Arc<str>, node: &CallNode, wall_ns: f64, by_call: &mut BTreeMap<CallKey, Sum>) {
    // What was folded away is no call any more.
    if node.class != Class::Own && &**name != CallTree::OTHER {
        let sum = by_call.entry((Arc::clone(name), node.class)).or_default();
        sum.calls += node.count as f64 / WEIGHT_UNIT as f64;
        sum.duration_ns += node.total_ns as f64;
        sum.wall_ns += wall_ns;
        return;
    }
    let below: f64 = node.children.values().map(|child| child.total_ns.max(0) as f64).sum();
    if node.total_ns <= 0 || below <= 0.0 {
        return;
    }
    let covered = (node.total_ns - node.self_ns).max(0) as f64 / node.total_ns as f64;
    for (name, child) in &node.children {
        let part = child.total_ns.max(0) as f64 / below;
        walk(name, child, wall_ns * covered * part, by_call);
    }
}

fn add(into: &mut Sums, other: &Sums) {
    into.requests += other.requests;
    into.wall_ns += other.wall_ns;
    for (key, sum) in &other.by_call {
        let total = into.by_call.entry(key.clone()).or_default();
        total.calls += sum.calls;
        total.duration_ns += sum.duration_ns;
        total.wall_ns += sum.wall_ns;
    }
}

fn added<'a>(stretches: impl Iterator<Item = &'a Sums>) -> Sums {
    stretches.fold(Sums::default(), |mut whole, stretch| {
        add(&mut whole, stretch);
        whole
    })
}

/// Neighbouring stretches put together until each has enough requests to have
/// a mean.
fn enough_of_each(stretches: Vec<Sums>, requests_min: f64) -> Vec<Sums> {
    let mut kept: Vec<Sums> = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match kept.last_mut().filter(|last| last.requests < requests_min) {
            Some(last) => add(last, &stretch),
            None => kept.push(stretch),
        }
    }
    kept.retain(|stretch| stretch.requests >= requests_min);
    kept
}

fn figures(key: &CallKey, whole: &Sums, stretches: &[Sums]) -> CallFigures {
    let of = |sums: &Sums| sums.by_call.get(key).copied().unwrap_or_default();
    let ratio = |part: f64, of: f64| if of > 0.0 { part / of } else { 0.0 };
    let sum = of(whole);
    let by_stretch = |figure: fn(&Sum, &Sums) -> Option<f64>| -> Vec<f64> {
        stretches.iter().filter_map(|stretch| figure(&of(stretch), stretch)).collect()
    };
    CallFigures {
        per_request: ratio(sum.calls, whole.requests),
        mean_ns: ratio(sum.duration_ns, sum.calls),
        wall_ns: ratio(sum.wall_ns, whole.requests),
        per_request_by_stretch: by_stretch(|sum, whole| Some(sum.calls / whole.requests)),
        mean_ns_by_stretch: by_stretch(|sum, _| {
            (sum.calls > 0.0).then(|| sum.duration_ns / sum.calls)
        }),
    }
}
