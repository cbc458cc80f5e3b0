//! Failed logins per user name and address: after a few, the next try waits.
//!
//! Keyed by both so that a stranger cannot lock a user out from elsewhere. The
//! table is bounded; when full, the oldest entries make room.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that cost nothing: people mistype.
const FREE_FAILURES: u32 = 5;
/// The wait after the first failure that costs; doubles with each further one.
const WAIT_FIRST: Duration = Duration::from_secs(2);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Failures are forgotten after this long without another.
const MEMORY: Duration = Duration::from_secs(900);
/// Pairs of name and address that are remembered.
const ENTRIES_MAX: usize = 4_096;

type Key = (String, Option<IpAddr>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

/// Remembers failed logins.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failures: Mutex<HashMap<Key, Failures>>,
}

impl Attempts {
    /// How long a login must still wait; `None` when it may be tried.
    pub(crate) fn wait(
        &self,
        name: &str,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Option<Duration> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failures.get(&(name.to_owned(), address))?;
        let costly = failed.count.checked_sub(FREE_FAILURES)?;
        let wait = WAIT_FIRST.saturating_mul(1 << costly.min(16)).min(WAIT_MAX);
        wait.checked_sub(now.saturating_duration_since(failed.last)).filter(|rest| !rest.is_zero())
    }

    /// Notes a failure.
    pub(crate) fn failed(&self, name: &str, address: Option<IpAddr>, now: Instant) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|_, failed| now.saturating_duration_since(failed.last) < MEMORY);
        if failures.len() >= ENTRIES_MAX
            && let Some(oldest) =
                failures.iter().min_by_key(|(_, failed)| failed.last).map(|(key, _)| key.clone())
        {
            failures.remove(&oldest);
        }
        let entry =
            failures.entry((name.to_owned(), address)).or_insert(Failures { count: 0, last: now });
        entry.count = entry.count.saturating_add(1);
        entry.last = now;
    }

    /// Forgets the failures of who just logged in.
    pub(crate) fn succeeded(&self, name: &str, address: Option<IpAddr>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.remove(&(name.to_owned(), address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_after_free_failures_and_end_with_success() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..4 {
            attempts.failed("ann", None, start);
        }
        assert_eq!(attempts.wait("ann", None, start), None);
        attempts.failed("ann", None, start);
        assert_eq!(attempts.wait("ann", None, start), Some(WAIT_FIRST));
        attempts.failed("ann", None, start);
        assert_eq!(attempts.wait("ann", None, start), Some(WAIT_FIRST * 2));
        assert_eq!(attempts.wait("ann", None, start + WAIT_FIRST * 2), None);
        assert_eq!(attempts.wait("bob", None, start), None);
        let elsewhere = Some(IpAddr::from([10, 0, 0, 1]));
        assert_eq!(attempts.wait("ann", elsewhere, start), None);
        attempts.succeeded("ann", None);
        assert_eq!(attempts.wait("ann", None, start), None);
    }

    #[test]
    fn the_table_is_bounded() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for number in 0..ENTRIES_MAX + 10 {
            attempts.failed(&number.to_string(), None, start);
        }
        let held = attempts.failures.lock().expect("not poisoned").len();
        assert!(held <= ENTRIES_MAX, "{held}");
    }
}
