//! SQL over the span files of a data directory, read-only, beside a server
//! that may be running on it.
//!
//! What the server still has in memory is not seen. The files are opened
//! first, so that what the server merges or removes later is still read;
//! nothing is locked and nothing written. Memory and time have limits.

mod cell;
mod functions;
mod held;
mod session;
mod table;
#[cfg(test)]
mod tests;

use std::time::Duration;

use thiserror::Error;

pub use cell::SqlValue;
pub use session::{SqlColumn, SqlRows, SqlSession};

use crate::StoreError;

/// What a query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqlLimits {
    /// Bytes of memory for sorting, grouping and joining.
    pub memory_bytes: usize,
    /// Time from the question to its last row.
    pub timeout: Duration,
}

/// Why a query has no answer, or not all of it.
#[derive(Debug, Error)]
pub enum SqlError {
    /// The statement cannot be run: it writes, or is not SQL that makes sense.
    #[error("{0}")]
    Refused(String),
    /// It would need more memory than it may use.
    #[error(
        "the query needs more than the {} MiB of memory it may use: narrow it down, for example to an hour of `start`, or allow more",
        limit_bytes >> 20
    )]
    Memory {
        /// The limit.
        limit_bytes: usize,
    },
    /// It took too long.
    #[error(
        "the query took longer than {0:?}: narrow it down, for example to an hour of `start`, or allow more time"
    )]
    Timeout(Duration),
    /// It failed in the middle.
    #[error("the query failed: {0}")]
    Failed(String),
    /// The data directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}
