//! Looking through one span file: row groups that cannot hold a hit are left
//! out, columns that the filter asks for are read first, and of the rows that
//! pass only what tells their place among the hits.

use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, FixedSizeBinaryArray, Int16Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowPredicate, ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use datafusion::parquet::arrow::{ProjectionMask, RowNumber, parquet_to_arrow_schema};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ParquetMetaData;
use hotspan_model::{TraceId, UnixNanos};
use twox_hash::XxHash3_128;

use super::columns;
use super::footers::Footers;
use super::found::{Found, Rank, RowPlace};
use super::plan::Plan;
use super::row_groups::{self, broken};
use super::scan::Scan;
use super::texts::GroupTexts;
use crate::{StoreError, TimeWindow};

/// Rows looked at in one go.
const BATCH_ROWS: usize = 8_192;
/// The columns that tell a row's place among the hits.
const RANK_COLUMNS: [&str; 8] =
    ["project", "trace_id", "span_id", "name", "status", "start", "start_ns", "duration_ns"];
/// The row's number in its file, made up by the reader.
pub(super) const ROW_NUMBER: &str = "row_number";

/// A span file, open.
pub(super) struct SpanFile {
    file: Arc<File>,
    metadata: ArrowReaderMetadata,
    schema: Schema,
}

impl SpanFile {
    pub(super) fn open(
        path: &std::path::Path,
        name: &str,
        footers: &Footers,
    ) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::disk("open", path))?;
        let footer = footers.of(name, &file).map_err(broken)?;
        let schema = read_as(&footer).map_err(broken)?;
        let row_number =
            Field::new(ROW_NUMBER, DataType::Int64, false).with_extension_type(RowNumber);
        let options = ArrowReaderOptions::new()
            .with_schema(Arc::new(schema.clone()))
            .with_virtual_columns(vec![Arc::new(row_number)])
            .map_err(broken)?;
        let metadata = ArrowReaderMetadata::try_new(footer, options).map_err(broken)?;
        Ok(Self { file: Arc::new(file), metadata, schema })
    }

    /// A reader of some columns, which the caller narrows down.
    pub(super) fn reader(
        &self,
        columns: &[&str],
    ) -> Result<ParquetRecordBatchReaderBuilder<File>, StoreError> {
        let file = self.file.try_clone().map_err(|error| broken(error.into()))?;
        Ok(ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_projection(self.mask(columns.iter().copied()))
            .with_batch_size(BATCH_ROWS))
    }

    /// Rows in the file.
    pub(super) fn rows(&self) -> usize {
        self.metadata.metadata().file_metadata().num_rows().max(0) as usize
    }

    fn mask<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> ProjectionMask {
        ProjectionMask::columns(self.metadata.parquet_schema(), columns)
    }

    /// Row groups with a chance, the newest first, with the start of their
    /// newest span.
    fn groups(
        &self,
        plan: &Plan,
        window: TimeWindow,
    ) -> Result<Vec<(usize, UnixNanos)>, StoreError> {
        let footer = self.metadata.metadata();
        let bounds = columns::within(window).and(plan.bounds());
        let has_chance = row_groups::by_statistics(&bounds, footer, &self.schema)?;
        let newest =
            StatisticsConverter::try_new("start", &self.schema, self.metadata.parquet_schema())
                .and_then(|starts| starts.row_group_maxes(footer.row_groups()))
                .map_err(broken)?;
        let newest: &TimestampMicrosecondArray = typed(newest.as_ref(), "start")?;
        let newest_of = |group: usize| match newest.is_null(group) {
            true => UnixNanos(i64::MAX),
            // Up to the last nanosecond of that microsecond.
            false => UnixNanos(newest.value(group).saturating_mul(1_000).saturating_add(999)),
        };
        let mut groups: Vec<_> = (0..footer.num_row_groups())
            .filter(|group| has_chance.get(*group).copied().unwrap_or(true))
            .map(|group| (group, newest_of(group)))
            .collect();
        groups.sort_by_key(|(_, newest)| std::cmp::Reverse(*newest));
        Ok(groups)
    }
}

/// Looks through a file; false when the search was over before the file was.
pub(super) fn look_through(scan: &Arc<Scan>, nth: usize) -> Result<bool, StoreError> {
    let Some(manifest) = scan.snapshot.files.get(nth) else { return Ok(true) };
    let file = SpanFile::open(&scan.data_dir.join(&manifest.path), &manifest.path, &scan.footers)?;
    for (group, newest) in file.groups(&scan.plan, scan.window)? {
        if scan.is_over() {
            return Ok(false);
        }
        if scan.threshold().is_some_and(|threshold| newest < threshold) {
            break;
        }
        if let Err(error) = look_through_group(scan, nth, &file, group) {
            // The search was called off in the middle of the row group.
            return if scan.is_over() { Ok(false) } else { Err(error) };
        }
    }
    Ok(true)
}

fn look_through_group(
    scan: &Arc<Scan>,
    nth: usize,
    file: &SpanFile,
    group: usize,
) -> Result<(), StoreError> {
    let footer = file.metadata.metadata();
    let mut texts = GroupTexts::new(&file.file, footer.row_group(group));
    let plan = scan.plan.without_sources(&mut |probe, source| texts.may_hold(probe, source))?;
    if plan.is_never() {
        return Ok(());
    }
    let predicates = predicates(scan, file, plan)?;
    let reader = file
        .reader(&RANK_COLUMNS)?
        .with_row_groups(vec![group])
        .with_row_filter(RowFilter::new(predicates))
        .build()
        .map_err(broken)?;
    for batch in reader {
        let batch = batch?;
        let numbers: &Int64Array = column(&batch, ROW_NUMBER)?;
        let place = |row: usize| RowPlace::File(nth, numbers.value(row) as u64);
        // Times grow within a file, more or less: beginning with the newest
        // spares most others.
        offer(scan, &batch, (0..batch.num_rows()).rev(), place)?;
    }
    Ok(())
}

