//! Connections to `hotspan.db`: one that writes, a few that only read.
//!
//! SQLite's own write-ahead log lets readers work while the writer commits.
//! What is read or written is said in the other files of this folder.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hotspan_model::UnixNanos;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::endpoints::Interned;
use super::{BookError, During, migrations};

/// Read-only connections open at once; more readers wait for one.
const READERS_MAX: usize = 4;
/// How long a statement waits for another process (a backup, `sqlite3`).
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Prepared statements kept per connection: more than this crate has.
const STATEMENTS_MAX: usize = 128;
/// Page cache of the writer, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// Page cache of a reader, in KiB.
const READER_CACHE_KIB: i64 = 4 * 1024;
/// Size that SQLite's log is cut back to after a large commit.
const LOG_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// Pages of SQLite's log after which a commit also moves it into the file.
const CHECKPOINT_PAGES: i64 = 4_000;

/// Everything kept in SQLite, behind blocking calls.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Readers,
    /// Nanoseconds since 1970: there are no figures by minute before it.
    minutes_from: AtomicI64,
}

#[derive(Debug)]
struct Writer {
    connection: Connection,
    interned: Interned,
}

#[derive(Debug, Default)]
struct Readers {
    state: Mutex<ReaderState>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct ReaderState {
    idle: VecDeque<Connection>,
    open: usize,
}

impl Book {
    /// Opens or creates the file, readable by its owner only, and brings it to
    /// the newest format.
    ///
    /// # Errors
    /// When the file cannot be created, is not a database, or was written by a
    /// newer version.
    pub fn open(path: &Path, now: UnixNanos) -> Result<Self, BookError> {
        create_private(path)?;
        let mut connection = Connection::open_with_flags(
            path,
            OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
        )
        .during("open the file")?;
        migrations::refuse_newer(&connection, path)?;
        prepare_writer(&connection).during("set up the file")?;
        migrations::migrate(&mut connection, path)?;
        let book = Self {
            path: path.to_owned(),
            writer: Mutex::new(Writer { connection, interned: Interned::default() }),
            readers: Readers::default(),
            minutes_from: AtomicI64::new(i64::MIN),
        };
        book.load_minutes_from()?;
        book.ensure_default_project(now)?;
        Ok(book)
    }

    /// Before this, figures are by hour only.
    pub(super) fn minutes_from(&self) -> UnixNanos {
        UnixNanos(self.minutes_from.load(Ordering::Acquire))
    }

    pub(super) fn set_minutes_from(&self, from: UnixNanos) {
        self.minutes_from.store(from.0, Ordering::Release);
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` in one transaction that is durable when this returns.
    ///
    /// The interned ids are taken out while it runs: an error or a panic leaves
    /// none behind that the file does not know.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>, &mut Interned) -> Result<T, BookError>,
    ) -> Result<T, BookError> {
        let mut writer = locked(&self.writer);
        let mut interned = std::mem::take(&mut writer.interned);
        let transaction = writer
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .during(action)?;
        let value = work(&transaction, &mut interned)?;
        transaction.commit().during(action)?;
        writer.interned = interned;
        Ok(value)
    }

    /// Runs `work` on one consistent state of the file, beside the writer.
    pub(super) fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, BookError>,
    ) -> Result<T, BookError> {
        let mut reader = self.readers.borrow(&self.path).during(action)?;
        let transaction = reader.connection()?.transaction().during(action)?;
        work(&transaction)
    }
}

/// A reader that goes back to the pool, or frees its place, when dropped.
struct Borrowed<'a> {
    pool: &'a Readers,
    connection: Option<Connection>,
}

impl Borrowed<'_> {
    fn connection(&mut self) -> Result<&mut Connection, BookError> {
        self.connection.as_mut().ok_or(rusqlite::Error::InvalidQuery).during("borrow a reader")
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let mut state = locked(&self.pool.state);
        match self.connection.take() {
            Some(connection) => state.idle.push_back(connection),
            None => state.open -= 1,
        }
        self.pool.returned.notify_one();
    }
}

impl Readers {
    fn borrow(&self, path: &Path) -> Result<Borrowed<'_>, rusqlite::Error> {
        let mut state = locked(&self.state);
        loop {
            if let Some(connection) = state.idle.pop_back() {
                return Ok(Borrowed { pool: self, connection: Some(connection) });
            }
            if state.open < READERS_MAX {
                state.open += 1;
                drop(state);
                let mut borrowed = Borrowed { pool: self, connection: None };
                borrowed.connection = Some(open_reader(path)?);
                return Ok(borrowed);
            }
            state = self.returned.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(super) fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn prepare_writer(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_MAX, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()))?;
    Ok(())
}

/// Creates the file before SQLite does, because it would use the umask. Its
/// `-wal` and `-shm` companions take over the file's permissions.
pub(super) fn create_private(path: &Path) -> Result<(), BookError> {
    let prepare = || {
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
        // SQLite syncs the directory for files that it creates itself only.
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    };
    prepare().map_err(|source| BookError::File { path: path.to_owned(), source })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
