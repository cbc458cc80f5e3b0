//! Room for request bodies: how many bytes may be in memory before ingest
//! takes over, and how many bodies may be decompressed at once.
//!
//! A body takes room as it grows, so many slow and small senders fit, and one
//! fast sender of 64 MiB bodies cannot fill the memory.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// The grain of accounting: semaphores count in `u32`.
const GRAIN_BYTES: usize = 4 * 1024;

/// There was no room in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoRoom;

/// The room that all doors share.
#[derive(Debug)]
pub(crate) struct Budget {
    grains: Arc<Semaphore>,
    grains_max: usize,
    decompressions: Arc<Semaphore>,
}

/// How much room is taken, of how much there is, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) taken: u64,
    pub(crate) max: u64,
}

impl Budget {
    pub(crate) fn new(bytes: usize, decompressions: usize) -> Self {
        let grains_max = bytes.div_ceil(GRAIN_BYTES);
        Self {
            grains: Arc::new(Semaphore::new(grains_max)),
            grains_max,
            decompressions: Arc::new(Semaphore::new(decompressions)),
        }
    }

    /// What is taken now.
    pub(crate) fn room(&self) -> Room {
        let bytes = |grains: usize| (grains * GRAIN_BYTES) as u64;
        let free = self.grains.available_permits();
        Room { taken: bytes(self.grains_max.saturating_sub(free)), max: bytes(self.grains_max) }
    }

    /// A reservation that holds nothing yet. `until` is how long it waits for
    /// room whenever it grows.
    pub(crate) fn reserve(&self, until: Instant) -> Reservation {
        Reservation { grains: Arc::clone(&self.grains), held: None, until }
    }

    /// A turn to decompress.
    pub(crate) async fn decompression(
        &self,
        until: Instant,
    ) -> Result<OwnedSemaphorePermit, NoRoom> {
        let turn = Arc::clone(&self.decompressions).acquire_owned();
        timeout_at(until, turn).await.ok().and_then(Result::ok).ok_or(NoRoom)
    }
}

/// Room held by one request; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    grains: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    until: Instant,
}

impl Reservation {
    /// Holds room for at least `bytes` in all.
    pub(crate) async fn grow_to(&mut self, bytes: usize) -> Result<(), NoRoom> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = bytes.div_ceil(GRAIN_BYTES).saturating_sub(held);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| NoRoom)?;
        let more = match Arc::clone(&self.grains).try_acquire_many_owned(missing) {
            Ok(more) => more,
            Err(_) => {
                let waiting = Arc::clone(&self.grains).acquire_many_owned(missing);
                timeout_at(self.until, waiting).await.ok().and_then(Result::ok).ok_or(NoRoom)?
            }
        };
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_bounded_and_given_back() {
        let budget = Budget::new(10 * GRAIN_BYTES, 1);
        let now = Instant::now();
        let mut first = budget.reserve(now);
        first.grow_to(1).await.expect("room for one grain");
        first.grow_to(8 * GRAIN_BYTES).await.expect("room for eight");
        let mut second = budget.reserve(now);
        assert_eq!(second.grow_to(3 * GRAIN_BYTES).await, Err(NoRoom));
        second.grow_to(2 * GRAIN_BYTES).await.expect("room for two");
        let grain = GRAIN_BYTES as u64;
        assert_eq!(budget.room(), Room { taken: 10 * grain, max: 10 * grain });
        drop(first);
        second.grow_to(10 * GRAIN_BYTES).await.expect("room for all");
        assert_eq!(second.grow_to(11 * GRAIN_BYTES).await, Err(NoRoom));
        let turn = budget.decompression(now).await.expect("one turn");
        assert!(budget.decompression(now).await.is_err());
        drop(turn);
        assert!(budget.decompression(now).await.is_ok());
    }
}
