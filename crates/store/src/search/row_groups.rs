//! Which row groups of a file can hold a hit at all: by the statistics of
//! plain columns, and by the dictionaries of attribute maps. A row group whose
//! dictionary lacks a key has no attribute of that name; one whose values are
//! all in its dictionary is searched by searching that.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::column::page::{Page, PageReader};
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::serialized_reader::SerializedPageReader;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::prelude::Expr;

use super::attribute::{Probe, Source};
use crate::StoreError;
use crate::table::schema;

/// For each row group, whether `bounds` leaves it a chance.
pub(super) fn by_statistics(
    bounds: &Expr,
    footer: &ParquetMetaData,
    file_schema: &Schema,
) -> Result<Vec<bool>, StoreError> {
    let whole = schema();
    let physical = create_physical_expr(
        bounds,
        &DFSchema::try_from(Arc::clone(&whole))?,
        &ExecutionProps::new(),
        &PhysicalPlanningContext::default(),
    )?;
    let predicate = PruningPredicateBuilder::new().with_file_schema(whole).try_build(physical)?;
    Ok(predicate.prune(&GroupStatistics { footer, file_schema })?)
}

struct GroupStatistics<'a> {
    footer: &'a ParquetMetaData,
    file_schema: &'a Schema,
}

impl GroupStatistics<'_> {
    fn converter(&self, column: &Column) -> Option<StatisticsConverter<'_>> {
        let parquet = self.footer.file_metadata().schema_descr();
        StatisticsConverter::try_new(&column.name, self.file_schema, parquet).ok()
    }
}

impl PruningStatistics for GroupStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.converter(column)?.row_group_mins(self.footer.row_groups()).ok()
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.converter(column)?.row_group_maxes(self.footer.row_groups()).ok()
    }

    fn num_containers(&self) -> usize {
        self.footer.num_row_groups()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts =
            self.converter(column)?.row_group_null_counts(self.footer.row_groups()).ok()?;
        Some(Arc::new(counts))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.footer.row_groups().iter().map(|group| group.num_rows().max(0) as u64);
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// The dictionaries of one row group, read when first asked for.
pub(super) struct Dictionaries<'a> {
    file: &'a Arc<File>,
    group: &'a RowGroupMetaData,
    read: HashMap<String, Option<Vec<Box<str>>>>,
}

impl<'a> Dictionaries<'a> {
    pub(super) fn new(file: &'a Arc<File>, group: &'a RowGroupMetaData) -> Self {
        Self { file, group, read: HashMap::new() }
    }

    /// False when the probe can find nothing in this column.
    pub(super) fn may_hold(&mut self, probe: &Probe, source: Source) -> Result<bool, StoreError> {
        let column = source.column();
        let keys = self.texts(&format!("{column}.key_value.key"))?;
        if keys.is_some_and(|keys| !keys.iter().any(|key| **key == *probe.key())) {
            return Ok(false);
        }
        if !source.is_text() {
            return Ok(true);
        }
        let values = self.texts(&format!("{column}.key_value.value"))?;
        Ok(values.is_none_or(|values| values.iter().any(|value| probe.text_may_hold(value))))
    }

    /// Every text of a column; `None` when the dictionary does not tell.
    fn texts(&mut self, path: &str) -> Result<Option<&[Box<str>]>, StoreError> {
        if !self.read.contains_key(path) {
            let chunk =
                self.group.columns().iter().find(|chunk| chunk.column_path().string() == path);
            let texts = match chunk {
                // A file of a time before this column.
                None => Some(Vec::new()),
                Some(chunk) => {
                    read_dictionary(self.file, chunk, self.group.num_rows()).map_err(broken)?
                }
            };
            self.read.insert(path.to_owned(), texts);
        }
        Ok(self.read.get(path).and_then(Option::as_deref))
    }
}

/// What a file that cannot be read is told as.
pub(super) fn broken(error: ParquetError) -> StoreError {
    StoreError::Query(format!("a span file cannot be read: {error}"))
}

fn read_dictionary(
    file: &Arc<File>,
    chunk: &ColumnChunkMetaData,
    rows: i64,
) -> Result<Option<Vec<Box<str>>>, ParquetError> {
    let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
    // A row without entries counts as a value that is not there.
    if nulls.unwrap_or(0) >= chunk.num_values().max(0) as u64 {
        return Ok(Some(Vec::new()));
    }
    let is_whole = chunk.dictionary_page_offset().is_some()
        && chunk.page_encoding_stats_mask().is_some_and(|encodings| {
            encodings.is_only(Encoding::PLAIN_DICTIONARY)
                || encodings.is_only(Encoding::RLE_DICTIONARY)
        });
    if !is_whole {
        return Ok(None);
    }
    let mut pages = SerializedPageReader::new(Arc::clone(file), chunk, rows.max(0) as usize, None)?;
    match pages.get_next_page()? {
        Some(Page::DictionaryPage { buf, num_values, .. }) => {
            Ok(plain_texts(&buf, num_values as usize))
        }
        _ => Ok(None),
    }
}

/// Texts as Parquet writes them plainly: four bytes of length, then the text.
fn plain_texts(mut bytes: &[u8], count: usize) -> Option<Vec<Box<str>>> {
    let mut texts = Vec::with_capacity(count.min(bytes.len() / 4 + 1));
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = u32::from_le_bytes(*length) as usize;
        let (text, rest) = rest.split_at_checked(length)?;
        texts.push(std::str::from_utf8(text).ok()?.into());
        bytes = rest;
    }
    Some(texts)
}
