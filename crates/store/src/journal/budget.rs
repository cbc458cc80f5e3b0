//! A bound on bytes that wait, shared by everyone who adds to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many bytes may wait, and how many do.
#[derive(Debug)]
pub(super) struct Budget {
    taken: AtomicUsize,
    max: usize,
}

/// Bytes taken from a budget; given back on drop.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { taken: AtomicUsize::new(0), max })
    }

    /// Takes bytes if they fit, or if nothing else waits: one request larger
    /// than the whole budget must still get through.
    pub(super) fn take(self: &Arc<Self>, bytes: usize) -> Option<Share> {
        let fits = |taken: usize| {
            let sum = taken.checked_add(bytes)?;
            (taken == 0 || sum <= self.max).then_some(sum)
        };
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()?;
        Some(Share { budget: Arc::clone(self), bytes })
    }

    pub(super) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.taken.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let budget = Budget::new(10);
        let large = budget.take(100).expect("nothing else waits");
        assert!(budget.take(1).is_none());
        drop(large);
        let first = budget.take(6).expect("fits");
        assert!(budget.take(5).is_none());
        let second = budget.take(4).expect("fits exactly");
        drop((first, second));
        assert_eq!(budget.taken(), 0);
    }
}
