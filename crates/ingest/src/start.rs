//! Starting and draining: which tasks there are and in which order they end.

use std::sync::Arc;

use hotspan_store::{Opened, ReplayStart, StoreError};
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::analyse::Analyst;
use crate::apply::Applier;
use crate::assemble::Assembler;
use crate::history::Histories;
use crate::profile::Profiles;
use crate::stats::Counters;
use crate::submit::Ingest;
use crate::verify::Verifier;
use crate::{Clock, IngestConfig};

/// Jobs that may wait for the analyst.
const JOBS_MAX: usize = 4;

/// Why ingest could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The running tasks of ingest.
pub struct IngestTask {
    ingest: Ingest,
    stop: watch::Sender<bool>,
    applier: JoinHandle<()>,
    analyst: JoinHandle<()>,
}

impl Ingest {
    /// Takes requests at once; what the log holds beyond the commit points is
    /// replayed before they are applied. The store's `committed` stream is
    /// this crate's from here on.
    pub async fn start(
        opened: Opened,
        config: IngestConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<(Ingest, IngestTask), StartError> {
        let Opened { store, journal, committed, .. } = opened;
        let counters = Arc::new(Counters::new(clock.now()));
        let (stop, stopping) = watch::channel(false);
        let (jobs_in, jobs_out) = mpsc::channel(JOBS_MAX);
        let analyst = Analyst {
            store: store.clone(),
            counters: Arc::clone(&counters),
            profiles: Profiles::new(Arc::clone(&clock), &config),
            histories: Histories::new(Arc::clone(&clock)),
            verifier: Verifier::new(Arc::clone(&clock)),
            stop: stopping.clone(),
        };
        let analyst = tokio::spawn(analyst.run(jobs_out));
        let assembler = Assembler::new(config.assembly(), store.commit_points()?.segments);
        let applier = Applier::new(
            store.clone(),
            Arc::clone(&clock),
            Arc::clone(&counters),
            assembler,
            jobs_in,
        );
        let ReplayStart { from, to } = store.replay_start();
        counters.replaying(to.0.saturating_sub(from.0));
        let poll_every = config.poll_interval;
        let applier = tokio::spawn(applier.run(committed, stopping, poll_every));
        let ingest = Ingest::new(config, clock, store.clone(), journal, counters);
        Ok((ingest.clone(), IngestTask { ingest, stop, applier, analyst }))
    }
}

impl IngestTask {
    /// Refuses new requests, finishes those in flight, applies and books what
    /// is done. Open traces stay in the log: the next start takes them up.
    pub async fn drain(self) {
        self.ingest.close().await;
        self.stop.send_replace(true);
        for (name, task) in [("applier", self.applier), ("analyst", self.analyst)] {
            if let Err(failure) = task.await {
                tracing::error!(%failure, name, "a task of ingest ended early");
            }
        }
    }

    /// Resolves when a task ended although nobody stopped it: a defect, after
    /// which nothing more would be applied.
    pub async fn failed(&mut self) {
        tokio::select! {
            _ = &mut self.applier => {}
            _ = &mut self.analyst => {}
        }
    }
}
