//! What a move does to one time and one id, and which JSON fields are times
//! and ids.

use std::fmt::Write;

use hotspan_model::time::NANOS_PER_SECOND;
use twox_hash::XxHash3_128;

use crate::sentry::{parse_date, parse_seconds};

/// Sentry fields that hold a time.
const SENTRY_TIMES: &[&str] =
    &["timestamp", "start_timestamp", "end_timestamp", "sent_at", "started"];

/// Sentry fields that hold an id.
const SENTRY_IDS: &[&str] = &["event_id", "trace_id", "span_id", "parent_span_id", "segment_id"];

/// Sentry objects whose content is the application's: nothing in them is a
/// time or an id of the protocol.
const SENTRY_OPAQUE: &[&str] =
    &["attributes", "data", "extra", "measurements", "modules", "request", "tags", "user"];

/// An attribute that holds a span id all the same.
const SEGMENT_ID: &str = "sentry.segment.id";

/// OTLP JSON fields that hold a time.
const OTLP_TIMES: &[&str] = &["startTimeUnixNano", "endTimeUnixNano", "timeUnixNano"];

/// OTLP JSON fields that hold an id.
const OTLP_IDS: &[&str] = &["traceId", "spanId", "parentSpanId"];

/// How far and where to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shift {
    pub(super) by_ns: i64,
    pub(super) salt: u64,
}

impl Shift {
    /// Edits a scalar of a Sentry payload.
    pub(super) fn sentry(&self, path: &[&str], token: &str) -> Option<String> {
        let key = *path.last()?;
        let of_segment = path.iter().rev().take(2).any(|ancestor| *ancestor == SEGMENT_ID);
        if of_segment && matches!(key, SEGMENT_ID | "value") {
            return self.quoted_id(token);
        }
        if path.iter().any(|ancestor| SENTRY_OPAQUE.contains(ancestor)) {
            None
        } else if SENTRY_TIMES.contains(&key) {
            match unquoted(token) {
                Some(date) => self.date(date),
                None => self.seconds(token),
            }
        } else if SENTRY_IDS.contains(&key) {
            self.quoted_id(token)
        } else {
            None
        }
    }

    /// Edits a scalar of an OTLP request.
    pub(super) fn otlp(&self, path: &[&str], token: &str) -> Option<String> {
        let key = *path.last()?;
        if OTLP_IDS.contains(&key) {
            return self.quoted_id(token);
        }
        if !OTLP_TIMES.contains(&key) {
            return None;
        }
        match unquoted(token) {
            Some(digits) => Some(format!("\"{}\"", self.nanos(digits.parse().ok()?))),
            None => Some(self.nanos(token.parse().ok()?).to_string()),
        }
    }

    /// A time in nanoseconds; zero means that there is none.
    pub(super) fn nanos(&self, nanos: u64) -> u64 {
        match nanos {
            0 => 0,
            set => set.saturating_add_signed(self.by_ns),
        }
    }

    /// New bytes for an id; zeros mean that there is none.
    pub(super) fn id<const N: usize>(&self, id: [u8; N]) -> [u8; N] {
        if id == [0; N] {
            return id;
        }
        let hash = XxHash3_128::oneshot_with_seed(self.salt, &id).to_be_bytes();
        let mut new = [0; N];
        new.iter_mut().zip(hash).for_each(|(byte, of_hash)| *byte = of_hash);
        // An id that turned out zero would be none.
        if new == [0; N] { [1; N] } else { new }
    }

    fn quoted_id(&self, token: &str) -> Option<String> {
        let text = unquoted(token)?;
        let digits: String = text.chars().filter(|c| *c != '-').collect();
        let new = match digits.len() {
            16 => hex(&self.id::<8>(unhex(&digits)?)),
            32 => hex(&self.id::<16>(unhex(&digits)?)),
            _ => return None,
        };
        let mut new_digits = new.chars();
        let dashed: String = text
            .chars()
            .map(|old| if old == '-' { old } else { new_digits.next().unwrap_or('0') })
            .collect();
        Some(format!("\"{dashed}\""))
    }

