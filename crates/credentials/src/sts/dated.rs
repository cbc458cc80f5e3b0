//! When STS says that it is. The SDK shows an answer and not its headers, so
//! they are read as it comes by, an error's too.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::box_error::BoxError;

use crate::clock::UnixSeconds;
use crate::plain_http::http_date;

/// Less than this is the way there and back.
const SKEW_MIN_SECONDS: i64 = 5;

/// Keeps the `Date` of an answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Dated(Arc<Mutex<Option<UnixSeconds>>>);

impl Dated {
    /// The `Date`, once there was an answer with one.
    pub(super) fn date(&self) -> Option<UnixSeconds> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Dated {
    fn name(&self) -> &'static str {
        "Dated"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(http_date);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

/// The wall clock, set right by what STS said last. Requests are signed for a
/// moment, and STS refuses those that are more than five minutes off.
#[derive(Debug, Default)]
pub(super) struct SkewedTime {
    /// Seconds that STS is ahead of the wall clock.
    ahead: AtomicI64,
}

impl SkewedTime {
    /// Takes the time from an answer that has just come.
    pub(super) fn hear(&self, date: UnixSeconds) {
        let ahead = date.0.saturating_sub(wall_seconds());
        let ahead = if ahead.abs() < SKEW_MIN_SECONDS { 0 } else { ahead };
        self.ahead.store(ahead, Ordering::Relaxed);
    }

    /// As the SDK wants it.
    pub(super) fn shared(time: &Arc<Self>) -> SharedTimeSource {
        SharedTimeSource::new(Told(Arc::clone(time)))
    }

    fn now(&self) -> SystemTime {
        let ahead = self.ahead.load(Ordering::Relaxed);
        let by = Duration::from_secs(ahead.unsigned_abs());
        let wall = SystemTime::now();
        let right = if ahead < 0 { wall.checked_sub(by) } else { wall.checked_add(by) };
        right.unwrap_or(wall)
    }
}

#[derive(Debug)]
struct Told(Arc<SkewedTime>);

impl TimeSource for Told {
    fn now(&self) -> SystemTime {
        self.0.now()
    }
}

fn wall_seconds() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_wrong_is_set_right() {
        let wall = wall_seconds();
        for (told, expected) in
            [(wall, wall), (wall + 2, wall), (wall + 7_200, wall + 7_200), (wall - 600, wall - 600)]
        {
            let time = SkewedTime::default();
            time.hear(UnixSeconds(told));
            let now = time.now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
            // The test itself takes some time, on a slow machine too.
            let passed = i64::try_from(now).expect("seconds") - expected;
            assert!((0..=60).contains(&passed), "{told}: {passed}");
        }
    }
}
