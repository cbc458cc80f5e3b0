//! The way in: a request is decoded, judged, made durable, and then answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hotspan_model::UnixNanos;
use hotspan_store::{AppendError, FrameDoor, Journal, LogFault, Part, Store};
use hotspan_wire::{Rejection, RequestError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::admit::{self, Admitted, Asides};
use crate::room::DiskRoom;
use crate::stats::{Counters, List};
use crate::{Clock, IngestConfig, Stats};

/// What is left to say after a wait when the disk is full: emptying it takes
/// a person.
const DISK_RETRY_AFTER: Duration = Duration::from_secs(30);

/// A request as a door hands it over.
#[derive(Debug, Clone)]
pub struct Received {
    /// Which format its body has.
    pub door: FrameDoor,
    /// The project its key belongs to; also the service of Sentry spans.
    pub project: Arc<str>,
    /// As the client sent it; kept for people who read the log.
    pub content_type: String,
    /// Decompressed.
    pub body: Bytes,
}

/// The answer to an accepted request: everything in it is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Spans accepted.
    pub accepted: u64,
    /// Items that were not, in reading order.
    pub rejections: Vec<Rejection>,
    /// What the answer to a Sentry request repeats.
    pub event_id: Option<String>,
}

/// Why nothing of a request was kept.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The body does not follow its format: sending it again is no use.
    #[error(transparent)]
    Malformed(#[from] RequestError),
    /// More is on its way to the disk than memory should hold.
    #[error("the server is busy: send again in {} s", retry_after.as_secs_f64())]
    Busy {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The disk took nothing.
    #[error("{reason}: send again in {} s", retry_after.as_secs())]
    DiskFull {
        /// What the disk said.
        reason: String,
        /// How long to wait.
        retry_after: Duration,
    },
    /// The server stops.
    #[error("the server is shutting down: send again in {} s", retry_after.as_secs_f64())]
    ShuttingDown {
        /// How long to wait.
        retry_after: Duration,
    },
}

impl Refusal {
    /// The stable name it is counted by.
    pub fn slug(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "malformed_request",
            Self::Busy { .. } => "busy",
            Self::DiskFull { .. } => "disk",
            Self::ShuttingDown { .. } => "shutting_down",
        }
    }

    /// How long the client should wait; `None` when sending again is no use.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Malformed(_) => None,
            Self::Busy { retry_after }
            | Self::DiskFull { retry_after, .. }
            | Self::ShuttingDown { retry_after } => Some(*retry_after),
        }
    }
}

/// The handle that doors submit to.
#[derive(Clone)]
pub struct Ingest {
    inner: Arc<Inner>,
}

struct Inner {
    config: IngestConfig,
    clock: Arc<dyn Clock>,
    journal: Journal,
    counters: Arc<Counters>,
    /// One permit a byte of a request between arrival and answer.
    room: Arc<Semaphore>,
    /// One permit a core: more decoding at one time would only starve what
    /// comes after it.
    decoders: Semaphore,
    disk: DiskRoom,
    closing: AtomicBool,
}

impl Ingest {
    pub(crate) fn new(
        config: IngestConfig,
        clock: Arc<dyn Clock>,
        store: Store,
        journal: Journal,
        counters: Arc<Counters>,
    ) -> Self {
        let disk = DiskRoom::new(store);
        let room = Arc::new(Semaphore::new(room_bytes(&config)));
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let decoders = Semaphore::new(cores);
        let closing = AtomicBool::new(false);
        let inner = Inner { config, clock, journal, counters, room, decoders, disk, closing };
        Self { inner: Arc::new(inner) }
    }

    /// Takes a request in. Once this answers with a receipt, every accepted
    /// span is durable. A caller that goes away in between changes nothing:
    /// what reached the log is counted as accepted.
    pub async fn submit(&self, received: Received) -> Result<Receipt, Refusal> {
        let ingest = self.clone();
        let outcome = match tokio::spawn(async move { ingest.take_in(received).await }).await {
            Ok(outcome) => outcome,
            Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
            Err(_) => Err(self.shutting_down()),
        };
        if let Err(refusal) = &outcome {
            self.refuse(refusal.slug());
        }
        outcome
    }

    /// A copy of every counter.
    pub fn stats(&self) -> Stats {
        let Inner { config, journal, room, .. } = &*self.inner;
        let max = room_bytes(config);
        Stats {
            in_flight_bytes: max.saturating_sub(room.available_permits()) as u64,
            in_flight_bytes_max: max as u64,
            log_queue_bytes: journal.queued_bytes() as u64,
            log_queue_bytes_max: journal.queued_bytes_max() as u64,
            open_spans_max: config.assembly_spans_max as u64,
            log_fault: self.log_fault(),
            ..self.inner.counters.snapshot()
        }
    }

    /// What keeps requests from being made durable; `None` while they are.
    pub fn log_fault(&self) -> Option<LogFault> {
        let nearly_full = || {
            let reason = self.inner.disk.refusal()?;
            Some(LogFault { halted: false, reason })
        };
        self.inner.journal.fault().or_else(nearly_full)
    }

