//! Writing one span file with its trace index.
//!
//! A file is written under a temporary name, synced, renamed, and its
//! directory synced; only then may the manifest name it. Whatever a crash
//! leaves of it before that is removed at the next start.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;
use hotspan_model::{TraceId, UnixNanos};
use twox_hash::XxHash64;

use super::index::{IndexBuilder, Subject, index_name};
use super::layout;
use super::order::KeyColumns;
use super::schema::{SCHEMA_VERSION, schema};
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::clock::now;
use crate::disk::{Disk, DiskFile};

/// The directory of span files within the data directory.
pub(crate) const SPANS_DIR: &str = "spans";
/// The end of a span file's name.
pub(crate) const EXTENSION: &str = ".parquet";
/// The end of the name of a file that is not finished.
const UNFINISHED: &str = ".unfinished";

/// Where a file goes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The start hour in the manifest.
    pub(super) hour: i64,
    /// The directory within [`SPANS_DIR`].
    pub(super) folder: String,
    /// The name in it.
    pub(super) name: String,
}

impl Target {
    /// A file of one start hour.
    pub(super) fn in_hour(hour: i64, name: String) -> Self {
        Self { hour, folder: hour_name(hour), name }
    }

    /// As the manifest names it.
    pub(super) fn path(&self) -> String {
        format!("{SPANS_DIR}/{}/{}", self.folder, self.name)
    }
}

/// A file being written. Rows come in their order, see `order`.
pub(super) struct FileWriter<'a> {
    disk: &'a dyn Disk,
    dir: PathBuf,
    target: Target,
    writer: ArrowWriter<Measured>,
    index: IndexBuilder,
    bounds: Option<Bounds>,
}

impl<'a> FileWriter<'a> {
    pub(super) fn create(
        disk: &'a dyn Disk,
        data_dir: &Path,
        target: Target,
    ) -> Result<Self, StoreError> {
        let dir = data_dir.join(SPANS_DIR).join(&target.folder);
        disk.create_dir(&dir).map_err(StoreError::disk("create", &dir))?;
        let unfinished = unfinished(&dir, &target.name);
        let file = disk.create(&unfinished).map_err(StoreError::disk("create", &unfinished))?;
        // The Arrow schema is left out: other engines have no use for it, and
        // the Parquet types tell everything.
        let options = ArrowWriterOptions::new()
            .with_properties(layout::properties())
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Measured::new(file), schema(), options)
            .map_err(|error| StoreError::disk("write", &unfinished)(error.into()))?;
        let index = IndexBuilder::default();
        Ok(Self { disk, dir, target, writer, index, bounds: None })
    }

    /// Adds rows. After an error the file is of no use.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), StoreError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let keys = KeyColumns::of(batch)?;
        self.index.add(&keys);
        let bounds = Bounds::of(&keys);
        self.bounds = Some(self.bounds.map_or(bounds, |known| known.and(&bounds)));
        let written = self.writer.write(batch);
        written.map_err(|error| {
            StoreError::disk("write", &unfinished(&self.dir, &self.target.name))(error.into())
        })
    }

    /// Makes the file durable under its name; `None` when no row was written.
    pub(super) fn finish(self) -> Result<Option<ManifestFile>, StoreError> {
        let (disk, unfinished) = (self.disk, unfinished(&self.dir, &self.target.name));
        let finished = self.seal(&unfinished);
        if finished.is_err() {
            // Frees the room; if it fails too, the next start does it.
            let _ = disk.remove(&unfinished);
        }
        finished
    }

    fn seal(self, unfinished: &Path) -> Result<Option<ManifestFile>, StoreError> {
        let Self { disk, dir, target, writer, index, bounds } = self;
        let Some(bounds) = bounds else {
            disk.remove(unfinished).map_err(StoreError::disk("remove", unfinished))?;
            return Ok(None);
        };
        let Measured { mut file, bytes, hash } = writer
            .into_inner()
            .map_err(|error| StoreError::disk("write", unfinished)(error.into()))?;
        file.sync().map_err(StoreError::disk("sync", unfinished))?;
        let subject = Subject { bytes, checksum: hash.finish_64(), rows: index.rows() };
        write_index(disk, &dir, &target.name, &index.encode(&subject))?;
        let path = dir.join(&target.name);
        disk.rename(unfinished, &path).map_err(StoreError::disk("rename", unfinished))?;
        disk.sync_dir(&dir).map_err(StoreError::disk("sync", &dir))?;
        // The hour's directory may be new.
        let above = dir.parent().unwrap_or(&dir);
        disk.sync_dir(above).map_err(StoreError::disk("sync", above))?;
        Ok(Some(bounds.describe(&target, &subject)))
    }

    /// Frees the room of a file that will not be finished. If that fails too,
    /// the next start does it.
    pub(super) fn abandon(self) {
        let _ = self.disk.remove(&unfinished(&self.dir, &self.target.name));
    }
}

