//! What a start does again: requests in the log that some consumer has not
//! finished with. New requests are taken meanwhile, and wait.
//!
//! What waits is bounded. Beyond the bound it is let go and read from the log
//! in its turn, so that a long replay costs new requests time but no memory.

use std::collections::VecDeque;
use std::sync::Arc;

use hotspan_store::{Batch, Committed, Part, ReplayStart, Store, StoreError, WalPosition};
use tokio::sync::{mpsc, watch};

use crate::admit;
use crate::apply::{Applier, stopped};
use crate::stats::{Counters, List};

/// Requests that decoding may be ahead of applying.
const AHEAD_MAX: usize = 8;
/// Spans of new requests that wait in memory.
const WAITING_SPANS_MAX: usize = 50_000;

/// What was done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Replayed {
    requests: u64,
    spans: u64,
}

/// Applies everything in the log above the commit points, then what came in
/// meanwhile. Ends early when the server stops: the log keeps the rest.
pub(crate) async fn catch_up(
    store: &Store,
    applier: &mut Applier,
    counters: &Arc<Counters>,
    committed: &mut mpsc::Receiver<Committed>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), StoreError> {
    let segments_done = store.commit_points()?.segments;
    let ReplayStart { mut from, mut to } = store.replay_start();
    let began_at = to;
    let mut replayed = Replayed::default();
    let mut waiting = Waiting::default();
    while from < to {
        counters.replaying(to.0 - from.0);
        let mut batches = read(store, counters, from, to);
        loop {
            tokio::select! {
                next = batches.recv() => {
                    let Some((position, batch)) = next else { break };
                    replayed.requests += 1;
                    replayed.spans += batch.spans.len() as u64;
                    applier.replay(position, &batch, segments_done).await;
                    counters.replaying(to.0.saturating_sub(position.0));
                    // Those that came after the start are counted as they come.
                    applier.gauge(u64::from(position > began_at));
                }
                Some(request) = committed.recv() => waiting.take(request),
                () = stopped(stop) => return Ok(()),
            }
        }
        from = to;
        to = waiting.let_go_up_to.take().map_or(to, |position| position.max(to));
    }
    counters.replaying(0);
    if replayed.requests > 0 {
        tracing::info!(requests = replayed.requests, spans = replayed.spans, "replayed the log");
    }
    for request in waiting.requests {
        if request.position > to {
            applier.apply(&request).await;
        }
    }
    Ok(())
}

/// New requests during a replay.
#[derive(Debug, Default)]
struct Waiting {
    requests: VecDeque<Committed>,
    spans: usize,
    /// The end of the last request that is to be read from the log.
    let_go_up_to: Option<WalPosition>,
}

impl Waiting {
    fn take(&mut self, request: Committed) {
        self.spans += request.batch.spans.len();
        self.requests.push_back(request);
        if self.spans > WAITING_SPANS_MAX {
            self.let_go_up_to = self.requests.back().map(|last| last.position);
            self.requests.clear();
            self.spans = 0;
        }
    }
}

/// Decodes ahead of the applier, by a few requests.
fn read(
    store: &Store,
    counters: &Arc<Counters>,
    from: WalPosition,
    to: WalPosition,
) -> mpsc::Receiver<(WalPosition, Batch)> {
    let (sender, batches) = mpsc::channel(AHEAD_MAX);
    let (store, counters) = (store.clone(), Arc::clone(counters));
    tokio::task::spawn_blocking(move || {
        for item in store.replay(from, to) {
            let decoded = store.effort().of(Part::Decode, || decode(item, &counters));
            let Some(decoded) = decoded else { continue };
            if sender.blocking_send(decoded).is_err() {
                break;
            }
        }
    });
    batches
}

/// One request of the log; `None` when it cannot be read any more, which is
/// counted and said: the others must not be lost with it.
fn decode(
    item: Result<(WalPosition, hotspan_store::Frame), StoreError>,
    counters: &Counters,
) -> Option<(WalPosition, Batch)> {
    let (position, frame) = match item {
        Ok(read) => read,
        Err(error) => {
            tracing::error!(%error, "a part of the log is left out");
            counters.count(List::Dropped, "log_damage", 1);
            return None;
        }
    };
    match admit::readmit(&frame) {
        Ok(batch) => Some((position, batch)),
        // It was decoded once, so only a newer decoder can refuse it.
        Err(error) => {
            tracing::error!(
                %error,
                ?position,
                decoder_version = frame.decoder_version,
                "a request in the log can no longer be decoded; its spans are left out"
            );
            counters.count(List::Dropped, "log_undecodable", 1);
            None
        }
    }
}
