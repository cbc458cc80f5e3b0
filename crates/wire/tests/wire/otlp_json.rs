//! OTLP in JSON against the same request in protobuf, and what is accepted
//! beyond the specification.

use expect_test::{Expect, expect};
use hotspan_wire::{Decoded, otlp};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

use crate::{generate, show};

/// The request as an exporter writes it in JSON: numbers of 64 bits as text
/// when `as_text`, as some SDKs do, or as numbers, as others do.
fn to_json(request: &ExportTraceServiceRequest, as_text: bool) -> Value {
    let resource_spans: Vec<Value> = request
        .resource_spans
        .iter()
        .map(|of_resource| {
            let scope_spans: Vec<Value> = of_resource
                .scope_spans
                .iter()
                .map(|of_scope| {
                    let spans = of_scope.spans.iter().map(|span| span_json(span, as_text));
                    json!({
                        // After its spans, which is where an alphabet puts it.
                        "spans": spans.collect::<Value>(),
                        "scope": of_scope.scope.as_ref().map(|scope| json!({
                            "name": scope.name,
                            "version": scope.version,
                            "attributes": attributes(&scope.attributes, as_text),
                        })),
                        "schemaUrl": of_scope.schema_url,
                    })
                })
                .collect();
            json!({
                "scopeSpans": scope_spans,
                "resource": of_resource.resource.as_ref().map(|resource| json!({
                    "attributes": attributes(&resource.attributes, as_text),
                    "droppedAttributesCount": resource.dropped_attributes_count,
                })),
            })
        })
        .collect();
    json!({ "resourceSpans": resource_spans })
}

fn span_json(span: &Span, as_text: bool) -> Value {
    json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id).to_uppercase(),
        "parentSpanId": hex(&span.parent_span_id),
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": unsigned(span.start_time_unix_nano, as_text),
        "endTimeUnixNano": unsigned(span.end_time_unix_nano, as_text),
        "attributes": attributes(&span.attributes, as_text),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": span.events.iter().map(|event| json!({
            "timeUnixNano": unsigned(event.time_unix_nano, as_text),
            "name": event.name,
            "attributes": attributes(&event.attributes, as_text),
            "droppedAttributesCount": event.dropped_attributes_count,
        })).collect::<Value>(),
        "droppedEventsCount": span.dropped_events_count,
        "links": span.links.iter().map(|link| json!({
            "traceId": hex(&link.trace_id),
            "spanId": hex(&link.span_id),
            "traceState": link.trace_state,
            "attributes": attributes(&link.attributes, as_text),
            "droppedAttributesCount": link.dropped_attributes_count,
            "flags": link.flags,
        })).collect::<Value>(),
        "droppedLinksCount": span.dropped_links_count,
        "status": span.status.as_ref().map(|status| json!({
            "message": status.message,
            "code": status.code,
        })),
        "fieldOfTheFuture": {"nested": [1, 2]},
    })
}

fn unsigned(number: u64, as_text: bool) -> Value {
    if as_text { json!(number.to_string()) } else { json!(number) }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(pairs: &[KeyValue], as_text: bool) -> Value {
    pairs
        .iter()
        .map(|pair| {
            json!({"key": pair.key, "value": pair.value.as_ref().map(|value| any_json(value, as_text))})
        })
        .collect()
}

fn any_json(value: &AnyValue, as_text: bool) -> Value {
    match &value.value {
        None | Some(Any::StringValueStrindex(_)) => json!({}),
        Some(Any::StringValue(text)) => json!({"stringValue": text}),
        Some(Any::BoolValue(truth)) => json!({"boolValue": truth}),
        Some(Any::IntValue(number)) if as_text => json!({"intValue": number.to_string()}),
        Some(Any::IntValue(number)) => json!({"intValue": number}),
        Some(Any::DoubleValue(number)) if !number.is_finite() => {
            json!({"doubleValue": format!("{number}").replace("inf", "Infinity")})
        }
        // Text keeps every digit, as serde_json's own parser may not.
        Some(Any::DoubleValue(number)) => json!({"doubleValue": format!("{number:?}")}),
        Some(Any::BytesValue(bytes)) => {
            use base64::Engine;
            json!({"bytesValue": base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)})
        }
        Some(Any::ArrayValue(list)) => {
            let values: Value = list.values.iter().map(|value| any_json(value, as_text)).collect();
            json!({"arrayValue": {"values": values}})
        }
        Some(Any::KvlistValue(map)) => {
            json!({"kvlistValue": {"values": attributes(&map.values, as_text)}})
        }
    }
}

