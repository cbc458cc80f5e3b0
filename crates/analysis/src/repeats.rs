//! Repetition among the calls of a segment: which calls are the same operation
//! made at the same place, wherever they lie in the tree.
//!
//! ```text
//! SELECT items ─ x ─ SELECT items ─ SELECT items       one group, interleaved
//! render item { SELECT price }  render item { … }      one group, over parents
//! S3.PutObject { PUT bucket… }                         one call, not two
//! ```
//!
//! The place is the name of the span that a call hangs under: one loop works
//! under one span, or under one of the same name for each item. The same query
//! at two places of the code is no repetition of either.
//!
//! What is wasteful about a group is decided by the detectors.

mod cycles;
mod series;
mod timing;
mod writes;

use hotspan_knowledge::knowledge;
use hotspan_model::{CallKind, Class, UnixNanos};
use twox_hash::XxHash3_128;

use crate::digest::SpanDigest;
use crate::study::Study;

pub(crate) use cycles::{Cycle, cycle_from};
pub(crate) use series::{Series, Values};
pub(crate) use timing::{Wait, is_polling, wait_of};
pub(crate) use writes::{is_write, reads};

/// Fewer calls than these are no repetition to any detector.
const CALLS_MIN: usize = 3;

/// The repeated calls of a segment.
#[derive(Debug, Default)]
pub(crate) struct Repeats {
    /// Every call of a segment that could repeat, by start.
    pub(crate) calls: Vec<usize>,
    /// Groups of at least three calls, by the start of their first.
    pub(crate) groups: Vec<Group>,
    /// The calls of the groups, one group after the other.
    members: Vec<usize>,
}

/// Calls of one operation at one place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    from: usize,
    to: usize,
    /// They repeat by their nature (paging, batches, health checks, files).
    pub(crate) by_nature: bool,
}

impl Repeats {
    /// Finds them. A call inside another call is part of that one.
    pub(crate) fn of(study: &Study<'_>) -> Self {
        let calls = study.segment.spans.iter().filter(|span| may_repeat(span)).count();
        if calls < CALLS_MIN {
            return Self::default();
        }
        let mut keyed = keyed_calls(study);
        keyed.sort_unstable();
        let mut found =
            Self { members: keyed.iter().map(|call| call.3).collect(), ..Self::default() };
        let mut from = 0;
        for group in keyed.chunk_by(|one, other| one.0 == other.0) {
            let to = from + group.len();
            if group.len() >= CALLS_MIN {
                found.groups.push(Group { from, to, by_nature: false });
            }
            from = to;
        }
        if found.groups.is_empty() {
            return Self::default();
        }
        found.groups.sort_unstable_by_key(|group| {
            let (key, start, end, _) = keyed[group.from];
            (start, end, key)
        });
        for index in 0..found.groups.len() {
            found.groups[index].by_nature = by_nature(study, found.spans(found.groups[index]));
        }
        keyed.sort_unstable_by_key(|(key, start, end, span)| (*start, *end, *key, *span));
        found.calls = keyed.iter().map(|call| call.3).collect();
        found
    }

    /// The calls of a group, by start.
    pub(crate) fn spans(&self, group: Group) -> &[usize] {
        &self.members[group.from..group.to]
    }

    /// True when hardly any other call happens between the first and the last
    /// of these: whoever polls does nothing else. What concerns the connection
    /// is part of asking.
    pub(crate) fn is_alone(&self, study: &Study<'_>, calls: &[usize]) -> bool {
        let spans = &study.segment.spans;
        let (Some(&first), Some(&last)) = (calls.first(), calls.last()) else {
            return false;
        };
        let (from, to) = (spans[first].start, spans[last].start);
        let before = self.calls.partition_point(|&call| spans[call].start < from);
        let until = self.calls.partition_point(|&call| spans[call].start <= to);
        let others = self.calls[before..until].iter().filter(|&&call| !is_natural(&spans[call]));
        // Of many others the first few tell: a trace may have thousands of loops.
        let others_max = calls.len() * 5 / 4;
        others.take(others_max + 1).count() <= others_max
    }

    /// The call that ended last before `at`, of those that began shortly
    /// before: what a loop may have got its items from.
    pub(crate) fn before(&self, study: &Study<'_>, at: UnixNanos) -> Option<usize> {
        /// How many calls are looked at: parallel ones may not have ended.
        const CALLS_BACK_MAX: usize = 16;
        let spans = &study.segment.spans;
        let begun = self.calls.partition_point(|&call| spans[call].start < at);
        let back = self.calls[..begun].iter().rev().take(CALLS_BACK_MAX).copied();
        back.filter(|&call| spans[call].end <= at.plus(SLACK_NS))
            .filter(|&call| !is_natural(&spans[call]))
            .max_by_key(|&call| (spans[call].end, spans[call].start))
    }
}

/// Spans of sequential calls overlap by rounding.
pub(crate) const SLACK_NS: i64 = 1_000_000;

