//! Cycles: different operations that repeat together.
//!
//! ```text
//! A B C  A B C  A B C            one after the other, other calls in between
//! item { A B }  item { A B }     under a span for each item, at any time
//! A A A                          in parallel: each B after its A,
//!  B B B                         so the n-th to begin after the n-th that ended
//! A B A  B A B                   by a few workers, each A after the B of its
//!  A B  A B                      worker's turn before
//! ```
//!
//! Groups are compared with the group that begins the cycle, and never all
//! with all, so that the work grows with the calls only.

use super::{Group, Repeats, SLACK_NS};
use crate::digest::SpanDigest;
use crate::study::Study;

/// A turn may be cut short or have one call more: so many of a hundred must not.
const TURNS_PERCENT_MIN: usize = 90;

/// Operations that repeat together.
#[derive(Debug, Clone)]
pub(crate) struct Cycle {
    /// The groups, in the order of a turn, each with its calls in a turn.
    pub(crate) groups: Vec<(Group, usize)>,
    /// How many turns there are.
    pub(crate) turns: usize,
}

/// The cycle that the first of `candidates` (by start) begins, of at most
/// `calls_max` calls a turn.
pub(crate) fn cycle_from(
    repeats: &Repeats,
    study: &Study<'_>,
    candidates: &[Group],
    calls_max: usize,
) -> Option<Cycle> {
    let (&anchor, others) = candidates.split_first()?;
    let calls = repeats.spans(anchor);
    let mut groups = vec![(anchor, 1)];
    let mut turn = 1;
    for &other in others {
        let together = together(study, calls, repeats.spans(other));
        if let Some(times) = together.filter(|times| turn + times <= calls_max) {
            groups.push((other, times));
            turn += times;
        }
    }
    (groups.len() > 1).then_some(Cycle { groups, turns: calls.len() })
}

/// How many of `others` belong to each of `anchors`, when they repeat together.
fn together(study: &Study<'_>, anchors: &[usize], others: &[usize]) -> Option<usize> {
    let spans = &study.segment.spans;
    let times = (others.len() + anchors.len() / 2) / anchors.len();
    if times == 0 {
        return None;
    }
    let goes_with = in_turns(spans, anchors, others, times)
        || under_the_same(study, anchors, others, times)
        || (times == 1 && chained(spans, anchors, others))
        || (times == 1 && by_workers(spans, anchors, others));
    goes_with.then_some(times)
}

/// So many of `all` turns are enough, since the last may be cut short.
fn enough(turns: usize, all: usize) -> bool {
    turns * 100 >= all * TURNS_PERCENT_MIN || turns + 1 >= all.max(4)
}

/// One after the other: `times` others between each anchor and the next.
fn in_turns(spans: &[SpanDigest], anchors: &[usize], others: &[usize], times: usize) -> bool {
    let mut from = others.partition_point(|&other| spans[other].start < spans[anchors[0]].start);
    if from > times {
        return false;
    }
    let mut whole = 0;
    for at in 0..anchors.len() {
        let next = anchors.get(at + 1).map(|&next| spans[next].start);
        let rest = &others[from..];
        let inside = match next {
            Some(next) => rest.partition_point(|&other| spans[other].start < next),
            None => rest.len(),
        };
        whole += usize::from(inside == times);
        from += inside;
    }
    enough(whole, anchors.len())
}

/// A span for each item: every one has one anchor and `times` others under it.
fn under_the_same(study: &Study<'_>, anchors: &[usize], others: &[usize], times: usize) -> bool {
    let parents = |calls: &[usize]| {
        let mut parents: Vec<_> = calls.iter().map(|&call| study.tree.parents[call]).collect();
        parents.sort_unstable();
        parents
    };
    if anchors.len() * times != others.len() {
        return false;
    }
    let (anchors, others) = (parents(anchors), parents(others));
    let single = anchors.windows(2).all(|pair| pair[0] != pair[1]);
    single && others.chunks(times).zip(&anchors).all(|(some, one)| some.iter().all(|o| o == one))
}

/// In parallel, each other waiting for its anchor: then the n-th other begins
/// after n anchors have ended, whichever belongs to which.
fn chained(spans: &[SpanDigest], anchors: &[usize], others: &[usize]) -> bool {
    let overlap = spans[anchors[1]].start < spans[anchors[0]].end;
    if !overlap || anchors.len().abs_diff(others.len()) * 10 > anchors.len() {
        return false;
    }
    let mut ends: Vec<_> = anchors.iter().map(|&anchor| spans[anchor].end).collect();
    ends.sort_unstable();
    let starts = others.iter().map(|&other| spans[other].start.plus(SLACK_NS));
    let waits = ends.iter().zip(starts).filter(|(end, start)| **end <= *start).count();
    let last_end = ends[ends.len() - 1];
    let adjoins = spans[others[0]].start <= last_end.plus(SLACK_NS);
    adjoins && enough(waits, anchors.len())
}

/// By `n` workers who take turns from one list: the k-th other begins after k
/// anchors have ended, and the anchor `n` places on after k others have. Two
/// loops that run beside each other do not keep such step for long.
fn by_workers(spans: &[SpanDigest], anchors: &[usize], others: &[usize]) -> bool {
    /// More workers are a crowd, of which the order says little.
    const WORKERS_MAX: usize = 8;
    /// Turns that each of them must have had.
    const ROUNDS_MIN: usize = 4;
    if anchors.len().abs_diff(others.len()) > 1 {
        return false;
    }
    let ends = |calls: &[usize]| {
        let mut ends: Vec<_> = calls.iter().map(|&call| spans[call].end).collect();
        ends.sort_unstable();
        ends
    };
    let (anchors_end, others_end) = (ends(anchors), ends(others));
    let begins = |call: &usize| spans[*call].start.plus(SLACK_NS);
    let turns = anchors.len().min(others.len());
    let keep_step = |workers: usize| {
        let in_step = |turn: &usize| {
            let next = anchors.get(turn + workers);
            anchors_end[*turn] <= begins(&others[*turn])
                && next.is_none_or(|next| others_end[*turn] <= begins(next))
        };
        enough((0..turns).filter(in_step).count(), anchors.len())
    };
    (2..=WORKERS_MAX.min(turns / ROUNDS_MIN)).any(keep_step)
}
