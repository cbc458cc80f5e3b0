//! Every number the server tells about itself, taken at one moment.

use std::time::Duration;

use hotspan_ingest::Stats;
use hotspan_store::{DiskSpace, StorageStats, Store};
use tokio::time::timeout;

use super::process::Process;
use crate::receive::budget::Room;
use crate::state::AppState;

/// How long the numbers of files and of the database are waited for. The rest
/// is told without them.
const STORAGE_PATIENCE: Duration = Duration::from_secs(3);

/// The numbers.
pub(crate) struct Reading {
    pub(crate) state: AppState,
    pub(crate) stats: Stats,
    /// `None` when the store did not answer in time.
    pub(crate) storage: Option<StorageStats>,
    /// `None` when the disk does not tell.
    pub(crate) disk: Option<DiskSpace>,
    pub(crate) process: Process,
    /// Bodies that are being read or decoded.
    pub(crate) receiving: Room,
}

impl Reading {
    /// Takes them.
    pub(crate) async fn take(state: &AppState) -> Self {
        let (storage, (disk, process)) =
            tokio::join!(storage_of(&state.store), of_the_system(&state.store));
        Self {
            stats: state.ingest.stats(),
            storage,
            disk,
            process,
            receiving: state.doors.budget.room(),
            state: state.clone(),
        }
    }
}

async fn storage_of(store: &Store) -> Option<StorageStats> {
    match timeout(STORAGE_PATIENCE, store.storage_stats()).await {
        Ok(Ok(storage)) => Some(storage),
        Ok(Err(error)) => {
            tracing::warn!(%error, "could not measure what is stored");
            None
        }
        Err(_) => None,
    }
}

/// Files of `/proc` are made on the spot; a disk that hangs can hang here.
async fn of_the_system(store: &Store) -> (Option<DiskSpace>, Process) {
    let store = store.clone();
    let asking = tokio::task::spawn_blocking(move || (store.disk_space().ok(), Process::now()));
    match timeout(STORAGE_PATIENCE, asking).await {
        Ok(Ok(told)) => told,
        _ => Default::default(),
    }
}
