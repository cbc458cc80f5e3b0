//! Every way the store can fail, worded for the person who runs the server.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::book::BookError;

/// Why the store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file or directory could not be used.
    #[error("cannot {doing} {}: {source}", path.display())]
    Disk {
        /// What was tried, e.g. `create`.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process has the data directory open.
    #[error("data directory {} is in use by another hotspan process: stop that one or choose another --data-dir", .0.display())]
    InUse(PathBuf),
    /// The data directory was written by a newer version.
    #[error("data directory {} has format {found}, this version reads up to {newest}: run the version that wrote it, or a later one", path.display())]
    NewerFormat {
        /// The data directory.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format this version reads.
        newest: u32,
    },
    /// The data directory holds something that is not ours.
    #[error("{} is not a hotspan data directory: {reason}", path.display())]
    NotOurs {
        /// The file that says so.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A backup that was broken off.
    #[error("{} is a backup that was broken off: make another one", .0.display())]
    UnfinishedBackup(PathBuf),
    /// A backup goes into a directory of its own.
    #[error("directory {} is not empty: name one that is empty or not there yet", .0.display())]
    NotEmpty(PathBuf),
    /// Files were removed faster than they could be copied.
    #[error("data directory {} changed faster than it could be copied: try again when less is received, or stop the server", .0.display())]
    BackupOvertaken(PathBuf),
    /// A part of the log that was once durable cannot be read.
    #[error("log file {} is damaged at byte {offset}: {reason}", path.display())]
    WalDamage {
        /// The segment file.
        path: PathBuf,
        /// Where in the file the damage begins.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The book refused or could not be read.
    #[error(transparent)]
    Book(#[from] BookError),
    /// A span query failed.
    #[error("span query: {0}")]
    Query(String),
    /// A span file could not be read.
    #[error("a span file cannot be read: {0}; see the Status page for damaged files")]
    FileDamage(String),
    /// A span query took too long.
    #[error("span query took longer than {0:?}: ask for a shorter time window")]
    QueryTimeout(std::time::Duration),
    /// Rows and columns did not fit together; a defect of the program.
    #[error("span table: {0}")]
    Table(String),
    /// Spans in memory could not be written before the end; the log has them.
    #[error("spans in memory could not be written, the next start reads them from the log: {0}")]
    NotFlushed(String),
    /// The store is shutting down.
    #[error("the store is shutting down")]
    Closed,
}

impl StoreError {
    /// Wraps what the system said about `path`.
    pub(crate) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, path: path.to_owned(), source }
    }
}

impl From<datafusion::arrow::error::ArrowError> for StoreError {
    fn from(error: datafusion::arrow::error::ArrowError) -> Self {
        Self::Table(error.to_string())
    }
}

impl From<datafusion::error::DataFusionError> for StoreError {
    fn from(error: datafusion::error::DataFusionError) -> Self {
        use datafusion::error::DataFusionError as Kind;
        let is_of_a_file = matches!(
            error.find_root(),
            Kind::ParquetError(_) | Kind::ObjectStore(_) | Kind::IoError(_) | Kind::ArrowError(..)
        );
        let said = error.strip_backtrace();
        if is_of_a_file { Self::FileDamage(said) } else { Self::Query(said) }
    }
}

impl From<tokio::task::JoinError> for StoreError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Query(format!("a background task ended early: {error}"))
    }
}