    /// Counts items that are received and not kept, e.g. `otlp.metrics`.
    pub fn count(&self, name: &str, items: u64) {
        self.inner.counters.count(List::IgnoredItems, name, items);
    }

    /// Counts a request that a door refused by itself.
    pub fn refuse(&self, reason: &str) {
        self.inner.counters.count(List::Refused, reason, 1);
    }

    /// The time, from the clock that admission goes by.
    pub fn now(&self) -> UnixNanos {
        self.inner.clock.now()
    }

    /// Refuses everything from now on and waits for what is on its way.
    pub(crate) async fn close(&self) {
        self.inner.closing.store(true, Ordering::SeqCst);
        let all = permits(room_bytes(&self.inner.config), usize::MAX);
        if self.inner.room.acquire_many(all).await.is_ok() {
            self.inner.room.close();
        }
        self.inner.journal.close().await;
    }

    async fn take_in(&self, received: Received) -> Result<Receipt, Refusal> {
        let door = received.door;
        if let Some(reason) = self.inner.disk.refusal() {
            return Err(Refusal::DiskFull { reason, retry_after: DISK_RETRY_AFTER });
        }
        let patience = self.patience(door);
        let came = Instant::now();
        let _room = self.make_room(&received, patience).await?;
        let left = patience.saturating_sub(came.elapsed());
        let place = self.inner.journal.place(received.body.len(), left).await;
        let place = place.map_err(|error| self.refusal_of(&error))?;
        let slot = self.inner.decoders.acquire().await;
        let (now, rules) = (self.inner.clock.now(), self.inner.config.times);
        let effort = Arc::clone(self.inner.journal.effort());
        let work = move || effort.of(Part::Decode, || admit::admit(received, now, &rules));
        let judged = tokio::task::spawn_blocking(work);
        let admitted = match judged.await {
            Ok(admitted) => admitted?,
            Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
            Err(_) => return Err(self.shutting_down()),
        };
        drop(slot);
        let Admitted { frame, batch, rejections, asides } = admitted;
        let accepted = batch.spans.len() as u64;
        // Without a span there is nothing that a replay could bring back.
        if accepted > 0 {
            let appended = self.inner.journal.append(place, frame, Arc::new(batch)).await;
            appended.map_err(|error| self.refusal_of(&error))?;
            self.inner.counters.appended();
        }
        self.account(door, accepted, &rejections, &asides);
        Ok(Receipt { accepted, rejections, event_id: asides.event_id })
    }

    fn patience(&self, door: FrameDoor) -> Duration {
        match door {
            FrameDoor::OtlpProtobuf | FrameDoor::OtlpJson => self.inner.config.otlp_wait,
            FrameDoor::SentryEnvelope | FrameDoor::SentryStore => self.inner.config.sentry_wait,
        }
    }

    /// Room for the body until the answer. OTLP clients send again by
    /// themselves, so they are refused early; Sentry SDKs never do.
    async fn make_room(
        &self,
        received: &Received,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.inner.closing.load(Ordering::SeqCst) {
            return Err(self.shutting_down());
        }
        let wanted = permits(received.body.len(), room_bytes(&self.inner.config));
        let room = Arc::clone(&self.inner.room);
        if patience.is_zero() {
            return room.try_acquire_many_owned(wanted).map_err(|_| self.busy());
        }
        match tokio::time::timeout(patience, room.acquire_many_owned(wanted)).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(self.shutting_down()),
            Err(_) => Err(self.busy()),
        }
    }

    fn account(&self, door: FrameDoor, accepted: u64, rejections: &[Rejection], asides: &Asides) {
        let counters = &self.inner.counters;
        counters.accepted(door, accepted);
        for rejection in rejections {
            counters.count(List::Rejected, rejection.reason.slug(), 1);
        }
        for (reason, parts) in &asides.dropped {
            counters.count(List::DroppedParts, reason.slug(), *parts);
        }
        for (name, items) in &asides.counts {
            counters.count(List::IgnoredItems, name, *items);
        }
        for (reason, category, quantity) in &asides.client_losses {
            counters.count(List::ClientLosses, &format!("{category}.{reason}"), *quantity);
        }
    }

    fn refusal_of(&self, error: &AppendError) -> Refusal {
        match error {
            AppendError::Full => self.busy(),
            AppendError::Closed => self.shutting_down(),
            AppendError::Disk(_) | AppendError::Halted(_) => {
                Refusal::DiskFull { reason: error.to_string(), retry_after: DISK_RETRY_AFTER }
            }
        }
    }

    fn busy(&self) -> Refusal {
        Refusal::Busy { retry_after: self.inner.config.retry_after }
    }

    fn shutting_down(&self) -> Refusal {
        Refusal::ShuttingDown { retry_after: self.inner.config.retry_after }
    }
}

/// What the semaphore can count at most is the limit's own limit.
fn room_bytes(config: &IngestConfig) -> usize {
    config.in_flight_bytes_max.clamp(1, u32::MAX as usize)
}

/// A body larger than all the room there is takes all of it, and one of no
/// bytes takes one: it keeps a task busy too.
fn permits(bytes: usize, room: usize) -> u32 {
    u32::try_from(bytes.clamp(1, room)).unwrap_or(u32::MAX)
}