fn comparable(decoded: &Decoded) -> String {
    let rejections: Vec<_> =
        decoded.rejections.iter().map(|rejection| (rejection.item, rejection.reason)).collect();
    format!("{:#?}\n{rejections:?}\n{:?}", decoded.spans, decoded.dropped)
}

proptest! {
    #[test]
    fn json_and_protobuf_say_the_same(request in generate::request(), as_text in any::<bool>()) {
        let of_protobuf = otlp::decode_protobuf(&request.encode_to_vec()).expect("is sound");
        let body = to_json(&request, as_text).to_string();
        let of_json = otlp::decode_json(body.as_bytes()).expect("is sound");
        prop_assert_eq!(comparable(&of_json), comparable(&of_protobuf));
    }

    #[test]
    fn damaged_json_is_read_or_refused(
        request in generate::request(),
        damages in generate::damages(),
    ) {
        let mut body = to_json(&request, true).to_string().into_bytes();
        generate::apply(&mut body, &damages);
        let _ = otlp::decode_json(&body);
    }
}

fn check(span: &str, expected: Expect) {
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{span},
            {{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"good"}}
        ]}}]}}]}}"#
    );
    let text = match otlp::decode_json(body.as_bytes()) {
        Ok(decoded) => show::decoded(&decoded),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&text);
}

/// The ids of a good span, to be followed by what a case is about.
const IDS: &str = r#""traceId":"4BF92F3577B34DA6A3CE929D0E0E4736","spanId":"00F067AA0BA902B8""#;

#[test]
fn more_is_accepted_than_must_be() {
    check(
        &format!(
            r#"{{{IDS},"parentSpanId":null,"kind":"SPAN_KIND_CLIENT","status":{{"code":"STATUS_CODE_ERROR"}},
            "startTimeUnixNano":1795404618937100000.0,"end_time_unix_nano":"1795404618937200000",
            "attributes":[{{"key":"a","value":{{"int_value":"7"}}}},{{"key":"b"}},{{"key":"c","value":{{"doubleValue":1}}}}],
            "events":null,"links":[]}}"#
        ),
        expect![[r#"
            resource unknown
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b8<- client "" 2026-11-23T03:30:18.937Z+99us error Yes {a=Int(7) b=Json("null") c=Float(1.0)}
            1 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "good" 1970-01-01T00:00:00.000Z+0us unset Yes
        "#]],
    );
}

