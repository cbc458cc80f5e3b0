//! The span files of the table: what the manifest says of each, its trace
//! index, and when it goes.
//!
//! A file that was replaced or has expired leaves the disk when the last
//! query that reads it ends.

use std::fs::File;
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use hotspan_model::TraceId;
use tracing::{debug, warn};

use super::TablePlace;
use super::file::write_index;
use super::index::{IndexBuilder, Subject, TraceIndex, index_name};
use super::lookup::Unreadable;
use crate::book::rows::ManifestFile;

/// The directory of evidence within that of span files.
pub(super) const EVIDENCE_DIR: &str = "evidence";
/// What the path of a file of evidence begins with.
const EVIDENCE_PREFIX: &str = "spans/evidence/";

/// A span file that cannot be read, and why: for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedFile {
    /// Within the data directory.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
    /// Spans it should have.
    pub spans: u64,
}

/// A span file that was set aside.
#[derive(Debug, Clone)]
pub(super) struct SetAside {
    pub(super) file: Arc<SpanFile>,
    pub(super) reason: String,
}

impl SetAside {
    /// As people see it.
    pub(super) fn told(&self) -> DamagedFile {
        let (path, reason) = (self.file.path.clone(), self.reason.clone());
        DamagedFile { path, reason, spans: self.file.rows }
    }
}

/// One span file.
pub(crate) struct SpanFile {
    manifest: ManifestFile,
    place: Arc<TablePlace>,
    index: Mutex<Option<Arc<TraceIndex>>>,
    /// The manifest does not name it any more.
    is_gone: AtomicBool,
}

impl std::fmt::Debug for SpanFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SpanFile").field(&self.manifest.path).finish()
    }
}

impl Deref for SpanFile {
    type Target = ManifestFile;

    fn deref(&self) -> &ManifestFile {
        &self.manifest
    }
}

impl Drop for SpanFile {
    fn drop(&mut self) {
        if !*self.is_gone.get_mut() {
            return;
        }
        for path in [self.index_path(), self.full_path()] {
            // What cannot be removed now goes at the next start.
            if let Err(error) = self.place.disk.remove(&path) {
                debug!(path = %path.display(), %error, "a span file no longer needed stays");
            }
        }
    }
}

impl SpanFile {
    pub(super) fn new(place: &Arc<TablePlace>, manifest: ManifestFile) -> Arc<Self> {
        let (place, index) = (Arc::clone(place), Mutex::default());
        Arc::new(Self { manifest, place, index, is_gone: AtomicBool::new(false) })
    }

    /// True for the file of spans that are kept as evidence beyond their time.
    pub(super) fn is_evidence(&self) -> bool {
        self.manifest.path.starts_with(EVIDENCE_PREFIX)
    }

    /// Where it is.
    pub(super) fn full_path(&self) -> PathBuf {
        self.place.data_dir.join(&self.manifest.path)
    }

    /// Lets it leave the disk when nobody reads it any more. The manifest
    /// must have been committed without it.
    pub(super) fn let_go(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    /// Rows that may be of the trace, in order.
    pub(super) fn rows_of(&self, trace_id: TraceId) -> Result<Vec<Range<usize>>, Unreadable> {
        let path = self.index_path();
        if let Some(index) = self.index()
            && let Ok(rows) = index.rows_of(&path, trace_id)
        {
            return Ok(rows);
        }
        warn!(path = %path.display(), "a trace index is missing or damaged and is made again");
        self.remade_index(trace_id)
    }

    /// The checksum of the whole file, where the index knows it.
    pub(super) fn checksum(&self) -> Option<u64> {
        let checksum = self.index()?.subject().checksum;
        (checksum != 0).then_some(checksum)
    }

    fn index_path(&self) -> PathBuf {
        let path = self.full_path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        path.with_file_name(index_name(&name))
    }

    /// The index on disk, if it is whole and of this file.
    fn index(&self) -> Option<Arc<TraceIndex>> {
        let mut known = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            let index = TraceIndex::open(&self.index_path()).ok()?;
            let Subject { bytes, rows, .. } = *index.subject();
            if (bytes, rows) != (self.manifest.bytes, self.manifest.rows) {
                return None;
            }
            *known = Some(Arc::new(index));
        }
        known.clone()
    }

    /// Makes the index again from the file's trace ids, and looks a trace up
    /// in it. That it cannot be written takes nothing from the answer.
    fn remade_index(&self, trace_id: TraceId) -> Result<Vec<Range<usize>>, Unreadable> {
        let path = self.full_path();
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path)?)?;
        let trace_ids = ProjectionMask::columns(reader.parquet_schema(), ["trace_id"]);
        let mut builder = IndexBuilder::default();
        for batch in reader.with_projection(trace_ids).build()? {
            super::lookup::trace_ids(&batch?)?.iter().flatten().for_each(|id| {
                builder.add_row(id.try_into().unwrap_or_default());
            });
        }
        let subject = Subject { bytes: self.manifest.bytes, checksum: 0, rows: builder.rows() };
        if subject.rows != self.manifest.rows {
            let (rows, expected) = (subject.rows, self.manifest.rows);
            return Err(Unreadable(format!("it has {rows} spans instead of {expected}")));
        }
        let rows = builder.rows_of(trace_id);
        if let (Some(dir), Some(name)) = (path.parent(), path.file_name()) {
            let (name, content) = (name.to_string_lossy(), builder.encode(&subject));
            if let Err(error) = write_index(&*self.place.disk, dir, &name, &content) {
                warn!(%error, "a trace index cannot be written and will be made again");
            }
        }
        *self.index.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(rows)
    }
}
