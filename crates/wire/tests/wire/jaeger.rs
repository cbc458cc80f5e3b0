//! Jaeger JSON: its forms, the words of its older clients, and what is wrong
//! in a span costs only that span.

use expect_test::{Expect, expect};
use hotspan_wire::jaeger;

use crate::show;

fn check(body: &str, expected: Expect) {
    let text = match jaeger::decode_json(body.as_bytes()) {
        Ok(decoded) => show::decoded(&decoded),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&text);
}

/// One span of a trace with two processes, to be followed by what a case is
/// about.
fn trace(rest: &str) -> String {
    format!(
        r#"{{"traceID":"352bff9a74ca9ad2","spans":[
            {{"traceID":"352bff9a74ca9ad2","spanID":"5af7183fb1d4cf5f","operationName":"work",
              "startTime":1000000,"duration":2500,"processID":"p1"{rest}}}],
          "processes":{{"p1":{{"serviceName":"shop","tags":[]}}}}}}"#
    )
}

#[test]
fn every_form_of_a_download() {
    for body in [
        trace(""),
        format!("[{}]", trace("")),
        format!("{{\"data\":[{}],\"total\":0,\"errors\":null}}", trace("")),
        format!("\n{{\"data\":{}}}", trace("")),
    ] {
        check(
            &body,
            expect![[r#"
                resource shop {service.name=Str("shop")}
                0 0000000000000000352bff9a74ca9ad2 5af7183fb1d4cf5f<- internal "work" 1970-01-01T00:00:01.000Z+2500us unset Yes
            "#]],
        );
    }
}

#[test]
fn what_otlp_has_fields_for() {
    check(
        &trace(
            r#","flags":1,"references":[
                {"refType":"FOLLOWS_FROM","traceID":"352bff9a74ca9ad2","spanID":"9"},
                {"refType":"CHILD_OF","traceID":"77","spanID":"8"},
                {"refType":"CHILD_OF","traceID":"352bff9a74ca9ad2","spanID":"7"}],
              "tags":[
                {"key":"span.kind","type":"string","value":"client"},
                {"key":"otel.scope.name","type":"string","value":"io.example"},
                {"key":"otel.scope.version","type":"string","value":"1.2"},
                {"key":"otel.status_code","type":"string","value":"ERROR"},
                {"key":"otel.status_description","type":"string","value":"timed out"},
                {"key":"w3c.tracestate","type":"string","value":"ot=th:8"},
                {"key":"error","type":"bool","value":true},
                {"key":"http.status_code","type":"int64","value":504},
                {"key":"ratio","type":"float64","value":0.5},
                {"key":"cached","type":"bool","value":false},
                {"key":"raw","type":"binary","value":"AQL/"},
                {"key":"nothing","type":"string","value":null}],
              "logs":[
                {"timestamp":1000700,"fields":[
                  {"key":"event","type":"string","value":"exception"},
                  {"key":"exception.type","type":"string","value":"Timeout"}]},
                {"timestamp":1000800,"fields":[{"key":"message","type":"string","value":"hi"}]}]"#,
        ),
        expect![[r#"
            resource shop {service.name=Str("shop")}
            0 0000000000000000352bff9a74ca9ad2 5af7183fb1d4cf5f<0000000000000007 client "work" 1970-01-01T00:00:01.000Z+2500us error Unknown message=timed out scope=io.example 1.2 state=ot=th:8 weight=2 flags=1 {http.status_code=Int(504) ratio=Float(0.5) cached=Bool(false) raw=Json("\"AQL/\"")} event exception@1970-01-01T00:00:01.000Z {exception.type=Str("Timeout")} event @1970-01-01T00:00:01.000Z {message=Str("hi")} link 0000000000000000352bff9a74ca9ad2/0000000000000009  link 00000000000000000000000000000077/0000000000000008
        "#]],
    );
}

#[test]
fn words_of_older_clients() {
    check(
        r#"{"data":[{"spans":[
            {"traceID":"1","spanID":"1","operationName":"HTTP GET /customer","startTime":1,"duration":9,
             "processID":"p1","tags":[
               {"key":"sampler.type","type":"string","value":"probabilistic"},
               {"key":"sampler.param","type":"float64","value":0.25},
               {"key":"span.kind","type":"string","value":"server"},
               {"key":"http.method","type":"string","value":"GET"},
               {"key":"http.url","type":"string","value":"/customer?id=123"},
               {"key":"http.status_code","type":"string","value":"200"},
               {"key":"component","type":"string","value":"net/http"}]},
            {"traceID":"1","spanID":"2","parentSpanID":"1","operationName":"SQL SELECT","startTime":2,
             "duration":3,"processID":"p2","tags":[
               {"key":"sql.query","type":"string","value":"SELECT * FROM customer WHERE id=123"},
               {"key":"peer.service","type":"string","value":"mysql"},
               {"key":"error","type":"string","value":"false"}]}],
          "processes":{
            "p1":{"serviceName":"frontend","tags":[
              {"key":"hostname","type":"string","value":"web-1"},
              {"key":"jaeger.version","type":"string","value":"Go-2.30.0"}]},
            "p2":{"serviceName":"customer","tags":[
              {"key":"jaeger.version","type":"string","value":"Node-3.19.0"},
              {"key":"host.name","type":"string","value":"web-2"},
              {"key":"hostname","type":"string","value":"other"}]}}}]}"#,
        expect![[r#"
            resource frontend {service.name=Str("frontend") hostname=Str("web-1") jaeger.version=Str("Go-2.30.0") host.name=Str("web-1") telemetry.sdk.name=Str("jaeger") telemetry.sdk.version=Str("2.30.0") telemetry.sdk.language=Str("go")}
            0 00000000000000000000000000000001 0000000000000001<- server "HTTP GET /customer" 1970-01-01T00:00:00.000Z+9us unset Yes scope=net/http weight=4 {sampler.type=Str("probabilistic") sampler.param=Float(0.25) http.method=Str("GET") http.url=Str("/customer?id=123") http.status_code=Int(200) component=Str("net/http") url.path=Str("/customer")}
            resource customer {service.name=Str("customer") jaeger.version=Str("Node-3.19.0") host.name=Str("web-2") hostname=Str("other") telemetry.sdk.name=Str("jaeger") telemetry.sdk.version=Str("3.19.0") telemetry.sdk.language=Str("nodejs")}
            1 00000000000000000000000000000001 0000000000000002<0000000000000001 client "SQL SELECT" 1970-01-01T00:00:00.000Z+3us unset Unknown weight=4 {sql.query=Str("SELECT * FROM customer WHERE id=123") peer.service=Str("mysql") db.statement=Str("SELECT * FROM customer WHERE id=123") db.system=Str("mysql") server.address=Str("mysql")}
        "#]],
    );
}

#[test]
fn processes_in_spans_and_unknown_ones() {
    check(
        r#"[{"traceID":"1","spans":[
            {"traceID":"1","spanID":"1","startTime":1,"process":{"serviceName":"a","tags":[]}},
            {"traceID":"1","spanID":"2","startTime":1,"process":{"serviceName":"a","tags":[]}},
            {"traceID":"1","spanID":"3","startTime":1,"process":7},
            {"traceID":"1","spanID":"4","startTime":1,"processID":"p9"}]}]"#,
        expect![[r#"
            resource a {service.name=Str("a")}
            0 00000000000000000000000000000001 0000000000000001<- internal "" 1970-01-01T00:00:00.000Z+0us unset Yes
            1 00000000000000000000000000000001 0000000000000002<- internal "" 1970-01-01T00:00:00.000Z+0us unset Yes
            resource unknown
            2 00000000000000000000000000000001 0000000000000003<- internal "" 1970-01-01T00:00:00.000Z+0us unset Yes
            3 00000000000000000000000000000001 0000000000000004<- internal "" 1970-01-01T00:00:00.000Z+0us unset Yes
        "#]],
    );
}

