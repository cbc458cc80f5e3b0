//! The format of a data directory as a whole: which files and folders there
//! are. The database and the span files have versions of their own.
//!
//! The file `FORMAT` has the number. A step brings a directory from one format
//! to the next, and may find its work half done by a start that crashed. A
//! step is never changed once it was released; a new one is appended.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing::info;

use crate::StoreError;
use crate::disk::{Disk, RealDisk};

/// The file that names the format.
const FILE: &str = "FORMAT";
/// What it says before the number.
const WORD: &str = "hotspan ";
/// What it says in a backup that is not whole.
const UNFINISHED: &str = "unfinished backup";

/// Brings a data directory to the next format. Done again after a crash, it
/// comes to the same.
type Step = fn(&Path, &dyn Disk) -> io::Result<()>;

/// Step *n* brings format *n + 1* to format *n + 2*: the first format was 1.
const STEPS: &[Step] = &[];

/// Which formats are read, and how older ones become new.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Formats {
    steps: &'static [Step],
}

/// Those of this version.
pub(crate) const FORMATS: Formats = Formats { steps: STEPS };

impl Formats {
    /// The newest format that is read, and the one that is written.
    fn newest(self) -> u32 {
        self.steps.len() as u32 + 1
    }

    /// The format of a directory; `None` when it has none yet.
    ///
    /// # Errors
    /// When it is newer than what is read, or something else than a data
    /// directory.
    pub(crate) fn check(self, data_dir: &Path) -> Result<Option<u32>, StoreError> {
        let path = data_dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::disk("read", &path)(error)),
        };
        let number = text.trim_end().strip_prefix(WORD).and_then(|number| number.parse().ok());
        match number {
            Some(found) if found > self.newest() => Err(StoreError::NewerFormat {
                path: data_dir.to_owned(),
                found,
                newest: self.newest(),
            }),
            Some(found) if found > 0 => Ok(Some(found)),
            _ if text.trim_end() == UNFINISHED => {
                Err(StoreError::UnfinishedBackup(data_dir.to_owned()))
            }
            _ => Err(StoreError::NotOurs {
                path,
                reason: format!("it says {:?} instead of a format number", text.trim_end()),
            }),
        }
    }

    /// Brings a directory to the newest format, one durable step after the
    /// other. The caller holds its lock.
    pub(crate) fn migrate(self, data_dir: &Path, disk: &dyn Disk) -> Result<(), StoreError> {
        let found = self.check(data_dir)?.unwrap_or(1);
        for (number, step) in (1..).zip(self.steps).filter(|(number, _)| *number >= found) {
            info!(from = number, to = number + 1, "bringing the data directory to a newer format");
            step(data_dir, disk)
                .and_then(|()| write(disk, data_dir, number + 1))
                .map_err(StoreError::disk("bring to a newer format", data_dir))?;
        }
        Ok(())
    }

    /// Says that a directory has the newest format.
    pub(crate) fn write(self, data_dir: &Path, disk: &dyn Disk) -> Result<(), StoreError> {
        write(disk, data_dir, self.newest())
            .map_err(StoreError::disk("create", &data_dir.join(FILE)))
    }
}

/// The full path of a data directory that is there, in a format that is read.
pub(crate) fn existing(data_dir: &Path) -> Result<PathBuf, StoreError> {
    let data_dir = data_dir.canonicalize().map_err(StoreError::disk("find", data_dir))?;
    match FORMATS.check(&data_dir)? {
        Some(_) => Ok(data_dir),
        None => {
            Err(StoreError::NotOurs { path: data_dir, reason: format!("it has no file {FILE}") })
        }
    }
}

/// Keeps servers off a backup until [`Formats::write`] says that it is whole.
pub(crate) fn write_unfinished(data_dir: &Path) -> Result<(), StoreError> {
    let path = data_dir.join(FILE);
    let write = || {
        let mut file = RealDisk.create(&path)?;
        writeln!(file, "{UNFINISHED}")?;
        file.sync()
    };
    write().map_err(StoreError::disk("create", &path))
}

/// Written under another name first, so that it is never there half.
fn write(disk: &dyn Disk, data_dir: &Path, number: u32) -> io::Result<()> {
    let unfinished = data_dir.join("FORMAT.unfinished");
    let mut file = disk.create(&unfinished)?;
    writeln!(file, "{WORD}{number}")?;
    file.sync()?;
    disk.rename(&unfinished, &data_dir.join(FILE))?;
    disk.sync_dir(data_dir)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Steps as a later version might have: each leaves a mark, and the second
    /// fails as long as there is a file in its way.
    const LATER: Formats = Formats {
        steps: &[
            |dir, _| fs::write(dir.join("one"), "done"),
            |dir, _| match dir.join("obstacle").exists() {
                true => Err(io::Error::other("an obstacle")),
                false => fs::write(dir.join("two"), "done"),
            },
        ],
    };

    fn format_of(dir: &Path) -> String {
        fs::read_to_string(dir.join(FILE)).expect("readable")
    }

    #[test]
    fn older_directories_are_brought_further_step_by_step() {
        for (found, marks) in [(1, [true, true]), (2, [false, true]), (3, [false, false])] {
            let dir = tempfile::tempdir().expect("a temporary directory");
            fs::write(dir.path().join(FILE), format!("hotspan {found}\n")).expect("writable");
            assert_eq!(LATER.check(dir.path()).expect("read"), Some(found));
            LATER.migrate(dir.path(), &RealDisk).expect("migrated");
            assert_eq!(format_of(dir.path()), "hotspan 3\n", "from {found}");
            let left = ["one", "two"].map(|mark| dir.path().join(mark).exists());
            assert_eq!(left, marks, "from {found}");
        }
    }

    #[test]
    fn a_step_that_fails_is_tried_again_at_the_next_start() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        fs::write(dir.path().join(FILE), "hotspan 1\n").expect("writable");
        fs::write(dir.path().join("obstacle"), "").expect("writable");
        let error = LATER.migrate(dir.path(), &RealDisk).expect_err("it fails").to_string();
        assert!(error.contains("newer format") && error.contains("an obstacle"), "{error}");
        // What was done is kept, and an older version keeps off.
        assert_eq!(format_of(dir.path()), "hotspan 2\n");
        assert!(FORMATS.check(dir.path()).is_err());
        fs::remove_file(dir.path().join("obstacle")).expect("removed");
        LATER.migrate(dir.path(), &RealDisk).expect("migrated");
        assert_eq!(format_of(dir.path()), "hotspan 3\n");
    }

    #[test]
    fn what_is_no_format_is_refused() {
        for text in
            ["hotspan 4\n", "hotspan 0\n", "hotspan -1\n", "cats", "", "unfinished backup\n"]
        {
            let dir = tempfile::tempdir().expect("a temporary directory");
            fs::write(dir.path().join(FILE), text).expect("writable");
            assert!(LATER.check(dir.path()).is_err(), "{text:?}");
            assert!(LATER.migrate(dir.path(), &RealDisk).is_err(), "{text:?}");
            assert_eq!(format_of(dir.path()), text);
        }
        let new = tempfile::tempdir().expect("a temporary directory");
        assert_eq!(LATER.check(new.path()).expect("nothing there"), None);
    }
}
