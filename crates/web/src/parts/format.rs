//! Numbers and times as people read them. Every number on a page comes from here.

use hotspan_model::UnixNanos;
use hotspan_model::time::{NANOS_PER_MICRO, NANOS_PER_MILLI, NANOS_PER_MINUTE, NANOS_PER_SECOND};

/// Between a number and its unit: they never part at a line's end.
const UNIT_SPACE: char = '\u{a0}';
/// Between thousands.
const THIN_SPACE: char = '\u{202f}';

const NANOS_PER_HOUR: i64 = 60 * NANOS_PER_MINUTE;
const NANOS_PER_DAY: i64 = 24 * NANOS_PER_HOUR;

/// A measured duration to three figures: `1.24 ms`, `3.91 s`, `1 h 52 m`.
pub(crate) fn duration(nanos: i64) -> String {
    signed(nanos, |nanos| short_or_long(nanos, 3))
}

/// A duration to two figures, for percentiles and sums, which are not known
/// to more: `1.2 ms`, `3.9 s`, `240 ms`.
pub(crate) fn duration_short(nanos: i64) -> String {
    signed(nanos, |nanos| short_or_long(nanos, 2))
}

/// A round duration on an axis, without needless decimals or minutes: `1 ms`,
/// `500 µs`, `100 s`.
pub(crate) fn round_duration(nanos: i64) -> String {
    let units =
        [(NANOS_PER_SECOND, "s"), (NANOS_PER_MILLI, "ms"), (NANOS_PER_MICRO, "µs"), (1, "ns")];
    let (unit, name) = units.into_iter().find(|(unit, _)| nanos >= *unit).unwrap_or((1, "ns"));
    match nanos % unit {
        0 => format!("{}{UNIT_SPACE}{name}", whole((nanos / unit) as f64)),
        _ => format!("{:.1}{UNIT_SPACE}{name}", nanos as f64 / unit as f64),
    }
}

fn signed(nanos: i64, text: impl Fn(i64) -> String) -> String {
    match nanos {
        0 => format!("0{UNIT_SPACE}ms"),
        i64::MIN..0 => format!("−{}", text(nanos.saturating_neg())),
        _ => text(nanos),
    }
}

fn short_or_long(nanos: i64, figures: usize) -> String {
    // What rounds to 60 s is a minute already.
    if nanos < 59_950 * NANOS_PER_MILLI { below_a_minute(nanos, figures) } else { long(nanos) }
}

fn below_a_minute(nanos: i64, figures: usize) -> String {
    let units =
        [(1, "ns"), (NANOS_PER_MICRO, "µs"), (NANOS_PER_MILLI, "ms"), (NANOS_PER_SECOND, "s")];
    let fits = |(unit, _): &&(i64, &str)| (nanos as f64 / *unit as f64) < 999.5;
    let (unit, name) = units.iter().find(fits).unwrap_or(&units[3]);
    format!("{}{UNIT_SPACE}{name}", figures_of(nanos as f64 / *unit as f64, *unit == 1, figures))
}

/// `value` with at least `figures` significant figures and no decimals from
/// there on; nanoseconds are whole.
fn figures_of(value: f64, whole: bool, figures: usize) -> String {
    let digits = if value >= 99.95 {
        3
    } else if value >= 9.995 {
        2
    } else {
        1
    };
    let decimals = if whole { 0 } else { figures.saturating_sub(digits) };
    format!("{value:.decimals$}")
}

fn long(nanos: i64) -> String {
    let seconds = nanos.saturating_add(NANOS_PER_SECOND / 2) / NANOS_PER_SECOND;
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if minutes < 10 => pair(minutes, "m", seconds % 60, "s"),
        () if hours < 1 => format!("{minutes}{UNIT_SPACE}m"),
        () if days < 1 => pair(hours, "h", minutes % 60, "m"),
        () if days < 100 => pair(days, "d", hours % 24, "h"),
        () => format!("{}{UNIT_SPACE}d", whole(days as f64)),
    }
}

fn pair(major: i64, major_unit: &str, minor: i64, minor_unit: &str) -> String {
    let major = format!("{major}{UNIT_SPACE}{major_unit}");
    match minor {
        0 => major,
        _ => format!("{major}{UNIT_SPACE}{minor}{UNIT_SPACE}{minor_unit}"),
    }
}

