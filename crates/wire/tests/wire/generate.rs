//! Generated OTLP requests, sound and broken, for the properties.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use proptest::prelude::*;
use proptest::sample::Index;

/// A request as an exporter could send it, with a bad span now and then.
pub(crate) fn request() -> impl Strategy<Value = ExportTraceServiceRequest> {
    prop::collection::vec(resource_spans(), 0..3)
        .prop_map(|resource_spans| ExportTraceServiceRequest { resource_spans })
}

fn resource_spans() -> impl Strategy<Value = ResourceSpans> {
    let resource = (attributes(), any::<u32>()).prop_map(|(attributes, dropped)| Resource {
        attributes,
        dropped_attributes_count: dropped,
        ..Resource::default()
    });
    (prop::option::of(resource), prop::collection::vec(scope_spans(), 0..3), "[a-z]{0,4}").prop_map(
        |(resource, scope_spans, schema_url)| ResourceSpans { resource, scope_spans, schema_url },
    )
}

fn scope_spans() -> impl Strategy<Value = ScopeSpans> {
    let scope =
        ("[a-z.]{0,8}", "[0-9.]{0,5}", attributes()).prop_map(|(name, version, attributes)| {
            InstrumentationScope { name, version, attributes, dropped_attributes_count: 0 }
        });
    (prop::option::of(scope), prop::collection::vec(span(), 0..4))
        .prop_map(|(scope, spans)| ScopeSpans { scope, spans, schema_url: String::new() })
}

/// Mostly of the right length, sometimes empty, zero or of another length.
fn id(length: usize) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => prop::collection::vec(any::<u8>(), length),
        1 => Just(vec![0; length]),
        1 => Just(Vec::new()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (id(16), id(8), prop_oneof![id(8), Just(Vec::new())]);
    let times = (any::<u32>(), any::<u32>(), any::<bool>());
    let texts = ("\\PC{0,12}", "(ot=th:[0-9a-f]{0,3})?");
    let counts = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let lists =
        (attributes(), prop::collection::vec(event(), 0..3), prop::collection::vec(link(), 0..3));
    let status = prop::option::of(("\\PC{0,6}", -1i32..4));
    (ids, times, texts, counts, lists, status, -1i32..8).prop_map(
        |(ids, times, texts, counts, lists, status, kind)| {
            let start = 1_795_404_618_000_000_000 + u64::from(times.0);
            let length = u64::from(times.1);
            let backwards = times.2 && times.1 % 7 == 0;
            Span {
                trace_id: ids.0,
                span_id: ids.1,
                parent_span_id: ids.2,
                name: texts.0,
                trace_state: texts.1,
                kind,
                start_time_unix_nano: start,
                end_time_unix_nano: if backwards { start - length } else { start + length },
                attributes: lists.0,
                events: lists.1,
                links: lists.2,
                dropped_attributes_count: counts.0,
                dropped_events_count: counts.1,
                dropped_links_count: counts.2,
                flags: counts.3,
                status: status.map(|(message, code)| Status { message, code }),
            }
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), "\\PC{0,6}", attributes(), any::<u32>()).prop_map(
        |(time_unix_nano, name, attributes, dropped_attributes_count)| Event {
            time_unix_nano,
            name,
            attributes,
            dropped_attributes_count,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (id(16), id(8), "[a-z=]{0,5}", attributes()).prop_map(
        |(trace_id, span_id, trace_state, attributes)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes_count: 2,
            flags: 1,
        },
    )
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let keys = prop_oneof![4 => "[a-z.]{0,8}", 1 => Just("service.name".to_owned())];
    prop::collection::vec((keys, prop::option::of(any_value())), 0..4).prop_map(|pairs| {
        pairs
            .into_iter()
            .map(|(key, value)| KeyValue { key, value, ..KeyValue::default() })
            .collect()
    })
}

fn any_value() -> impl Strategy<Value = AnyValue> {
    let leaf = prop_oneof![
        "\\PC{0,10}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..6).prop_map(Value::BytesValue),
    ];
    let leaf = prop::option::weighted(0.9, leaf).prop_map(|value| AnyValue { value });
    leaf.prop_recursive(3, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..3)
            .prop_map(|values| Value::ArrayValue(ArrayValue { values }));
        let map =
            prop::collection::vec(("\\PC{0,4}", prop::option::of(inner)), 0..3).prop_map(|pairs| {
                let values = pairs
                    .into_iter()
                    .map(|(key, value)| KeyValue { key, value, ..KeyValue::default() })
                    .collect();
                Value::KvlistValue(KeyValueList { values })
            });
        prop_oneof![list, map].prop_map(|value| AnyValue { value: Some(value) })
    })
}

/// One thing that can happen to bytes on their way.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Remove(Index, usize),
    Insert(Index, Vec<u8>),
    Repeat(Index, usize),
}

pub(crate) fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let damage = prop_oneof![
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        1 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), 1usize..8).prop_map(|(at, length)| Damage::Remove(at, length)),
        2 => (any::<Index>(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        2 => (any::<Index>(), 1usize..40).prop_map(|(at, length)| Damage::Repeat(at, length)),
    ];
    prop::collection::vec(damage, 1..4)
}

/// Does the damage, which leaves empty bytes alone.
pub(crate) fn apply(bytes: &mut Vec<u8>, damages: &[Damage]) {
    for damage in damages {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        let end = |at: usize, many: usize| (at + many).min(length);
        match damage {
            Damage::Flip(at, mask) => bytes[at.index(length)] ^= mask,
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Remove(at, many) => {
                let at = at.index(length);
                bytes.drain(at..end(at, *many));
            }
            Damage::Insert(at, new) => {
                let at = at.index(length);
                bytes.splice(at..at, new.iter().copied());
            }
            Damage::Repeat(at, many) => {
                let at = at.index(length);
                let again = bytes[at..end(at, *many)].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}
