//! Which row groups of a file can hold a hit, by the statistics of plain
//! columns. What [`super::texts`] tells of attributes comes after.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::Schema;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::prelude::Expr;

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

/// What a file that cannot be read is told as.
pub(super) fn broken(error: ParquetError) -> StoreError {
    StoreError::Query(format!("a span file cannot be read: {error}"))
}
