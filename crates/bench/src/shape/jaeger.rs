//! The shape of Jaeger's storage benchmark (tracegen's load: 10-span traces,
//! 11 attributes a span, 97 attribute keys, 1,000 values).

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

use super::{resource, span_id, text, trace_id};
use crate::random::Random;

const SPANS: usize = 10;
const ATTRIBUTES: usize = 11;
const KEYS: usize = 97;
const VALUES: usize = 1_000;
const SERVICES: usize = 10;
const OPERATIONS: usize = 20;

pub(super) fn trace(random: &mut Random) -> (Resource, Vec<Span>) {
    let service = random.below(SERVICES);
    let operation = random.below(OPERATIONS);
    let trace_id = trace_id(random);
    let root = span_id(random);
    let total = random.duration(20_000_000);
    let mut spans = Vec::with_capacity(SPANS);
    spans.push(Span {
        span_id: root.clone(),
        kind: SpanKind::Server as i32,
        name: format!("operation-{operation}"),
        end_time_unix_nano: total,
        ..blank(random, &trace_id)
    });
    let each = total / SPANS as u64;
    for child in 1..SPANS {
        let start = each * child as u64;
        spans.push(Span {
            span_id: span_id(random),
            parent_span_id: root.clone(),
            kind: SpanKind::Internal as i32,
            name: format!("operation-{operation}-{child}"),
            start_time_unix_nano: start,
            end_time_unix_nano: start + random.below(each as usize) as u64,
            ..blank(random, &trace_id)
        });
    }
    let attributes =
        vec![text("service.name", format!("service-{service}")), text("host.name", "bench-1")];
    (resource(attributes), spans)
}

fn blank(random: &mut Random, trace_id: &[u8]) -> Span {
    let first = random.below(KEYS);
    let attributes = (0..ATTRIBUTES).map(|nth| {
        // Keys of one span differ: 8 and 97 have no common divisor.
        let key = (first + nth * 8) % KEYS;
        text(&format!("attribute_{key}"), format!("value_{}", random.below(VALUES)))
    });
    Span { trace_id: trace_id.to_vec(), attributes: attributes.collect(), ..Default::default() }
}
