//! Sentry's times: seconds as a number, or a date as text, sometimes both in
//! one payload. Read exactly, because a float cannot hold nanoseconds.

use hotspan_model::UnixNanos;
use hotspan_model::time::NANOS_PER_SECOND;
use serde::Deserialize;
use serde::de::Error;
use serde_json::value::RawValue;

/// A time as sent; `None` when it is neither a number nor a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timestamp(pub(super) Option<UnixNanos>);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer).map_err(D::Error::custom)?;
        Ok(Self(time_of_json(raw.get())))
    }
}

/// The time that a JSON number or string stands for.
pub(crate) fn time_of_json(json: &str) -> Option<UnixNanos> {
    match json.strip_prefix('"') {
        Some(rest) => parse_date(rest.strip_suffix('"')?).map(|date| date.time),
        None => parse_seconds(json),
    }
}

/// Seconds since the epoch, digit by digit.
pub(crate) fn parse_seconds(text: &str) -> Option<UnixNanos> {
    if text.contains(['e', 'E']) {
        let seconds: f64 = text.parse().ok()?;
        // Beyond this the product with a billion leaves the range.
        return (seconds.abs() < 9e9).then(|| UnixNanos::from_seconds(seconds));
    }
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().all(|byte| byte.is_ascii_digit()) || whole.is_empty() {
        return None;
    }
    let seconds: i64 = whole.parse().ok()?;
    let nanos = seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(fraction_nanos(fraction)?)?;
    Some(UnixNanos(if negative { -nanos } else { nanos }))
}

/// Digits after the decimal point as nanoseconds, the tenth one rounded.
fn fraction_nanos(digits: &str) -> Option<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos = digits
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(9)
        .fold(0, |nanos, digit| nanos * 10 + i64::from(digit - b'0'));
    let rounds_up = digits.as_bytes().get(9).is_some_and(|digit| *digit >= b'5');
    Some(nanos + i64::from(rounds_up))
}

/// A date in text, and how it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Date<'a> {
    /// When.
    pub(crate) time: UnixNanos,
    /// Digits after the decimal point.
    pub(crate) fraction_digits: usize,
    /// The separator between day and time.
    pub(crate) separator: char,
    /// `Z`, an offset, or nothing, which means UTC too.
    pub(crate) zone: &'a str,
    /// What the zone adds to UTC.
    pub(crate) offset_ns: i64,
}

/// Reads ISO 8601 as Sentry's SDKs write it: `2026-11-23T03:57:08.041216Z`,
/// with any fraction, an offset, or no zone at all.
pub(crate) fn parse_date(text: &str) -> Option<Date<'_>> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 19 {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<i64> {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let separator = char::from(bytes[10]);
    let punctuation = [(4, '-'), (7, '-'), (13, ':'), (16, ':')];
    if !matches!(separator, 'T' | 't' | ' ')
        || !punctuation.iter().all(|(at, mark)| char::from(bytes[*at]) == *mark)
    {
        return None;
    }
    let (month, day) = (number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 24
        || minute > 59
        || second > 60
    {
        return None;
    }
    let (fraction, zone) = split_fraction(&text[19..])?;
    let offset_ns = zone_offset(zone)?;
    let days = days_from_civil(number(0..4)?, month, day);
    let seconds = days * 86_400 + hour * 3_600 + minute * 60 + second;
    let local = seconds.checked_mul(NANOS_PER_SECOND)?.checked_add(fraction_nanos(fraction)?)?;
    Some(Date {
        time: UnixNanos(local.checked_sub(offset_ns)?),
        fraction_digits: fraction.len(),
        separator,
        zone,
        offset_ns,
    })
}

/// Splits `.041216Z` into its digits and its zone.
fn split_fraction(rest: &str) -> Option<(&str, &str)> {
    let Some(digits) = rest.strip_prefix('.') else {
        return Some(("", rest));
    };
    let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
    (end > 0).then(|| digits.split_at(end))
}

/// Nanoseconds that a zone such as `+02:00` adds to UTC.
fn zone_offset(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.as_bytes().first()? {
        b'+' => (1, &zone[1..]),
        b'-' => (-1, &zone[1..]),
        _ => return None,
    };
    let digits: String = rest.chars().filter(|character| *character != ':').collect();
    let hours_minutes = match digits.len() {
        2 => format!("{digits}00"),
        4 => digits,
        _ => return None,
    };
    if !hours_minutes.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let hours: i64 = hours_minutes[..2].parse().ok()?;
    let minutes: i64 = hours_minutes[2..].parse().ok()?;
    Some(sign * (hours * 3_600 + minutes * 60) * NANOS_PER_SECOND)
}

/// Days since the epoch, after Howard Hinnant's public-domain algorithm.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = (month + 9) % 12;
    let day_of_year = (153 * month_index + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times() {
        let at = 1_795_406_228_041_216_000;
        for (json, nanos) in [
            ("1795406228.041216", Some(at)),
            ("1795406228", Some(1_795_406_228_000_000_000)),
            ("1795406228.0412160004", Some(at)),
            ("1795406228.0412160005", Some(at + 1)),
            ("-1.5", Some(-1_500_000_000)),
            ("1.795406228e9", Some(1_795_406_228_000_000_000)),
            ("1e300", None),
            ("99999999999", None),
            ("true", None),
            ("null", None),
            ("{}", None),
            ("\"2026-11-23T03:57:08.041216Z\"", Some(at)),
            ("\"2026-11-23T03:57:08.041216\"", Some(at)),
            ("\"2026-11-23 03:57:08.041216+00:00\"", Some(at)),
            ("\"2026-11-23T05:57:08.041216+02:00\"", Some(at)),
            ("\"2026-11-23T01:27:08.041216-0230\"", Some(at)),
            ("\"2026-11-23T03:57:08Z\"", Some(1_795_406_228_000_000_000)),
            ("\"2024-02-29T00:00:00Z\"", Some(1_709_164_800_000_000_000)),
            ("\"2026-13-23T03:57:08Z\"", None),
            ("\"2026-11-23T03:57:08.Z\"", None),
            ("\"2026-11-23T03:57:08 CET\"", None),
            ("\"2026-11-23\"", None),
            ("\"9999-12-31T23:59:59Z\"", None),
            ("\"soon\"", None),
            ("\"\"", None),
        ] {
            assert_eq!(time_of_json(json).map(|time| time.0), nanos, "{json}");
        }
    }

    proptest! {
        #[test]
        fn dates_read_what_times_display(millis in -9_000_000_000_000i64..9_000_000_000_000) {
            let time = UnixNanos(millis * 1_000_000);
            let text = time.to_string();
            prop_assert_eq!(parse_date(&text).map(|date| date.time), Some(time));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[-+0-9T:. Zz]{0,32}|\\PC{0,24}") {
            let _ = (time_of_json(&text), parse_date(&text));
        }
    }
}
