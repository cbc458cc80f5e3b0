//! What the threads of one search share: the question, what was found, and
//! whether it is over.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use hotspan_model::UnixNanos;

use super::columns;
use super::file::offer;
use super::footers::Footers;
use super::found::{Collector, RowPlace};
use super::plan::Plan;
use crate::table::Snapshot;
use crate::{StoreError, TimeWindow};

/// One search at work.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) plan: Plan,
    pub(super) window: TimeWindow,
    pub(super) data_dir: PathBuf,
    pub(super) footers: Arc<Footers>,
    /// Holding it keeps its files on disk.
    pub(super) snapshot: Snapshot,
    pub(super) deadline: Instant,
    pub(super) called_off: AtomicBool,
    pub(super) found: Mutex<Collector>,
}

impl Scan {
    /// Nobody waits for more.
    pub(super) fn is_over(&self) -> bool {
        self.called_off.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }

    pub(super) fn collector(&self) -> MutexGuard<'_, Collector> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What began earlier is not needed any more.
    pub(super) fn threshold(&self) -> Option<UnixNanos> {
        self.collector().threshold()
    }

    /// Looks through what is in memory; false when it was over before.
    pub(super) fn look_through_memory(&self) -> Result<bool, StoreError> {
        let plan = Plan::All(vec![Plan::columns(columns::within(self.window))?, self.plan.clone()]);
        // What came last is mostly the newest.
        for (nth, batch) in self.snapshot.batches.iter().enumerate().rev() {
            if self.is_over() {
                return Ok(false);
            }
            let passes = plan.evaluate(batch)?;
            let rows: Vec<usize> = passes.values().set_indices().collect();
            offer(self, batch, rows.into_iter().rev(), |row| RowPlace::Memory(nth, row))?;
        }
        Ok(true)
    }
}

/// Calls a search off when nobody waits for it any more.
pub(super) struct CallOff(pub(super) Arc<Scan>);

impl Drop for CallOff {
    fn drop(&mut self) {
        self.0.called_off.store(true, Ordering::Relaxed);
    }
}
