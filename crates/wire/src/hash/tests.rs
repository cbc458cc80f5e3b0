//! Tests of the content hash: what it tells apart and what it does not.

use hotspan_model::{Door, EntryHint, SpanId, SpanKind, Status, TraceId, UnixNanos, Value};

use super::*;

fn attributes(pairs: &[(&str, Value)]) -> Attributes {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn span() -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        parent: None,
        name: "GET /".to_owned(),
        kind: SpanKind::Server,
        start: UnixNanos(10),
        end: UnixNanos(20),
        status: Status::Unset,
        status_message: String::new(),
        attributes: attributes(&[("a", Value::Int(1)), ("b", Value::Bool(true))]),
        events: vec![Event::default()],
        links: vec![Link::default()],
        flags: 1,
        trace_state: String::new(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        resource: Arc::new(Resource {
            attributes: attributes(&[("service.name", "shop".into()), ("x", "y".into())]),
        }),
        scope: Arc::new(Scope::default()),
        service: "shop".into(),
        weight: 1.0,
        entry: EntryHint::Yes,
        door: Door::Otlp,
    }
}

#[test]
fn what_is_said_counts() {
    let changes: &[fn(&mut Span)] = &[
        |span| span.trace_id.0[0] ^= 1,
        |span| span.span_id.0[7] ^= 1,
        |span| span.parent = Some(SpanId([3; 8])),
        |span| span.name.push('x'),
        |span| span.kind = SpanKind::Client,
        |span| span.start.0 += 1,
        |span| span.end.0 += 1,
        |span| span.status = Status::Ok,
        |span| span.status_message.push('x'),
        |span| span.attributes.set("a", 2),
        |span| span.attributes.set("a", "1"),
        |span| span.attributes.set("c", 1),
        |span| span.events[0].name.push('x'),
        |span| span.events[0].time.0 += 1,
        |span| span.events.clear(),
        |span| span.links[0].span_id.0[0] = 1,
        |span| span.links.clear(),
        |span| span.flags = 0,
        |span| span.trace_state.push('x'),
        |span| span.dropped_attributes = 1,
        |span| span.dropped_events = 1,
        |span| span.dropped_links = 1,
        |span| Arc::make_mut(&mut span.resource).attributes.set("x", "z"),
        |span| Arc::make_mut(&mut span.scope).name.push('x'),
        |span| Arc::make_mut(&mut span.scope).version.push('x'),
        |span| span.service = "other".into(),
    ];
    let mut hashes = vec![content_hash(&span())];
    for change in changes {
        let mut changed = span();
        change(&mut changed);
        hashes.push(content_hash(&changed));
    }
    let count = hashes.len();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), count);
}

#[test]
fn arrival_and_order_do_not_count() {
    let changes: &[fn(&mut Span)] = &[
        |span| span.weight = 8.0,
        |span| span.entry = EntryHint::Unknown,
        |span| span.door = Door::Sentry,
        |span| span.attributes = attributes(&[("b", Value::Bool(true)), ("a", Value::Int(1))]),
        |span| {
            let swapped = attributes(&[("x", "y".into()), ("service.name", "shop".into())]);
            Arc::make_mut(&mut span.resource).attributes = swapped;
        },
    ];
    for (index, change) in changes.iter().enumerate() {
        let mut changed = span();
        change(&mut changed);
        assert_eq!(content_hash(&changed), content_hash(&span()), "{index}");
    }
}

#[test]
fn hashing_many_is_hashing_each() {
    let mut spans = vec![span(), span(), span()];
    spans[1].name.push('x');
    Arc::make_mut(&mut spans[2].resource).attributes.set("x", "z");
    let each: Vec<u128> = spans.iter().map(content_hash).collect();
    assert_eq!(content_hashes(&spans), each);
}

/// Stored hashes are compared with fresh ones after an upgrade, so a change
/// of this number must come with a new decoder version.
#[test]
fn the_hash_is_stable() {
    expect_test::expect!["0ae571f0db35b6be5efebf43aa4a26d3"]
        .assert_eq(&format!("{:032x}", content_hash(&span())));
}
