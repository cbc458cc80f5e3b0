//! Search: a filter in words, the spans or traces that pass it, newest first,
//! a page at a time.
//!
//! [`language`] reads the words. [`plan`] makes of them what columns can be
//! asked, [`walk`] goes through memory and files from the newest to the oldest
//! and stops when the page is full; [`file`] looks through one file, and
//! [`fetch`] reads the rows that were found. Whatever ends a search early is
//! told in its [`Coverage`].

mod attribute;
mod columns;
mod cursor;
pub(crate) mod entries;
mod fetch;
mod file;
mod footers;
mod found;
pub mod language;
mod plan;
mod row_groups;
mod scan;
mod synonyms;
#[cfg(test)]
mod tests;
mod texts;
mod walk;

use std::sync::Arc;

use hotspan_model::{SpanId, SpanKind, Status, TraceId, UnixNanos};

pub use cursor::{CursorError, SearchCursor};
use language::SpanFilter;
pub(crate) use walk::Searcher;

use crate::{QueryKind, Store, StoreError, TimeWindow};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SearchMode {
    /// Spans that pass the filter.
    #[default]
    Spans,
    /// Traces with such a span: each once, with its newest.
    Traces,
}

/// A question.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// What spans must be like.
    pub filter: SpanFilter,
    /// When they began.
    pub window: TimeWindow,
    /// Spans or traces.
    pub mode: SearchMode,
    /// Hits on a page at most.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<SearchCursor>,
}

/// One hit.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchHit {
    /// The project that received it.
    pub project: Arc<str>,
    /// Its trace.
    pub trace_id: TraceId,
    /// Its id.
    pub span_id: SpanId,
    /// Its service.
    pub service: String,
    /// Its name.
    pub name: String,
    /// Its role.
    pub kind: SpanKind,
    /// How it ended.
    pub status: Status,
    /// When it began.
    pub start: UnixNanos,
    /// Nanoseconds from start to end.
    pub duration_ns: i64,
    /// It is known to be an entry span.
    pub is_entry: bool,
    /// Its deployment environment.
    pub environment: Option<String>,
    /// The HTTP status that was answered.
    pub http_status: Option<i32>,
}

/// A page of hits.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    /// Newest first.
    pub hits: Vec<SearchHit>,
    /// Where the next page begins; `None` when there is none.
    pub next: Option<SearchCursor>,
    /// What was looked through.
    pub coverage: Coverage,
}

/// What a search looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Files with spans in the window.
    pub files: u64,
    /// Set when time ran out before everything needed was looked through.
    pub cut: Option<Cut>,
    /// Files that could not be read; their spans are not among the hits.
    pub unreadable_files: u64,
}

/// How far a search came that was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Every hit that began later was found.
    pub back_to: UnixNanos,
    /// Files that were not looked through to their end.
    pub files_left: u64,
}

impl Store {
    /// One page of the spans or traces that pass a filter, newest first, over
    /// memory and files alike. Copies of a span count once. Takes at most ten
    /// seconds, then says how far it came; dropping the future stops the work.
    pub async fn search(&self, request: &SearchRequest) -> Result<SearchPage, StoreError> {
        let query = self.inner.searcher.search(&self.inner.table, request);
        self.meters().timed(QueryKind::Search, query).await
    }
}
