//! What the store measures of itself while it works: times, sizes and counts,
//! all of them atomic. Who shows them and under which names is not known here.

use std::future::Future;
use std::time::Instant;

use hotspan_model::measure::{COUNT_BOUNDS, Counter, Histogram};

/// Everything the store counts since it was opened.
#[derive(Debug)]
pub struct Meters {
    /// The log.
    pub wal: WalMeters,
    /// Memory to Parquet.
    pub flush: FlushMeters,
    /// Small files to large ones.
    pub compaction: CompactionMeters,
    /// Files that became too old or too many.
    pub retention: RetentionMeters,
    queries: [Histogram; QueryKind::ALL.len()],
}

/// The log's writing end.
#[derive(Debug)]
pub struct WalMeters {
    /// How long each sync of a group took.
    pub sync: Histogram,
    /// Requests that shared a sync.
    pub group: Histogram,
    /// Bytes of frames made durable.
    pub bytes: Counter,
    /// Syncs that failed.
    pub sync_failures: Counter,
}

/// Memory to Parquet.
#[derive(Debug)]
pub struct FlushMeters {
    /// How long each flush that succeeded took.
    pub time: Histogram,
    /// Spans written.
    pub spans: Counter,
    /// Flushes that failed; each is tried again.
    pub failures: Counter,
}

/// Small files to large ones.
#[derive(Debug)]
pub struct CompactionMeters {
    /// How long each run that succeeded took.
    pub time: Histogram,
    /// Files read and replaced.
    pub files_in: Counter,
    /// Files written.
    pub files_out: Counter,
    /// Bytes of files read.
    pub bytes_in: Counter,
    /// Bytes of files written.
    pub bytes_out: Counter,
    /// Copies of spans that were received twice, left out.
    pub copies: Counter,
    /// Runs that failed.
    pub failures: Counter,
}

/// Files that became too old or too many.
#[derive(Debug, Default)]
pub struct RetentionMeters {
    /// Files removed.
    pub files: Counter,
    /// Spans in them.
    pub spans: Counter,
    /// Their bytes.
    pub bytes: Counter,
}

/// What a query asks for. Few, because each is a label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryKind {
    /// The spans of one trace.
    Trace,
    /// Entry spans of a window.
    EntrySpans,
    /// Spans or traces by a person's filter.
    Search,
    /// The list of endpoints.
    Endpoints,
    /// One endpoint.
    Endpoint,
    /// Lists of traces.
    Traces,
    /// The list of issues.
    Issues,
    /// One issue.
    Issue,
    /// An endpoint's profile, as detectors read it.
    Profile,
    /// What agents on hosts told.
    Agents,
}

impl QueryKind {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 10] = [
        Self::Trace,
        Self::EntrySpans,
        Self::Search,
        Self::Endpoints,
        Self::Endpoint,
        Self::Traces,
        Self::Issues,
        Self::Issue,
        Self::Profile,
        Self::Agents,
    ];

    /// The stable name.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::EntrySpans => "entry_spans",
            Self::Search => "search",
            Self::Endpoints => "endpoints",
            Self::Endpoint => "endpoint",
            Self::Traces => "traces",
            Self::Issues => "issues",
            Self::Issue => "issue",
            Self::Profile => "profile",
            Self::Agents => "agents",
        }
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            wal: WalMeters {
                sync: Histogram::of_durations(),
                group: Histogram::new(COUNT_BOUNDS),
                bytes: Counter::default(),
                sync_failures: Counter::default(),
            },
            flush: FlushMeters {
                time: Histogram::of_durations(),
                spans: Counter::default(),
                failures: Counter::default(),
            },
            compaction: CompactionMeters {
                time: Histogram::of_durations(),
                files_in: Counter::default(),
                files_out: Counter::default(),
                bytes_in: Counter::default(),
                bytes_out: Counter::default(),
                copies: Counter::default(),
                failures: Counter::default(),
            },
            retention: RetentionMeters::default(),
            queries: std::array::from_fn(|_| Histogram::of_durations()),
        }
    }
}

impl Meters {
    /// How long queries of a kind took, failed ones too.
    pub fn query(&self, kind: QueryKind) -> &Histogram {
        &self.queries[kind as usize]
    }

    /// Waits for a query and notes how long that took.
    pub(crate) async fn timed<T>(&self, kind: QueryKind, query: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let answer = query.await;
        self.query(kind).observe_duration(began.elapsed());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_place_and_name() {
        let meters = Meters::default();
        for (nth, kind) in QueryKind::ALL.into_iter().enumerate() {
            meters.query(kind).observe(nth as u64);
        }
        let mut names = std::collections::BTreeSet::new();
        for (nth, kind) in QueryKind::ALL.into_iter().enumerate() {
            let read = meters.query(kind).read();
            assert_eq!((read.count(), read.sum), (1, nth as u64), "{kind:?}");
            assert!(names.insert(kind.slug()));
        }
    }
}
