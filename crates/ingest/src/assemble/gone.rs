//! Traces that assembly let go not long ago: what tells a late span from the
//! first span of a trace.

use std::collections::{HashMap, VecDeque};

use hotspan_model::UnixNanos;

use super::Key;

/// Traces remembered.
const TRACES_MAX: usize = 100_000;

/// Keys of analysed traces with the end of what was analysed.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// The end of what was analysed, and the number of the entry in `order`.
    traces: HashMap<Key, (UnixNanos, u64)>,
    order: VecDeque<(UnixNanos, u64, Key)>,
    entries: u64,
}

impl Gone {
    /// Remembers a trace, if it was analysed at all.
    pub(super) fn put(&mut self, now: UnixNanos, key: &Key, reported_until: Option<UnixNanos>) {
        let Some(until) = reported_until else { return };
        self.entries += 1;
        self.traces.insert(key.clone(), (until, self.entries));
        self.order.push_back((now, self.entries, key.clone()));
        while self.order.len() > TRACES_MAX {
            self.drop_oldest();
        }
    }

    /// The end of what was analysed of a trace that comes back.
    pub(super) fn take(&mut self, key: &Key) -> Option<UnixNanos> {
        self.traces.remove(key).map(|(until, _)| until)
    }

    /// Forgets what went `keep_ns` ago or earlier.
    pub(super) fn expire(&mut self, now: UnixNanos, keep_ns: i64) {
        while self.order.front().is_some_and(|(gone_at, _, _)| now.since(*gone_at) >= keep_ns) {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, entry, key)) = self.order.pop_front() else { return };
        if self.traces.get(&key).is_some_and(|(_, current)| *current == entry) {
            self.traces.remove(&key);
        }
    }
}
