//! The one place of this crate that reads the clock. Only file ages, creation
//! times and states of issues come from here; spans bring their own times.

use std::time::{SystemTime, UNIX_EPOCH};

use hotspan_model::UnixNanos;

/// The time now; 1970 on a machine whose clock is before that.
pub(crate) fn now() -> UnixNanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixNanos(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}
