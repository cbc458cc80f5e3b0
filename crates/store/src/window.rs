//! What most questions to the store begin with: when, and of whom.

use hotspan_model::UnixNanos;

/// A half-open stretch of time: `from` belongs to it, `to` does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeWindow {
    /// The first moment inside.
    pub from: UnixNanos,
    /// The first moment after.
    pub to: UnixNanos,
}

impl TimeWindow {
    /// Every moment there is.
    pub const ALL: Self = Self { from: UnixNanos(i64::MIN), to: UnixNanos(i64::MAX) };

    /// True when `time` lies inside.
    pub fn contains(&self, time: UnixNanos) -> bool {
        self.from <= time && time < self.to
    }

    /// Nanoseconds from beginning to end; 0 for a reversed window.
    pub fn length_ns(&self) -> i64 {
        self.to.since(self.from).max(0)
    }
}

/// Whose data to look at; `None` means everyone's.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Filter {
    /// The project's name.
    pub project: Option<String>,
    /// The service's name.
    pub service: Option<String>,
}