    /// Seconds as a number, with as many digits as the time needs.
    fn seconds(&self, token: &str) -> Option<String> {
        let moved = parse_seconds(token)?.plus(self.by_ns).0;
        let sign = if moved < 0 { "-" } else { "" };
        let (whole, nanos) = split(moved.saturating_abs());
        let digits = format!("{nanos:09}");
        let fraction = match digits.trim_end_matches('0') {
            "" if token.contains('.') => ".0".to_owned(),
            "" => String::new(),
            digits => format!(".{digits}"),
        };
        Some(format!("{sign}{whole}{fraction}"))
    }

    /// A date, written the way it was, with more digits where needed.
    fn date(&self, text: &str) -> Option<String> {
        let date = parse_date(text)?;
        let local = date.time.plus(self.by_ns).plus(date.offset_ns);
        let (year, month, day, hour, minute, second) = local.civil();
        let (_, nanos) = split(local.0);
        let digits = format!("{nanos:09}");
        let needed = digits.trim_end_matches('0').len();
        let fraction = match needed.max(date.fraction_digits).min(digits.len()) {
            0 => String::new(),
            shown => format!(".{}", &digits[..shown]),
        };
        let (separator, zone) = (date.separator, date.zone);
        Some(format!(
            "\"{year:04}-{month:02}-{day:02}{separator}{hour:02}:{minute:02}:{second:02}{fraction}{zone}\""
        ))
    }
}

/// Whole seconds and the nanoseconds beyond.
fn split(nanos: i64) -> (i64, i64) {
    (nanos.div_euclid(NANOS_PER_SECOND), nanos.rem_euclid(NANOS_PER_SECOND))
}

fn unquoted(token: &str) -> Option<&str> {
    token.strip_prefix('"')?.strip_suffix('"')
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_their_form() {
        let shift = Shift { by_ns: 90_000_000_000, salt: 1 };
        let key = ["timestamp"];
        for (token, moved) in [
            ("1795405363.0275168", "1795405453.0275168"),
            ("1795405363", "1795405453"),
            ("1795405363.0", "1795405453.0"),
            ("\"2026-11-23T23:59:08.041216Z\"", "\"2026-11-24T00:00:38.041216Z\""),
            ("\"2026-11-23T23:59:08.041000\"", "\"2026-11-24T00:00:38.041000\""),
            ("\"2026-11-23T23:59:08Z\"", "\"2026-11-24T00:00:38Z\""),
            ("\"2026-11-23 23:59:08+02:00\"", "\"2026-11-24 00:00:38+02:00\""),
        ] {
            assert_eq!(shift.sentry(&key, token).as_deref(), Some(moved), "{token}");
        }
        assert_eq!(shift.sentry(&key, "null"), None);
        let fine = Shift { by_ns: 1_000_001, ..shift };
        let date = fine.sentry(&key, "\"2026-11-23T00:00:00Z\"");
        assert_eq!(date.as_deref(), Some("\"2026-11-23T00:00:00.001000001Z\""));
        let seconds = fine.sentry(&key, "1795405363.5");
        assert_eq!(seconds.as_deref(), Some("1795405363.501000001"));
    }

    #[test]
    fn ids_are_found_where_the_protocol_has_them() {
        let shift = Shift { by_ns: 0, salt: 7 };
        let token = "\"ea457b156085b994\"";
        let new = shift.sentry(&["contexts", "trace", "span_id"], token);
        assert!(new.is_some() && new.as_deref() != Some(token));
        let segment = ["items", "attributes", "sentry.segment.id", "value"];
        assert_eq!(shift.sentry(&segment, token), new);
        assert_eq!(shift.otlp(&["spanId"], token), new);
        assert_eq!(shift.sentry(&["spans", "data", "span_id"], token), None);
        assert_eq!(shift.sentry(&["transaction"], token), None);
        assert_eq!(shift.sentry(&["span_id"], "\"not an id\""), None);
        let zeros = "\"0000000000000000\"";
        assert_eq!(shift.sentry(&["span_id"], zeros).as_deref(), Some(zeros));
        let uuid = shift.sentry(&["event_id"], "\"4bf92f35-77b3-4da6-a3ce-929d0e0e4736\"");
        assert_eq!(uuid.map(|uuid| uuid.matches('-').count()), Some(4));
    }
}
