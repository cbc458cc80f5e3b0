//! What a start does again: requests in the log that some consumer has not
//! finished with. Decoding runs ahead of applying by a few requests.

use hotspan_store::{Store, StoreError, WalPosition};
use tokio::sync::mpsc;

use crate::admit;
use crate::apply::Applier;
use crate::start::StartError;

/// Requests that decoding may be ahead of applying.
const AHEAD_MAX: usize = 8;

/// What was done again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Replayed {
    pub(crate) requests: u64,
    pub(crate) spans: u64,
}

/// Applies everything above the commit points, in order.
pub(crate) async fn replay(store: &Store, applier: &mut Applier) -> Result<Replayed, StartError> {
    let segments_done = store.commit_points()?.segments;
    let (sender, mut batches) = mpsc::channel(AHEAD_MAX);
    let reading = store.clone();
    let reader = tokio::task::spawn_blocking(move || read(&reading, &sender));
    let mut replayed = Replayed::default();
    while let Some((position, batch)) = batches.recv().await {
        applier.replay(position, &batch, segments_done).await;
        replayed.requests += 1;
        replayed.spans += batch.spans.len() as u64;
    }
    applier.gauge(0);
    reader.await.map_err(|failure| StartError::Replay(failure.to_string()))??;
    Ok(replayed)
}

fn read(
    store: &Store,
    sender: &mpsc::Sender<(WalPosition, hotspan_store::Batch)>,
) -> Result<(), StoreError> {
    for item in store.replay() {
        let (position, frame) = item?;
        match admit::readmit(&frame) {
            Ok(batch) => {
                if sender.blocking_send((position, batch)).is_err() {
                    break;
                }
            }
            // It was decoded once, so only a newer decoder can refuse it.
            Err(error) => tracing::error!(
                %error,
                ?position,
                decoder_version = frame.decoder_version,
                "a request in the log can no longer be decoded; its spans are left out"
            ),
        }
    }
    Ok(())
}
