//! The store as the rest of the program holds it: one handle over the log,
//! the span table and the book.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hotspan_model::{Span, TraceId};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backup::{self, BackupFiles, BackupSummary};
use crate::book::{Book, BookError, BookPositions, removed};
use crate::search::Searcher;
use crate::table::{DamagedFile, EntryOrder, Reader, SpanTable};
use crate::wal::{Replay, Wal, WalPosition};
use crate::{
    Batch, DiskSpace, Effort, Filter, Meters, QueryKind, ReplayStart, StoreError, TimeWindow,
};

/// How far each consumer of the log has come, durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitPoints {
    /// The span table.
    pub spans: WalPosition,
    /// Segments, roll-ups and issues.
    pub segments: WalPosition,
}

impl CommitPoints {
    /// The position everything at or below which every consumer has.
    pub fn lowest(&self) -> WalPosition {
        self.spans.min(self.segments)
    }

    /// The position that at least one consumer has reached.
    pub fn highest(&self) -> WalPosition {
        self.spans.max(self.segments)
    }

    pub(crate) fn of(book: &Book) -> Result<Self, BookError> {
        Ok(Self::at(book.positions()?))
    }

    pub(crate) fn at(positions: BookPositions) -> Self {
        Self { spans: WalPosition(positions.spans), segments: WalPosition(positions.segments) }
    }
}

/// The spans of one trace.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceSpans {
    /// Each span once, with the project that received it, by start.
    pub spans: Vec<(Arc<str>, Span)>,
    /// False when some could not be read: cut at the limit, or a file is missing.
    pub complete: bool,
}

/// What the store holds and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageStats {
    /// Parquet files of spans.
    pub span_files: u64,
    /// Their bytes.
    pub span_file_bytes: u64,
    /// Spans in them.
    pub span_file_rows: u64,
    /// Span files the manifest names that are missing or damaged.
    pub span_files_missing: u64,
    /// Which, and what is wrong with each; what they hold is not shown.
    pub span_files_damaged: Vec<DamagedFile>,
    /// Spans that compaction left out because they were there already.
    pub span_copies_removed: u64,
    /// Spans removed because they were older than spans are kept.
    pub spans_expired: u64,
    /// Spans removed, oldest first, because the bytes to keep were used up.
    pub spans_removed_for_room: u64,
    /// Spans in memory.
    pub memory_spans: u64,
    /// Bytes of them.
    pub memory_bytes: u64,
    /// How long ago the oldest of them came; only the log has it on disk.
    pub memory_age: Option<Duration>,
    /// Files of the write-ahead log.
    pub wal_files: u64,
    /// Their bytes.
    pub wal_bytes: u64,
    /// Bytes of `hotspan.db`.
    pub database_bytes: u64,
    /// Why the last flush to Parquet failed, while it is being tried again.
    pub flush_error: Option<String>,
}

/// Span files of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DayStorage {
    /// Days since 1970-01-01, UTC, by when the spans began.
    pub day: i64,
    /// Parquet files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Spans in them.
    pub spans: u64,
}

/// The store. A cheap handle.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) data_dir: PathBuf,
    pub(crate) meters: Arc<Meters>,
    pub(crate) book: Arc<Book>,
    pub(crate) wal: Wal,
    pub(crate) table: Arc<SpanTable>,
    pub(crate) reader: Reader,
    pub(crate) searcher: Searcher,
    pub(crate) durable: watch::Receiver<WalPosition>,
    pub(crate) replay: ReplayStart,
    pub(crate) tending: Mutex<Vec<JoinHandle<()>>>,
    pub(crate) effort: Arc<Effort>,
}

