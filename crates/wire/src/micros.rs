//! Times as Jaeger and Zipkin write them: whole microseconds, a start and a
//! duration.

use crate::otlp::Unsigned;

/// Nanoseconds of a time in microseconds; fails when the model cannot hold it.
pub(crate) fn nanos_of(field: &str, micros: Unsigned) -> Result<u64, String> {
    micros.0.checked_mul(1_000).filter(|nanos| i64::try_from(*nanos).is_ok()).ok_or_else(|| {
        format!("{field} {} is out of range; send microseconds since 1970", micros.0)
    })
}

/// When a span that starts at `start_ns` ends.
pub(crate) fn end_of(start_ns: u64, duration: Unsigned) -> Result<u64, String> {
    let end = duration.0.checked_mul(1_000).and_then(|nanos| nanos.checked_add(start_ns));
    end.filter(|nanos| i64::try_from(*nanos).is_ok())
        .ok_or_else(|| format!("duration {} is out of range; send microseconds", duration.0))
}
