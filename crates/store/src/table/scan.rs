//! The span table as DataFusion sees it: one snapshot, files and memory together.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::{DataFusionError, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store::path::Path;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::union::UnionExec;
use hotspan_model::UnixNanos;

use super::Snapshot;

use super::schema::schema;
use crate::book::rows::ManifestFile;

/// One snapshot of the span table.
#[derive(Debug)]
pub(super) struct SnapshotTable {
    pub(super) data_dir: PathBuf,
    pub(super) snapshot: Snapshot,
}

#[async_trait]
impl TableProvider for SnapshotTable {
    fn schema(&self) -> SchemaRef {
        schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        // Files use them to leave out what cannot match; memory does not.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        // The filters reach the files as the plan is optimised.
        let memory = MemorySourceConfig::try_new_exec(
            std::slice::from_ref(&self.snapshot.batches),
            schema(),
            projection.cloned(),
        )?;
        if self.snapshot.files.is_empty() {
            return Ok(memory);
        }
        let files: Vec<&ManifestFile> = self.snapshot.files.iter().map(|file| &***file).collect();
        let files = scan_files(session, &self.data_dir, &files, projection, limit)?;
        UnionExec::try_new(vec![files, memory])
    }
}

/// A plan that reads columns of span files.
pub(crate) fn scan_files(
    session: &dyn Session,
    data_dir: &std::path::Path,
    files: &[&ManifestFile],
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let url = ObjectStoreUrl::local_filesystem();
    let runtime = session.runtime_env();
    let store = runtime.object_store(&url)?;
    let footers = runtime.cache_manager.get_file_metadata_cache();
    let readers = CachedParquetFileReaderFactory::new(store, footers);
    let source = ParquetSource::new(schema())
        .with_pushdown_filters(true)
        .with_reorder_filters(true)
        .with_bloom_filter_on_read(true)
        .with_parquet_file_reader_factory(Arc::new(readers));
    let groups = file_groups(data_dir, files, session.config().target_partitions())?;
    let config = FileScanConfigBuilder::new(url, Arc::new(source))
        .with_file_groups(groups)
        .with_projection_indices(projection.cloned())?
        .with_limit(limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// Files dealt out to `partitions` readers.
fn file_groups(
    data_dir: &std::path::Path,
    files: &[&ManifestFile],
    partitions: usize,
) -> Result<Vec<FileGroup>, DataFusionError> {
    let groups = partitions.clamp(1, files.len().max(1));
    let mut dealt = vec![Vec::new(); groups];
    for (nth, file) in files.iter().enumerate() {
        dealt[nth % groups].push(partitioned_file(data_dir, file)?);
    }
    Ok(dealt.into_iter().map(FileGroup::new).collect())
}

fn partitioned_file(
    data_dir: &std::path::Path,
    file: &ManifestFile,
) -> Result<PartitionedFile, DataFusionError> {
    let path = Path::from_absolute_path(data_dir.join(&file.path))
        .map_err(|error| DataFusionError::External(Box::new(error)))?;
    let mut partitioned =
        PartitionedFile::new("", file.bytes).with_statistics(Arc::new(statistics(file)));
    partitioned.object_meta.location = path;
    Ok(partitioned)
}

/// What the manifest knows of a file's content: enough to leave it unopened.
fn statistics(file: &ManifestFile) -> Statistics {
    let mut statistics = Statistics::new_unknown(&schema());
    statistics.num_rows = Precision::Exact(file.rows as usize);
    let start = schema().index_of("start").ok();
    if let Some(start) = start.and_then(|start| statistics.column_statistics.get_mut(start)) {
        let instant = |time: UnixNanos| {
            ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into()))
        };
        start.min_value = Precision::Exact(instant(file.start_min));
        start.max_value = Precision::Exact(instant(file.start_max));
        start.null_count = Precision::Exact(0);
    }
    statistics
}
