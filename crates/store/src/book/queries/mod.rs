//! What pages and detectors ask the book. Every answer is read from one state
//! of the file, even when it takes several statements.

mod agents;
mod class_uses;
mod detail;
mod endpoints;
mod figures;
mod history;
mod issue_row;
mod issues;
mod life;
mod lost;
mod minutes;
mod profile;
mod traces;
mod watched;

use hotspan_model::{Endpoint, UnixNanos};
use rusqlite::{OptionalExtension, Transaction};

use super::connection::Book;
use super::endpoints::endpoint_at;
use super::rows::BookStats;
use super::{BookError, During};

pub(super) use minutes::day_wall_ns;

impl Book {
    /// The endpoint of a number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn endpoint(&self, id: i64) -> Result<Option<Endpoint>, BookError> {
        self.read("find an endpoint", |transaction| endpoint_of(transaction, id))
    }

    /// Every (project, service) that has endpoints, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn services(&self) -> Result<Vec<(String, String)>, BookError> {
        self.read("list services", |transaction| {
            transaction
                .prepare_cached("SELECT DISTINCT project, service FROM endpoint ORDER BY 1, 2")
                .and_then(|mut statement| {
                    statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
                })
                .during("list services")
        })
    }

    /// How often each cap (`endpoints`, `environments`, `releases`, `issues`,
    /// `paths`) was met.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn tallies(&self) -> Result<Vec<(String, u64)>, BookError> {
        self.read("read the tallies", |transaction| {
            transaction
                .prepare_cached(
                    "SELECT name, value FROM tally WHERE name NOT LIKE 'removed:%' ORDER BY name",
                )
                .and_then(|mut statement| {
                    statement
                        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
                        .collect()
                })
                .during("read the tallies")
        })
    }

    /// Sizes, for the status page.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn book_stats(&self) -> Result<BookStats, BookError> {
        self.read("measure the book", |transaction| {
            let number = |sql: &str| -> Result<u64, BookError> {
                transaction
                    .prepare_cached(sql)
                    .and_then(|mut statement| statement.query_row([], |row| row.get::<_, i64>(0)))
                    .map(|number| number as u64)
                    .during("measure the book")
            };
            Ok(BookStats {
                endpoints: number("SELECT count(*) FROM endpoint")?,
                issues: number("SELECT count(*) FROM issue")?,
                // Counting millions of rows for a page would be slow; ids have no holes
                // but those of segments that were replaced.
                segments: number("SELECT coalesce(max(id) - min(id) + 1, 0) FROM segment")?,
                bytes: number("PRAGMA page_count")? * number("PRAGMA page_size")?,
            })
        })
    }
}

fn endpoint_of(transaction: &Transaction<'_>, id: i64) -> Result<Option<Endpoint>, BookError> {
    transaction
        .prepare_cached("SELECT project, service, kind, name FROM endpoint WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([id], |row| endpoint_at(row, 0)).optional())
        .during("find an endpoint")
}

/// When segments were committed last.
fn as_of(transaction: &Transaction<'_>) -> Result<Option<UnixNanos>, BookError> {
    transaction
        .prepare_cached("SELECT committed_at FROM commit_point WHERE consumer = 'segments'")
        .and_then(|mut statement| statement.query_row([], |row| row.get::<_, Option<i64>>(0)))
        .map(|at| at.map(UnixNanos))
        .during("read the commit point")
}
