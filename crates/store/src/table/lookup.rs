//! Exactly the rows of one trace, out of span files: by the trace index, page
//! by page, without a query plan.

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Mutex, PoisonError};

use datafusion::arrow::array::{
    Array, BooleanArray, FixedSizeBinaryArray, RecordBatch, new_null_array,
};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection,
};
use datafusion::parquet::file::metadata::PageIndexPolicy;
use hotspan_model::TraceId;
use thiserror::Error;

use super::files::SpanFile;
use super::schema::schema;

/// Rows decoded at once.
const BATCH_ROWS: usize = 1_024;

/// Why a span file cannot be read.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub(super) struct Unreadable(pub(super) String);

impl From<std::io::Error> for Unreadable {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<datafusion::parquet::errors::ParquetError> for Unreadable {
    fn from(error: datafusion::parquet::errors::ParquetError) -> Self {
        Self(error.to_string())
    }
}

impl From<datafusion::arrow::error::ArrowError> for Unreadable {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Self(error.to_string())
    }
}

/// Footers of files that traces were read from lately, within a bound.
#[derive(Debug)]
pub(super) struct Footers {
    bytes_max: usize,
    state: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    footers: HashMap<String, Footer>,
    bytes: usize,
    uses: u64,
}

#[derive(Debug)]
struct Footer {
    metadata: ArrowReaderMetadata,
    bytes: usize,
    used: u64,
}

impl Footers {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    fn of(&self, span_file: &SpanFile, file: &File) -> Result<ArrowReaderMetadata, Unreadable> {
        let kept = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = kept().find(&span_file.path) {
            return Ok(metadata);
        }
        let options = ArrowReaderOptions::new()
            .with_offset_index_policy(PageIndexPolicy::Optional)
            .with_column_index_policy(PageIndexPolicy::Skip);
        let metadata = ArrowReaderMetadata::load(file, options)?;
        kept().put(&span_file.path, metadata.clone(), self.bytes_max);
        Ok(metadata)
    }
}

impl Kept {
    fn find(&mut self, path: &str) -> Option<ArrowReaderMetadata> {
        self.uses += 1;
        let footer = self.footers.get_mut(path)?;
        footer.used = self.uses;
        Some(footer.metadata.clone())
    }

    fn put(&mut self, path: &str, metadata: ArrowReaderMetadata, bytes_max: usize) {
        let bytes = metadata.metadata().memory_size();
        self.bytes += bytes;
        let footer = Footer { metadata, bytes, used: self.uses };
        if let Some(before) = self.footers.insert(path.to_owned(), footer) {
            self.bytes -= before.bytes;
        }
        while self.bytes > bytes_max {
            let oldest = self.footers.iter().min_by_key(|(_, footer)| footer.used);
            let Some(oldest) = oldest.map(|(path, _)| path.clone()) else { return };
            self.bytes -= self.footers.remove(&oldest).map_or(0, |footer| footer.bytes);
        }
    }
}

/// The rows of a trace in one file, at most `limit`.
pub(super) fn rows_of(
    span_file: &SpanFile,
    footers: &Footers,
    trace_id: TraceId,
    limit: usize,
) -> Result<Vec<RecordBatch>, Unreadable> {
    let rows = span_file.rows_of(trace_id)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let file = File::open(span_file.full_path())?;
    let metadata = footers.of(span_file, &file)?;
    let selection =
        RowSelection::from_consecutive_ranges(rows.into_iter(), span_file.rows as usize);
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
        .with_batch_size(BATCH_ROWS)
        .with_row_selection(selection)
        .with_limit(limit)
        .build()?;
    reader.map(|batch| only(&conform(&batch?)?, trace_id)).collect()
}

/// The rows of a batch that belong to a trace.
pub(super) fn only(batch: &RecordBatch, trace_id: TraceId) -> Result<RecordBatch, Unreadable> {
    let ids = trace_ids(batch)?;
    let wanted = BooleanArray::from_iter(ids.iter().map(|id| Some(id? == &trace_id.0[..])));
    Ok(filter_record_batch(batch, &wanted)?)
}

/// The trace id column of a batch.
pub(super) fn trace_ids(batch: &RecordBatch) -> Result<&FixedSizeBinaryArray, Unreadable> {
    let ids = batch.column_by_name("trace_id").and_then(|column| column.as_any().downcast_ref());
    ids.ok_or_else(|| Unreadable("it has no column trace_id".to_owned()))
}

/// A batch of a file in the table's columns: older files may lack some and
/// have others.
pub(super) fn conform(batch: &RecordBatch) -> Result<RecordBatch, Unreadable> {
    let schema = schema();
    if batch.schema_ref() == &schema {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
        Some(column) => Ok(cast(column, field.data_type())?),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), batch.num_rows())),
        None => Err(Unreadable(format!("it has no column {}", field.name()))),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
