//! Spans in memory into Parquet files, one per start hour.
//!
//! A file is written under a temporary name, synced, renamed, and its
//! directory synced; only then may the manifest name it. Whatever a crash
//! leaves of it before that is removed at the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, FixedSizeBinaryArray, Int64Array, RecordBatch, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::{SortColumn, concat, interleave_record_batch, lexsort_to_indices};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_writer::ArrowWriterOptions;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::{WriterProperties, WriterVersion};
use datafusion::parquet::schema::types::ColumnPath;
use hotspan_model::{TraceId, UnixNanos};

use super::schema::{SCHEMA_VERSION, SCHEMA_VERSION_KEY};
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::clock::now;
use crate::disk::{Disk, DiskFile};
use crate::wal::WalPosition;

const MICROS_PER_HOUR: i64 = 3_600_000_000;
/// Rows handed to the Parquet writer at once.
const WRITE_ROWS: usize = 8_192;
/// Rows of a row group at most: what a bloom filter and statistics speak for.
const ROW_GROUP_ROWS: usize = 131_072;
/// How often a bloom filter may be wrong.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;
/// The directory of span files within the data directory.
pub(crate) const SPANS_DIR: &str = "spans";
/// The end of a span file's name.
pub(crate) const EXTENSION: &str = ".parquet";
/// The end of the name of a file that is not finished.
const UNFINISHED: &str = ".unfinished";

/// Writes `batches` into files that hold everything up to `position`, and
/// makes them durable. Their names come from the position, so that trying
/// again after a failure replaces what the failure left.
pub(super) fn write(
    disk: &dyn Disk,
    data_dir: &Path,
    position: WalPosition,
    batches: &[RecordBatch],
) -> Result<Vec<ManifestFile>, StoreError> {
    let keys = Keys::of(batches)?;
    let spans_dir = data_dir.join(SPANS_DIR);
    let mut written = Vec::new();
    for rows in keys.sorted()?.chunk_by(|a, b| keys.hour(*a) == keys.hour(*b)) {
        let Some(first) = rows.first() else { continue };
        let hour = keys.hour(*first);
        let hour_dir = spans_dir.join(hour_name(hour));
        disk.create_dir(&hour_dir).map_err(StoreError::disk("create", &hour_dir))?;
        let name = format!("{:020}{EXTENSION}", position.0);
        let target = Target { disk, dir: hour_dir, name };
        let bytes = target.write(batches, &keys, rows)?;
        written.push(keys.describe(rows, hour, &target, bytes));
    }
    if !written.is_empty() {
        disk.sync_dir(&spans_dir).map_err(StoreError::disk("sync", &spans_dir))?;
    }
    Ok(written)
}

/// What rows are sorted and described by, over all batches.
struct Keys {
    project: ArrayRef,
    service: ArrayRef,
    start: TimestampMicrosecondArray,
    trace_id: FixedSizeBinaryArray,
    /// The batch and the row in it of each row over all.
    places: Vec<(usize, usize)>,
}

impl Keys {
    fn of(batches: &[RecordBatch]) -> Result<Self, StoreError> {
        let column = |name: &str| -> Result<ArrayRef, StoreError> {
            let parts: Vec<&dyn Array> = batches
                .iter()
                .filter_map(|batch| batch.column_by_name(name).map(AsRef::as_ref))
                .collect();
            Ok(concat(&parts)?)
        };
        let places = batches
            .iter()
            .enumerate()
            .flat_map(|(nth, batch)| (0..batch.num_rows()).map(move |row| (nth, row)))
            .collect();
        Ok(Self {
            project: column("project")?,
            service: column("service")?,
            start: typed(&column("start")?, "start")?,
            trace_id: typed(&column("trace_id")?, "trace_id")?,
            places,
        })
    }

    fn hour(&self, row: u32) -> i64 {
        self.start.value(row as usize).div_euclid(MICROS_PER_HOUR)
    }

    /// Rows by hour, project, service and start: a filter on service and time
    /// then touches few pages, and like values lie together and compress well.
    fn sorted(&self) -> Result<Vec<u32>, StoreError> {
        let hours = Int64Array::from_iter_values(
            self.start.values().iter().map(|start| start.div_euclid(MICROS_PER_HOUR)),
        );
        let columns: [ArrayRef; 4] = [
            Arc::new(hours),
            Arc::clone(&self.project),
            Arc::clone(&self.service),
            Arc::new(self.start.clone()),
        ];
        let columns = columns.map(|values| SortColumn { values, options: None });
        Ok(lexsort_to_indices(&columns, None)?.values().to_vec())
    }