/// A part of a whole: `35%`, `8.3%`, `<0.1%`. Never 100% unless all of it is.
pub(crate) fn percent(share: f64) -> String {
    // A share of nothing is not a number; it reads as none.
    let percent = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) * 100.0 };
    match percent {
        0.0 => "0%".to_owned(),
        percent if percent < 0.1 => "<0.1%".to_owned(),
        percent if percent < 9.95 => format!("{percent:.1}%"),
        percent if percent < 99.5 => format!("{percent:.0}%"),
        100.0 => "100%".to_owned(),
        percent => format!("{:.1}%", (percent * 10.0).floor() / 10.0),
    }
}

/// A count; weighted counts lose their fraction.
pub(crate) fn count(number: f64) -> String {
    whole(number.round())
}

/// A count that is exact.
pub(crate) fn exact(number: u64) -> String {
    whole(number as f64)
}

/// An average count: `365`, `2.5`.
pub(crate) fn average(number: f64) -> String {
    let tenth = (number * 10.0).round() / 10.0;
    if tenth < 10.0 && tenth.fract() != 0.0 { format!("{tenth:.1}") } else { count(number) }
}

fn whole(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = if number <= -0.5 { String::from("−") } else { String::new() };
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(THIN_SPACE);
        }
        text.push(digit);
    }
    text
}

/// Requests over a stretch of time: `41/min`, `18/s`, `3/h`.
pub(crate) fn rate(requests: f64, window_ns: i64) -> String {
    let minutes = window_ns as f64 / NANOS_PER_MINUTE as f64;
    if requests <= 0.0 || minutes <= 0.0 {
        return "0/min".to_owned();
    }
    match requests / minutes {
        per_minute if per_minute >= 6_000.0 => format!("{}/s", count(per_minute / 60.0)),
        per_minute if per_minute >= 0.95 => format!("{}/min", average(per_minute)),
        per_minute => format!("{}/h", average((per_minute * 60.0).max(0.1))),
    }
}

/// A size: `640 B`, `1.2 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1_023.5 && unit + 1 < units.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let decimals = usize::from(unit > 0 && value < 9.95);
    format!("{value:.decimals$}{UNIT_SPACE}{}", units[unit])
}

/// How long ago: `just now`, `40 s ago`, `3 h ago`, `9 d ago`.
pub(crate) fn ago(time: UnixNanos, now: UnixNanos) -> String {
    let nanos = now.since(time);
    let (number, unit) = match nanos.saturating_abs() {
        length if length < NANOS_PER_MINUTE => (length / NANOS_PER_SECOND, "s"),
        length if length < NANOS_PER_HOUR => (length / NANOS_PER_MINUTE, "min"),
        length if length < 2 * NANOS_PER_DAY => (length / NANOS_PER_HOUR, "h"),
        length => (length / NANOS_PER_DAY, "d"),
    };
    match nanos {
        _ if unit == "s" && number < 3 => "just now".to_owned(),
        0.. => format!("{number}{UNIT_SPACE}{unit} ago"),
        _ => format!("in {number}{UNIT_SPACE}{unit}"),
    }
}

/// `2026-11-23 14:02:11 UTC`.
pub(crate) fn moment(time: UnixNanos) -> String {
    let (year, month, day, hour, minute, second) = time.civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// `14:02:11`.
pub(crate) fn time_of_day(time: UnixNanos) -> String {
    let (_, _, _, hour, minute, second) = time.civil();
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// `14:02`.
pub(crate) fn hour_minute(time: UnixNanos) -> String {
    let (_, _, _, hour, minute, _) = time.civil();
    format!("{hour:02}:{minute:02}")
}

/// `23 Nov`.
pub(crate) fn day(time: UnixNanos) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, month, day, ..) = time.civil();
    let month = MONTHS.get(month.saturating_sub(1) as usize).unwrap_or(&"?");
    format!("{day}{UNIT_SPACE}{month}")
}

/// `1 issue`, `3 issues`.
pub(crate) fn plural(number: f64, one: &str, many: &str) -> String {
    let word = if count(number) == "1" { one } else { many };
    format!("{}{UNIT_SPACE}{word}", count(number))
}

