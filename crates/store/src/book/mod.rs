//! The book: everything Hotspan keeps in SQLite (`hotspan.db`).
//!
//! The manifest of Parquet files with the commit points of both consumers
//! ([`manifest`]), what segments contributed ([`segments`]) to roll-ups
//! ([`rollups`]), profiles ([`profiles`]) and issues ([`issues`]), what becomes of
//! issues ([`life`]) when releases go out ([`deploys`]), and the catalogue of
//! projects and people ([`catalogue`]). Queries are in [`queries`], what they
//! answer in [`rows`].
//!
//! Every call blocks: callers on an async runtime wrap it. Nothing here reads a
//! clock; times come in as arguments. WAL and Parquet files are not touched.

pub mod agent_rows;
mod agents;
mod batch;
mod catalogue;
mod codec;
mod connection;
pub(crate) mod copy;
mod deploys;
mod endpoints;
mod grain;
mod history;
mod issues;
mod life;
mod manifest;
mod migrations;
mod occurrences;
mod profiles;
mod queries;
mod retention;
mod rollups;
pub mod rows;
#[cfg(test)]
pub(crate) mod sample;
mod segments;
mod summaries;
#[cfg(test)]
mod tests;
mod uses;

use std::path::{Path, PathBuf};

use thiserror::Error;

pub use catalogue::{DEFAULT_PROJECT, DEFAULT_PROJECT_ID};
pub use connection::Book;
pub use manifest::{read_files, removed};
pub use retention::{EVIDENCE_MAX, Horizons};
pub use rows::*;
pub use segments::SegmentCommit;

/// Why the book could not do what it was asked.
#[derive(Debug, Error)]
pub enum BookError {
    /// SQLite refused.
    #[error("cannot {action} in hotspan.db: {source}")]
    Sqlite {
        /// What was being done.
        action: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file is not what SQLite wrote any more.
    #[error(
        "hotspan.db is damaged (cannot {action}: {source}): stop hotspan and restore hotspan.db, \
         with hotspan.db-wal and hotspan.db-shm, from a backup; without one, move all three away \
         and start again: spans are kept and read from their files, while figures, issues, \
         projects and users are lost"
    )]
    Corrupt {
        /// What was being done.
        action: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The file was written by a newer Hotspan.
    #[error(
        "{path} has format {found}, but this hotspan reads up to {known}: start the newer hotspan that wrote it, or restore a backup",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest this program knows.
        known: i64,
    },
    /// The file could not be created or its permissions set.
    #[error("cannot prepare {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A stored value does not decode.
    #[error("hotspan.db holds a damaged {what}: {source}")]
    Damaged {
        /// What kind of value.
        what: &'static str,
        /// Where it stops making sense.
        source: codec::CodecError,
    },
    /// A name that is taken, or an entry that is not there.
    #[error("{0}")]
    Refused(String),
    /// The system gave no random bytes for a key.
    #[error("cannot make a key: the system gave no random bytes ({0})")]
    Random(String),
}

/// Adds what was being done to an error of SQLite.
trait During<T> {
    fn during(self, action: &'static str) -> Result<T, BookError>;
}

impl<T> During<T> for Result<T, rusqlite::Error> {
    fn during(self, action: &'static str) -> Result<T, BookError> {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        self.map_err(|source| match source.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => BookError::Corrupt { action, source },
            _ => BookError::Sqlite { action, source },
        })
    }
}

/// Says what kind of stored value does not decode.
trait DamagedIn<T> {
    fn damaged_in(self, what: &'static str) -> Result<T, BookError>;
}

impl<T> DamagedIn<T> for Result<T, codec::CodecError> {
    fn damaged_in(self, what: &'static str) -> Result<T, BookError> {
        self.map_err(|source| BookError::Damaged { what, source })
    }
}

/// Where the book is inside a data directory.
pub fn book_path(data_dir: &Path) -> PathBuf {
    data_dir.join("hotspan.db")
}
