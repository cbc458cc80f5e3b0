//! The span table: every span as received, in memory first, in Parquet later.
//!
//! One memtable takes spans while at most one other is being written to
//! Parquet; when both are full, applying waits. A file enters the table and
//! the memtable it was written from leaves it under one lock, after the
//! manifest has committed, so that a query sees each span on exactly one side.

mod adopt;
mod attributes;
mod by_trace;
mod columns;
mod compact;
mod copies;
mod damage;
mod file;
mod files;
mod flush;
mod index;
mod layout;
mod lists;
mod lookup;
mod memtable;
mod merge;
mod order;
mod parquet;
mod query;
mod retain;
mod rows;
mod scan;
mod schema;
#[cfg(test)]
mod tests;
mod unknown;
mod upkeep;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::book::Book;
use crate::disk::Disk;
use crate::wal::{Wal, WalPosition};
use crate::{Batch, DayStorage, Effort, Meters, Part, StoreError};
use memtable::Memtable;

pub(crate) use adopt::adopt;
pub(crate) use compact::CompactLimits;
pub(crate) use file::SPANS_DIR;
pub use files::DamagedFile;
use files::SetAside;
pub(crate) use files::SpanFile;
pub use query::EntryOrder;
pub(crate) use query::Reader;
#[cfg(test)]
pub(crate) use retain::Keeping;
pub(crate) use retain::Retention;
pub(crate) use scan::scan_files;
pub(crate) use schema::{SPAN_ID_BYTES, TRACE_ID_BYTES, schema};
pub(crate) use unknown::{FoundFiles, remove_unknown};

/// When spans in memory are written to Parquet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FlushLimits {
    pub(crate) spans: usize,
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
}

/// When the table does what by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) flush: FlushLimits,
    pub(crate) compaction: CompactLimits,
    /// `None` keeps everything.
    pub(crate) retention: Option<Retention>,
}

/// Where the span table's files are.
#[derive(Debug)]
pub(crate) struct TablePlace {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) data_dir: PathBuf,
    pub(crate) meters: Arc<Meters>,
    /// Keeps other processes out of the data directory while anything may still
    /// be written: a flush can outlive the store.
    pub(crate) _lock: Arc<File>,
}

/// The span table.
#[derive(Debug)]
pub(crate) struct SpanTable {
    place: Arc<TablePlace>,
    book: Arc<Book>,
    wal: Wal,
    limits: FlushLimits,
    compaction: CompactLimits,
    retention: Option<Retention>,
    effort: Arc<Effort>,
    state: Mutex<State>,
    /// Moves whenever a flush ends, well or not.
    flushed: watch::Sender<u64>,
    applied: watch::Sender<WalPosition>,
    closing: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    active: Memtable,
    flushing: Option<Arc<Flushing>>,
    flush_task: Option<JoinHandle<()>>,
    files: Vec<Arc<SpanFile>>,
    damaged: Vec<SetAside>,
    applied: WalPosition,
    flush_error: Option<String>,
    /// The last flush failed and the table is closing: it is not tried again.
    gave_up: bool,
    /// The number in the newest name of a file that was not made by a flush.
    last_name: i64,
}

/// A memtable on its way to Parquet, and the position it completes.
#[derive(Debug)]
struct Flushing {
    memtable: Memtable,
    position: WalPosition,
}

/// What a query reads: files, and rows in memory that no file has.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) files: Vec<Arc<SpanFile>>,
    pub(crate) batches: Vec<RecordBatch>,
    /// Files that should be there and cannot be read.
    pub(crate) missing_files: u64,
}

/// Sizes, for statistics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TableStats {
    pub(crate) files: u64,
    pub(crate) file_bytes: u64,
    pub(crate) file_rows: u64,
    pub(crate) damaged: Vec<DamagedFile>,
    pub(crate) memory_rows: u64,
    pub(crate) memory_bytes: u64,
    /// How long ago the oldest of them was put in.
    pub(crate) memory_age: Option<Duration>,
    pub(crate) flush_error: Option<String>,
}