    fn describe(&self, rows: &[u32], hour: i64, target: &Target<'_>, bytes: u64) -> ManifestFile {
        let starts = || rows.iter().map(|row| self.start.value(*row as usize));
        let traces = || rows.iter().map(|row| self.trace_id.value(*row as usize));
        // The columns sorted by are whole microseconds; the last one holds up
        // to 999 ns more.
        let nanos = |micros: Option<i64>| micros.unwrap_or(0).saturating_mul(1_000);
        let trace = |id: Option<&[u8]>| id.and_then(TraceId::from_slice).unwrap_or_default();
        ManifestFile {
            path: format!("{SPANS_DIR}/{}/{}", hour_name(hour), target.name),
            hour,
            rows: rows.len() as u64,
            bytes,
            start_min: UnixNanos(nanos(starts().min())),
            start_max: UnixNanos(nanos(starts().max()).saturating_add(999)),
            trace_min: trace(traces().min()),
            trace_max: trace(traces().max()),
            created: now(),
            schema_version: SCHEMA_VERSION,
        }
    }
}

/// A file being made.
struct Target<'a> {
    disk: &'a dyn Disk,
    dir: PathBuf,
    name: String,
}

impl Target<'_> {
    /// Writes the rows and makes the file durable under its name. Returns its bytes.
    fn write(&self, batches: &[RecordBatch], keys: &Keys, rows: &[u32]) -> Result<u64, StoreError> {
        let unfinished = self.dir.join(format!("{}{UNFINISHED}", self.name));
        let path = self.dir.join(&self.name);
        let mut file =
            self.disk.create(&unfinished).map_err(StoreError::disk("create", &unfinished))?;
        let written = encode(&mut file, batches, keys, rows)
            .map_err(|error| StoreError::disk("write", &unfinished)(error.into()))
            .and_then(|bytes| {
                file.sync().map_err(StoreError::disk("sync", &unfinished)).map(|()| bytes)
            });
        let bytes = match written {
            Ok(bytes) => bytes,
            Err(error) => {
                // Frees the room; if it fails too, the next start does it.
                let _ = self.disk.remove(&unfinished);
                return Err(error);
            }
        };
        self.disk.rename(&unfinished, &path).map_err(StoreError::disk("rename", &unfinished))?;
        self.disk.sync_dir(&self.dir).map_err(StoreError::disk("sync", &self.dir))?;
        Ok(bytes)
    }
}

fn encode(
    file: &mut Box<dyn DiskFile>,
    batches: &[RecordBatch],
    keys: &Keys,
    rows: &[u32],
) -> Result<u64, ParquetError> {
    let Some(first) = batches.first() else { return Ok(0) };
    // The Arrow schema is left out: other engines have no use for it, and the
    // Parquet types tell everything.
    let options =
        ArrowWriterOptions::new().with_properties(properties()).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(file, first.schema(), options)?;
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    for rows in rows.chunks(WRITE_ROWS) {
        let places: Vec<_> = rows.iter().map(|row| keys.places[*row as usize]).collect();
        writer.write(&interleave_record_batch(&batches, &places)?)?;
    }
    writer.finish()?;
    Ok(writer.bytes_written() as u64)
}

fn properties() -> WriterProperties {
    let trace_id = ColumnPath::from("trace_id");
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("hotspan ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_column_bloom_filter_enabled(trace_id.clone(), true)
        .set_column_bloom_filter_fpp(trace_id.clone(), BLOOM_FALSE_POSITIVES)
        .set_column_bloom_filter_max_ndv(trace_id, ROW_GROUP_ROWS as u64)
        .set_key_value_metadata(Some(vec![KeyValue::new(
            SCHEMA_VERSION_KEY.to_owned(),
            SCHEMA_VERSION.to_string(),
        )]));
    // Ids that never repeat gain nothing from a dictionary.
    for unique in ["span_id", "content_hash"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(unique), false);
    }
    properties.build()
}

/// The directory of a start hour, e.g. `2026-11-23T14`.
fn hour_name(hour: i64) -> String {
    let (year, month, day, hour, ..) =
        UnixNanos(hour.saturating_mul(MICROS_PER_HOUR).saturating_mul(1_000)).civil();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}")
}

fn typed<T: Array + Clone + 'static>(column: &ArrayRef, name: &str) -> Result<T, StoreError> {
    column
        .as_any()
        .downcast_ref::<T>()
        .cloned()
        .ok_or_else(|| StoreError::Table(format!("column {name} has another type")))
}