/// Each call with a hash of operation and place, its start and its end.
type Keyed = (u64, UnixNanos, UnixNanos, usize);

fn keyed_calls(study: &Study<'_>) -> Vec<Keyed> {
    let (spans, tree) = (&study.segment.spans, &study.tree);
    // For each span whether it lies inside a call, and the hash of its name
    // once it is known to be a place.
    let mut inside = vec![false; spans.len()];
    let mut places: Vec<Option<u64>> = vec![None; spans.len()];
    let mut keyed = Vec::new();
    for &span in &tree.order {
        let parent = tree.parents[span];
        inside[span] = parent.is_some_and(|parent| inside[parent]);
        if inside[span] || !may_repeat(&spans[span]) || study.lookups.owners[span].is_some() {
            continue;
        }
        inside[span] = true;
        let place = parent.map_or(0, |parent| {
            *places[parent].get_or_insert_with(|| without_numbers(&spans[parent].name))
        });
        let key = operation_key(&spans[span]).wrapping_mul(31).wrapping_add(place);
        keyed.push((key, spans[span].start, spans[span].end, span));
    }
    keyed
}

/// True for calls whose repetition tells something. Caches are made to be
/// asked again and again; queues, credentials, tokens and secrets have
/// detectors of their own.
fn may_repeat(span: &SpanDigest) -> bool {
    span.call.as_ref().filter(|_| !span.is_nameless()).is_some_and(|call| {
        matches!(call.kind, CallKind::Database | CallKind::Http | CallKind::Rpc)
            && matches!(call.class, Class::Database | Class::Http | Class::Rpc)
    })
}

/// A hash of what a call does and to whom, without values. Hosts that differ
/// in numbers are copies of one.
pub(crate) fn operation_key(span: &SpanDigest) -> u64 {
    let Some(call) = &span.call else {
        return 0;
    };
    let seed = without_numbers(&call.target) ^ u64::from(span.traits.shape);
    let seed = seed.wrapping_add(call.kind as u64);
    XxHash3_128::oneshot_with_seed(seed, call.operation.as_bytes()) as u64
}

/// A hash (FNV-1a) of a text in which every number is the same.
pub(crate) fn without_numbers(text: &str) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    let mut in_number = false;
    for byte in text.bytes() {
        let digit = byte.is_ascii_digit();
        if !(digit && in_number) {
            let byte = if digit { b'0' } else { byte };
            state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        in_number = digit;
    }
    state
}

/// True when a group of calls repeats by its nature.
fn by_nature(study: &Study<'_>, group: &[usize]) -> bool {
    let spans = &study.segment.spans;
    let batches = group.iter().filter(|&&call| spans[call].traits.batch).count();
    is_natural(&spans[group[0]])
        || batches * 2 >= group.len()
        || moves_on(spans, group)
        || is_scattered(spans, group)
}

/// True when one question goes to each of many hosts that differ in numbers:
/// the parts of a store must all be asked. Where the question differs as well,
/// they are copies of one host that take turns.
fn is_scattered(spans: &[SpanDigest], group: &[usize]) -> bool {
    let call_of = |call: &usize| spans[*call].call.as_ref();
    let values = spans[group[0]].values;
    let one_question = values != u64::MAX
        && group.iter().all(|&call| spans[call].values == values)
        && group.iter().filter_map(call_of).all(|call| call.kind == CallKind::Http);
    if !one_question {
        return false;
    }
    let mut hosts: Vec<&str> = group.iter().filter_map(call_of).map(|call| &*call.target).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts.len() == group.len()
}

/// True for a call that is repeated by its nature.
fn is_natural(span: &SpanDigest) -> bool {
    /// A connection that goes on as a websocket.
    const SWITCHING_PROTOCOLS: u16 = 101;
    let natural = &knowledge().natural;
    span.call.as_ref().is_some_and(|call| match call.kind {
        CallKind::Database => natural.is_statement(&call.operation),
        CallKind::Http => {
            span.http_status == SWITCHING_PROTOCOLS
                || natural.is_request(&call.target, &call.operation)
        }
        _ => natural.is_operation(&call.operation),
    })
}

/// True when the calls read one result page by page: they name places in it,
/// and the places differ. A first page of many things is no paging.
fn moves_on(spans: &[SpanDigest], group: &[usize]) -> bool {
    /// Of a call that reads by pages without telling where.
    const UNTOLD: u16 = 1;
    let mut pages: Vec<u16> =
        group.iter().map(|&call| spans[call].traits.page).filter(|page| *page != 0).collect();
    if pages.len() * 5 < group.len() * 4 {
        return false;
    }
    let untold = pages.iter().filter(|page| **page == UNTOLD).count();
    pages.sort_unstable();
    pages.dedup();
    untold * 2 >= group.len() || (pages.len() >= 2 && pages.len() * 2 >= group.len())
}
