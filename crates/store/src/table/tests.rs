//! Spans into columns and back: every span survives.

use std::sync::Arc;

use hotspan_model::{
    Attributes, Door, EntryHint, Event, Link, Resource, Scope, Span, SpanId, SpanKind, Status,
    TraceId, UnixNanos, Value,
};
use proptest::prelude::*;

use super::memtable::Memtable;
use super::rows;
use crate::{Batch, Store, StoreConfig};

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        ".{0,6}".prop_map(Value::Str),
        any::<i64>().prop_map(Value::Int),
        prop::num::f64::NORMAL.prop_map(Value::Float),
        (-5i32..5).prop_map(|whole| Value::Float(whole.into())),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![Just("[1,2]"), Just("{\"a\":true}"), Just("\"AAE=\""), Just("null")]
            .prop_map(|json| Value::Json(json.to_owned())),
    ]
}

/// Keys from few, so that some are there twice.
fn attributes() -> impl Strategy<Value = Attributes> {
    prop::collection::vec(("[a-e]{1,2}", values()), 0..5).prop_map(|pairs| {
        let mut attributes = Attributes::new();
        pairs.into_iter().for_each(|(key, value)| attributes.push(&key, &value));
        attributes
    })
}

fn times() -> impl Strategy<Value = UnixNanos> {
    (-2_000_000_000_000_000_000i64..4_000_000_000_000_000_000).prop_map(UnixNanos)
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (times(), ".{0,5}", attributes(), any::<u32>()).prop_map(
        |(time, name, attributes, dropped_attributes)| Event {
            time,
            name,
            attributes,
            dropped_attributes,
        },
    );
    prop::collection::vec(event, 0..3)
}

fn links() -> impl Strategy<Value = Vec<Link>> {
    let link = (any::<[u8; 16]>(), any::<[u8; 8]>(), ".{0,5}", attributes(), any::<u32>())
        .prop_map(|(trace_id, span_id, trace_state, attributes, dropped_attributes)| Link {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            trace_state,
            attributes,
            dropped_attributes,
        });
    prop::collection::vec(link, 0..3)
}

fn spans() -> impl Strategy<Value = Span> {
    let ids = (any::<[u8; 16]>(), any::<[u8; 8]>(), any::<Option<[u8; 8]>>());
    let words = (".{0,8}", ".{0,4}", ".{0,4}", "[a-z]{1,4}");
    let kinds = (0..5usize, 0..3usize, 0..3usize, any::<bool>());
    let measures = (times(), 0..i64::MAX / 4, 0.0..1e6f64, any::<[u32; 4]>());
    let sets = (attributes(), attributes(), attributes(), events(), links());
    let scope = (".{0,4}", ".{0,4}");
    (ids, words, kinds, measures, sets, scope).prop_map(
        |(
            (trace_id, span_id, parent),
            (name, status_message, trace_state, service),
            (kind, status, entry, is_sentry),
            (start, duration, weight, [flags, dropped_attributes, dropped_events, dropped_links]),
            (attributes, resource, scope_attributes, events, links),
            (scope_name, version),
        )| Span {
            trace_id: TraceId(trace_id),
            span_id: SpanId(span_id),
            parent: parent.map(SpanId),
            name,
            kind: [
                SpanKind::Internal,
                SpanKind::Server,
                SpanKind::Client,
                SpanKind::Producer,
                SpanKind::Consumer,
            ][kind],
            start,
            end: start.plus(duration),
            status: [Status::Unset, Status::Ok, Status::Error][status],
            status_message,
            attributes,
            events,
            links,
            flags,
            trace_state,
            dropped_attributes,
            dropped_events,
            dropped_links,
            resource: Arc::new(Resource { attributes: resource }),
            scope: Arc::new(Scope { name: scope_name, version, attributes: scope_attributes }),
            service: service.into(),
            weight,
            entry: [EntryHint::Yes, EntryHint::No, EntryHint::Unknown][entry],
            door: if is_sentry { Door::Sentry } else { Door::Otlp },
        },
    )
}

fn batch(spans: Vec<Span>) -> Batch {
    let hashes = (1..=spans.len() as u128).map(|nth| nth << 100 | nth).collect();
    Batch {
        project: "shop".into(),
        received_at: UnixNanos(1_234),
        spans,
        hashes,
        asked: Vec::new(),
    }
}

/// What the table promises to keep of attributes: each key once, sorted.
fn kept(attributes: &Attributes) -> Attributes {
    let mut pairs: Vec<(String, Value)> = Vec::new();
    for (key, value) in attributes.iter() {
        if !pairs.iter().any(|(earlier, _)| earlier == key) {
            pairs.push((key.to_owned(), value.to_value()));
        }
    }
    pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
    pairs.into_iter().collect()
}

fn as_kept(span: &Span) -> Span {
    let mut span = span.clone();
    span.attributes = kept(&span.attributes);
    span.resource = Arc::new(Resource { attributes: kept(&span.resource.attributes) });
    span.scope =
        Arc::new(Scope { attributes: kept(&span.scope.attributes), ..(*span.scope).clone() });
    span.events.iter_mut().for_each(|event| event.attributes = kept(&event.attributes));
    span.links.iter_mut().for_each(|link| link.attributes = kept(&link.attributes));
    span
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_span_survives_memory(spans in prop::collection::vec(spans(), 1..6)) {
        let batch = batch(spans);
        let mut memtable = Memtable::default();
        memtable.append(&batch).expect("columns fit");
        // The copy that queries take and the batch that is written are the same.
        let copies = memtable.snapshot().expect("columns fit");
        memtable.close_tail().expect("columns fit");
        prop_assert_eq!(&copies, memtable.batches());
        let rows: Vec<_> = copies.iter().flat_map(|copy| rows::read(copy).expect("readable")).collect();
        let read: Vec<_> = rows.iter().map(|row| row.span.clone()).collect();
        prop_assert_eq!(read, batch.spans.iter().map(as_kept).collect::<Vec<_>>());
        prop_assert!(rows.iter().all(|row| *row.project == *batch.project));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn every_span_survives_files(spans in prop::collection::vec(spans(), 1..6)) {
        let batch = batch(spans);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let config = StoreConfig { data_dir: dir.path().to_owned(), ..StoreConfig::default() };
            let opened = Store::open(config).await.expect("a new store");
            let store = opened.store;
            store.apply_spans(crate::WalPosition(1), &batch).await.expect("room");
            store.shutdown().await.expect("written");
            assert_eq!(store.storage_stats().await.expect("readable").memory_spans, 0);
            for span in &batch.spans {
                let trace = store.trace(span.trace_id).await.expect("readable");
                assert_eq!(trace.spans, [(Arc::clone(&batch.project), as_kept(span))]);
            }
        });
    }
}
