//! The journal: many requests, one fsync, answers in order.
//!
//! Requests wait in one queue. A thread of its own takes all of them, writes
//! them as one group, syncs once, hands each to the applier and only then
//! resolves its sender. While it syncs the next group gathers, so the disk's
//! speed sets the size of groups, not a timer.
//!
//! What waits, here or for the applier, is bounded in bytes: a [`Committed`]
//! gives its share back when it is dropped.

mod budget;
mod health;
mod queue;
#[cfg(test)]
mod tests;
mod writing;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, watch};

use crate::wal::{EncodedFrame, Frame, WalPosition, WalWriter};
use crate::{Batch, Effort, Part};
use budget::{Budget, Share};
use health::Health;
pub use health::LogFault;
use queue::{Queue, Waiting};

/// Bodies above this are compressed on a thread that may block.
const INLINE_BODY_BYTES_MAX: usize = 256 << 10;
/// What a request counts beside its body.
const REQUEST_OVERHEAD_BYTES: usize = 512;
/// Requests that may wait for the applier; their bytes are bounded before that.
const COMMITTED_MAX: usize = 16 << 10;

/// A request that is durable, on its way to the applier.
#[derive(Debug)]
pub struct Committed {
    /// The end of its frame.
    pub position: WalPosition,
    /// Bytes of its frame on disk.
    pub frame_bytes: u64,
    /// Its accepted spans.
    pub batch: Arc<Batch>,
    /// Held for its drop: the journal takes more when the applier is done.
    _share: Share,
}

/// Why a request was not made durable. Nothing of it will ever be replayed.
#[derive(Debug, Clone, Error)]
pub enum AppendError {
    /// Too much waits for the disk or the applier.
    #[error("the log's queue is full: send again later")]
    Full,
    /// The disk refused; a later request may succeed.
    #[error("the log could not be written: {0}")]
    Disk(Arc<io::Error>),
    /// The disk failed in a way after which the log cannot be trusted to write
    /// until it is opened again.
    #[error("the log stopped after a disk failure: {0}; repair the disk and restart")]
    Halted(Arc<io::Error>),
    /// The store is shutting down.
    #[error("the log is closed")]
    Closed,
}

impl AppendError {
    /// True when the disk has no room.
    pub fn is_disk_full(&self) -> bool {
        matches!(self, Self::Disk(error) if matches!(error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Room for one request between the door and the applier.
#[derive(Debug)]
pub struct Place(Share);

/// The way into the log. A cheap handle; when the last one is dropped, what is
/// queued is written and the log closed.
#[derive(Debug, Clone)]
pub struct Journal {
    handle: Arc<Handle>,
}

#[derive(Debug)]
struct Handle {
    queue: Arc<Queue>,
    budget: Budget,
    health: Arc<Health>,
    thread: Mutex<Option<JoinHandle<()>>>,
    effort: Arc<Effort>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// What opening the journal gives beside the journal itself.
pub(crate) struct Streams {
    pub(crate) committed: mpsc::Receiver<Committed>,
    /// The end of the last durable frame, as it moves.
    pub(crate) durable: watch::Receiver<WalPosition>,
}

impl Journal {
    /// Starts the writing thread. `guard` lives as long as it does.
    pub(crate) fn start(
        writer: WalWriter,
        queue_bytes: usize,
        effort: Arc<Effort>,
        guard: impl Send + 'static,
    ) -> io::Result<(Self, Streams)> {
        let (committed_sender, committed) = mpsc::channel(COMMITTED_MAX);
        let (durable_sender, durable) = watch::channel(writer.position());
        let queue = Arc::new(Queue::default());
        let health = Arc::new(Health::default());
        let ends = writing::Ends {
            committed: committed_sender,
            durable: durable_sender,
            health: Arc::clone(&health),
        };
        let thread = std::thread::Builder::new().name("journal".into()).spawn({
            let (queue, effort) = (Arc::clone(&queue), Arc::clone(&effort));
            move || {
                writing::run(writer, &queue, &ends, &effort);
                drop(guard);
            }
        })?;
        let budget = Budget::new(queue_bytes);
        let handle = Handle { queue, budget, health, thread: Mutex::new(Some(thread)), effort };
        Ok((Self { handle: Arc::new(handle) }, Streams { committed, durable }))
    }

    /// A place for a request with a body of so many bytes, waiting for it at
    /// most so long. Asked for before anything is done with the request, so
    /// that one which is refused has cost nothing.
    ///
    /// # Errors
    /// [`AppendError::Full`] when there was none in time.
    pub async fn place(&self, body_bytes: usize, patience: Duration) -> Result<Place, AppendError> {
        let bytes = body_bytes + REQUEST_OVERHEAD_BYTES;
        self.handle.budget.take(bytes, patience).await.map(Place).ok_or(AppendError::Full)
    }

    /// Makes a request durable. Resolves after the fsync that covers it, and
    /// after its [`Committed`] was sent. A caller that stops waiting does not
    /// take the request back.
    pub async fn append(
        &self,
        Place(share): Place,
        frame: Frame,
        batch: Arc<Batch>,
    ) -> Result<WalPosition, AppendError> {
        let frame = encode(frame, &self.handle.effort).await?;
        let (waiting, outcome) = Waiting::new(frame, batch, share);
        self.handle.queue.push(waiting)?;
        outcome.await.unwrap_or(Err(AppendError::Closed))
    }

    /// CPU time by part of the work.
    pub fn effort(&self) -> &Arc<Effort> {
        &self.handle.effort
    }

    /// Bytes of requests that wait for the disk or the applier.
    pub fn queued_bytes(&self) -> usize {
        self.handle.budget.taken()
    }

    /// How many may.
    pub fn queued_bytes_max(&self) -> usize {
        self.handle.budget.max()
    }

    /// What keeps the log from taking requests; `None` while it does.
    pub fn fault(&self) -> Option<LogFault> {
        self.handle.health.fault()
    }

    /// Takes no more, makes everything queued durable, and waits for that.
    pub async fn close(&self) {
        self.handle.queue.close();
        let thread = self.handle.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A panic of the thread has been printed by the panic hook.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }
}

async fn encode(frame: Frame, effort: &Arc<Effort>) -> Result<EncodedFrame, AppendError> {
    let encoded = if frame.body.len() <= INLINE_BODY_BYTES_MAX {
        effort.of(Part::Log, || EncodedFrame::new(&frame))
    } else {
        let effort = Arc::clone(effort);
        tokio::task::spawn_blocking(move || effort.of(Part::Log, || EncodedFrame::new(&frame)))
            .await
            .unwrap_or_else(|_| Err(io::Error::other("compression ended early")))
    };
    encoded.map_err(|error| AppendError::Disk(Arc::new(error)))
}
