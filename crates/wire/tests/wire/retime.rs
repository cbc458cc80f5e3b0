//! Moving recorded requests: every time by the same step, every id to one new
//! id, nothing else.

use std::collections::BTreeMap;

use hotspan_model::{Span, SpanId, TraceId};
use hotspan_wire::{Decoded, Shape, content_hash, otlp, retime, sentry};
use proptest::prelude::*;
use prost::Message;

use crate::captures::{self, Capture};
use crate::{generate, show};

const BY_NS: i64 = 86_400_000_000_000 * 3 + 1_234_567_891;
const SALT: u64 = 42;

fn moved(capture: &Capture, by_ns: i64, salt: u64) -> Vec<u8> {
    let body = &capture.body;
    let moved = match capture.shape() {
        Shape::OtlpJson => retime::otlp_json(body, by_ns, salt),
        Shape::OtlpProtobuf => retime::otlp_protobuf(body, by_ns, salt),
        _ => retime::sentry(body, by_ns, salt),
    };
    moved.unwrap_or_else(|error| panic!("{}: {error}", capture.name))
}

fn decode(capture: &Capture, body: &[u8]) -> Decoded {
    let decoded = match capture.shape() {
        Shape::OtlpJson => otlp::decode_json(body),
        Shape::OtlpProtobuf => otlp::decode_protobuf(body),
        _ => sentry::decode_envelope(body, "shop"),
    };
    decoded.unwrap_or_else(|error| panic!("{}: {error}", capture.name))
}

/// Which new id each old one became; fails when one became two, or two one.
#[derive(Default)]
struct Renamed {
    traces: BTreeMap<TraceId, TraceId>,
    spans: BTreeMap<SpanId, SpanId>,
}

impl Renamed {
    fn check(&mut self, name: &str, old: &Span, new: &Span) {
        let trace = self.traces.entry(old.trace_id).or_insert(new.trace_id);
        assert_eq!(*trace, new.trace_id, "{name}");
        assert_ne!(old.trace_id, new.trace_id, "{name}");
        let mut ids = vec![(old.span_id, new.span_id)];
        assert_eq!(old.parent.is_some(), new.parent.is_some(), "{name}");
        ids.extend(old.parent.zip(new.parent));
        for (old_id, new_id) in ids {
            assert_eq!(*self.spans.entry(old_id).or_insert(new_id), new_id, "{name}");
            assert_ne!(old_id, new_id, "{name}");
        }
    }

    fn check_one_to_one(&self) {
        let mut new: Vec<_> = self.spans.values().collect();
        new.sort();
        new.dedup();
        assert_eq!(new.len(), self.spans.len());
    }
}

/// The span with the ids, times and id attributes of `other`.
fn with_identity_of(span: &Span, other: &Span) -> Span {
    let mut same = span.clone();
    same.trace_id = other.trace_id;
    same.span_id = other.span_id;
    same.parent = other.parent;
    same.start = other.start;
    same.end = other.end;
    for (event, of_other) in same.events.iter_mut().zip(&other.events) {
        event.time = of_other.time;
    }
    for (link, of_other) in same.links.iter_mut().zip(&other.links) {
        (link.trace_id, link.span_id) = (of_other.trace_id, of_other.span_id);
    }
    for key in ["sentry.segment.id", "sentry.event_id"] {
        if let Some(id) = other.attributes.get(key) {
            assert_ne!(span.attributes.get(key), Some(id), "{key} has a new value");
            same.attributes.set(key, id.to_value());
        }
    }
    same
}

#[test]
fn every_capture_moves_whole() {
    let mut renamed = Renamed::default();
    for capture in captures::all() {
        let old = capture.decode();
        let new = decode(&capture, &moved(&capture, BY_NS, SALT));
        assert_eq!(old.spans.len(), new.spans.len(), "{}", capture.name);
        assert_eq!(old.counts, new.counts, "{}", capture.name);
        assert_eq!(old.client_losses, new.client_losses, "{}", capture.name);
        assert_eq!(new.rejections, [], "{}", capture.name);
        for (old, new) in old.spans.iter().zip(&new.spans) {
            assert_eq!(new.start.since(old.start), BY_NS, "{}", capture.name);
            assert_eq!(new.end.since(old.end), BY_NS, "{}", capture.name);
            for (old, new) in old.events.iter().zip(&new.events) {
                assert_eq!(new.time.since(old.time), BY_NS, "{}", capture.name);
            }
            renamed.check(&capture.name, old, new);
            assert_eq!(show::span(&with_identity_of(old, new)), show::span(new));
        }
    }
    renamed.check_one_to_one();
}

