//! What becomes of transactions, events, spans and reports, field by field.

use expect_test::{Expect, expect};

use crate::sentry;

fn check(header: &str, item: &str, payload: &str, expected: Expect) {
    // Payloads are laid out over lines here; in an envelope they have one.
    let payload = payload.replace('\n', " ");
    sentry::check(format!("{header}\n{item}\n{payload}\n").as_bytes(), expected);
}

fn check_transaction(payload: &str, expected: Expect) {
    check("{}", r#"{"type":"transaction"}"#, payload, expected);
}

#[test]
fn a_transaction_with_everything() {
    check(
        r#"{"trace":{"sample_rate":"0.25","release":"of header"},"sdk":{"name":"of.header","version":"0"}}"#,
        r#"{"type":"transaction"}"#,
        r#"{"type":"transaction","transaction":"POST /reports","transaction_info":{"source":"route"},
        "start_timestamp":"2026-11-23T03:57:08.041216Z","timestamp":1795406229.5,
        "release":"shop@1","environment":"prod","server_name":"web-1","platform":"python",
        "sdk":{"name":"sentry.python","version":"2.75.0"},
        "tags":{"customer":"7","http.response.status_code":"ignored, data has it","none":null},
        "request":{"method":"POST","url":"http://shop/reports"},
        "contexts":{"runtime":{"name":"CPython","version":"3.11"},"response":{"status_code":"201"},"os":"any",
            "trace":{"trace_id":"4BF92F35-77B3-4DA6-A3CE-929D0E0E4736","span_id":"00f067aa0ba902b7","parent_span_id":"00f067aa0ba902b6",
                "op":"http.server","status":"internal_error","origin":"auto.http.flask",
                "data":{"http.response.status_code":500,"list":[1,{"a":null}],"none":null,"ratio":0.5,"big":18446744073709551615,"yes":true}}},
        "spans":[
            {"span_id":"00f067aa0ba902b8","parent_span_id":"00f067aa0ba902b7","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",
             "op":"http.client","description":"GET http://x/","start_timestamp":1795406228.1,"timestamp":1795406228.2,"status":"ok",
             "origin":"auto.http","data":{"status":200},"tags":{"status":"ok","b":"c"}},
            {"span_id":"00f067aa0ba902b9","parent_span_id":"00f067aa0ba902b7","op":"db.redis","description":null,
             "start_timestamp":1795406228.1,"timestamp":1795406228.1,"status":null,"tags":[["k","v"],["status",1]]},
            {"span_id":"00f067aa0ba902ba","start_timestamp":1795406228.1,"end_timestamp":1795406228.1,"name":"newer","op":"queue.publish"}
        ]}"#,
        expect![[r#"
            resource shop {service.version=Str("shop@1") deployment.environment.name=Str("prod") host.name=Str("web-1") telemetry.sdk.name=Str("sentry.python") telemetry.sdk.version=Str("2.75.0") process.runtime.name=Str("CPython") process.runtime.version=Str("3.11") telemetry.sdk.language=Str("python")}
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<00f067aa0ba902b6 server "POST /reports" 2026-11-23T03:57:08.041Z+1458784us error Yes message=internal_error scope=auto.http.flask weight=4 {http.response.status_code=Int(500) list=Json("[1,{\"a\":null}]") ratio=Float(0.5) big=Float(1.8446744073709552e19) yes=Bool(true) sentry.op=Str("http.server") customer=Str("7") sentry.transaction.source=Str("route") http.request.method=Str("POST") url.full=Str("http://shop/reports")}
            1 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b8<00f067aa0ba902b7 client "GET http://x/" 2026-11-23T03:57:08.100Z+100000us ok No scope=auto.http weight=4 {status=Int(200) sentry.op=Str("http.client") b=Str("c")}
            2 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b9<00f067aa0ba902b7 client "" 2026-11-23T03:57:08.100Z+0us unset No weight=4 {sentry.op=Str("db.redis") k=Str("v") status=Int(1)}
            3 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902ba<- producer "newer" 2026-11-23T03:57:08.100Z+0us unset No weight=4 {sentry.op=Str("queue.publish")}
        "#]],
    );
}

#[test]
fn children_are_refused_one_by_one() {
    check_transaction(
        r#"{"type":"transaction","start_timestamp":10,"timestamp":20,
        "contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}},
        "spans":[
            7, null, {}, [],
            {"span_id":"0000000000000000","start_timestamp":1,"timestamp":2},
            {"span_id":"short","start_timestamp":1,"timestamp":2},
            {"span_id":"00f067aa0ba902b8","start_timestamp":1},
            {"span_id":"00f067aa0ba902b8","start_timestamp":1,"timestamp":null},
            {"span_id":"00f067aa0ba902b8","start_timestamp":"soon","timestamp":2},
            {"span_id":"00f067aa0ba902b8","start_timestamp":2,"timestamp":1},
            {"span_id":"00f067aa0ba902b8","start_timestamp":1,"timestamp":2,"description":7},
            {"span_id":"00f067aa0ba902b8","start_timestamp":1,"timestamp":2,"trace_id":"x"},
            {"span_id":"00f067aa0ba902b8","start_timestamp":1,"timestamp":2,"parent_span_id":"x"},
            {"span_id":"00f067aa0ba902b8","start_timestamp":1,"timestamp":2,"data":"no object"}
        ]}"#,
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "" 1970-01-01T00:00:10.000Z+10000000us unset Yes
            14 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b8<- internal "" 1970-01-01T00:00:01.000Z+1000000us unset No
            1 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct ChildSpan at line 1 column 1; send it as the SDK made it
            2 rejected malformed_item: span is unreadable: invalid type: null, expected struct ChildSpan at line 1 column 4; send it as the SDK made it
            3 rejected zero_span_id: span_id is missing or all zeros; give every span 8 random bytes
            4 rejected malformed_item: span is unreadable: invalid length 0, expected struct ChildSpan with 14 elements at line 1 column 2; send it as the SDK made it
            5 rejected zero_span_id: span_id is missing or all zeros; give every span 8 random bytes
            6 rejected invalid_id: span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits
            7 rejected invalid_time: timestamp is missing; send seconds since 1970 or an ISO 8601 date
            8 rejected invalid_time: timestamp is missing; send seconds since 1970 or an ISO 8601 date
            9 rejected invalid_time: start_timestamp is neither seconds nor a date; send seconds since 1970 or an ISO 8601 date
            10 rejected end_before_start: the span ends 1000000000 ns before it starts; take both times from one monotonic clock
            11 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected a string at line 1 column 79; send it as the SDK made it
            12 rejected invalid_id: trace_id is not 16 bytes; send 16 bytes, in JSON as 32 hex digits
            13 rejected invalid_id: parent_span_id is not 8 bytes; send 8 bytes, in JSON as 16 hex digits, or nothing
        "#]],
    );
}

#[test]
fn oddities_that_do_not_matter_cost_nothing() {
    check_transaction(
        r#"{"type":"transaction","start_timestamp":10,"timestamp":20,"transaction":null,"release":7,"sdk":"x",
        "request":[],"tags":"x","transaction_info":"x","spans":null,"measurements":{"a":1},
        "contexts":{"response":[],"runtime":"x",
            "trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","data":[]}}}"#,
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "" 1970-01-01T00:00:10.000Z+10000000us unset Yes
        "#]],
    );
    check_transaction(
        r#"{"type":"transaction","start_timestamp":10,"timestamp":20,"spans":{"a":1},
        "contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","op":"queue.process"}}}"#,
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- consumer "" 1970-01-01T00:00:10.000Z+10000000us unset Yes {sentry.op=Str("queue.process")}
            1 rejected malformed_item: spans is not a list; send a list of spans
        "#]],
    );
}

