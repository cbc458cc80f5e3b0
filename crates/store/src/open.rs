//! Opening a data directory: its lock, its format, and what a crash left.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::book::{Book, book_path};
use crate::clock::now;
use crate::disk::{Disk, RealDisk};
use crate::format::FORMATS;
use crate::journal::{Committed, Journal, Streams};
use crate::search::Searcher;
use crate::store::{CommitPoints, Inner, Store};
use crate::table::{
    CompactLimits, FlushLimits, Reader, Retention, Rules, SPANS_DIR, SpanTable, TablePlace, adopt,
    remove_unknown,
};
use crate::wal::{Wal, WalPosition, WalWriter};
use crate::{Effort, Meters, StoreConfig, StoreError};

/// The file that one process at a time has locked.
const LOCK_FILE: &str = "LOCK";
/// The setting that says that the database knows the span files.
const FILES_TAKEN_OVER: &str = "span_files.taken_over";
/// The log's directory.
pub(crate) const WAL_DIR: &str = "wal";

/// Where replay begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayStart {
    /// Everything at or below it is in place already.
    pub from: WalPosition,
    /// Where the log ended when it was opened.
    pub to: WalPosition,
}

/// An open store with its two ends: the journal takes requests, `committed`
/// gives them to the one applier.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The way into the log.
    pub journal: Journal,
    /// Durable requests in the order of the log.
    pub committed: mpsc::Receiver<Committed>,
    /// What [`Store::replay`] goes through; do that first.
    pub replay: ReplayStart,
}

impl Store {
    /// Opens the data directory, making it if it is not there. One process
    /// holds it at a time.
    pub async fn open(config: StoreConfig) -> Result<Opened, StoreError> {
        Self::open_on(config, Arc::new(RealDisk)).await
    }

    /// As [`Store::open`], on a disk of the caller's.
    pub(crate) async fn open_on(
        config: StoreConfig,
        disk: Arc<dyn Disk>,
    ) -> Result<Opened, StoreError> {
        tokio::task::spawn_blocking(move || open(&config, disk)).await?
    }
}

fn open(config: &StoreConfig, disk: Arc<dyn Disk>) -> Result<Opened, StoreError> {
    let data_dir = prepare(&config.data_dir, &*disk)?;
    let lock = Arc::new(lock(&data_dir)?);
    FORMATS.migrate(&data_dir, &*disk)?;
    make_dirs(&*disk, &data_dir)?;
    let book = Arc::new(Book::open(&book_path(&data_dir), now())?);
    take_files_over(&book, &*disk, &data_dir)?;
    disk.sync_dir(&data_dir).map_err(StoreError::disk("sync", &data_dir))?;
    let points = CommitPoints::of(&book)?;
    let files = remove_unknown(&*disk, &data_dir, book.files()?)?;

    let meters = Arc::new(Meters::default());
    let wal = Wal::new(Arc::clone(&disk), data_dir.join(WAL_DIR)).measured_by(Arc::clone(&meters));
    let writer = WalWriter::open(wal.clone(), points.highest(), config.wal_segment_bytes)?;
    let replay = ReplayStart { from: points.lowest(), to: writer.position() };
    let effort = Arc::new(Effort::default());
    let (journal, Streams { committed, durable }) =
        Journal::start(writer, config.queue_bytes, Arc::clone(&effort), Arc::clone(&lock))
            .map_err(StoreError::disk("start the journal's thread in", &data_dir))?;

    let reader = Reader::new(config, data_dir.clone())?;
    let searcher = Searcher::new(config, data_dir.clone());
    let place =
        TablePlace { disk, data_dir: data_dir.clone(), meters: Arc::clone(&meters), _lock: lock };
    let table = SpanTable::new(
        place,
        Arc::clone(&book),
        wal.clone(),
        rules(config),
        Arc::clone(&effort),
        files,
        points.spans,
    );
    let tending = Mutex::new(vec![table.tend(), table.keep_up()]);
    let inner = Inner {
        data_dir,
        meters,
        book,
        wal,
        table,
        reader,
        searcher,
        durable,
        replay,
        tending,
        effort,
    };
    Ok(Opened { store: Store { inner: Arc::new(inner) }, journal, committed, replay })
}

/// Gives a new database the span files that are there already. That this is
/// done is remembered by the database itself: a crash in the middle must not
/// make the next start take the files for leftovers and remove them.
fn take_files_over(book: &Book, disk: &dyn Disk, data_dir: &Path) -> Result<(), StoreError> {
    if book.setting(FILES_TAKEN_OVER)?.is_some() {
        return Ok(());
    }
    if book.files()?.is_empty() {
        book.replace_files(&adopt(disk, data_dir)?, &[], &[])?;
    }
    Ok(book.set_setting(FILES_TAKEN_OVER, "yes")?)
}

fn rules(config: &StoreConfig) -> Rules {
    let flush =
        FlushLimits { spans: config.flush_spans, bytes: config.flush_bytes, age: config.flush_age };
    let compaction = CompactLimits { files_min: config.compact_files, spans: config.compact_spans };
    let retention = config.retention.map(|spans| Retention {
        spans,
        hours: config.rollup_retention,
        bytes: config.retention_bytes,
    });
    Rules { flush, compaction, retention }
}

/// Makes the data directory and checks its format. Returns its full path.
pub(crate) fn prepare(data_dir: &Path, disk: &dyn Disk) -> Result<PathBuf, StoreError> {
    let parent = data_dir.parent().filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        std::fs::create_dir_all(parent).map_err(StoreError::disk("create", parent))?;
    }
    RealDisk.create_dir(data_dir).map_err(StoreError::disk("create", data_dir))?;
    // Not every file system lets a directory above be synced; what is at stake
    // is only that an empty new data directory has to be made again.
    let _ = RealDisk.sync_dir(parent.unwrap_or(Path::new(".")));
    let data_dir = data_dir.canonicalize().map_err(StoreError::disk("find", data_dir))?;
    if FORMATS.check(&data_dir)?.is_none() {
        FORMATS.write(&data_dir, disk)?;
    }
    Ok(data_dir)
}

fn make_dirs(disk: &dyn Disk, data_dir: &Path) -> Result<(), StoreError> {
    for name in [WAL_DIR, SPANS_DIR] {
        let dir = data_dir.join(name);
        disk.create_dir(&dir).map_err(StoreError::disk("create", &dir))?;
    }
    Ok(())
}

/// Takes the lock; the system gives it back when the file is closed, however
/// the process ends.
fn lock(data_dir: &Path) -> Result<File, StoreError> {
    let path = data_dir.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(StoreError::disk("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(data_dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(StoreError::disk("lock", &path)(error)),
    }
}
