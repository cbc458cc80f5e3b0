//! Made-up requests for the tests of this crate: a number stands for a request.

use std::sync::Arc;

use hotspan_model::{
    Attributes, Door, EntryHint, Resource, Scope, Span, SpanId, SpanKind, Status, TraceId,
    UnixNanos,
};

use crate::{Batch, Frame, FrameDoor};

/// 2026-11-23T14:00:00Z.
pub(crate) const HOUR: UnixNanos = UnixNanos(1_795_442_400_000_000_000);
/// An hour in nanoseconds.
pub(crate) const HOUR_NS: i64 = 3_600 * SECOND_NS;
const SECOND_NS: i64 = 1_000_000_000;

/// The request of a number, as the log keeps it.
pub(crate) fn frame(number: u32) -> Frame {
    Frame {
        received_at: HOUR.plus(i64::from(number)),
        door: FrameDoor::OtlpJson,
        project: "default".to_owned(),
        content_type: "application/json".to_owned(),
        decoder_version: 1,
        rejected: vec![number],
        body: number.to_string().into(),
    }
}

/// The number of a request that came out of the log.
pub(crate) fn number_of(frame: &Frame) -> u32 {
    std::str::from_utf8(&frame.body).ok().and_then(|text| text.parse().ok()).expect("a number")
}

/// The trace that a request's spans belong to.
pub(crate) fn trace_id(number: u32) -> TraceId {
    let mut id = [0xab; 16];
    // Spread over the whole range, as real ids are.
    id[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
    TraceId(id)
}

/// The spans of a request: `spans` of them, the first an entry span. Requests
/// begin 20 minutes apart, so that a few of them span several start hours.
pub(crate) fn batch(number: u32, spans: u32) -> Batch {
    let resource = Arc::new(Resource::default());
    let scope = Arc::new(Scope::default());
    let start = HOUR.plus(i64::from(number) * 1_200 * SECOND_NS);
    let span = |nth: u32| Span {
        trace_id: trace_id(number),
        span_id: span_id(number, nth),
        parent: (nth > 0).then(|| span_id(number, 0)),
        name: format!("request {number} span {nth}"),
        kind: if nth == 0 { SpanKind::Server } else { SpanKind::Client },
        start: start.plus(i64::from(nth)),
        end: start.plus(i64::from(number + 1) * SECOND_NS),
        status: Status::Unset,
        status_message: String::new(),
        attributes: Attributes::from_iter([("nth".to_owned(), i64::from(nth).into())]),
        events: Vec::new(),
        links: Vec::new(),
        flags: 0,
        trace_state: String::new(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        resource: Arc::clone(&resource),
        scope: Arc::clone(&scope),
        service: "shop".into(),
        weight: 1.0,
        entry: if nth == 0 { EntryHint::Yes } else { EntryHint::No },
        door: Door::Otlp,
    };
    Batch {
        project: "default".into(),
        received_at: HOUR,
        spans: (0..spans).map(span).collect(),
        hashes: (0..spans).map(|nth| u128::from(number) << 32 | u128::from(nth)).collect(),
        asked: Vec::new(),
    }
}

fn span_id(number: u32, nth: u32) -> SpanId {
    SpanId(((u64::from(number) + 1) << 32 | u64::from(nth)).to_be_bytes())
}
