//! A copy of `hotspan.db` as it stood at one moment, beside a server that may
//! be writing to it. Nothing of the original is changed, not even its format.

use std::path::Path;

use hotspan_model::UnixNanos;
use rusqlite::{Connection, OpenFlags};

use super::connection::{Book, create_private};
use super::rows::{BookPositions, ManifestFile};
use super::{BookError, During, migrations};

/// What the copy says about the rest of the data directory.
pub(crate) struct Copied {
    /// Span files that belong to it.
    pub(crate) files: Vec<ManifestFile>,
    /// Up to where the log is covered.
    pub(crate) positions: BookPositions,
}

/// Writes the copy to `to`, where nothing may be yet.
pub(crate) fn copy(from: &Path, to: &Path, now: UnixNanos) -> Result<Copied, BookError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let original = Connection::open_with_flags(from, flags).during("open the file")?;
    migrations::refuse_newer(&original, from)?;
    // SQLite takes an empty file for none, and would make one by the umask.
    create_private(to)?;
    let target = to.to_string_lossy();
    original.execute("VACUUM INTO ?1", [&*target]).during("copy the database")?;
    drop(original);
    let copy = Book::open(to, now)?;
    Ok(Copied { files: copy.files()?, positions: copy.positions()? })
}

/// The paths of span files that the database names now.
pub(crate) fn named_files(path: &Path) -> Result<Vec<String>, BookError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let original = Connection::open_with_flags(path, flags).during("open the file")?;
    let mut statement = original.prepare("SELECT path FROM file").during("list the span files")?;
    let paths = statement.query_map([], |row| row.get(0)).during("list the span files")?;
    paths.collect::<Result<_, _>>().during("list the span files")
}
