//! Looking after the span files in the background: small ones are put
//! together, old ones go.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tracing::{debug, error, warn};

use super::{CompactLimits, SpanTable};
use crate::StoreError;
use crate::clock::now;

/// How often files are looked at while nothing is flushed.
const EVERY: Duration = Duration::from_secs(30);
/// How often the book is looked through for what is too old.
const EXPIRE_EVERY: Duration = Duration::from_secs(600);

impl SpanTable {
    /// Looks after the files until the table is closed or gone: whenever a
    /// flush ended, and now and then.
    pub(crate) fn keep_up(self: &Arc<Self>) -> tokio::task::JoinHandle<()> {
        let (flushed, closing) = (self.flushed.subscribe(), self.closing.subscribe());
        tokio::spawn(keep_up(Arc::downgrade(self), flushed, closing))
    }

    async fn keep_up_once(
        self: &Arc<Self>,
        expired: &mut Option<Instant>,
    ) -> Result<(), StoreError> {
        if let Some(retention) = self.retention {
            while self.retain_once(&retention.keeping(now())).await? {}
            if expired.is_none_or(|last| last.elapsed() >= EXPIRE_EVERY) {
                *expired = Some(Instant::now());
                let (table, horizons) = (Arc::clone(self), retention.horizons(now()));
                let rows =
                    tokio::task::spawn_blocking(move || table.book.expire(&horizons)).await??;
                debug!(rows, "let old figures go");
            }
        }
        let compaction = self.compaction;
        while compaction.files_min > 0 && self.merge_some(&compaction).await? {}
        Ok(())
    }

    async fn merge_some(self: &Arc<Self>, limits: &CompactLimits) -> Result<bool, StoreError> {
        let merged = self.compact_once(limits, now()).await;
        if matches!(&merged, Err(error) if !matches!(error, StoreError::Closed)) {
            self.place.meters.compaction.failures.add(1);
        }
        merged
    }
}

async fn keep_up(
    table: Weak<SpanTable>,
    mut flushed: watch::Receiver<u64>,
    mut closing: watch::Receiver<bool>,
) {
    let mut expired = None;
    loop {
        // First a wait: a start has better things to do.
        tokio::select! {
            ended = flushed.changed() => if ended.is_err() { return },
            changed = closing.changed() => {
                if changed.is_err() || *closing.borrow() {
                    return;
                }
            }
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(table) = table.upgrade() else { return };
        match table.keep_up_once(&mut expired).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return,
            Err(StoreError::Disk { doing, path, source }) => {
                // Tried again; nothing is lost while files stay as they are.
                warn!(doing, path = %path.display(), %source, "looking after span files failed");
            }
            Err(error) => error!(%error, "looking after span files failed"),
        }
    }
}
