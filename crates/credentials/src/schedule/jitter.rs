//! Small random changes of waiting times, so that hosts that started together
//! do not ask together. Made from a seed, so that a test can repeat it.

use std::time::Duration;

/// Waiting times vary by a tenth.
const PARTS: u64 = 10;

/// The random numbers of splitmix64, Sebastiano Vigna's public-domain algorithm.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// At most `time`, and at least nine tenths of it.
    pub(super) fn up_to(&mut self, time: Duration) -> Duration {
        time.saturating_sub(self.some_of(time))
    }

    /// At least `time`, and at most eleven tenths of it.
    pub(super) fn from(&mut self, time: Duration) -> Duration {
        time.saturating_add(self.some_of(time))
    }

    fn some_of(&mut self, time: Duration) -> Duration {
        let tenth = u64::try_from(time.as_millis()).unwrap_or(u64::MAX) / PARTS;
        Duration::from_millis(self.next() % (tenth + 1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
