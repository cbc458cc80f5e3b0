//! A copy of a data directory, made while a server runs on it or not, from
//! which a server starts with every span that was acknowledged before the copy
//! began.
//!
//! The database is copied as it stood at one moment. Span files that it names
//! never change; they are linked or copied, and when one has been removed
//! since, the database is copied anew. The log is copied twice, before the
//! database, because frames are removed from it once the database has what was
//! made of them, and after, for what came in between.
//!
//! Until all of it is there and synced, the copy's format file says that it is
//! unfinished, and no server starts on it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::book::rows::ManifestFile;
use crate::book::{book_path, copy};
use crate::clock::now;
use crate::disk::{Disk, RealDisk};
use crate::format::{self, FORMATS};
use crate::open::WAL_DIR;
use crate::wal::{Wal, WalPosition};
use crate::{CommitPoints, StoreError};

/// How often the database is copied anew because files vanished meanwhile.
const ATTEMPTS: u32 = 20;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BackupSummary {
    /// Span files.
    pub span_files: u64,
    /// Spans in them.
    pub spans: u64,
    /// Their bytes.
    pub span_bytes: u64,
    /// Span files that share their blocks with the original.
    pub linked: u64,
    /// Span files that were missing from the original before.
    pub missing: u64,
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Files of the log.
    pub wal_files: u64,
    /// Their bytes.
    pub wal_bytes: u64,
}

/// How span files get into the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupFiles {
    /// As hard links where the file system allows that: at once, and without
    /// taking room, but on the same disk.
    Link,
    /// As copies.
    Copy,
}

/// Copies the data directory `from` to `to`, which must be empty or not there
/// yet. `progress` is told what is being done.
pub(crate) fn backup(
    from: &Path,
    to: &Path,
    files: BackupFiles,
    progress: &mut dyn FnMut(&str),
) -> Result<BackupSummary, StoreError> {
    let from = format::existing(from)?;
    let to = make_target(to)?;
    format::write_unfinished(&to)?;
    let log = Wal::new(Arc::new(RealDisk), from.join(WAL_DIR));
    let log_copy = Wal::new(Arc::new(RealDisk), to.join(WAL_DIR));
    let mut backup = Backup { from, to, files, log, log_copy, wal: BTreeMap::new() };
    progress("copying the log");
    let mut active = backup.copy_wal()?;
    let mut attempt = 1;
    let (summary, lowest) = loop {
        progress("copying the database");
        let (manifest, lowest) = backup.copy_book()?;
        progress(&format!("copying {} span files", manifest.len()));
        let copied = backup.copy_files(&manifest)?;
        progress("copying what came in since");
        let before = std::mem::replace(&mut active, backup.copy_wal()?);
        match copied {
            Some(summary) if backup.log_is_whole(before, lowest) => break (summary, lowest),
            _ if attempt >= ATTEMPTS => return Err(StoreError::BackupOvertaken(backup.from)),
            _ => attempt += 1,
        }
    };
    backup.drop_covered(lowest)?;
    backup.finish(summary)
}

/// A backup on its way.
struct Backup {
    from: PathBuf,
    to: PathBuf,
    files: BackupFiles,
    log: Wal,
    log_copy: Wal,
    /// Log files copied so far.
    wal: BTreeMap<WalPosition, CopiedLog>,
}

/// A log file as it was copied.
#[derive(Debug, Clone, Copy)]
struct CopiedLog {
    bytes: u64,
    /// It was not written to any more when it was copied.
    complete: bool,
    /// The original was there at the last look.
    there: bool,
}

impl Backup {
    /// Copies what of the log is not copied yet. Returns the file that was
    /// written to when the look began; the others were complete.
    fn copy_wal(&mut self) -> Result<Option<WalPosition>, StoreError> {
        loop {
            let listed = self.log.firsts()?;
            let active = listed.last().copied();
            self.wal.values_mut().for_each(|copied| copied.there = false);
            let mut vanished = false;
            for first in listed {
                vanished |= !self.copy_segment(first, Some(first) == active)?;
            }
            if !vanished {
                return Ok(active);
            }
        }
    }

    /// Copies a log file. Of a group that is being written a part may be
    /// copied; a start cuts that off, as after a crash. False when it is gone.
    fn copy_segment(&mut self, first: WalPosition, active: bool) -> Result<bool, StoreError> {
        if let Some(copied) = self.wal.get_mut(&first).filter(|copied| copied.complete) {
            copied.there = true;
            return Ok(true);
        }
        let to = self.log_copy.path_of(first);
        let Some(bytes) = copy_if_there(&self.log.path_of(first), &to)? else { return Ok(false) };
        self.wal.insert(first, CopiedLog { bytes, complete: !active, there: true });
        Ok(true)
    }

    fn copy_book(&self) -> Result<(Vec<ManifestFile>, WalPosition), StoreError> {
        let target = book_path(&self.to);
        for suffix in ["", "-wal", "-shm"] {
            let mut path = target.clone().into_os_string();
            path.push(suffix);
            remove_if_there(Path::new(&path))?;
        }
        let copied = copy::copy(&book_path(&self.from), &target, now())?;
        let points = CommitPoints::at(copied.positions);
        Ok((copied.files, points.lowest()))
    }

