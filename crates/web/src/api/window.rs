//! Which stretch of time a request asks about: `window=6h`, or `from` and
//! `to` in milliseconds since 1970.

use hotspan_model::UnixNanos;
use hotspan_model::time::{NANOS_PER_MILLI, NANOS_PER_SECOND};
use hotspan_store::TimeWindow;
use serde::Deserialize;

use super::error::ApiError;

/// The window when none is asked for.
const DEFAULT_SECONDS: i64 = 24 * 3_600;
/// The longest window: longer than anything is kept by default.
const SECONDS_MAX: i64 = 400 * 86_400;

/// The parameters.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct WindowQuery {
    /// A length up to now: a number and `s`, `m`, `h` or `d`.
    pub(crate) window: Option<String>,
    /// Its first moment, in milliseconds since 1970.
    pub(crate) from: Option<i64>,
    /// The first moment after it; now when not given.
    pub(crate) to: Option<i64>,
}

impl WindowQuery {
    /// The window they mean.
    pub(crate) fn resolve(&self, now: UnixNanos) -> Result<TimeWindow, ApiError> {
        let length = match &self.window {
            Some(text) => parse_length(text)?,
            None => DEFAULT_SECONDS,
        };
        let to = match self.to {
            Some(millis) => moment("to", millis)?,
            // The present moment belongs to the window.
            None => now.plus(1),
        };
        let from = match self.from {
            Some(millis) => moment("from", millis)?,
            None => to.plus(-length * NANOS_PER_SECOND),
        };
        if from >= to {
            return Err(ApiError::parameter(
                "`from` is not before `to`",
                "give `from` and `to` in milliseconds since 1970, the earlier one first",
            ));
        }
        if to.since(from) > SECONDS_MAX * NANOS_PER_SECOND {
            return Err(ApiError::parameter(
                "the time from `from` to `to` is longer than 400 days",
                "ask for a shorter window; nothing is kept for so long unless you set it so",
            ));
        }
        Ok(TimeWindow { from, to })
    }
}

fn moment(name: &str, millis: i64) -> Result<UnixNanos, ApiError> {
    millis.checked_mul(NANOS_PER_MILLI).map(UnixNanos).ok_or_else(|| {
        ApiError::parameter(format!("`{name}` is out of range"), "give milliseconds since 1970")
    })
}

fn parse_length(text: &str) -> Result<i64, ApiError> {
    let seconds = text.char_indices().next_back().and_then(|(at, unit)| {
        let unit = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        text[..at].parse::<i64>().ok()?.checked_mul(unit)
    });
    seconds.filter(|seconds| (1..=SECONDS_MAX).contains(seconds)).ok_or_else(|| {
        ApiError::parameter(
            format!("`window` {text:?} is not a length of time"),
            "give a whole number and s, m, h or d, e.g. window=6h; at most 400d",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows() {
        let now = UnixNanos(1_000_000 * NANOS_PER_SECOND);
        for (window, from, to, expected) in [
            (None, None, None, Some((913_600, 1_000_000))),
            (Some("1h"), None, None, Some((996_400, 1_000_000))),
            (Some("90s"), None, Some(500_000_000), Some((499_910, 500_000))),
            (None, Some(1_000_000), Some(2_000_000), Some((1_000, 2_000))),
            (None, Some(2_000_000), Some(1_000_000), None),
            (None, Some(i64::MAX), None, None),
            // Ten years.
            (None, Some(-314_600_000_000), Some(1_000_000_000), None),
            (Some("0h"), None, None, None),
            (Some("h"), None, None, None),
            (Some(""), None, None, None),
            (Some("1y"), None, None, None),
            (Some("9999999999999999d"), None, None, None),
            (Some("401d"), None, None, None),
            (Some("1µ"), None, None, None),
        ] {
            let query = WindowQuery { window: window.map(str::to_owned), from, to };
            let seconds = |time: UnixNanos| time.0 / NANOS_PER_SECOND;
            let found =
                query.resolve(now).ok().map(|window| (seconds(window.from), seconds(window.to)));
            assert_eq!(found, expected, "{query:?}");
        }
    }
}