/// The start of a trace id, enough to recognise it.
pub(crate) fn short_id(id: impl std::fmt::Display) -> String {
    let id = id.to_string();
    match (id.get(..4), id.get(id.len().saturating_sub(4)..)) {
        (Some(first), Some(last)) if id.len() > 9 => format!("{first}…{last}"),
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// No-break and thin spaces shown as `_` and `,`.
    fn check(texts: impl IntoIterator<Item = String>, expected: Expect) {
        let texts: Vec<String> = texts.into_iter().collect();
        expected.assert_eq(&texts.join(" | ").replace(UNIT_SPACE, "_").replace(THIN_SPACE, ","));
    }

    #[test]
    fn durations() {
        let all = [
            0,
            7,
            950,
            12_400,
            999_600,
            1_240_000,
            12_400_000,
            240_000_000,
            999_600_000,
            3_912_880_000,
            59_960_000_000,
            64_000_000_000,
            865_000_000_000,
            6_720_000_000_000,
            86_400_000_000_000,
            190_000_000_000_000,
            -20_000_000,
        ];
        check(
            all.map(duration),
            expect![
                "0_ms | 7_ns | 950_ns | 12.4_µs | 1.00_ms | 1.24_ms | 12.4_ms | 240_ms | 1.00_s | 3.91_s | 1_m | 1_m_4_s | 14_m | 1_h_52_m | 1_d | 2_d_4_h | −20.0_ms"
            ],
        );
        check(
            all.map(duration_short),
            expect![
                "0_ms | 7_ns | 950_ns | 12_µs | 1.0_ms | 1.2_ms | 12_ms | 240_ms | 1.0_s | 3.9_s | 1_m | 1_m_4_s | 14_m | 1_h_52_m | 1_d | 2_d_4_h | −20_ms"
            ],
        );
        check(
            [0, 20, 500_000, 1_000_000, 2_500_000_000, 100_000_000_000, 5_000_000_000_000]
                .map(round_duration),
            expect!["0_ns | 20_ns | 500_µs | 1_ms | 2.5_s | 100_s | 5,000_s"],
        );
    }

    #[test]
    fn shares() {
        check(
            [0.0, 0.0004, 0.002, 0.0834, 0.0996, 0.3472, 0.994, 0.9996, 1.0, 1.7, f64::NAN]
                .map(percent),
            expect!["0% | <0.1% | 0.2% | 8.3% | 10% | 35% | 99% | 99.9% | 100% | 100% | 0%"],
        );
    }

    #[test]
    fn counts_rates_and_sizes() {
        check(
            [0.0, 0.4, 365.0, 1_095.0, 1_234_567.6, -12.0].map(count),
            expect!["0 | 0 | 365 | 1,095 | 1,234,568 | −12"],
        );
        check([0.04, 1.0, 2.5, 9.96, 364.7].map(average), expect!["0 | 1 | 2.5 | 10 | 365"]);
        check(
            [0.0, 3.0, 59.0, 2_460.0, 90_000.0, 1e7].map(|n| rate(n, NANOS_PER_HOUR)),
            expect!["0/min | 3/h | 1/min | 41/min | 1,500/min | 2,778/s"],
        );
        check(
            [0, 640, 1_024, 1_300_000, 5 << 40].map(bytes),
            expect!["0_B | 640_B | 1.0_KiB | 1.2_MiB | 5.0_TiB"],
        );
        check(
            [(1.0, "issue"), (2.0, "issues")].map(|(n, _)| plural(n, "issue", "issues")),
            expect!["1_issue | 2_issues"],
        );
    }

    #[test]
    fn times() {
        let now = UnixNanos(1_795_405_366_519_666_200);
        check(
            [0, 2, 40, 150, 7_300, 180_000, 777_600, -20]
                .map(|s| ago(now.plus(-s * NANOS_PER_SECOND), now)),
            expect![
                "just now | just now | 40_s ago | 2_min ago | 2_h ago | 2_d ago | 9_d ago | in 20_s"
            ],
        );
        check(
            [moment(now), time_of_day(now), hour_minute(now), day(now)],
            expect!["2026-11-23 03:42:46 UTC | 03:42:46 | 03:42 | 23_Nov"],
        );
        check(
            [short_id("4bf92f3577b34da6a3ce929d0e0e4736"), short_id("abc")],
            expect!["4bf9…4736 | abc"],
        );
    }
}