/// The filter in steps: time first, then plain columns, then attributes, each
/// read only where the step before found something.
fn predicates(
    scan: &Arc<Scan>,
    file: &SpanFile,
    plan: Plan,
) -> Result<Vec<Box<dyn ArrowPredicate>>, StoreError> {
    let mut window = scan.window;
    if let Some(threshold) = scan.threshold() {
        window.from = window.from.max(threshold);
    }
    let mut steps = vec![Plan::columns(columns::within(window))?];
    let (attributes, plain): (Vec<_>, Vec<_>) =
        plan.conjuncts().into_iter().partition(Plan::asks_attributes);
    steps.extend(plain);
    steps.extend(attributes);
    let predicate = |step: Plan| {
        let names = step.column_names();
        let mask = file.mask(names.iter().map(String::as_str));
        let scan = Arc::clone(scan);
        let ask = move |batch: RecordBatch| match scan.is_over() {
            true => Err(ArrowError::ExternalError("the search is over".into())),
            false => step.evaluate(&batch).map_err(|error| ArrowError::ExternalError(error.into())),
        };
        Box::new(ArrowPredicateFn::new(mask, ask)) as Box<dyn ArrowPredicate>
    };
    Ok(steps.into_iter().map(predicate).collect())
}

/// Offers rows that passed to what was found.
pub(super) fn offer(
    scan: &Scan,
    batch: &RecordBatch,
    rows: impl Iterator<Item = usize>,
    place: impl Fn(usize) -> RowPlace,
) -> Result<(), StoreError> {
    let projects: &StringArray = column(batch, "project")?;
    let traces: &FixedSizeBinaryArray = column(batch, "trace_id")?;
    let starts: &TimestampMicrosecondArray = column(batch, "start")?;
    let remainders: &Int16Array = column(batch, "start_ns")?;
    let likeness = Likeness::of(batch)?;
    let mut found = scan.collector();
    let mut project: Arc<str> = "".into();
    for row in rows {
        let start =
            starts.value(row).saturating_mul(1_000).saturating_add(remainders.value(row).into());
        let start = UnixNanos(start);
        if !scan.window.contains(start)
            || found.threshold().is_some_and(|threshold| start < threshold)
        {
            continue;
        }
        if *project != *projects.value(row) {
            project = projects.value(row).into();
        }
        let trace_id = TraceId::from_slice(traces.value(row)).unwrap_or_default();
        let rank = Rank { start, hash: likeness.hash(row, start), project: Arc::clone(&project) };
        found.offer(rank, Found { trace_id, place: place(row) });
    }
    Ok(())
}

/// Columns by which a copy of a span is told from another span that began at
/// the same time.
struct Likeness<'a> {
    ids: [&'a FixedSizeBinaryArray; 2],
    texts: [&'a StringArray; 2],
    durations: &'a Int64Array,
}

impl<'a> Likeness<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, StoreError> {
        Ok(Self {
            ids: [column(batch, "trace_id")?, column(batch, "span_id")?],
            texts: [column(batch, "name")?, column(batch, "status")?],
            durations: column(batch, "duration_ns")?,
        })
    }

    fn hash(&self, row: usize, start: UnixNanos) -> u128 {
        let mut bytes = [start.0.to_le_bytes(), self.durations.value(row).to_le_bytes()].concat();
        self.ids.iter().for_each(|ids| bytes.extend_from_slice(ids.value(row)));
        self.texts.iter().for_each(|texts| bytes.extend_from_slice(texts.value(row).as_bytes()));
        XxHash3_128::oneshot(&bytes)
    }
}

/// The file's columns, with the keys of maps as dictionaries and their texts
/// as views, neither of which copies text.
fn read_as(footer: &ParquetMetaData) -> Result<Schema, ParquetError> {
    let schema = parquet_to_arrow_schema(footer.file_metadata().schema_descr(), None)?;
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Map(pair, sorted) => {
            let DataType::Struct(parts) = pair.data_type() else { return Arc::clone(field) };
            let parts: Fields = parts
                .iter()
                .enumerate()
                .map(|(nth, part)| match (nth, part.data_type()) {
                    (0, DataType::Utf8) => {
                        let keys = DataType::Dictionary(
                            Box::new(DataType::Int32),
                            Box::new(DataType::Utf8),
                        );
                        Arc::new(part.as_ref().clone().with_data_type(keys))
                    }
                    (_, DataType::Utf8) => {
                        Arc::new(part.as_ref().clone().with_data_type(DataType::Utf8View))
                    }
                    _ => Arc::clone(part),
                })
                .collect();
            let pair = pair.as_ref().clone().with_data_type(DataType::Struct(parts));
            Arc::new(field.as_ref().clone().with_data_type(DataType::Map(Arc::new(pair), *sorted)))
        }
        _ => Arc::clone(field),
    });
    Ok(Schema::new(fields.collect::<Fields>()))
}

pub(super) fn column<'a, T: Array + 'static>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a T, StoreError> {
    let missing = || StoreError::Table(format!("column {name} is missing"));
    typed(batch.column_by_name(name).ok_or_else(missing)?.as_ref(), name)
}

fn typed<'a, T: Array + 'static>(column: &'a dyn Array, name: &str) -> Result<&'a T, StoreError> {
    column
        .as_any()
        .downcast_ref()
        .ok_or_else(|| StoreError::Table(format!("column {name} has another type")))
}
