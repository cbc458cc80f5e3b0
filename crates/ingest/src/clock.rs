//! The one clock of the server side: everything else is told the time.

use std::time::SystemTime;

use hotspan_model::UnixNanos;

/// Tells the time. Tests use one that stands still until it is moved.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> UnixNanos;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> UnixNanos {
        let since_epoch =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixNanos(i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX))
    }
}
