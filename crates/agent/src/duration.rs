//! Lengths of time as people type them: `20ms`, `90s`, `6h`, `-1m`.

use std::time::Duration;

const UNITS: [(&str, i64); 5] = [
    // The longer suffix first: `ms` also ends in `s`.
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads a length of time that may be negative, in milliseconds.
pub(crate) fn parse_millis(text: &str) -> Result<i64, String> {
    let form = || format!("{text:?} is not a length of time; write 20ms, 90s, 10m or 6h");
    let (number, unit_ms) = UNITS
        .iter()
        .find_map(|(unit, ms)| text.strip_suffix(unit).map(|number| (number, *ms)))
        .ok_or_else(form)?;
    let number: i64 = number.parse().map_err(|_| form())?;
    number.checked_mul(unit_ms).ok_or_else(form)
}

/// Reads a length of time.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let millis = parse_millis(text)?;
    u64::try_from(millis)
        .map(Duration::from_millis)
        .map_err(|_| format!("{text:?} is negative; write 20ms, 90s, 10m or 6h"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, millis) in [
            ("20ms", Some(20)),
            ("90s", Some(90_000)),
            ("10m", Some(600_000)),
            ("6h", Some(21_600_000)),
            ("1d", Some(86_400_000)),
            ("-60s", Some(-60_000)),
            ("20", None),
            ("h", None),
            ("1.5h", None),
            ("9999999999999999d", None),
            ("", None),
        ] {
            assert_eq!(parse_millis(text).ok(), millis, "{text}");
        }
        assert!(parse("-1s").is_err());
    }
}
