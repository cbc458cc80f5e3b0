//! Which Parquet files there are, and up to where the WAL is covered by what
//! is durable. No file is opened here.

use std::collections::BTreeMap;
use std::path::Path;

use hotspan_model::{TraceId, UnixNanos};
use rusqlite::{Connection, Row, Transaction, params};

use super::connection::{Book, open_reader};
use super::rows::{BookPositions, ManifestFile};
use super::{BookError, During, migrations};

/// Every file of the store whose book is at `path`, without changing anything
/// there: another process may be at work on it.
///
/// # Errors
/// When there is no book, it cannot be read, or a newer version wrote it.
pub fn read_files(path: &Path) -> Result<Vec<ManifestFile>, BookError> {
    let connection = open_reader(path).during("open the file")?;
    migrations::refuse_newer(&connection, path)?;
    list_files(&connection).during("list the span files")
}

fn list_files(connection: &Connection) -> Result<Vec<ManifestFile>, rusqlite::Error> {
    connection
        .prepare_cached(
            "SELECT path, hour, rows, bytes, start_min, start_max, trace_min, trace_max, \
             created, schema_version FROM file ORDER BY hour, path",
        )
        .and_then(|mut statement| statement.query_map([], file_of)?.collect())
}

impl Book {
    /// Every file of the store, by hour and path.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn files(&self) -> Result<Vec<ManifestFile>, BookError> {
        self.read("list the span files", |transaction| {
            list_files(transaction).during("list the span files")
        })
    }

    /// Up to where each consumer's output is durable.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn positions(&self) -> Result<BookPositions, BookError> {
        self.read("read the commit points", |transaction| {
            let position = |consumer: &str| {
                transaction.query_row(
                    "SELECT position FROM commit_point WHERE consumer = ?1",
                    [consumer],
                    |row| row.get::<_, i64>(0),
                )
            };
            let spans = position("spans").during("read the commit points")?;
            let segments = position("segments").during("read the commit points")?;
            Ok(BookPositions { spans: spans as u64, segments: segments as u64 })
        })
    }

    /// Puts `added` in the place of `removed`, and adds to the tallies of what
    /// went with that: all or nothing.
    ///
    /// # Errors
    /// When a removed path is not known, an added one is, or the commit fails.
    pub fn replace_files(
        &self,
        added: &[ManifestFile],
        removed: &[String],
        tallies: &[(&str, u64)],
    ) -> Result<(), BookError> {
        self.write("replace span files", |transaction, _| {
            for path in removed {
                let rows = transaction
                    .prepare_cached("DELETE FROM file WHERE path = ?1")
                    .and_then(|mut statement| statement.execute([path]))
                    .during("remove a span file")?;
                if rows == 0 {
                    return Err(BookError::Refused(format!("{path} is not in the manifest")));
                }
            }
            for file in added {
                insert_file(transaction, file).during("add a span file")?;
            }
            for (name, times) in tallies.iter().filter(|(_, times)| *times > 0) {
                add_to_tally(transaction, name, *times as i64).during("count what went")?;
            }
            Ok(())
        })
    }

    /// What upkeep of the span files removed, by name; see [`removed`].
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn removed_tallies(&self) -> Result<BTreeMap<String, u64>, BookError> {
        self.read("read the tallies", |transaction| {
            transaction
                .prepare_cached("SELECT name, value FROM tally WHERE name LIKE 'removed:%'")
                .and_then(|mut statement| {
                    statement
                        .query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?
                        .collect()
                })
                .during("read the tallies")
        })
    }

    /// Makes `added` part of the store and `removed` no longer so, and moves
    /// the commit point of the spans to `spans_position`: all or nothing.
    ///
    /// # Errors
    /// When an added path is known already, or the commit fails.
    pub fn commit_flush(
        &self,
        added: &[ManifestFile],
        removed: &[String],
        spans_position: u64,
    ) -> Result<(), BookError> {
        self.write("commit a flush", |transaction, _| {
            for path in removed {
                transaction
                    .prepare_cached("DELETE FROM file WHERE path = ?1")
                    .and_then(|mut statement| statement.execute([path]))
                    .during("remove a span file")?;
            }
            for file in added {
                insert_file(transaction, file).during("add a span file")?;
            }
            move_commit_point(transaction, "spans", spans_position, None)
                .during("move the commit point of the spans")
        })
    }
}

/// Moves a commit point forward; never back, because segments that a replay
/// from an earlier position needs may be pruned already.
pub(super) fn move_commit_point(
    transaction: &Transaction<'_>,
    consumer: &str,
    position: u64,
    committed_at: Option<UnixNanos>,
) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached(
            "UPDATE commit_point SET position = max(position, ?2), \
             committed_at = coalesce(?3, committed_at) WHERE consumer = ?1",
        )?
        .execute(params![consumer, position as i64, committed_at.map(|at| at.0)])?;
    Ok(())
}

/// Names of tallies of what upkeep removed.
pub mod removed {
    /// Spans that were there already.
    pub const COPIES: &str = "removed:copies";
    /// Spans older than they are kept.
    pub const EXPIRED: &str = "removed:expired";
    /// Spans that made room.
    pub const FOR_ROOM: &str = "removed:for_room";
}

/// Adds to a tally.
pub(super) fn add_to_tally(
    transaction: &Transaction<'_>,
    name: &str,
    times: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached(
            "INSERT INTO tally VALUES (?1, ?2) \
             ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        )?
        .execute(params![name, times])?;
    Ok(())
}

fn insert_file(transaction: &Transaction<'_>, file: &ManifestFile) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached("INSERT INTO file VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")?
        .execute(params![
            file.path,
            file.hour,
            file.rows as i64,
            file.bytes as i64,
            file.start_min.0,
            file.start_max.0,
            file.trace_min.0,
            file.trace_max.0,
            file.created.0,
            file.schema_version,
        ])?;
    Ok(())
}

fn file_of(row: &Row<'_>) -> Result<ManifestFile, rusqlite::Error> {
    Ok(ManifestFile {
        path: row.get(0)?,
        hour: row.get(1)?,
        rows: row.get::<_, i64>(2)? as u64,
        bytes: row.get::<_, i64>(3)? as u64,
        start_min: UnixNanos(row.get(4)?),
        start_max: UnixNanos(row.get(5)?),
        trace_min: TraceId(row.get(6)?),
        trace_max: TraceId(row.get(7)?),
        created: UnixNanos(row.get(8)?),
        schema_version: row.get(9)?,
    })
}
