//! What time it is for whoever issued the credentials. A wall clock that is
//! wrong or set makes credentials seem fresh that are over, so the time is
//! taken from the `Date` of the last answer and carried on by the clock that
//! counts since the start of the machine. Pure.

use crate::clock::{Boot, Reading, UnixSeconds};

/// A `Date` leaves out the fraction of its second.
const DATE_GRAIN_MILLIS: i64 = 1_000;

/// The time upstream, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reckoning {
    /// Milliseconds from the start of the machine to upstream's time.
    offset_millis: i64,
    /// How far the wall clock was ahead of upstream at the last answer.
    skew_seconds: Option<i64>,
}

impl Reckoning {
    /// Before anything was heard, the wall clock is all there is.
    pub fn from_wall(reading: Reading) -> Self {
        Self {
            offset_millis: reading.wall_millis.saturating_sub(reading.boot.millis()),
            skew_seconds: None,
        }
    }

    /// Takes the time from an answer that was asked for at `asked`, had come at
    /// `come`, and said `date` if it said anything. The answer was dated at
    /// some moment between the two; the earliest is taken, which makes it later
    /// now: credentials end a moment too soon rather than too late.
    pub fn hear(&mut self, date: Option<UnixSeconds>, asked: Boot, come: Reading) {
        let Some(UnixSeconds(date)) = date else {
            if self.skew_seconds.is_none() {
                *self = Self::from_wall(come);
            }
            return;
        };
        let latest = date.saturating_mul(1_000).saturating_add(DATE_GRAIN_MILLIS);
        self.offset_millis = latest.saturating_sub(asked.millis().min(come.boot.millis()));
        self.skew_seconds = Some(come.wall_millis.div_euclid(1_000).saturating_sub(date));
    }

    /// How long something that ends at `expiration` still holds; `None` when it
    /// is over.
    pub fn left(&self, expiration: UnixSeconds, now: Boot) -> Option<std::time::Duration> {
        let end = expiration.0.saturating_mul(1_000);
        let now = now.millis().saturating_add(self.offset_millis);
        u64::try_from(end.saturating_sub(now))
            .ok()
            .filter(|millis| *millis > 0)
            .map(std::time::Duration::from_millis)
    }

    /// Seconds that the wall clock is ahead of upstream, give or take one;
    /// `None` when upstream never told its time.
    pub fn skew_seconds(&self) -> Option<i64> {
        self.skew_seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn reading(boot_seconds: u64, wall_seconds: i64) -> Reading {
        Reading { boot: Boot(Duration::from_secs(boot_seconds)), wall_millis: wall_seconds * 1_000 }
    }

    #[test]
    fn life_left() {
        let start = reading(100, 5_000);
        for (case, date, come, left_at_200) in [
            ("the wall clock, when nothing else is known", None, start, Some(900)),
            ("an answer with a date, a wall clock that is right", Some(5_000), start, Some(899)),
            ("a wall clock an hour behind", Some(8_600 - 3_600), reading(100, 1_400), Some(899)),
            ("a slow answer ends things sooner", Some(5_000), reading(110, 5_010), Some(899)),
            ("over", Some(6_000), start, None),
        ] {
            let mut reckoning = Reckoning::from_wall(start);
            reckoning.hear(date.map(UnixSeconds), start.boot, come);
            let left = reckoning.left(UnixSeconds(6_000), Boot(Duration::from_secs(200)));
            assert_eq!(left.map(|left| left.as_secs()), left_at_200, "{case}");
        }
    }

    #[test]
    fn the_skew_of_the_wall_clock() {
        let mut reckoning = Reckoning::from_wall(reading(100, 5_000));
        assert_eq!(reckoning.skew_seconds(), None);
        reckoning.hear(
            Some(UnixSeconds(4_940)),
            Boot(Duration::from_secs(100)),
            reading(100, 5_000),
        );
        assert_eq!(reckoning.skew_seconds(), Some(60));
    }
}
