//! What makes two rows copies of each other: the same span, received again
//! for the same project. Spans that only share an id are different spans.

use std::collections::{HashMap, HashSet};

use hotspan_model::{Span, SpanId, TraceId, UnixNanos};
use twox_hash::XxHash3_128;

use super::rows::Row;

/// What copies have in common for sure, and different spans nearly never.
type Likeness = (TraceId, SpanId, UnixNanos, UnixNanos);

fn likeness(span: &Span) -> Likeness {
    (span.trace_id, span.span_id, span.start, span.end)
}

/// Tells copies by everything there is in them.
#[derive(Debug, Default)]
pub(super) struct Seen(HashSet<u128>);

impl Seen {
    /// False for a copy of a row that came before.
    pub(super) fn is_new(&mut self, row: &Row) -> bool {
        // The debug form has every field, also those that a later version adds.
        let content = format!("{} {:?}", row.project, row.span);
        self.0.insert(XxHash3_128::oneshot(content.as_bytes()))
    }
}

/// Leaves out copies. Whole spans are compared only where something suggests
/// a copy.
pub(super) fn each_once(rows: Vec<Row>) -> impl Iterator<Item = Row> {
    let mut alike: HashMap<Likeness, u32> = HashMap::with_capacity(rows.len());
    for row in &rows {
        *alike.entry(likeness(&row.span)).or_default() += 1;
    }
    let mut seen = Seen::default();
    rows.into_iter()
        .filter(move |row| alike.get(&likeness(&row.span)) == Some(&1) || seen.is_new(row))
}