    /// `None` when the original removed one of the files since.
    fn copy_files(&self, manifest: &[ManifestFile]) -> Result<Option<BackupSummary>, StoreError> {
        let mut summary = BackupSummary::default();
        for file in manifest {
            match self.copy_file(file)? {
                Some(linked) => {
                    summary.linked += u64::from(linked);
                    summary.span_files += 1;
                    summary.spans += file.rows;
                    summary.span_bytes += file.bytes;
                }
                None if self.is_still_named(file)? => summary.missing += 1,
                None => return Ok(None),
            }
        }
        Ok(Some(summary))
    }

    /// Tells whether it was linked; `None` when it is not there.
    fn copy_file(&self, file: &ManifestFile) -> Result<Option<bool>, StoreError> {
        let (from, to) = (self.from.join(&file.path), self.to.join(&file.path));
        if let Some(dir) = to.parent() {
            make_private_dirs(dir)?;
        }
        if self.files == BackupFiles::Link {
            match fs::hard_link(&from, &to) {
                Ok(()) => return Ok(Some(true)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Ok(Some(true));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                // Another disk, or a file system without links.
                Err(_) => {}
            }
        }
        Ok(copy_if_there(&from, &to)?.map(|_| false))
    }

    /// True when the original still counts on a file that is not there: it was
    /// lost before, and no other attempt will find it.
    fn is_still_named(&self, file: &ManifestFile) -> Result<bool, StoreError> {
        Ok(copy::named_files(&book_path(&self.from))?.contains(&file.path))
    }

    /// True when no frame above `lowest` is missing. A file that was not the
    /// one being written to was complete when it was copied. So there is a gap
    /// only if all that was seen at first is gone, and what is left begins
    /// above what the database covers.
    fn log_is_whole(&self, active: Option<WalPosition>, lowest: WalPosition) -> bool {
        let there = |first: &WalPosition| self.wal.get(first).is_some_and(|copied| copied.there);
        let first_there = self.wal.keys().copied().find(there);
        active.is_none_or(|active| there(&active))
            || first_there.is_none_or(|first| first <= lowest)
    }

    /// Removes log files that the database covers whole, as a server would,
    /// and whatever lies before a gap.
    fn drop_covered(&mut self, lowest: WalPosition) -> Result<(), StoreError> {
        let firsts: Vec<WalPosition> = self.wal.keys().copied().collect();
        for pair in firsts.windows(2).filter(|pair| pair[1] <= lowest) {
            remove_if_there(&self.log_copy.path_of(pair[0]))?;
            self.wal.remove(&pair[0]);
        }
        Ok(())
    }

    /// Syncs everything, and only then says that the copy is whole. Span files
    /// of earlier attempts are removed by the start that finds them.
    fn finish(self, mut summary: BackupSummary) -> Result<BackupSummary, StoreError> {
        let book = book_path(&self.to);
        let size = |path: &Path| fs::metadata(path).map(|found| found.len());
        summary.database_bytes = size(&book).map_err(StoreError::disk("read", &book))?;
        summary.wal_files = self.wal.len() as u64;
        summary.wal_bytes = self.wal.values().map(|copied| copied.bytes).sum();
        sync_all(&self.to)?;
        FORMATS.write(&self.to, &RealDisk)?;
        Ok(summary)
    }
}

/// Makes the directory; refuses one that has anything in it.
fn make_target(to: &Path) -> Result<PathBuf, StoreError> {
    make_private_dirs(to)?;
    let mut entries = fs::read_dir(to).map_err(StoreError::disk("list", to))?;
    if entries.next().is_some() {
        return Err(StoreError::NotEmpty(to.to_owned()));
    }
    let to = to.canonicalize().map_err(StoreError::disk("find", to))?;
    make_private_dirs(&to.join(WAL_DIR))?;
    make_private_dirs(&to.join(crate::table::SPANS_DIR))?;
    Ok(to)
}

fn make_private_dirs(dir: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true).mode(0o700);
    builder.create(dir).map_err(StoreError::disk("create", dir))
}

/// Copies a file, replacing an earlier copy. Returns its bytes; `None` when it
/// is not there.
fn copy_if_there(from: &Path, to: &Path) -> Result<Option<u64>, StoreError> {
    let mut original = match File::open(from) {
        Ok(original) => original,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StoreError::disk("read", from)(error)),
    };
    let mut options = File::options();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut copy = || io::copy(&mut original, &mut options.open(to)?);
    copy().map(Some).map_err(StoreError::disk("write", to))
}

fn remove_if_there(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(StoreError::disk("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// Syncs every file and every directory.
fn sync_all(dir: &Path) -> Result<(), StoreError> {
    let mut waiting = vec![dir.to_owned()];
    while let Some(dir) = waiting.pop() {
        let entries = RealDisk.list(&dir).map_err(StoreError::disk("list", &dir))?;
        for entry in entries {
            let path = dir.join(&entry.name);
            if entry.is_dir {
                waiting.push(path);
            } else {
                let synced = File::open(&path).and_then(|file| file.sync_all());
                synced.map_err(StoreError::disk("sync", &path))?;
            }
        }
        RealDisk.sync_dir(&dir).map_err(StoreError::disk("sync", &dir))?;
    }
    Ok(())
}
