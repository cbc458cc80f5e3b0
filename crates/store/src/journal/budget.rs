//! A bound on bytes that wait, shared by everyone who adds to them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many bytes may wait, and how many do.
#[derive(Debug)]
pub(super) struct Budget {
    free: Arc<Semaphore>,
    max: usize,
}

/// Bytes taken from a budget; given back on drop.
#[derive(Debug)]
pub(super) struct Share(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

impl Budget {
    pub(super) fn new(max: usize) -> Self {
        // What the semaphore can count at most is the limit's own limit.
        let max = max.clamp(1, u32::MAX as usize);
        Self { free: Arc::new(Semaphore::new(max)), max }
    }

    /// Takes bytes, waiting for them in turn at most so long. One request
    /// larger than the whole budget takes all of it: it must still get through.
    pub(super) async fn take(&self, bytes: usize, patience: Duration) -> Option<Share> {
        let bytes = bytes.min(self.max) as u32;
        let free = Arc::clone(&self.free);
        if patience.is_zero() {
            return free.try_acquire_many_owned(bytes).ok().map(Share);
        }
        let taken = tokio::time::timeout(patience, free.acquire_many_owned(bytes)).await;
        taken.ok()?.ok().map(Share)
    }

    pub(super) fn max(&self) -> usize {
        self.max
    }

    pub(super) fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_come_back() {
        let budget = Budget::new(10);
        let take = |bytes| budget.take(bytes, Duration::ZERO);
        let large = take(100).await.expect("nothing else waits");
        assert!(take(1).await.is_none());
        drop(large);
        let first = take(6).await.expect("fits");
        assert!(take(5).await.is_none());
        let second = take(4).await.expect("fits exactly");
        drop((first, second));
        assert_eq!(budget.taken(), 0);
    }

    #[tokio::test]
    async fn who_waits_gets_what_comes_back() {
        let budget = Budget::new(10);
        let all = budget.take(10, Duration::ZERO).await.expect("nothing else waits");
        let patience = Duration::from_millis(20);
        let long = Duration::from_secs(60);
        let (taken, ()) = tokio::join!(budget.take(3, long), async { drop(all) });
        assert!(taken.is_some());
        assert!(budget.take(10, patience).await.is_none());
    }
}
