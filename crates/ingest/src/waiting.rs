//! Endpoints that wait for a look, each with the start of its latest request:
//! looks go back from there, so that data that comes late is judged as well.

use std::collections::{BTreeMap, HashMap};

use hotspan_model::{Endpoint, UnixNanos};

/// Whose figures changed since they were looked at, by number.
#[derive(Debug, Default)]
pub(crate) struct Waiting(BTreeMap<i64, UnixNanos>);

impl Waiting {
    /// Puts touched endpoints on the list. One that is not in `latest` was
    /// booked under another name, beyond the cap of endpoints; `now` stands in.
    pub(crate) fn touch(
        &mut self,
        now: UnixNanos,
        touched: &[(i64, Endpoint)],
        latest: &HashMap<Endpoint, UnixNanos>,
    ) {
        for (id, endpoint) in touched {
            let start = latest.get(endpoint).copied().unwrap_or(now);
            let latest = self.0.entry(*id).or_insert(start);
            *latest = start.max(*latest);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their numbers.
    pub(crate) fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.0.keys().copied()
    }

    /// True while it waits.
    pub(crate) fn contains(&self, id: i64) -> bool {
        self.0.contains_key(&id)
    }

    /// Takes one from the list; tells the start of its latest request.
    pub(crate) fn take(&mut self, id: i64) -> Option<UnixNanos> {
        self.0.remove(&id)
    }
}