impl SpanTable {
    /// The table as the manifest has it: its files that are there, and those
    /// that cannot be read.
    pub(crate) fn new(
        place: TablePlace,
        book: Arc<Book>,
        wal: Wal,
        rules: Rules,
        effort: Arc<Effort>,
        (present, damaged): FoundFiles,
        committed: WalPosition,
    ) -> Arc<Self> {
        let place = Arc::new(place);
        let state = State {
            files: present.into_iter().map(|file| SpanFile::new(&place, file)).collect(),
            damaged: damaged
                .into_iter()
                .map(|(file, reason)| SetAside { file: SpanFile::new(&place, file), reason })
                .collect(),
            applied: committed,
            ..State::default()
        };
        Arc::new(Self {
            place,
            book,
            wal,
            limits: rules.flush,
            compaction: rules.compaction,
            retention: rules.retention,
            effort,
            state: Mutex::new(state),
            flushed: watch::Sender::new(0),
            applied: watch::Sender::new(committed),
            closing: watch::Sender::new(false),
        })
    }

    /// Puts the spans of one request in; skips a position that is in already.
    pub(crate) async fn apply(
        self: &Arc<Self>,
        position: WalPosition,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        loop {
            let mut flushed = self.flushed.subscribe();
            if self.effort.of(Part::Table, || self.try_apply(position, batch))? {
                return Ok(());
            }
            // Memory is full and the fill before it is still being written.
            if flushed.changed().await.is_err() {
                return Err(StoreError::Closed);
            }
        }
    }

    /// False when there is no room until a flush ends.
    fn try_apply(
        self: &Arc<Self>,
        position: WalPosition,
        batch: &Batch,
    ) -> Result<bool, StoreError> {
        let mut state = self.lock();
        if position <= state.applied {
            return Ok(true);
        }
        if *self.closing.borrow() {
            return Err(StoreError::Closed);
        }
        if self.is_full(&state.active) && !self.begin_flush(&mut state)? {
            return Ok(false);
        }
        state.active.touch();
        state.active.append(batch)?;
        state.applied = position;
        self.applied.send_replace(position);
        if self.is_full(&state.active) {
            self.begin_flush(&mut state)?;
        }
        Ok(true)
    }

    fn is_full(&self, memtable: &Memtable) -> bool {
        memtable.rows() >= self.limits.spans || memtable.bytes() >= self.limits.bytes
    }

    /// What a query over all spans reads.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let mut state = self.lock();
        let mut batches = state.active.snapshot()?;
        if let Some(flushing) = &state.flushing {
            batches.extend_from_slice(flushing.memtable.batches());
        }
        let (files, missing_files) = (state.files.clone(), state.damaged.len() as u64);
        Ok(Snapshot { files, batches, missing_files })
    }

    /// The position up to which queries see spans, as it moves.
    pub(crate) fn applied(&self) -> watch::Receiver<WalPosition> {
        self.applied.subscribe()
    }

    pub(crate) fn stats(&self) -> TableStats {
        let state = self.lock();
        let flushing = state.flushing.as_ref().map(|flushing| &flushing.memtable);
        let memtables = || flushing.into_iter().chain([&state.active]);
        TableStats {
            files: state.files.len() as u64,
            file_bytes: state.files.iter().map(|file| file.bytes).sum(),
            file_rows: state.files.iter().map(|file| file.rows).sum(),
            damaged: state.damaged.iter().map(SetAside::told).collect(),
            memory_rows: memtables().map(|memtable| memtable.rows() as u64).sum(),
            memory_bytes: memtables().map(|memtable| memtable.bytes() as u64).sum(),
            memory_age: memtables().filter_map(Memtable::began).map(|began| began.elapsed()).max(),
            flush_error: state.flush_error.clone(),
        }
    }

    /// Files by the day their spans began, newest day first.
    pub(crate) fn days(&self) -> Vec<DayStorage> {
        let mut days: BTreeMap<i64, DayStorage> = BTreeMap::new();
        for file in &self.lock().files {
            let number = file.hour.div_euclid(24);
            let day =
                days.entry(number).or_insert(DayStorage { day: number, ..Default::default() });
            day.files += 1;
            day.bytes += file.bytes;
            day.spans += file.rows;
        }
        days.into_values().rev().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
