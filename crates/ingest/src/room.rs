//! Whether the disk has room for more, looked at once a second at most.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hotspan_store::{DiskSpace, Store};

/// How long an answer of the system is good for. At the fastest that requests
/// come, the disk does not lose its reserve in that time.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// The disk of the data directory as requests see it.
pub(crate) struct DiskRoom {
    store: Store,
    since: Instant,
    /// Milliseconds after `since` at which the system is asked again.
    ask_at: AtomicU64,
    low: AtomicBool,
}

impl DiskRoom {
    pub(crate) fn new(store: Store) -> Self {
        let (ask_at, low) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { store, since: Instant::now(), ask_at, low }
    }

    /// Why a request should be refused for want of room; `None` while there is.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.look();
        self.low.load(Ordering::Relaxed).then(|| {
            let said = self.store.disk_space().ok();
            let mib = |bytes: u64| bytes >> 20;
            let free = said.map_or(0, |space| mib(space.free));
            let reserve = said.as_ref().map_or(0, |space| mib(DiskSpace::reserve(space)));
            format!(
                "the disk is nearly full: {free} MiB are free, and {reserve} MiB are kept for \
                 writing out what was received; make room on it"
            )
        })
    }

    /// One of the requests that come at the time asks the system.
    fn look(&self) {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ask_at = self.ask_at.load(Ordering::Relaxed);
        let next = now + GOOD_FOR.as_millis() as u64;
        let mine = now >= ask_at
            && self
                .ask_at
                .compare_exchange(ask_at, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if mine {
            // A disk that does not tell is taken at its word when it refuses.
            let low = self.store.disk_space().is_ok_and(|space| space.is_low());
            let before = self.low.swap(low, Ordering::Relaxed);
            match (before, low) {
                (false, true) => tracing::error!("the disk is nearly full: requests are refused"),
                (true, false) => tracing::info!("the disk has room again: requests are taken"),
                _ => {}
            }
        }
    }
}
