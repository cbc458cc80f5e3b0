//! The bounds of OTLP requests: sizes, counts, depths, text.

use hotspan_wire::{Decoded, Reason, RequestError, otlp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;

fn span() -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "span-name".to_owned(),
        ..Span::default()
    }
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn request(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = ScopeSpans {
        scope: Some(InstrumentationScope {
            name: "scope-name".to_owned(),
            ..InstrumentationScope::default()
        }),
        spans,
        ..ScopeSpans::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("service.name", Value::StringValue("shop".to_owned()))],
                ..Resource::default()
            }),
            scope_spans: vec![scope_spans],
            ..ResourceSpans::default()
        }],
    }
}

fn decode(request: &ExportTraceServiceRequest) -> Decoded {
    otlp::decode_protobuf(&request.encode_to_vec()).expect("is sound")
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::IntValue(7), |value, _| {
        Value::ArrayValue(ArrayValue { values: vec![AnyValue { value: Some(value) }] })
    })
}

#[test]
fn large_and_deep_attributes_are_left_out_and_counted() {
    let text = |length: usize| Value::StringValue("x".repeat(length));
    let sent = Span {
        attributes: vec![
            attribute("megabyte", text(1 << 20)),
            attribute("over", text(65_537)),
            attribute("fits", text(65_536)),
            attribute("bytes", Value::BytesValue(vec![0; 65_536])),
            attribute("deep", nested(33)),
            attribute("deepest", nested(32)),
            attribute("absurd", nested(90)),
        ],
        dropped_attributes_count: 3,
        ..span()
    };
    let decoded = decode(&request(vec![sent]));
    let kept = &decoded.spans[0];
    let keys: Vec<_> = kept.attributes.iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["fits", "deepest"]);
    assert_eq!(kept.dropped_attributes, 3 + 5);
    let expected = [(Reason::AttributeTooLarge, 3), (Reason::TooDeep, 2)];
    assert_eq!(decoded.dropped, expected);
    assert_eq!(decoded.rejections, []);
}

#[test]
fn long_lists_are_cut_and_counted() {
    let many = |prefix: &str| {
        (0..1_100)
            .map(|index| attribute(&format!("{prefix}{index}"), Value::BoolValue(true)))
            .collect::<Vec<_>>()
    };
    let link = Link { trace_id: vec![3; 16], span_id: vec![4; 8], ..Link::default() };
    let sent = Span {
        attributes: many("a"),
        events: vec![Event::default(); 1_030],
        links: vec![link; 1_026],
        ..span()
    };
    let decoded = decode(&request(vec![sent]));
    let kept = &decoded.spans[0];
    assert_eq!((kept.attributes.len(), kept.dropped_attributes), (1_024, 76));
    assert_eq!((kept.events.len(), kept.dropped_events), (1_024, 6));
    assert_eq!((kept.links.len(), kept.dropped_links), (1_024, 2));
    assert_eq!(decoded.dropped, [(Reason::TooManyParts, 76 + 6 + 2)]);
}

#[test]
fn links_to_nothing_are_left_out_and_counted() {
    let sent = Span { links: vec![Link::default()], ..span() };
    let decoded = decode(&request(vec![sent]));
    assert_eq!(decoded.spans[0].links, []);
    assert_eq!(decoded.spans[0].dropped_links, 1);
    assert_eq!(decoded.dropped, [(Reason::InvalidId, 1)]);
}

#[test]
fn a_request_has_a_most_of_spans() {
    let body = request(vec![Span::default(); 250_001]).encode_to_vec();
    let refused = Err(RequestError::TooMany { what: "spans", limit: 250_000 });
    assert_eq!(otlp::decode_protobuf(&body), refused);
    let spans = vec!["{}"; 250_001].join(",");
    let json = format!("{{\"resourceSpans\":[{{\"scopeSpans\":[{{\"spans\":[{spans}]}}]}}]}}");
    assert_eq!(otlp::decode_json(json.as_bytes()), refused);
    let fits = request(vec![Span::default(); 250_000]).encode_to_vec();
    let rejected = otlp::decode_protobuf(&fits).expect("fits").rejections;
    assert_eq!(rejected.len(), 250_000);
}

/// Replaces one text in an encoded request by as many bytes that are no UTF-8.
fn spoil(request: &ExportTraceServiceRequest, text: &str) -> Vec<u8> {
    let mut body = request.encode_to_vec();
    let at = body
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .expect("the text is in the body");
    body[at..at + text.len()].fill(0xff);
    body
}

#[test]
fn text_that_is_not_utf8_costs_the_spans_it_belongs_to() {
    let other = Span { name: "other".to_owned(), ..span() };
    let request = request(vec![span(), other]);
    for (text, kept, reasons) in [
        ("span-name", &["other"][..], vec![(0, Reason::InvalidUtf8)]),
        ("other", &["span-name"], vec![(1, Reason::InvalidUtf8)]),
        ("scope-name", &[], vec![(0, Reason::InvalidUtf8), (1, Reason::InvalidUtf8)]),
        ("shop", &[], vec![(0, Reason::InvalidUtf8), (1, Reason::InvalidUtf8)]),
    ] {
        let decoded = otlp::decode_protobuf(&spoil(&request, text)).expect("structure is sound");
        let names: Vec<_> = decoded.spans.iter().map(|span| span.name.as_str()).collect();
        let found: Vec<_> =
            decoded.rejections.iter().map(|rejection| (rejection.item, rejection.reason)).collect();
        assert_eq!((names.as_slice(), found), (kept, reasons), "{text}");
    }
}

/// Parts in an order that no exporter chooses but the format allows.
#[test]
fn the_order_of_fields_does_not_matter() {
    let whole = request(vec![span()]);
    let mut last = whole.resource_spans[0].clone();
    last.scope_spans.clear();
    let mut first = whole.resource_spans[0].clone();
    first.resource = None;
    // Two encodings of one message after the other are their merge.
    let message = [first.encode_to_vec(), last.encode_to_vec()].concat();
    let mut body = vec![0x0a];
    prost::encoding::encode_varint(message.len() as u64, &mut body);
    body.extend(message);
    assert_eq!(otlp::decode_protobuf(&body), Ok(decode(&whole)));
}
