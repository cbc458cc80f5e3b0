//! One data directory, open for questions.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::object_store::ObjectStore;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast;
use futures::StreamExt;
use hotspan_model::UnixNanos;

use super::cell::{self, SqlValue};
use super::held::HeldFiles;
use super::table::FilesTable;
use super::{SqlError, SqlLimits, functions};
use crate::StoreError;
use crate::book::rows::ManifestFile;
use crate::book::{book_path, read_files};
use crate::format;

/// The name of the table.
const TABLE: &str = "spans";

/// A data directory as it stood when it was opened for questions.
#[derive(Debug)]
pub struct SqlSession {
    data_dir: PathBuf,
    files: Vec<ManifestFile>,
    held: Arc<HeldFiles>,
    missing: Vec<String>,
    limits: SqlLimits,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqlColumn {
    /// Its name.
    pub name: String,
    /// Its values are numbers.
    pub is_number: bool,
}

impl SqlSession {
    /// Looks at a data directory; changes nothing there. Its span files stay
    /// open: what a running server merges or removes from now on is still seen.
    ///
    /// # Errors
    /// When it is not there, not ours, of a newer version, or has more files
    /// than a process may open.
    pub async fn open(data_dir: &Path, limits: SqlLimits) -> Result<Self, SqlError> {
        let data_dir = data_dir.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let data_dir = format::existing(&data_dir)?;
            let (files, held, missing) = hold_files(&data_dir)?;
            Ok::<_, SqlError>(Self { data_dir, files, held: Arc::new(held), missing, limits })
        });
        opened.await.map_err(StoreError::from)?
    }

    /// When the newest file was written; spans received later may be in the
    /// server's memory only.
    pub fn newest_file(&self) -> Option<UnixNanos> {
        self.files.iter().map(|file| file.created).max()
    }

    /// Files that the manifest names and that are not there, relative to the
    /// data directory; what they held is not seen.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// Asks. Rows come as they are found.
    ///
    /// # Errors
    /// When the statement is not one that reads, or fails before its first row.
    pub async fn query(&self, sql: &str) -> Result<SqlRows, SqlError> {
        let deadline = Instant::now() + self.limits.timeout;
        let context = self.context().map_err(|error| self.told(error))?;
        let state = context.state();
        let dialect = state.config_options().sql_parser.dialect;
        let statement = state.sql_to_statement(sql, &dialect).map_err(|error| self.told(error))?;
        if !only_reads(&statement) {
            return Err(refused(sql));
        }
        let allowed = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        let work = async {
            let plan = state.statement_to_plan(statement).await?;
            allowed.verify_plan(&plan)?;
            let mut stream = context.execute_logical_plan(plan).await?.execute_stream().await?;
            let first = stream.next().await.transpose()?;
            Ok((stream, first))
        };
        let (stream, first) = self.in_time(deadline, work).await?;
        let columns = columns_of(&stream.schema());
        let first = first.map(|batch| cell::rows(&batch)).transpose()?;
        let limits = self.limits;
        Ok(SqlRows { columns, first, stream, deadline, limits, _context: context })
    }

    fn context(&self) -> Result<SessionContext, DataFusionError> {
        let no_spilling = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_limit(self.limits.memory_bytes, 1.0)
            .with_disk_manager_builder(no_spilling)
            .build_arc()?;
        let files = Arc::clone(&self.held) as Arc<dyn ObjectStore>;
        runtime.register_object_store(ObjectStoreUrl::local_filesystem().as_ref(), files);
        let config = SessionConfig::new().with_information_schema(true);
        let mut context = SessionContext::new_with_config_rt(config, runtime);
        functions::register(&mut context)?;
        let table = FilesTable::new(self.data_dir.clone(), self.files.clone());
        context.register_table(TABLE, Arc::new(table))?;
        Ok(context)
    }

    async fn in_time<T>(
        &self,
        deadline: Instant,
        work: impl Future<Output = Result<T, DataFusionError>>,
    ) -> Result<T, SqlError> {
        match tokio::time::timeout_at(deadline.into(), work).await {
            Ok(outcome) => outcome.map_err(|error| self.told(error)),
            Err(_) => Err(SqlError::Timeout(self.limits.timeout)),
        }
    }

    fn told(&self, error: DataFusionError) -> SqlError {
        told(&error, self.limits)
    }
}