/// Puts an index beside its span file. It is not synced: a damaged one is
/// noticed and made again from the span file.
pub(super) fn write_index(
    disk: &dyn Disk,
    dir: &Path,
    file_name: &str,
    content: &[u8],
) -> Result<(), StoreError> {
    let name = index_name(file_name);
    let (unfinished, path) = (unfinished(dir, &name), dir.join(&name));
    let mut file = disk.create(&unfinished).map_err(StoreError::disk("create", &unfinished))?;
    file.write_all(content).map_err(StoreError::disk("write", &unfinished))?;
    disk.rename(&unfinished, &path).map_err(StoreError::disk("rename", &unfinished))
}

fn unfinished(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{UNFINISHED}"))
}

/// The directory of a start hour, e.g. `2026-11-23T14`.
fn hour_name(hour: i64) -> String {
    let nanos = hour.saturating_mul(3_600).saturating_mul(1_000_000_000);
    let (year, month, day, hour, ..) = UnixNanos(nanos).civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}")
}

/// First and last of what a file holds.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    start: (i64, i64),
    trace: ([u8; 16], [u8; 16]),
}

impl Bounds {
    fn of(keys: &KeyColumns) -> Self {
        let mut bounds = Self { start: (i64::MAX, i64::MIN), trace: ([0xff; 16], [0; 16]) };
        for row in 0..keys.rows() {
            let (start, trace) = (keys.start.value(row), keys.trace_id(row));
            bounds = bounds.and(&Self { start: (start, start), trace: (trace, trace) });
        }
        bounds
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            start: (self.start.0.min(other.start.0), self.start.1.max(other.start.1)),
            trace: (self.trace.0.min(other.trace.0), self.trace.1.max(other.trace.1)),
        }
    }

    fn describe(&self, target: &Target, subject: &Subject) -> ManifestFile {
        // Starts are whole microseconds; the last one holds up to 999 ns more.
        let nanos = |micros: i64| micros.saturating_mul(1_000);
        ManifestFile {
            path: target.path(),
            hour: target.hour,
            rows: subject.rows,
            bytes: subject.bytes,
            start_min: UnixNanos(nanos(self.start.0)),
            start_max: UnixNanos(nanos(self.start.1).saturating_add(999)),
            trace_min: TraceId(self.trace.0),
            trace_max: TraceId(self.trace.1),
            created: now(),
            schema_version: SCHEMA_VERSION,
        }
    }
}

/// A file that counts and sums up what is written to it.
struct Measured {
    file: Box<dyn DiskFile>,
    bytes: u64,
    hash: Checksum,
}

impl Measured {
    fn new(file: Box<dyn DiskFile>) -> Self {
        Self { file, bytes: 0, hash: Checksum::default() }
    }
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.hash.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The checksum of a whole span file.
#[derive(Debug, Default)]
pub(super) struct Checksum(XxHash64);

impl Checksum {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        std::hash::Hasher::write(&mut self.0, bytes);
    }

    pub(super) fn finish_64(&self) -> u64 {
        std::hash::Hasher::finish(&self.0)
    }
}