#[test]
fn one_bad_span_costs_only_itself() {
    let bad = [
        "{}".to_owned(),
        "7".to_owned(),
        "null".to_owned(),
        r#"{"traceId":"4bf9"}"#.to_owned(),
        r#"{"traceId":"00000000000000000000000000000000"}"#.to_owned(),
        r#"{"traceId":"4BF92F3577B34DA6A3CE929D0E0E4736"}"#.to_owned(),
        format!(r#"{{{IDS},"parentSpanId":"x"}}"#),
        format!(r#"{{{IDS},"startTimeUnixNano":"5","endTimeUnixNano":"4"}}"#),
        format!(r#"{{{IDS},"startTimeUnixNano":"-5"}}"#),
        format!(r#"{{{IDS},"name":["x"]}}"#),
        format!(r#"{{{IDS},"attributes":[{{"key":"a","value":{{"bytesValue":"?"}}}}]}}"#),
        format!(r#"{{{IDS},"attributes":{{}}}}"#),
    ];
    check(
        &bad.join(","),
        expect![[r#"
            resource unknown
            12 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "good" 1970-01-01T00:00:00.000Z+0us unset Yes
            0 rejected zero_trace_id: trace_id is missing or all zeros; give every trace 16 random bytes
            1 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct Span at line 1 column 1; send it as OTLP JSON
            2 rejected malformed_item: span is unreadable: invalid type: null, expected struct Span at line 1 column 4; send it as OTLP JSON
            3 rejected invalid_id: trace_id is not 16 bytes; send 16 bytes, in JSON as 32 hex digits
            4 rejected zero_trace_id: trace_id is missing or all zeros; give every trace 16 random bytes
            5 rejected zero_span_id: span_id is missing or all zeros; give every span 8 random bytes
            6 rejected invalid_id: parent_span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits, or nothing
            7 rejected end_before_start: the span ends 1 ns before it starts; take both times from one monotonic clock
            8 rejected malformed_item: span is unreadable: "-5" is not a number in range at line 1 column 98; send it as OTLP JSON
            9 rejected malformed_item: span is unreadable: invalid type: sequence, expected a string at line 1 column 81; send it as OTLP JSON
            10 rejected malformed_item: span is unreadable: bytesValue is not base64: Invalid symbol 63, offset 0. at line 1 column 125; send it as OTLP JSON
            11 rejected malformed_item: span is unreadable: invalid type: map, expected a list at line 1 column 89; send it as OTLP JSON
        "#]],
    );
}

#[test]
fn broken_requests_are_refused() {
    let refusals: String = [
        "",
        "null",
        "7",
        "{\"resourceSpans\":[",
        "{\"resourceSpans\":7}",
        "{\"resourceSpans\":[7]}",
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":{}}]}]}",
        "{\"resourceSpans\":[]} trailing",
    ]
    .into_iter()
    .map(|body| match otlp::decode_json(body.as_bytes()) {
        Ok(decoded) => format!("{body:?} -> {} spans\n", decoded.spans.len()),
        Err(error) => format!("{body:?} -> {error}\n"),
    })
    .collect();
    expect![[r#"
        "" -> malformed OTLP JSON: EOF while parsing a value at line 1 column 0; send the body that the content type announces
        "null" -> malformed OTLP JSON: invalid type: null, expected an ExportTraceServiceRequest at line 1 column 4; send the body that the content type announces
        "7" -> malformed OTLP JSON: invalid type: integer `7`, expected an ExportTraceServiceRequest at line 1 column 1; send the body that the content type announces
        "{\"resourceSpans\":[" -> malformed OTLP JSON: EOF while parsing a list at line 1 column 18; send the body that the content type announces
        "{\"resourceSpans\":7}" -> malformed OTLP JSON: invalid type: integer `7`, expected a list at line 1 column 18; send the body that the content type announces
        "{\"resourceSpans\":[7]}" -> malformed OTLP JSON: invalid type: integer `7`, expected a ResourceSpans object at line 1 column 19; send the body that the content type announces
        "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":{}}]}]}" -> malformed OTLP JSON: invalid type: map, expected a list at line 1 column 2; send the body that the content type announces
        "{\"resourceSpans\":[]} trailing" -> malformed OTLP JSON: trailing characters at line 1 column 22; send the body that the content type announces
    "#]].assert_eq(&refusals);
    let not_utf8 = b"{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"name\":\"\xff\"}]}]}]}";
    assert!(otlp::decode_json(not_utf8).is_err());
}

#[test]
fn empty_requests_are_fine() {
    for body in [
        "{}",
        "{\"resourceSpans\":null}",
        "{\"resourceSpans\":[{}]}",
        "{\"resourceSpans\":[{\"resource\":null,\"scopeSpans\":[{\"scope\":{},\"spans\":null}]}]}",
    ] {
        assert_eq!(otlp::decode_json(body.as_bytes()), Ok(Decoded::default()), "{body}");
    }
}
