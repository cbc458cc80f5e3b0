//! Memory to Parquet, in the background.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{debug, error};

use super::{Flushing, SpanFile, SpanTable, State, TablePlace, parquet};
use crate::book::rows::ManifestFile;
use crate::wal::WalPosition;
use crate::{Part, StoreError};

/// How long a failed flush waits at first before it is tried again.
const RETRY_DELAY_MIN: Duration = Duration::from_millis(500);
/// How long at most.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// How often ages are looked at, at most and at least.
const TICK: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));

impl SpanTable {
    /// Sets the active memtable aside and begins to write it. False when one
    /// is being written already.
    pub(super) fn begin_flush(self: &Arc<Self>, state: &mut State) -> Result<bool, StoreError> {
        if state.flushing.is_some() {
            return Ok(false);
        }
        state.active.close_tail()?;
        let flushing = Arc::new(Flushing {
            memtable: std::mem::take(&mut state.active),
            position: state.applied,
        });
        state.flushing = Some(Arc::clone(&flushing));
        state.flush_task = Some(tokio::spawn(Arc::clone(self).flush(flushing)));
        Ok(true)
    }

    /// Tries until it is written, or the table is closed.
    async fn flush(self: Arc<Self>, flushing: Arc<Flushing>) {
        let mut closing = self.closing.subscribe();
        let mut delay = RETRY_DELAY_MIN;
        loop {
            match self.write_once(&flushing).await {
                Ok(files) => {
                    self.take_over(files);
                    break;
                }
                Err(error) => {
                    self.place.meters.flush.failures.add(1);
                    error!(%error, "spans in memory could not be written; the log keeps them");
                    self.lock().flush_error = Some(error.to_string());
                }
            }
            if *closing.borrow_and_update() {
                self.lock().gave_up = true;
                break;
            }
            let stop = tokio::time::timeout(delay, closing.changed());
            // Closing cuts the wait short, for one last try.
            let _ = stop.await;
            delay = RETRY_DELAY_MAX.min(delay * 2);
        }
        self.flushed.send_modify(|ended| *ended += 1);
    }

    /// Files first, durable; then the manifest, with the position they complete.
    async fn write_once(
        self: &Arc<Self>,
        flushing: &Arc<Flushing>,
    ) -> Result<Vec<ManifestFile>, StoreError> {
        let (table, flushing) = (Arc::clone(self), Arc::clone(flushing));
        tokio::task::spawn_blocking(move || {
            let began = Instant::now();
            let files = table.effort.of(Part::Flush, || {
                let batches = flushing.memtable.batches();
                let files = match batches.is_empty() {
                    true => Vec::new(),
                    false => {
                        let TablePlace { disk, data_dir, .. } = &*table.place;
                        parquet::write(&**disk, data_dir, flushing.position, batches)?
                    }
                };
                table.book.commit_flush(&files, &[], flushing.position.0)?;
                Ok::<_, StoreError>(files)
            })?;
            let meters = &table.place.meters.flush;
            meters.time.observe_duration(began.elapsed());
            meters.spans.add(flushing.memtable.rows() as u64);
            debug!(files = files.len(), rows = flushing.memtable.rows(), "wrote spans");
            Ok(files)
        })
        .await?
    }

    /// The moment the spans change sides.
    fn take_over(self: &Arc<Self>, files: Vec<ManifestFile>) {
        let mut state = self.lock();
        state.files.extend(files.into_iter().map(|file| SpanFile::new(&self.place, file)));
        state.flushing = None;
        state.flush_error = None;
        if self.is_full(&state.active)
            && let Err(error) = self.begin_flush(&mut state)
        {
            error!(%error, "spans in memory could not be set aside");
        }
    }

    /// Writes everything in memory and takes no more spans. Nothing works in
    /// the background afterwards.
    pub(crate) async fn close(self: &Arc<Self>) -> Result<(), StoreError> {
        let written = self.write_the_rest().await;
        let flush_task = self.lock().flush_task.take();
        if let Some(flush_task) = flush_task {
            // It has told how it ended; what is left of it holds the lock.
            let _ = flush_task.await;
        }
        written
    }

    async fn write_the_rest(self: &Arc<Self>) -> Result<(), StoreError> {
        let mut flushed = self.flushed.subscribe();
        self.closing.send_replace(true);
        loop {
            {
                let mut state = self.lock();
                if state.gave_up {
                    let error = state.flush_error.clone().unwrap_or_default();
                    return Err(StoreError::NotFlushed(error));
                }
                if state.flushing.is_none() && state.active.began().is_none() {
                    return Ok(());
                }
                self.begin_flush(&mut state)?;
            }
            if flushed.changed().await.is_err() {
                return Err(StoreError::Closed);
            }
        }
    }

    /// Watches ages until the table is closed or gone: memtables become files,
    /// and log files that nobody needs any more are removed.
    pub(crate) fn tend(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        let every = (self.limits.age / 4).clamp(TICK.0, TICK.1);
        let closing = self.closing.subscribe();
        tokio::spawn(tend(Arc::downgrade(self), closing, every))
    }

    async fn tend_once(self: &Arc<Self>) -> Result<(), StoreError> {
        {
            let mut state = self.lock();
            if state.active.began().is_some_and(|began| began.elapsed() >= self.limits.age) {
                self.begin_flush(&mut state)?;
            }
        }
        self.reclaim_log().await
    }

    /// Removes the part of the log that both consumers have made durable.
    pub(crate) async fn reclaim_log(self: &Arc<Self>) -> Result<(), StoreError> {
        let table = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            let positions = table.book.positions()?;
            let removed =
                table.wal.reclaim(WalPosition(positions.spans.min(positions.segments)))?;
            if removed > 0 {
                debug!(files = removed, "removed log files");
            }
            Ok(())
        })
        .await?
    }
}

async fn tend(table: Weak<SpanTable>, mut closing: watch::Receiver<bool>, every: Duration) {
    while tokio::time::timeout(every, closing.changed()).await.is_err() {
        let Some(table) = table.upgrade() else { return };
        if let Err(error) = table.tend_once().await {
            error!(%error, "looking after the span table failed");
        }
    }
}
