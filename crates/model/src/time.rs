//! Points in time as everything in Hotspan stores them. No clock is read here.

use std::fmt;

/// Nanoseconds since 1970-01-01T00:00:00 UTC, signed so that differences and
/// broken clocks do not wrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixNanos(pub i64);

/// Nanoseconds in one microsecond.
pub const NANOS_PER_MICRO: i64 = 1_000;
/// Nanoseconds in one millisecond.
pub const NANOS_PER_MILLI: i64 = 1_000_000;
/// Nanoseconds in one second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// Nanoseconds in one minute, the grain of roll-ups.
pub const NANOS_PER_MINUTE: i64 = 60 * NANOS_PER_SECOND;

impl UnixNanos {
    /// This point moved by `nanos`, stopping at the ends of the range.
    #[must_use]
    pub fn plus(self, nanos: i64) -> Self {
        Self(self.0.saturating_add(nanos))
    }

    /// Nanoseconds from `earlier` to here; negative when `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Whole microseconds since the epoch.
    pub fn micros(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MICRO)
    }

    /// Whole minutes since the epoch.
    pub fn minute(self) -> i64 {
        self.0.div_euclid(NANOS_PER_MINUTE)
    }

    /// Seconds since the epoch as floating point, the form Sentry sends;
    /// exact to about 100 ns for today's dates.
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * NANOS_PER_SECOND as f64).round() as i64)
    }

    /// Reads a date (`2026-11-23`, its first moment) or a moment in UTC
    /// (`2026-11-23T14:02:11.250Z`; seconds and their fraction may be missing).
    /// `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = match text.strip_suffix('Z').and_then(|text| text.split_once('T')) {
            Some((date, time)) => (date, nanos_of_day(time)?),
            None => (text, 0),
        };
        let day = days_of(date)?;
        day.checked_mul(86_400 * NANOS_PER_SECOND)?.checked_add(time).map(Self)
    }

    /// Year, month, day, hour, minute, second in UTC.
    pub fn civil(self) -> (i64, u32, u32, u32, u32, u32) {
        let seconds = self.0.div_euclid(NANOS_PER_SECOND);
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Days to civil date, after Howard Hinnant's public-domain algorithm.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_index = (5 * day_of_year + 2) / 153;
        let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u32;
        let month = if month_index < 10 { month_index + 3 } else { month_index - 9 } as u32;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
        (year, month, day, hour as u32, minute as u32, second as u32)
    }
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

/// Days from 1970-01-01 to `2026-11-23`; `None` when there is no such day.
fn days_of(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let mut next = |count: usize| digits(parts.next()?, count);
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    // Civil date to days, after Howard Hinnant's public-domain algorithm.
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // A day that its month does not have comes back as another one.
    let (.., month_again, day_again, _, _, _) =
        UnixNanos(days.checked_mul(86_400 * NANOS_PER_SECOND)?).civil();
    (i64::from(month_again) == month && i64::from(day_again) == day).then_some(days)
}

/// `14:02`, `14:02:11` or `14:02:11.250` as nanoseconds.
fn nanos_of_day(time: &str) -> Option<i64> {
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.split(':');
    let hour = digits(parts.next()?, 2)?;
    let minute = digits(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |second| digits(second, 2))?;
    let is_right = hour < 24 && minute < 60 && second < 60 && fraction.len() <= 9;
    if !is_right || parts.next().is_some() {
        return None;
    }
    let scale = 10i64.pow(9 - fraction.len() as u32);
    let nanos = digits(fraction, fraction.len())?.checked_mul(scale)?;
    Some(((hour * 60 + minute) * 60 + second) * NANOS_PER_SECOND + nanos)
}

impl fmt::Display for UnixNanos {
    /// RFC 3339 with milliseconds, e.g. `2026-11-23T14:02:11.250Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day, hour, minute, second) = self.civil();
        let millis = self.0.rem_euclid(NANOS_PER_SECOND) / NANOS_PER_MILLI;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_795_405_366_519_666_200, "2026-11-23T03:42:46.519Z"),
        ] {
            assert_eq!(UnixNanos(nanos).to_string(), text);
            assert_eq!(
                UnixNanos::parse(text),
                Some(UnixNanos(nanos.div_euclid(NANOS_PER_MILLI) * NANOS_PER_MILLI))
            );
        }
    }

    #[test]
    fn dates_that_people_write() {
        for (text, expected) in [
            ("2000-02-29", Some("2000-02-29T00:00:00.000Z")),
            ("2026-11-23T14:02Z", Some("2026-11-23T14:02:00.000Z")),
            ("2026-11-23T14:02:11Z", Some("2026-11-23T14:02:11.000Z")),
            ("2026-11-23T14:02:11.25Z", Some("2026-11-23T14:02:11.250Z")),
            ("1969-12-31T23:59:59.999Z", Some("1969-12-31T23:59:59.999Z")),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-00-01", None),
            ("2026-04-31", None),
            ("2026-04-00", None),
            ("2026-4-1", None),
            ("2026-04-01-01", None),
            ("2026-11-23T14:02", None),
            ("2026-11-23T24:00Z", None),
            ("2026-11-23T14:02:11.Z", None),
            ("2026-11-23T14:02:11.1234567890Z", None),
            ("2026-11-23T14:02:11+01:00", None),
            ("9999-12-31", None),
            ("", None),
            ("soon", None),
        ] {
            let read = UnixNanos::parse(text).map(|time| time.to_string());
            assert_eq!(read.as_deref(), expected, "{text:?}");
        }
    }
}
