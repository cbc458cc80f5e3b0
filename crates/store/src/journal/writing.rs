//! The journal's thread: one group after the other, until the queue is closed.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tracing::error;

use super::health::{Health, LogFault};
use super::queue::{Queue, Request, Waiting};
use super::{AppendError, Committed};
use crate::wal::{EncodedFrame, WalPosition, WalWriter, WriteFault};
use crate::{Effort, Part};

/// Where durable requests go.
pub(super) struct Ends {
    pub(super) committed: mpsc::Sender<Committed>,
    pub(super) durable: watch::Sender<WalPosition>,
    pub(super) health: Arc<Health>,
}

/// Writes groups until the queue is closed and empty.
pub(super) fn run(mut writer: WalWriter, queue: &Queue, ends: &Ends, effort: &Effort) {
    let mut halted: Option<Arc<io::Error>> = None;
    let mut refused = false;
    while let Some(group) = queue.next_group() {
        let (mut frames, requests): (Vec<_>, Vec<_>) =
            group.into_iter().map(|Waiting { frame, request }| (frame, request)).unzip();
        if let Some(error) = &halted {
            refuse(requests, &AppendError::Halted(Arc::clone(error)));
            continue;
        }
        match effort.of(Part::Log, || writer.write_group(&mut frames)) {
            Ok(positions) => {
                if std::mem::take(&mut refused) {
                    ends.health.set(None);
                }
                deliver(ends, positions, &frames, requests);
            }
            Err(WriteFault::Refused(error)) => {
                error!(%error, requests = requests.len(), "the log refused requests");
                refused = true;
                ends.health.set(Some(LogFault { halted: false, reason: error.to_string() }));
                refuse(requests, &AppendError::Disk(Arc::new(error)));
            }
            Err(WriteFault::Halted(error)) => {
                error!(%error, "the log stopped: what is on disk is not known after a failed sync");
                ends.health.set(Some(LogFault { halted: true, reason: error.to_string() }));
                let error = Arc::new(error);
                halted = Some(Arc::clone(&error));
                refuse(requests, &AppendError::Halted(error));
            }
        }
    }
}

fn refuse(requests: Vec<Request>, error: &AppendError) {
    for request in requests {
        // A sender that stopped waiting has its answer already.
        let _ = request.outcome.send(Err(error.clone()));
    }
}

/// Hands the group to the applier, then answers. The applier comes first so
/// that a query which begins after an answer finds the request on its way.
fn deliver(
    ends: &Ends,
    positions: Vec<WalPosition>,
    frames: &[EncodedFrame],
    requests: Vec<Request>,
) {
    if let Some(last) = positions.last() {
        ends.durable.send_replace(*last);
    }
    let mut outcomes = Vec::with_capacity(requests.len());
    for ((position, frame), request) in positions.into_iter().zip(frames).zip(requests) {
        let committed = Committed {
            position,
            frame_bytes: frame.len() as u64,
            batch: request.batch,
            _share: request.share,
        };
        // Without an applier the request is still durable, and the next start
        // applies it.
        let _ = ends.committed.blocking_send(committed);
        outcomes.push((request.outcome, position));
    }
    for (outcome, position) in outcomes {
        let _ = outcome.send(Ok(position));
    }
}