#[test]
fn one_bad_span_costs_only_itself() {
    check(
        r#"{"spans":[
            {"traceID":"1","spanID":"1","startTime":1,"operationName":"good"},
            7,
            {},
            {"traceID":"x","spanID":"1","startTime":1},
            {"traceID":"1","spanID":"","startTime":1},
            {"traceID":"1","spanID":"1"},
            {"traceID":"1","spanID":"1","startTime":-1},
            {"traceID":"1","spanID":"1","startTime":18446744073709551615},
            {"traceID":"1","spanID":"1","startTime":1,"duration":9223372036854775807},
            {"traceID":"1","spanID":"1","startTime":1,"duration":-5},
            {"traceID":"1","spanID":"1","startTime":1,"parentSpanID":"zz"},
            {"traceID":"1","spanID":"1","startTime":1,"tags":{}},
            {"traceID":"1","spanID":"2","startTime":"1","duration":"5","operationName":"also good"}]}"#,
        expect![[r#"
            resource unknown
            0 00000000000000000000000000000001 0000000000000001<- internal "good" 1970-01-01T00:00:00.000Z+0us unset Yes
            12 00000000000000000000000000000001 0000000000000002<- internal "also good" 1970-01-01T00:00:00.000Z+5us unset Yes
            1 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct SpanMessage at line 1 column 1; send it as Jaeger JSON
            2 rejected invalid_time: startTime is missing; send microseconds since 1970
            3 rejected invalid_id: trace_id is not 16 bytes; send 16 bytes, in JSON as 32 hex digits
            4 rejected zero_span_id: span_id is missing or all zeros; give every span 8 random bytes
            5 rejected invalid_time: startTime is missing; send microseconds since 1970
            6 rejected malformed_item: span is unreadable: -1 is out of range at line 1 column 42; send it as Jaeger JSON
            7 rejected invalid_time: startTime 18446744073709551615 is out of range; send microseconds since 1970
            8 rejected invalid_time: duration 9223372036854775807 is out of range; send microseconds
            9 rejected malformed_item: span is unreadable: -5 is out of range at line 1 column 55; send it as Jaeger JSON
            10 rejected invalid_id: parent_span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits, or nothing
            11 rejected malformed_item: span is unreadable: invalid type: map, expected a list at line 1 column 51; send it as Jaeger JSON
        "#]],
    );
}