#[test]
fn large_attributes_are_left_out_and_counted() {
    let text = "x".repeat(65_537);
    let list = format!("[\"{text}\"]");
    let payload = format!(
        r#"{{"type":"transaction","start_timestamp":10,"timestamp":20,
        "contexts":{{"trace":{{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","data":{{"text":"{text}","list":{list},"kept":1}}}}}}}}"#
    );
    check_transaction(
        &payload,
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "" 1970-01-01T00:00:10.000Z+10000000us unset Yes dropped=[2, 0, 0] {kept=Int(1)}
            dropped attribute_too_large 2
        "#]],
    );
}

fn check_event(payload: &str, expected: Expect) {
    check(
        r#"{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc"}"#,
        r#"{"type":"event"}"#,
        payload,
        expected,
    );
}

const IN_TRACE: &str = r#""timestamp":10.25,"contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7"}}"#;

#[test]
fn errors_join_their_trace() {
    check_event(
        &format!(
            r#"{{{IN_TRACE},"level":"error","transaction":"GET /","exception":{{"values":[
            {{"type":"Cause","value":"it"}},{{"type":"Thrown","value":"then"}},{{}}]}}}}"#
        ),
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 fb9fc0810fd45b80<00f067aa0ba902b7 internal "Thrown" 1970-01-01T00:00:10.250Z+0us error No {hotspan.error_event=Bool(true) exception.type=Str("Thrown") exception.message=Str("then") sentry.event_id=Str("9ec79c33ec9942ab8353589fcb2e04dc") sentry.transaction=Str("GET /") sentry.level=Str("error")}
            event id 9ec79c33ec9942ab8353589fcb2e04dc
        "#]],
    );
    check_event(
        &format!(r#"{{{IN_TRACE},"exception":[{{"type":"OldForm","value":7}}]}}"#),
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 fb9fc0810fd45b80<00f067aa0ba902b7 internal "OldForm" 1970-01-01T00:00:10.250Z+0us error No {hotspan.error_event=Bool(true) exception.type=Str("OldForm") sentry.event_id=Str("9ec79c33ec9942ab8353589fcb2e04dc")}
            event id 9ec79c33ec9942ab8353589fcb2e04dc
        "#]],
    );
    check_event(
        &format!(r#"{{{IN_TRACE},"exception":{{"type":"Alone"}},"message":"besides"}}"#),
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 fb9fc0810fd45b80<00f067aa0ba902b7 internal "Alone" 1970-01-01T00:00:10.250Z+0us error No {hotspan.error_event=Bool(true) exception.type=Str("Alone") exception.message=Str("besides") sentry.event_id=Str("9ec79c33ec9942ab8353589fcb2e04dc")}
            event id 9ec79c33ec9942ab8353589fcb2e04dc
        "#]],
    );
    check_event(
        &format!(
            r#"{{{IN_TRACE},"level":"fatal","logentry":{{"message":"went %s","formatted":"went wrong"}}}}"#
        ),
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 fb9fc0810fd45b80<00f067aa0ba902b7 internal "error" 1970-01-01T00:00:10.250Z+0us error No {hotspan.error_event=Bool(true) exception.message=Str("went wrong") sentry.event_id=Str("9ec79c33ec9942ab8353589fcb2e04dc") sentry.level=Str("fatal")}
            event id 9ec79c33ec9942ab8353589fcb2e04dc
        "#]],
    );
}

#[test]
fn events_without_a_place_are_counted() {
    check_event(
        r#"{"timestamp":10,"exception":{"values":[{"type":"E"}]}}"#,
        expect![[r#"
        count sentry_item.event_without_trace 1
        event id 9ec79c33ec9942ab8353589fcb2e04dc
    "#]],
    );
    check_event(
        &format!(r#"{{{IN_TRACE},"level":"info","message":"hello"}}"#),
        expect![[r#"
        count sentry_item.message 1
        event id 9ec79c33ec9942ab8353589fcb2e04dc
    "#]],
    );
    check_event(
        r#"{"contexts":{"trace":{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}}}"#,
        expect![[r#"
            0 rejected invalid_time: timestamp is missing; send seconds since 1970 or an ISO 8601 date
            event id 9ec79c33ec9942ab8353589fcb2e04dc
        "#]],
    );
}

const SPAN_V2: &str =
    r#"{"type":"span","item_count":2,"content_type":"application/vnd.sentry.items.span.v2+json"}"#;

#[test]
fn spans_of_the_second_version() {
    check(
        r#"{"trace":{"environment":"of header","sample_rate":1},"sdk":{"name":"sentry.javascript.node","version":"11"}}"#,
        SPAN_V2,
        r#"{"version":2,"items":[
        {"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","name":"GET /up","status":"error","is_segment":true,
         "start_timestamp":10.5,"end_timestamp":11.5,
         "attributes":{"sentry.op":{"value":"http.server","type":"string"},"sentry.release":{"value":"shop@1","type":"string"},
            "sentry.span.source":{"value":"route","type":"string"},"sentry.status.message":{"value":"boom","type":"string"},
            "whole":{"value":3,"type":"double"},"list":{"value":["a"],"type":"array"},"plain":"x","empty":{"type":"string"},"none":{"value":null},
            "size":{"value":10,"type":"integer","unit":"byte"}},
         "links":[{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4737","span_id":"00f067aa0ba902b8","attributes":{"a":{"value":1}}},{"span_id":"x"}]},
        {"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b9","parent_span_id":"00f067aa0ba902b7","name":null,
         "status":"ok","start_timestamp":10.5,"end_timestamp":11,
         "attributes":{"sentry.op":{"value":"db","type":"string"},"sentry.origin":{"value":"auto.db","type":"string"},"sentry.release":{"value":"shop@1","type":"string"}}},
        {"name":"no ids"}, 7]}"#,
        expect![[r#"
            resource shop {service.version=Str("shop@1") deployment.environment.name=Str("of header") telemetry.sdk.name=Str("sentry.javascript.node") telemetry.sdk.version=Str("11") telemetry.sdk.language=Str("nodejs")}
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- server "GET /up" 1970-01-01T00:00:10.500Z+1000000us error Yes message=boom dropped=[0, 0, 1] {sentry.op=Str("http.server") sentry.span.source=Str("route") sentry.status.message=Str("boom") whole=Float(3.0) list=Json("[\"a\"]") plain=Str("x") size=Int(10) sentry.transaction.source=Str("route")} link 4bf92f3577b34da6a3ce929d0e0e4737/00f067aa0ba902b8 {a=Int(1)}
            1 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b9<00f067aa0ba902b7 client "" 1970-01-01T00:00:10.500Z+500000us ok No scope=auto.db {sentry.op=Str("db") sentry.origin=Str("auto.db")}
            2 rejected zero_trace_id: trace_id is missing or all zeros; give every trace 16 random bytes
            3 rejected malformed_item: span is unreadable: invalid type: integer `7`, expected struct SpanV2 at line 1 column 1; send it as the SDK made it
            dropped invalid_id 1
        "#]],
    );
}

#[test]
fn span_containers_that_are_none() {
    for (payload, expected) in [
        (
            "[]",
            expect![[r#"
            0 rejected malformed_item: span container is unreadable: invalid length 0, expected struct Container with 1 element at line 1 column 2; send a list as items
        "#]],
        ),
        (
            r#"{"items":{}}"#,
            expect![[r#"
            0 rejected malformed_item: items of the span container is not a list; send a list of spans
        "#]],
        ),
        (r#"{"items":[]}"#, expect![[r#""#]]),
    ] {
        check("{}", SPAN_V2, payload, expected);
    }
}

#[test]
fn sampled_segments_without_a_sampling_context() {
    check(
        "{}",
        SPAN_V2,
        r#"{"items":[{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","is_segment":true,
        "start_timestamp":1,"end_timestamp":2,"attributes":{"sentry.sample_rate":{"value":0.1,"type":"double"}}}]}"#,
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "" 1970-01-01T00:00:01.000Z+1000000us unset Yes weight=10 {sentry.sample_rate=Float(0.1)}
        "#]],
    );
}

#[test]
fn standalone_spans_of_the_first_version() {
    check(
        r#"{"trace":{"release":"shop@1","sample_rate":0.5}}"#,
        r#"{"type":"span"}"#,
        r#"{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","is_segment":true,"op":"ui.interaction.click",
        "description":"button","start_timestamp":1,"timestamp":2,"exclusive_time":100,"data":{"sentry.span.source":"component"}}"#,
        expect![[r#"
            resource shop {service.version=Str("shop@1")}
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- internal "button" 1970-01-01T00:00:01.000Z+1000000us unset Yes weight=2 {sentry.span.source=Str("component") sentry.op=Str("ui.interaction.click") sentry.transaction.source=Str("component")}
        "#]],
    );
}

#[test]
fn spans_in_the_form_of_otlp() {
    check(
        r#"{"trace":{"release":"shop@1"}}"#,
        r#"{"type":"otel_span"}"#,
        r#"{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7","name":"GET","kind":3,
        "startTimeUnixNano":"10","endTimeUnixNano":"20","attributes":[{"key":"a","value":{"stringValue":"b"}}]}"#,
        expect![[r#"
            resource shop {service.version=Str("shop@1")}
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7<- client "GET" 1970-01-01T00:00:00.000Z+0us unset Yes {a=Str("b")}
        "#]],
    );
}

#[test]
fn client_reports() {
    check(
        "{}",
        r#"{"type":"client_report"}"#,
        r#"{"timestamp":1,"discarded_events":[
            {"reason":"queue_overflow","category":"error","quantity":2},
            {"reason":"no name at all","category":"","quantity":3},
            {"quantity":4}],
        "rate_limited_events":[{"reason":"","category":"span","quantity":5}],"filtered_events":null}"#,
        expect![[r#"
            client lost 2 error: queue_overflow
            client lost 7 other: other
            client lost 5 span: other
        "#]],
    );
    check(
        "{}",
        r#"{"type":"client_report"}"#,
        r#"{"discarded_events":[{"quantity":-1}]}"#,
        expect![[r#"
        0 rejected malformed_item: client report is unreadable: invalid value: integer `-1`, expected u64 at line 1 column 35; send it as the SDK made it
    "#]],
    );
}

#[test]
fn losses_of_many_names_do_not_grow_without_end() {
    let entries: Vec<_> = (0..500)
        .map(|number| format!(r#"{{"reason":"r{number}","category":"c","quantity":1}}"#))
        .collect();
    let report = format!(r#"{{"discarded_events":[{}]}}"#, entries.join(","));
    let body = format!("{{}}\n{{\"type\":\"client_report\"}}\n{report}\n");
    let decoded = hotspan_wire::sentry::decode_envelope(body.as_bytes(), "shop").expect("is sound");
    assert_eq!(decoded.client_losses.len(), 101);
    assert_eq!(decoded.client_losses[100], ("other".to_owned(), "other".to_owned(), 400));
}

#[test]
fn tags_beyond_those_that_are_read_are_counted() {
    let tags: Vec<_> = (0..210).map(|number| format!(r#""t{number}":"x""#)).collect();
    let payload = format!(
        r#"{{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7","start_timestamp":1,"timestamp":2,"tags":{{{}}}}}"#,
        tags.join(",")
    );
    let body = format!("{{}}\n{{\"type\":\"span\"}}\n{payload}\n");
    let decoded = hotspan_wire::sentry::decode_envelope(body.as_bytes(), "shop").expect("is sound");
    assert_eq!(decoded.spans[0].attributes.len(), 200);
    assert_eq!(decoded.spans[0].dropped_attributes, 10);
    assert_eq!(decoded.dropped, [(hotspan_wire::Reason::TooManyParts, 10)]);
}
