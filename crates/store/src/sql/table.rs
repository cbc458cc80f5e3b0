//! The files of a data directory as the table `spans`.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use crate::book::rows::ManifestFile;
use crate::table::{scan_files, schema};

/// Files as a table.
#[derive(Debug)]
pub(super) struct FilesTable {
    data_dir: PathBuf,
    files: Vec<ManifestFile>,
}

impl FilesTable {
    pub(super) fn new(data_dir: PathBuf, files: Vec<ManifestFile>) -> Self {
        Self { data_dir, files }
    }
}

#[async_trait]
impl TableProvider for FilesTable {
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
        // Files use them to leave out what cannot match.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        if self.files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(schema().project(columns)?),
                None => schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let files: Vec<&ManifestFile> = self.files.iter().collect();
        scan_files(session, &self.data_dir, &files, projection, limit)
    }
}