#[test]
fn limits_are_kept_and_said() {
    let tags: String = (0..1_100).map(|i| format!("{{\"key\":\"k{i}\",\"value\":{i}}},")).collect();
    let logs = "{\"timestamp\":1,\"fields\":[]},".repeat(1_100);
    let deep = "[".repeat(40) + &"]".repeat(40);
    let long = "x".repeat(70_000);
    let body = format!(
        r#"{{"spans":[{{"traceID":"1","spanID":"1","startTime":1,
            "tags":[{{"key":"deep","value":{deep}}},{{"key":"long","value":"{long}"}},{tags}{{}}],
            "logs":[{logs}{{}}],
            "references":[{{"refType":"CHILD_OF","traceID":"zz","spanID":"1"}}]}}]}}"#
    );
    let decoded = jaeger::decode_json(body.as_bytes()).expect("is read");
    let [span] = &decoded.spans[..] else { panic!("one span: {:?}", decoded.rejections) };
    assert_eq!((span.attributes.len(), span.events.len(), span.links.len()), (1_022, 1_024, 0));
    assert_eq!((span.dropped_attributes, span.dropped_events, span.dropped_links), (81, 77, 1));
    let mut dropped: Vec<String> =
        decoded.dropped.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    dropped.sort();
    assert_eq!(
        dropped,
        ["attribute_too_large 1", "invalid_id 1", "too_deep 1", "too_many_parts 156"]
    );
}

#[test]
fn broken_bodies_are_refused() {
    let refusals: String = [
        "",
        "7",
        "{}",
        "{\"data\":[",
        "{\"data\":7}",
        "{\"spans\":7}",
        "{\"data\":null,\"errors\":[{\"code\":404,\"msg\":\"trace not found\"}]}",
        "[7]",
        "[{\"processes\":[]}]",
        "{\"data\":[]}",
    ]
    .into_iter()
    .map(|body| match jaeger::decode_json(body.as_bytes()) {
        Ok(decoded) => format!("{body} -> {}\n", show::decoded(&decoded).trim_end()),
        Err(error) => format!("{body} -> {error}\n"),
    })
    .collect();
    expect![[r#"
         -> malformed Jaeger JSON: EOF while parsing a value at line 1 column 0; send the body that the content type announces
        7 -> malformed Jaeger JSON: invalid type: integer `7`, expected struct Body at line 1 column 1; send the body that the content type announces
        {} -> malformed Jaeger JSON: it has neither a field data nor a field spans; send the body that the content type announces
        {"data":[ -> malformed Jaeger JSON: EOF while parsing a list at line 1 column 9; send the body that the content type announces
        {"data":7} -> malformed Jaeger JSON: invalid type: integer `7`, expected a list at line 1 column 1; send the body that the content type announces
        {"spans":7} -> 0 rejected malformed_item: the field spans of a trace is not a list; save the trace again from Jaeger as JSON
        {"data":null,"errors":[{"code":404,"msg":"trace not found"}]} -> malformed Jaeger JSON: it holds no trace but the errors [{"code":404,"msg":"trace not found"}]; send the body that the content type announces
        [7] -> 0 rejected malformed_item: trace is unreadable: invalid type: integer `7`, expected struct TraceMessage at line 1 column 1; save the trace again from Jaeger as JSON
        [{"processes":[]}] -> 0 rejected malformed_item: processes are unreadable: invalid type: sequence, expected a map at line 1 column 0; save the trace again from Jaeger as JSON
        {"data":[]} -> 
    "#]].assert_eq(&refusals);
    assert!(jaeger::decode_json(b"{\"data\":[\"\xff\"]}").is_err());
}
