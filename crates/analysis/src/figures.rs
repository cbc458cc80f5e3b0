//! Figures as people read them: durations, counts, shares.

use hotspan_model::time::{NANOS_PER_MICRO, NANOS_PER_MILLI, NANOS_PER_MINUTE, NANOS_PER_SECOND};

/// `85 µs`, `1.2 ms`, `340 ms`, `2.0 s`, `3 min`.
pub(crate) fn duration(nanos: i64) -> String {
    // Below the first number: the unit, its name, digits after the point.
    const SCALES: [(i64, i64, &str, usize); 4] = [
        (NANOS_PER_MILLI, NANOS_PER_MICRO, "µs", 0),
        (10 * NANOS_PER_MILLI, NANOS_PER_MILLI, "ms", 1),
        (NANOS_PER_SECOND, NANOS_PER_MILLI, "ms", 0),
        (120 * NANOS_PER_SECOND, NANOS_PER_SECOND, "s", 1),
    ];
    let scale = SCALES.into_iter().find(|(below, ..)| nanos < *below);
    let (_, unit, name, digits) = scale.unwrap_or((i64::MAX, NANOS_PER_MINUTE, "min", 0));
    format!("{:.digits$} {name}", nanos as f64 / unit as f64)
}

/// `34.7%`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

/// `15 min`, `5 min`, `10 s`: a setting, which is a round number.
pub(crate) fn setting(seconds: i64) -> String {
    if seconds % 60 == 0 { format!("{} min", seconds / 60) } else { format!("{seconds} s") }
}

/// `640 kB`, `3.2 MB`: thousands, as networks count.
pub(crate) fn bytes(number: u64) -> String {
    match number {
        0..1_000 => format!("{number} B"),
        1_000..1_000_000 => format!("{:.0} kB", number as f64 / 1e3),
        _ => format!("{:.1} MB", number as f64 / 1e6),
    }
}

/// `1,095`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A weighted count, e.g. `200`, or `1.4` when it is small and not whole.
pub(crate) fn weighted(number: f64) -> String {
    if number < 10.0 && (number - number.round()).abs() >= 0.05 {
        format!("{number:.1}")
    } else {
        count(number.round().max(0.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readable() {
        let durations = [85_000, 1_240_000, 340_400_000, 2_040_000_000, 180_000_000_000];
        let texts = durations.map(duration);
        assert_eq!(texts, ["85 µs", "1.2 ms", "340 ms", "2.0 s", "3 min"]);
        assert_eq!([999, 1_095, 1_000_000].map(count), ["999", "1,095", "1,000,000"]);
        assert_eq!([1.0, 1.4, 200.3].map(weighted), ["1", "1.4", "200"]);
        let sizes = [12, 640_300, 3_240_000].map(bytes);
        assert_eq!(sizes, ["12 B", "640 kB", "3.2 MB"]);
        assert_eq!([300, 10].map(setting), ["5 min", "10 s"]);
    }
}
