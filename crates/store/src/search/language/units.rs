//! Numbers as people write them: with units of time and size, and moments.

use hotspan_model::UnixNanos;

const NANOS_PER_MILLI: f64 = 1e6;

/// Nanoseconds of `2s`, `1.5ms`, `300us`; a plain number is milliseconds.
pub(super) fn duration_ns(text: &str) -> Option<i64> {
    let (number, unit) = number_and_unit(text)?;
    let unit_ns = match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "" | "ms" => NANOS_PER_MILLI,
        "s" => 1e9,
        "m" | "min" => 60e9,
        "h" => 3_600e9,
        "d" => 86_400e9,
        _ => return None,
    };
    // The conversion stops at the ends of the range.
    Some((number * unit_ns).round() as i64)
}

/// A plain number, or a size: `10KB` is 10,000, `10KiB` is 10,240.
pub(super) fn number(text: &str) -> Option<f64> {
    let (number, unit) = number_and_unit(text)?;
    let factor = match unit {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number * factor)
}

/// True for what would be a duration: to tell people that an attribute has no
/// known unit.
pub(super) fn looks_like_duration(text: &str) -> bool {
    number(text).is_none() && duration_ns(text).is_some()
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let is_number = |letter: char| letter.is_ascii_digit() || "+-.".contains(letter);
    let end = text.find(|letter| !is_number(letter)).unwrap_or(text.len());
    // `1e9` is a number, `1e` is not.
    let end = match text[end..].strip_prefix(['e', 'E']) {
        Some(power) => {
            let digits = power.find(|letter| !is_number(letter)).unwrap_or(power.len());
            if digits == 0 { end } else { end + 1 + digits }
        }
        None => end,
    };
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim()))
}

/// `2026-11-23`, `2026-11-23T14:02`, `2026-11-23T14:02:11.250Z`,
/// `…+02:00`, or milliseconds since 1970. UTC unless it says otherwise.
pub(super) fn moment(text: &str) -> Option<UnixNanos> {
    if let Ok(millis) = text.parse::<i64>()
        && !text.starts_with(['+', '-'])
    {
        // Four digits are a year, and a year alone is too vague.
        return (millis > 9_999).then(|| millis.checked_mul(1_000_000)).flatten().map(UnixNanos);
    }
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let seconds = days_of(date)?.checked_mul(86_400)?;
    let nanos = match time {
        Some(time) => time_of_day(time)?,
        None => 0,
    };
    seconds.checked_mul(1_000_000_000)?.checked_add(nanos).map(UnixNanos)
}

/// Days from 1970-01-01 to a date, after Howard Hinnant's public-domain algorithm.
fn days_of(date: &str) -> Option<i64> {
    let mut parts = date.split('-');
    let mut part = |digits: usize| {
        let part = parts.next().filter(|part| part.len() == digits)?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    // 31 February is not a day.
    let (_, month_again, day_again, ..) = UnixNanos(days.checked_mul(86_400_000_000_000)?).civil();
    (i64::from(month_again) == month && i64::from(day_again) == day).then_some(days)
}

/// Nanoseconds from midnight, moved by the zone that is told.
fn time_of_day(time: &str) -> Option<i64> {
    let zone_at = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let mut parts = whole.split(':');
    let mut part = |max: i64| {
        let part = parts.next().filter(|part| part.len() == 2)?;
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten().filter(|part| *part <= max)
    };
    let (hour, minute) = (part(23)?, part(59)?);
    let second = if whole.len() > 5 { part(60)? } else { 0 };
    if parts.next().is_some() || fraction.len() > 9 {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let seconds = hour * 3_600 + minute * 60 + second - zone_seconds(zone)?;
    Some(seconds * 1_000_000_000 + nanos)
}

fn zone_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..24).contains(&hours) && (0..60).contains(&minutes))
        .then_some(sign * (hours * 3_600 + minutes * 60))
}
