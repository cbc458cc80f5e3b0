//! Single values from text. Errors say what is expected, not what is wrong
//! with the program: the caller names the setting and its source.

use std::net::SocketAddr;
use std::time::Duration;

/// `127.0.0.1:4319`, `[::1]:4319`, or `localhost:4319`.
pub(super) fn address(value: &str) -> Result<SocketAddr, String> {
    let numeric = value.replace("localhost", "127.0.0.1");
    numeric.parse().map_err(|_| {
        format!("expected an IP address and a port such as 127.0.0.1:4319, got `{value}`")
    })
}

/// Names separated by commas.
pub(super) fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `true` or `false`.
pub(super) fn truth(value: &str) -> Result<bool, String> {
    match value {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(format!("expected true or false, got `{value}`")),
    }
}

/// A whole number within bounds.
pub(super) fn number(value: &str, min: u64, max: u64) -> Result<u64, String> {
    value
        .parse()
        .ok()
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| format!("expected a whole number from {min} to {max}, got `{value}`"))
}

/// `250ms`, `3s`, `2m`, `6h`, `30d`.
pub(crate) fn duration(value: &str) -> Result<Duration, String> {
    let expected =
        || format!("expected a duration such as 250ms, 3s, 2m, 6h or 30d, got `{value}`");
    let unit_at = value.find(|c: char| !c.is_ascii_digit()).ok_or_else(expected)?;
    let (digits, unit) = value.split_at(unit_at);
    let count: u64 = digits.parse().map_err(|_| expected())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    count.checked_mul(millis).map(Duration::from_millis).ok_or_else(expected)
}

/// `0`, `800MB`, `50GB`, `2TB`: powers of ten, as disks are sold.
pub(super) fn bytes(value: &str) -> Result<u64, String> {
    let expected = || format!("expected a size such as 800MB, 50GB or 2TB, or 0, got `{value}`");
    let unit_at = value.find(|c: char| !c.is_ascii_digit()).unwrap_or(value.len());
    let (digits, unit) = value.split_at(unit_at);
    let count: u64 = digits.parse().map_err(|_| expected())?;
    let bytes: u64 = match unit {
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "" if count == 0 => 1,
        _ => return Err(expected()),
    };
    count.checked_mul(bytes).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, size) in [
            ("0", Some(0)),
            ("800MB", Some(800_000_000)),
            ("50GB", Some(50_000_000_000)),
            ("2TB", Some(2_000_000_000_000)),
            ("50", None),
            ("GB", None),
            ("5 GB", None),
            ("99999999999TB", None),
        ] {
            assert_eq!(bytes(text).ok(), size, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, millis) in [
            ("250ms", Some(250)),
            ("3s", Some(3_000)),
            ("2m", Some(120_000)),
            ("30d", Some(2_592_000_000)),
            ("3", None),
            ("s", None),
            ("3 s", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(duration(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
    }
}