#[test]
fn moving_back_gives_every_time_back() {
    for capture in captures::all() {
        let there = moved(&capture, BY_NS, SALT);
        let there = Capture { body: there.into(), ..capture };
        let back = decode(&there, &moved(&there, -BY_NS, SALT));
        for (old, new) in there.decode().spans.iter().zip(&back.spans) {
            assert_eq!(old.start.since(new.start), BY_NS, "{}", there.name);
        }
    }
}

#[test]
fn the_salt_decides_about_ids() {
    let capture = &captures::case("sentry-ruby-5.3.0/healthy-b")[1];
    let once = moved(capture, 0, 1);
    assert_eq!(once, moved(capture, 0, 1));
    let (once, other) = (decode(capture, &once), decode(capture, &moved(capture, 0, 2)));
    let differ = once.spans.iter().zip(&other.spans);
    assert!(differ.clone().all(|(a, b)| a.trace_id != b.trace_id && a.span_id != b.span_id));
    assert!(differ.clone().all(|(a, b)| content_hash(a) != content_hash(b)));
}

/// What is no time and no id stays byte for byte: with both put back, the
/// moved body is the recorded one.
#[test]
fn nothing_else_changes() {
    for capture in captures::all() {
        if capture.shape() == Shape::OtlpProtobuf {
            assert_eq!(moved(&capture, BY_NS, SALT).len(), capture.body.len());
            continue;
        }
        let blank = |body: &[u8]| {
            let text = String::from_utf8_lossy(body);
            text.split([',', '{', '}', '[', ']', '\n'])
                .filter(|part| !is_time_or_id(part))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let after = moved(&capture, BY_NS, SALT);
        assert_eq!(blank(&after), blank(&capture.body), "{}", capture.name);
    }
}

/// True for `"key":value` where the key may change, and for the value of a
/// typed attribute that looks like an id.
fn is_time_or_id(part: &str) -> bool {
    let key = part.split(':').next().unwrap_or_default().trim_matches('"');
    let is_id = |value: &str| value.len() == 18 && value.trim_matches('"').len() == 16;
    key.ends_with("_id")
        || key.ends_with("Id")
        || key.ends_with("timestamp")
        || key.ends_with("UnixNano")
        || matches!(key, "sent_at" | "started" | "length")
        || part.strip_prefix("\"value\":").is_some_and(is_id)
}

#[test]
fn latest_times() {
    for capture in captures::all() {
        let body = &capture.body;
        let latest = match capture.shape() {
            Shape::OtlpJson => retime::latest_time_otlp_json(body),
            Shape::OtlpProtobuf => retime::latest_time_otlp_protobuf(body),
            _ => retime::latest_time_sentry(body),
        };
        let expected = capture.decode().spans.iter().map(|span| span.end).max();
        assert_eq!(latest, expected, "{}", capture.name);
    }
    assert_eq!(retime::latest_time_sentry(b"{}"), None);
    assert_eq!(retime::latest_time_otlp_json(b"nonsense"), None);
}

#[test]
fn store_events_move_too() {
    let body = crate::sentry::transaction(7);
    let new = retime::sentry(body.as_bytes(), 5_000_000_000, SALT).expect("is an event");
    let old = sentry::decode_store(body.as_bytes(), "shop").expect("is an event");
    let new = sentry::decode_store(&new, "shop").expect("is an event");
    assert_eq!(new.spans[0].start.since(old.spans[0].start), 5_000_000_000);
    assert_ne!(new.event_id, old.event_id);
    let latest = retime::latest_time_sentry(body.as_bytes());
    assert_eq!(latest, Some(old.spans[0].end));
}

proptest! {
    #[test]
    fn generated_requests_move(request in generate::request(), by_ns in -1_000_000_000_000i64..1_000_000_000_000) {
        let body = request.encode_to_vec();
        let old = otlp::decode_protobuf(&body).expect("is sound");
        let new = retime::otlp_protobuf(&body, by_ns, SALT).expect("is sound");
        let new = otlp::decode_protobuf(&new).expect("is sound");
        prop_assert_eq!(old.spans.len(), new.spans.len());
        prop_assert_eq!(old.rejections, new.rejections);
        for (old, new) in old.spans.iter().zip(&new.spans) {
            prop_assert_eq!(new.start.since(old.start), by_ns);
            prop_assert_eq!(new.end.since(old.end), by_ns);
            prop_assert_eq!(show::span(&with_identity_of(old, new)), show::span(new));
        }
    }

    #[test]
    fn any_bytes_move_or_are_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = retime::otlp_protobuf(&body, 1, 1);
        let _ = retime::otlp_json(&body, 1, 1);
        let _ = retime::sentry(&body, 1, 1);
    }
}
