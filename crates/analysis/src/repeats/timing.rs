//! The waits between calls that follow each other: polling, back-off.

use hotspan_model::time::NANOS_PER_MILLI;

use crate::digest::SpanDigest;

/// A shorter pause is the code around the call, not a wait.
const WAIT_NS_MIN: i64 = 20 * NANOS_PER_MILLI;
/// Somebody who polls waits at least so long, and longer than a call takes.
const POLL_WAIT_NS_MIN: i64 = 25 * NANOS_PER_MILLI;

/// What lies between calls that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing to speak of.
    None,
    /// A pause of about the same length each time.
    Fixed,
    /// Pauses that grow.
    Growing,
}

/// Pauses between the calls, which are in order of their start; negative where
/// they overlap.
fn pauses(spans: &[SpanDigest], calls: &[usize]) -> Vec<i64> {
    let pair = |pair: &[usize]| spans[pair[1]].start.since(spans[pair[0]].end);
    calls.windows(2).map(pair).collect()
}

/// What lies between these calls.
pub(crate) fn wait_of(spans: &[SpanDigest], calls: &[usize]) -> Wait {
    let pauses = pauses(spans, calls);
    let mut sorted = pauses.clone();
    sorted.sort_unstable();
    let median = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    if median < WAIT_NS_MIN {
        return Wait::None;
    }
    match (pauses.first(), pauses.last()) {
        (Some(first), Some(last)) if pauses.len() > 1 && *last >= first.saturating_mul(3) / 2 => {
            Wait::Growing
        }
        _ => Wait::Fixed,
    }
}

/// True when equal calls look like somebody who asks until the answer changes:
/// one after the other with pauses longer than the calls, and either the
/// pauses are even or grow, or the last answer has another status.
pub(crate) fn is_polling(spans: &[SpanDigest], calls: &[usize]) -> bool {
    let pauses = pauses(spans, calls);
    let (Some(shortest), Some(longest)) = (pauses.iter().min(), pauses.iter().max()) else {
        return false;
    };
    let longest_call = calls.iter().map(|&call| spans[call].duration_ns()).max().unwrap_or(0);
    if *shortest < POLL_WAIT_NS_MIN || *shortest <= longest_call {
        return false;
    }
    let grow = pauses.windows(2).all(|pair| pair[1] >= pair[0]) && *longest > *shortest;
    is_even(&pauses) || grow || changes_status(spans, calls)
}

/// True when half of the pauses, and at least two, are about as long as the
/// shortest: a timer never fires early, and a busy machine only makes it later.
fn is_even(pauses: &[i64]) -> bool {
    let shortest = pauses.iter().copied().min().unwrap_or(0);
    let near = pauses.iter().filter(|pause| **pause <= shortest.saturating_mul(5) / 4).count();
    near >= 2 && near * 2 >= pauses.len()
}

/// True when the last answer has another status than all before it.
pub(crate) fn changes_status(spans: &[SpanDigest], calls: &[usize]) -> bool {
    let status = |call: &usize| (spans[*call].http_status, spans[*call].failed());
    match calls.split_last() {
        Some((last, before)) if !before.is_empty() => {
            before.iter().all(|call| status(call) != status(last))
        }
        _ => false,
    }
}
