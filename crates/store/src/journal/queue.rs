//! Requests waiting for the disk. Their bytes are bounded by who adds them.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::AppendError;
use super::budget::Share;
use crate::Batch;
use crate::wal::{EncodedFrame, WalPosition};

/// Bytes of frames in one group at most: their offsets have 32 bits.
const GROUP_BYTES_MAX: usize = 1 << 30;

/// One request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) frame: EncodedFrame,
    pub(super) request: Request,
}

/// What of a request is not written to disk.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) batch: Arc<Batch>,
    pub(super) share: Share,
    pub(super) outcome: Outcome,
}

pub(super) type Outcome = oneshot::Sender<Result<WalPosition, AppendError>>;

impl Waiting {
    pub(super) fn new(
        frame: EncodedFrame,
        batch: Arc<Batch>,
        share: Share,
    ) -> (Self, oneshot::Receiver<Result<WalPosition, AppendError>>) {
        let (outcome, receiver) = oneshot::channel();
        (Self { frame, request: Request { batch, share, outcome } }, receiver)
    }
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Waiting>,
    closed: bool,
}

impl Queue {
    pub(super) fn push(&self, waiting: Waiting) -> Result<(), AppendError> {
        let mut state = self.lock();
        if state.closed {
            return Err(AppendError::Closed);
        }
        state.waiting.push_back(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes no more from now on; what waits is still handed out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for requests and takes what fits one group; `None` when the queue
    /// is closed and empty.
    pub(super) fn next_group(&self) -> Option<Vec<Waiting>> {
        let state = self.lock();
        let mut state = self
            .changed
            .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let mut bytes = 0;
        let mut group = Vec::with_capacity(state.waiting.len());
        while let Some(next) = state.waiting.front() {
            bytes += next.frame.len();
            if !group.is_empty() && bytes > GROUP_BYTES_MAX {
                break;
            }
            group.extend(state.waiting.pop_front());
        }
        (!group.is_empty()).then_some(group)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
