//! Moves recorded requests to another time and gives their ids new values, so
//! that captures can be sent as if they had just happened.
//!
//! Only times and ids change: every other byte of a body stays. Bodies must be
//! decompressed. For tests and the demo; nothing in the way of live data.

mod protobuf;
mod shift;
mod text;

use hotspan_model::UnixNanos;

use self::shift::Shift;
use crate::decoded::{Decoded, RequestError};
use crate::otlp;
use crate::sentry as door;
use crate::shape::{Shape, shape_of};

/// Moves a Sentry envelope or store event by `by_ns` nanoseconds. Equal ids
/// become equal new ids for the same `salt`, so links between bodies survive.
pub fn sentry(body: &[u8], by_ns: i64, salt: u64) -> Result<Vec<u8>, RequestError> {
    let shift = Shift { by_ns, salt };
    if shape_of(body) == Some(Shape::SentryEvent) {
        return rewrite(body, "Sentry event", &|path, token| shift.sentry(path, token));
    }
    let (header, items) = door::open(body)?;
    let mut moved = sentry_json(header, &shift);
    for item in items {
        let item = item.map_err(|problem| RequestError::malformed("Sentry item", problem))?;
        let payload = sentry_json(item.payload, &shift);
        moved.push(b'\n');
        moved.extend(item_header(&item, payload.len()));
        moved.push(b'\n');
        moved.extend(payload);
    }
    if body.ends_with(b"\n") {
        moved.push(b'\n');
    }
    Ok(moved)
}

/// Moves an OTLP request in JSON; see [`sentry`].
pub fn otlp_json(body: &[u8], by_ns: i64, salt: u64) -> Result<Vec<u8>, RequestError> {
    let shift = Shift { by_ns, salt };
    rewrite(body, "OTLP JSON", &|path, token| shift.otlp(path, token))
}

/// Moves an OTLP request in protobuf; see [`sentry`].
pub fn otlp_protobuf(body: &[u8], by_ns: i64, salt: u64) -> Result<Vec<u8>, RequestError> {
    let mut moved = body.to_vec();
    protobuf::shift_request(&mut moved, &Shift { by_ns, salt })
        .map_err(|error| RequestError::malformed("OTLP protobuf", error))?;
    Ok(moved)
}

/// The latest end of a span in a Sentry envelope or store event.
pub fn latest_time_sentry(body: &[u8]) -> Option<UnixNanos> {
    let decoded = match shape_of(body)? {
        Shape::SentryEvent => door::decode_store(body, ""),
        _ => door::decode_envelope(body, ""),
    };
    latest(decoded)
}

/// The latest end of a span in an OTLP request in JSON.
pub fn latest_time_otlp_json(body: &[u8]) -> Option<UnixNanos> {
    latest(otlp::decode_json(body))
}

/// The latest end of a span in an OTLP request in protobuf.
pub fn latest_time_otlp_protobuf(body: &[u8]) -> Option<UnixNanos> {
    latest(otlp::decode_protobuf(body))
}

fn latest(decoded: Result<Decoded, RequestError>) -> Option<UnixNanos> {
    decoded.ok()?.spans.iter().map(|span| span.end).max()
}

fn rewrite(
    body: &[u8],
    format: &'static str,
    edit: &text::Edit<'_>,
) -> Result<Vec<u8>, RequestError> {
    text::rewrite(body, edit).ok_or_else(|| RequestError::malformed(format, "it is not JSON"))
}

/// Attachments and the like are not JSON and stay as they are.
fn sentry_json(json: &[u8], shift: &Shift) -> Vec<u8> {
    text::rewrite(json, &|path, token| shift.sentry(path, token)).unwrap_or_else(|| json.to_vec())
}

/// The item's header, with the new length of its payload if it tells one.
fn item_header(item: &door::Item<'_>, length: usize) -> Vec<u8> {
    let edit = |path: &[&str], _: &str| {
        (item.has_length && *path == ["length"]).then(|| length.to_string())
    };
    text::rewrite(item.header_line, &edit).unwrap_or_else(|| item.header_line.to_vec())
}
