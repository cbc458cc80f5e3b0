//! Time that never goes back, made of a clock that may.
//!
//! Trace assembly waits for quiet times. Were a clock set back by hours, those
//! would not pass for hours; were the latest time taken for the present, they
//! would not pass either until the clock had caught up. So the step back is
//! left out, and time goes on from where it was. A step forward is taken as it
//! is: traces close early, and a late span opens them again.

use hotspan_model::UnixNanos;

/// Steps back of less are requests that overtook each other, not the clock's.
const STEP_NS: i64 = 10_000_000_000;

/// Follows a clock. What it tells is for waiting, not for showing: after a step
/// back it is ahead of the clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Steady {
    /// The latest the clock said since its last step back.
    latest: UnixNanos,
    ahead_ns: i64,
}

impl Default for Steady {
    fn default() -> Self {
        Self { latest: UnixNanos(i64::MIN), ahead_ns: 0 }
    }
}

impl Steady {
    /// The steady time at a moment for which the clock says `clock`.
    pub(crate) fn at(&mut self, clock: UnixNanos) -> UnixNanos {
        let back_ns = self.latest.0.saturating_sub(clock.0);
        if back_ns >= STEP_NS {
            self.ahead_ns = self.ahead_ns.saturating_add(back_ns);
            self.latest = clock;
        }
        self.latest = self.latest.max(clock);
        UnixNanos(self.latest.0.saturating_add(self.ahead_ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_back_are_left_out() {
        let mut steady = Steady::default();
        let clock = [100, 105, 99, 106, 50, 60, 55, 200, 0, 11];
        let said = clock.map(|clock| steady.at(UnixNanos(clock * 1_000_000_000)).0 / 1_000_000_000);
        assert_eq!(said, [100, 105, 105, 106, 106, 116, 116, 256, 256, 267]);
    }
}