/// The files that the manifest names, open, and those that are missing. A file
/// is missing for good when a manifest read after it was looked for names it
/// still; else the server has just put another in its place.
fn hold_files(data_dir: &Path) -> Result<(Vec<ManifestFile>, HeldFiles, Vec<String>), StoreError> {
    let mut missing_before = Vec::new();
    loop {
        let mut files = read_files(&book_path(data_dir))?;
        let (held, missing) = HeldFiles::open(data_dir, &files)?;
        if missing.iter().all(|path| missing_before.contains(path)) {
            files.retain(|file| !missing.contains(&file.path));
            return Ok((files, held, missing));
        }
        missing_before = missing;
    }
}

/// The rows of an answer, as they come.
pub struct SqlRows {
    columns: Vec<SqlColumn>,
    first: Option<Vec<Vec<SqlValue>>>,
    stream: SendableRecordBatchStream,
    deadline: Instant,
    limits: SqlLimits,
    /// What the stream works in.
    _context: SessionContext,
}

impl std::fmt::Debug for SqlRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlRows").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl SqlRows {
    /// The columns, in order.
    pub fn columns(&self) -> &[SqlColumn] {
        &self.columns
    }

    /// Some more rows; `None` after the last.
    ///
    /// # Errors
    /// When the query cannot go on.
    pub async fn next(&mut self) -> Result<Option<Vec<Vec<SqlValue>>>, SqlError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let next = tokio::time::timeout_at(self.deadline.into(), self.stream.next()).await;
        let next = next.map_err(|_| SqlError::Timeout(self.limits.timeout))?;
        let batch = next.transpose().map_err(|error| told(&error, self.limits))?;
        Ok(batch.map(|batch| cell::rows(&batch)).transpose()?)
    }
}

fn columns_of(schema: &SchemaRef) -> Vec<SqlColumn> {
    let is_number = |kind: &DataType| kind.is_numeric();
    let column = |field: &Arc<datafusion::arrow::datatypes::Field>| SqlColumn {
        name: field.name().clone(),
        is_number: is_number(field.data_type()),
    };
    schema.fields().iter().map(column).collect()
}

/// Statements that ask and change nothing.
fn only_reads(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(statement) => matches!(
            &**statement,
            ast::Statement::Query(_)
                | ast::Statement::Explain { .. }
                | ast::Statement::ExplainTable { .. }
                | ast::Statement::ShowTables { .. }
                | ast::Statement::ShowColumns { .. }
                | ast::Statement::ShowFunctions { .. }
                | ast::Statement::ShowVariable { .. }
        ),
        Statement::Explain(explain) => only_reads(&explain.statement),
        _ => false,
    }
}

fn refused(sql: &str) -> SqlError {
    let words = sql.split_whitespace().map(str::to_uppercase);
    let word =
        words.into_iter().find(|word| !matches!(word.as_str(), "EXPLAIN" | "ANALYZE" | "VERBOSE"));
    let word = word.unwrap_or_default();
    SqlError::Refused(format!(
        "spans are read here and never changed: {word} is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood"
    ))
}

/// What an error of the engine means for the person who asked.
fn told(error: &DataFusionError, limits: SqlLimits) -> SqlError {
    let root = error.find_root();
    match root {
        DataFusionError::ResourcesExhausted(_) => {
            SqlError::Memory { limit_bytes: limits.memory_bytes }
        }
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Diagnostic(..) => SqlError::Refused(plainly(root)),
        _ => SqlError::Failed(plainly(error)),
    }
}

/// What the engine says, without the names of its parts.
fn plainly(error: &DataFusionError) -> String {
    let text = error.message();
    let end = text.find(DataFusionError::BACK_TRACE_SEP).unwrap_or(text.len());
    text[..end].to_owned()
}
