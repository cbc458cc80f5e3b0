//! Zipkin JSON: its forms, what its instrumentations say in tags and
//! endpoints, and what is wrong in a span costs only that span.

use expect_test::{Expect, expect};
use hotspan_wire::zipkin;

use crate::show;

fn check(body: &str, expected: Expect) {
    let text = match zipkin::decode_json(body.as_bytes()) {
        Ok(decoded) => show::decoded(&decoded),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&text);
}

#[test]
fn every_form_of_a_download() {
    let span = r#"{"traceId":"352bff9a74ca9ad2","id":"5af7183fb1d4cf5f","name":"get /orders",
        "kind":"SERVER","timestamp":1000000,"duration":2500,
        "localEndpoint":{"serviceName":"shop","ipv4":"10.0.0.1"}}"#;
    for body in
        [span.to_owned(), format!("[{span}]"), format!(" [ [{span}], [] ]"), format!("[[],{span}]")]
    {
        check(
            &body,
            expect![[r#"
                resource shop {service.name=Str("shop")}
                0 0000000000000000352bff9a74ca9ad2 5af7183fb1d4cf5f<- server "get /orders" 1970-01-01T00:00:01.000Z+2500us unset Yes
            "#]],
        );
    }
}

#[test]
fn tags_and_endpoints() {
    check(
        r#"[{"traceId":"1","id":"2","parentId":"1","kind":"CLIENT","name":"query","timestamp":5,
             "duration":4,"localEndpoint":{"serviceName":"shop"},
             "remoteEndpoint":{"serviceName":"postgres-orders","ipv4":"10.0.0.9","port":5432},
             "annotations":[{"timestamp":6,"value":"ws"}],
             "tags":{"sql.query":"select 1","error":"","otel.scope.name":"io.example",
               "telemetry.sdk.language":"java","service.version":"7"}},
            {"traceId":"1","id":"3","parentId":"1","kind":"CLIENT","name":"post","timestamp":5,
             "localEndpoint":{"serviceName":"shop"},
             "tags":{"http.method":"POST","http.path":"/pay","http.status_code":"503",
               "error":"503","count":7,"telemetry.sdk.language":"java","service.version":"7"}},
            {"traceId":"1","id":"4","parentId":"1","name":"","timestamp":5,
             "tags":{"otel.status_code":"OK","span.kind":"internal","error":"false"}},
            {"traceId":"1","id":"5","parentId":"1","kind":"PRODUCER","name":"send","timestamp":5,
             "remoteEndpoint":{"serviceName":"kafka","ipv6":"fd00::1","port":0},
             "tags":{"kafka.topic":"orders"}}]"#,
        expect![[r#"
            resource shop {service.name=Str("shop") telemetry.sdk.language=Str("java") service.version=Str("7")}
            0 00000000000000000000000000000001 0000000000000002<0000000000000001 client "query" 1970-01-01T00:00:00.000Z+4us error Unknown scope=io.example {sql.query=Str("select 1") peer.service=Str("postgres-orders") peer.ipv4=Str("10.0.0.9") peer.port=Int(5432) network.peer.address=Str("10.0.0.9") server.port=Int(5432) db.statement=Str("select 1") db.system=Str("postgresql")} event ws@1970-01-01T00:00:00.000Z
            1 00000000000000000000000000000001 0000000000000003<0000000000000001 client "post" 1970-01-01T00:00:00.000Z+0us error Unknown message=503 {http.method=Str("POST") http.path=Str("/pay") http.status_code=Int(503) count=Int(7) url.path=Str("/pay")}
            resource unknown
            2 00000000000000000000000000000001 0000000000000004<0000000000000001 internal "" 1970-01-01T00:00:00.000Z+0us ok Unknown
            3 00000000000000000000000000000001 0000000000000005<0000000000000001 producer "send" 1970-01-01T00:00:00.000Z+0us unset Unknown {kafka.topic=Str("orders") peer.service=Str("kafka") peer.ipv6=Str("fd00::1") network.peer.address=Str("fd00::1") messaging.destination.name=Str("orders") messaging.system=Str("kafka")}
        "#]],
    );
}

/// Client and server report one request with one id, and the server's
/// children name it as their parent.
#[test]
fn shared_ids() {
    check(
        r#"[{"traceId":"1","id":"2","parentId":"1","kind":"CLIENT","timestamp":10,"duration":9,
             "localEndpoint":{"serviceName":"web"}},
            {"traceId":"1","id":"2","parentId":"1","kind":"SERVER","shared":true,"timestamp":12,
             "duration":5,"localEndpoint":{"serviceName":"orders"}},
            {"traceId":"1","id":"3","parentId":"2","timestamp":13,"duration":1,
             "localEndpoint":{"serviceName":"orders"}},
            {"traceId":"1","id":"4","kind":"CLIENT","shared":true,"timestamp":10},
            {"traceId":"1","id":"5","parentId":"1","kind":"SERVER","shared":"yes","timestamp":10}]"#,
        expect![[r#"
            resource web {service.name=Str("web")}
            0 00000000000000000000000000000001 0000000000000002<0000000000000001 client "" 1970-01-01T00:00:00.000Z+9us unset Unknown
            resource orders {service.name=Str("orders")}
            1 00000000000000000000000000000001 0000000000000002<0000000000000002 server "" 1970-01-01T00:00:00.000Z+5us unset Yes
            2 00000000000000000000000000000001 0000000000000003<0000000000000002 internal "" 1970-01-01T00:00:00.000Z+1us unset Unknown
            resource unknown
            3 00000000000000000000000000000001 0000000000000004<- client "" 1970-01-01T00:00:00.000Z+0us unset Yes
            4 00000000000000000000000000000001 0000000000000005<0000000000000001 server "" 1970-01-01T00:00:00.000Z+0us unset Yes
        "#]],
    );
}

#[test]
fn one_bad_span_costs_only_itself() {
    check(
        r#"[{"traceId":"1","id":"1","timestamp":1,"name":"good"},
            7,
            {},
            {"traceId":"x","id":"1","timestamp":1},
            {"traceId":"1","id":"0","timestamp":1},
            {"traceId":"1","id":"1"},
            {"traceId":"1","id":"1","timestamp":1.5},
            {"traceId":"1","id":"1","timestamp":18446744073709551615},
            {"traceId":"1","id":"1","timestamp":1,"tags":[]},
            {"traceId":"1","id":"1","timestamp":1,"parentId":"not hex"},
            {"traceId":"1","id":"2","timestamp":1,"name":"also good","unknown":[{}],
             "localEndpoint":null,"remoteEndpoint":{"port":"x"},"tags":null,"annotations":null}]"#,
        expect![[r#"
            resource unknown
            0 00000000000000000000000000000001 0000000000000001<- internal "good" 1970-01-01T00:00:00.000Z+0us unset Yes
            10 00000000000000000000000000000001 0000000000000002<- internal "also good" 1970-01-01T00:00:00.000Z+0us unset Yes
            1 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct SpanMessage at line 1 column 1; send it as Zipkin v2 JSON
            2 rejected invalid_time: timestamp is missing; send microseconds since 1970
            3 rejected invalid_id: trace_id is not 16 bytes; send 16 bytes, in JSON as 32 hex digits
            4 rejected zero_span_id: span_id is missing or all zeros; give every span 8 random bytes
            5 rejected invalid_time: timestamp is missing; send microseconds since 1970
            6 rejected malformed_item: span is unreadable: 1.5 is not a whole number at line 1 column 39; send it as Zipkin v2 JSON
            7 rejected invalid_time: timestamp 18446744073709551615 is out of range; send microseconds since 1970
            8 rejected malformed_item: span is unreadable: invalid type: sequence, expected an object of tags at line 1 column 45; send it as Zipkin v2 JSON
            9 rejected invalid_id: parent_span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits, or nothing
        "#]],
    );
}

#[test]
fn broken_bodies_are_refused() {
    let refusals: String = ["", "7", "[", "[{\"traceId\":", "null", "[]", "[[]]", "[[7]]"]
        .into_iter()
        .map(|body| match zipkin::decode_json(body.as_bytes()) {
            Ok(decoded) => format!("{body} -> {}\n", show::decoded(&decoded).trim_end()),
            Err(error) => format!("{body} -> {error}\n"),
        })
        .collect();
    expect![[r#"
         -> malformed Zipkin JSON: EOF while parsing a value at line 1 column 0; send the body that the content type announces
        7 -> 0 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct SpanMessage at line 1 column 1; send it as Zipkin v2 JSON
        [ -> malformed Zipkin JSON: EOF while parsing a list at line 1 column 1; send the body that the content type announces
        [{"traceId": -> malformed Zipkin JSON: EOF while parsing a value at line 1 column 12; send the body that the content type announces
        null -> 0 rejected malformed_item: span is unreadable: invalid type: null, expected struct SpanMessage at line 1 column 4; send it as Zipkin v2 JSON
        [] -> 
        [[]] -> 
        [[7]] -> 0 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct SpanMessage at line 1 column 1; send it as Zipkin v2 JSON
    "#]].assert_eq(&refusals);
    assert!(zipkin::decode_json(b"[{\"traceId\":\"\xff\"}]").is_err());
}