impl Store {
    /// Runs SQLite work where it may block. Every async method over the book
    /// goes through here.
    pub(crate) async fn with_book<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Book) -> Result<T, BookError> + Send + 'static,
    {
        let book = Arc::clone(&self.inner.book);
        Ok(tokio::task::spawn_blocking(move || work(&book)).await??)
    }

    /// What a start has to do again: from the lowest commit point to the end
    /// of the log, as both stood when it was opened.
    pub fn replay_start(&self) -> ReplayStart {
        self.inner.replay
    }

    /// Frames above `from` up to `to`, in order; `to` must be durable. Reads
    /// files as it goes, so drive it where blocking is fine. After an error,
    /// which says what is damaged, it goes on with what can be read.
    pub fn replay(&self, from: WalPosition, to: WalPosition) -> Replay {
        self.inner.wal.replay(from, to)
    }

    /// How far each consumer has come, durably.
    pub fn commit_points(&self) -> Result<CommitPoints, StoreError> {
        Ok(CommitPoints::of(&self.inner.book)?)
    }

    /// Puts the spans of one request into the span table. Does nothing for a
    /// position the table has already. Waits only when memory is full while
    /// the previous fill is still being written.
    pub async fn apply_spans(
        &self,
        position: WalPosition,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        self.inner.table.apply(position, batch).await
    }

    /// The position up to which queries see spans, as it moves.
    pub fn applied(&self) -> watch::Receiver<WalPosition> {
        self.inner.table.applied()
    }

    /// The position up to which the log is durable.
    pub fn durable(&self) -> WalPosition {
        *self.inner.durable.borrow()
    }

    /// Waits until queries see everything at or below `at_least`; false when
    /// that took longer than `timeout`.
    pub async fn wait_applied(&self, at_least: WalPosition, timeout: Duration) -> bool {
        let mut applied = self.applied();
        let reached = applied.wait_for(|position| *position >= at_least);
        matches!(tokio::time::timeout(timeout, reached).await, Ok(Ok(_)))
    }

    /// Every span of a trace, each once.
    pub async fn trace(&self, trace_id: TraceId) -> Result<TraceSpans, StoreError> {
        let query = self.inner.reader.trace(&self.inner.table, trace_id);
        self.inner.meters.timed(QueryKind::Trace, query).await
    }

    /// The first `n` entry spans that began in a window, with the project that
    /// received each. Scans spans: pages read roll-ups where these suffice.
    pub async fn entry_spans(
        &self,
        window: TimeWindow,
        filter: &Filter,
        order: EntryOrder,
        n: usize,
    ) -> Result<Vec<(Arc<str>, Span)>, StoreError> {
        let query = self.inner.reader.entry_spans(&self.inner.table, window, filter, order, n);
        self.inner.meters.timed(QueryKind::EntrySpans, query).await
    }

    /// What the store counts of its own work.
    pub fn meters(&self) -> &Meters {
        &self.inner.meters
    }

    /// Room on the disk of the data directory.
    pub fn disk_space(&self) -> Result<DiskSpace, StoreError> {
        let data_dir = &self.inner.data_dir;
        DiskSpace::of(data_dir).map_err(StoreError::disk("look for room in", data_dir))
    }

    /// CPU time by part of the work; the parts of other crates count here too.
    pub fn effort(&self) -> &Effort {
        &self.inner.effort
    }

    /// What the store holds and where it stands.
    pub async fn storage_stats(&self) -> Result<StorageStats, StoreError> {
        let wal = self.inner.wal.clone();
        let (wal_files, wal_bytes) = tokio::task::spawn_blocking(move || wal.size()).await??;
        let (database_bytes, tallies) =
            self.with_book(|book| Ok((book.book_stats()?.bytes, book.removed_tallies()?))).await?;
        let tally = |name: &str| tallies.get(name).copied().unwrap_or_default();
        let table = self.inner.table.stats();
        Ok(StorageStats {
            span_files: table.files,
            span_file_bytes: table.file_bytes,
            span_file_rows: table.file_rows,
            span_files_missing: table.damaged.len() as u64,
            span_files_damaged: table.damaged,
            span_copies_removed: tally(removed::COPIES),
            spans_expired: tally(removed::EXPIRED),
            spans_removed_for_room: tally(removed::FOR_ROOM),
            memory_spans: table.memory_rows,
            memory_bytes: table.memory_bytes,
            memory_age: table.memory_age,
            wal_files,
            wal_bytes,
            database_bytes,
            flush_error: table.flush_error,
        })
    }

    /// Span files by day, newest first.
    pub fn storage_days(&self) -> Vec<DayStorage> {
        self.inner.table.days()
    }

    /// Copies the data directory `from` to `to`, whether a server runs on it
    /// or not. A server started on the copy has every span acknowledged before
    /// this was called. `progress` is told what is being done.
    ///
    /// # Errors
    /// When `from` is not a data directory that this version reads, `to` is not
    /// empty, or the disk refuses; what was copied then is left and says that
    /// it is not whole.
    pub async fn backup(
        from: PathBuf,
        to: PathBuf,
        files: BackupFiles,
        mut progress: impl FnMut(&str) + Send + 'static,
    ) -> Result<BackupSummary, StoreError> {
        tokio::task::spawn_blocking(move || backup::backup(&from, &to, files, &mut progress))
            .await?
    }

    /// Writes everything in memory to Parquet, removes what the log need not
    /// keep, and stops the background work. Close the journal and commit the
    /// last segments first.
    pub async fn shutdown(&self) -> Result<(), StoreError> {
        let flushed = self.inner.table.close().await;
        let tending = {
            let mut tending = self.inner.tending.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tending)
        };
        for task in tending {
            // Each ends by itself once the table is closed.
            let _ = task.await;
        }
        flushed?;
        self.inner.table.reclaim_log().await
    }
}
