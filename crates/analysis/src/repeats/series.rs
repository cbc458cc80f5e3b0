//! Figures of a series of calls of one operation.

use hotspan_model::{Call, CallKind};

use super::writes::is_write;
use crate::study::Study;

/// Whether calls asked for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Values {
    /// Most spans do not tell.
    Unknown,
    /// They tell, and so many are different.
    Different(usize),
}

/// Calls of one operation, by start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Series<'a, 's> {
    study: &'a Study<'s>,
    pub(crate) calls: &'a [usize],
}

impl<'a, 's> Series<'a, 's> {
    /// A series of at least one call.
    pub(crate) fn new(study: &'a Study<'s>, calls: &'a [usize]) -> Self {
        Self { study, calls }
    }

    /// Median duration of a call.
    pub(crate) fn median_ns(&self) -> i64 {
        let spans = &self.study.segment.spans;
        let mut durations: Vec<i64> =
            self.calls.iter().map(|&call| spans[call].duration_ns()).collect();
        durations.sort_unstable();
        durations.get(durations.len() / 2).copied().unwrap_or(0)
    }

    /// What they asked for.
    pub(crate) fn values(&self) -> Values {
        let mut asked: Vec<u64> = self.calls.iter().map(|&call| self.study.asked(call)).collect();
        asked.sort_unstable();
        let unknown = asked.iter().filter(|asked| **asked == 0).count();
        if unknown * 2 > asked.len() {
            return Values::Unknown;
        }
        asked.dedup();
        match asked.len() - usize::from(unknown > 0) {
            // What a request writes to one address is in its body. A PUT puts
            // a thing where the address says: again, it is the same thing.
            1 if self.calls.first().is_some_and(|&call| self.sends(call)) => Values::Unknown,
            different => Values::Different(different),
        }
    }

    fn sends(&self, call: usize) -> bool {
        let span = &self.study.segment.spans[call];
        let sends =
            |call: &Call| call.kind == CallKind::Http && !call.operation.starts_with("PUT ");
        is_write(span) && span.call.as_deref().is_some_and(sends)
    }

    /// How many were in flight at one time.
    pub(crate) fn at_once(&self) -> usize {
        let spans = &self.study.segment.spans;
        let mut ends: Vec<_> = self.calls.iter().map(|&call| spans[call].end).collect();
        ends.sort_unstable();
        let (mut ended, mut most) = (0, 0);
        for (begun, &call) in self.calls.iter().enumerate() {
            while ended < begun && ends[ended] <= spans[call].start {
                ended += 1;
            }
            most = most.max(begun + 1 - ended);
        }
        most
    }

    /// How many different spans they hang under.
    pub(crate) fn parents(&self) -> usize {
        let parents = self.calls.iter().map(|&call| self.study.tree.parents[call]);
        let mut parents: Vec<_> = parents.collect();
        parents.sort_unstable();
        parents.dedup();
        parents.len()
    }
}
