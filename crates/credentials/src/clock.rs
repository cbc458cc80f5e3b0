//! The two clocks there are: one that counts since the start of the machine,
//! sleep included, and the wall clock, which anybody may set. What follows from
//! them is in [`crate::reckoning`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// Seconds since 1970-01-01T00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixSeconds(pub i64);

/// Time since the machine started, the time it slept included. Never set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Boot(pub Duration);

impl Boot {
    /// This moment and `later`, stopping at the end of the range.
    #[must_use]
    pub fn plus(self, later: Duration) -> Self {
        Self(self.0.saturating_add(later))
    }

    /// How long after `earlier` this is; nothing when it is before.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// Milliseconds, for sums with the wall clock.
    pub(crate) fn millis(self) -> i64 {
        i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX)
    }
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Since the start of the machine.
    pub boot: Boot,
    /// The wall clock, in milliseconds since 1970.
    pub wall_millis: i64,
}

/// Tells the time. A test has its own.
pub trait Clock: Send + Sync + 'static {
    /// Both clocks now.
    fn read(&self) -> Reading;
}

/// The clocks of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct MachineClock;

impl Clock for MachineClock {
    fn read(&self) -> Reading {
        Reading { boot: since_boot(), wall_millis: wall_millis() }
    }
}

/// The wall clock alone, in milliseconds since 1970.
pub fn wall_millis() -> i64 {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(wall.as_millis()).unwrap_or(i64::MAX)
}

/// Every kernel since 2.6.39 has this clock. Were it missing, time would stand
/// at the end of its range: everything is over then, and nothing is served.
pub fn since_boot() -> Boot {
    clock_gettime(ClockId::CLOCK_BOOTTIME)
        .map_or(Boot(Duration::MAX), |time| Boot(Duration::from(time)))
}
