//! Sentry envelopes and store requests as wholes: which items survive what.

use expect_test::{Expect, expect};
use hotspan_wire::sentry::{decode_envelope, decode_store, envelope_key};
use hotspan_wire::{Decoded, RequestError};
use proptest::prelude::*;

use crate::{captures, generate, show};

/// A small transaction; its span ids end in `n`.
pub(crate) fn transaction(n: u8) -> String {
    format!(
        r#"{{"type":"transaction","event_id":"4bf92f3577b34da6a3ce929d0e0e47{n:02}","transaction":"GET /{n}","start_timestamp":10.5,"timestamp":11,"contexts":{{"trace":{{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902{n:02}","op":"http.server","status":"ok"}}}}}}"#
    )
}

pub(crate) fn check(body: &[u8], expected: Expect) {
    let text = match decode_envelope(body, "shop") {
        Ok(decoded) => show::decoded(&decoded),
        Err(error) => format!("{error}\n"),
    };
    expected.assert_eq(&text);
}

fn envelope(parts: &[&str]) -> Vec<u8> {
    parts.join("\n").into_bytes()
}

#[test]
fn items_of_every_fate_in_one_envelope() {
    let (first, second) = (transaction(1), transaction(2));
    let length = format!(r#"{{"type":"transaction","length":{}}}"#, second.len());
    let body = envelope(&[
        r#"{"event_id":"9ec79c33ec9942ab8353589fcb2e04dc","dsn":"https://key@host/1"}"#,
        r#"{"type":"transaction"}"#,
        &first,
        r#"{"type":"session"}"#,
        r#"{"sid":"x"}"#,
        r#"{"type":"sessions"}"#,
        "{}",
        r#"{"type":"session"}"#,
        "{}",
        r#"{"type":"invented_by_sender"}"#,
        "whatever",
        r#"{"type":"transaction","length":7}"#,
        &first,
        &length,
        &second,
        r#"{"type":"client_report"}"#,
        r#"{"discarded_events":[{"reason":"sample_rate","category":"transaction","quantity":9}]}"#,
        "",
    ]);
    check(
        &body,
        expect![[r#"
            resource shop
            0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba90201<- server "GET /1" 1970-01-01T00:00:10.500Z+500000us ok Yes {sentry.op=Str("http.server")}
            2 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba90202<- server "GET /2" 1970-01-01T00:00:10.500Z+500000us ok Yes {sentry.op=Str("http.server")}
            1 rejected malformed_item: length is 7 but the payload does not end there; make every length the payload's size in bytes
            count sentry_item.session 2
            count sentry_item.sessions 1
            count sentry_item.unknown 1
            client lost 9 transaction: sample_rate
            event id 9ec79c33ec9942ab8353589fcb2e04dc
        "#]],
    );
}

#[test]
fn broken_payloads_cost_only_their_item() {
    let good = transaction(1);
    let broken = [
        "{",
        "[]",
        "null",
        r#"{"type":"transaction"}"#,
        r#"{"type":"transaction","contexts":{}}"#,
        r#"{"type":"transaction","contexts":{"trace":{}}}"#,
        r#"{"type":"transaction","contexts":{"trace":7}}"#,
    ];
    let mut parts = vec!["{}"];
    for payload in broken {
        parts.extend([r#"{"type":"transaction"}"#, payload]);
    }
    parts.extend([r#"{"type":"transaction"}"#, &good]);
    check(
        &envelope(&parts),
        expect![[r#"
            resource shop
            7 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba90201<- server "GET /1" 1970-01-01T00:00:10.500Z+500000us ok Yes {sentry.op=Str("http.server")}
            0 rejected malformed_item: transaction is unreadable: EOF while parsing an object at line 1 column 1; send it as JSON
            1 rejected malformed_item: transaction is unreadable: invalid length 2, expected struct Body with 19 elements at line 1 column 2; send it as JSON
            2 rejected malformed_item: transaction is unreadable: invalid type: null, expected struct Body at line 1 column 4; send it as JSON
            3 rejected malformed_item: contexts.trace is missing; update the SDK or enable tracing in it
            4 rejected malformed_item: contexts.trace is missing; update the SDK or enable tracing in it
            5 rejected zero_trace_id: trace_id is missing or all zeros; give every trace 16 random bytes
            6 rejected malformed_item: transaction is unreadable: invalid type: integer `7`, expected struct TraceContext at line 1 column 43; send it as JSON
            event id 4bf92f3577b34da6a3ce929d0e0e4701
        "#]],
    );
}

#[test]
fn payloads_that_are_not_utf8_cost_only_their_item() {
    let mut body = envelope(&["{}", r#"{"type":"event"}"#, "{\"transaction\":\"?\"}"]);
    let at = body.iter().position(|byte| *byte == b'?').expect("is there");
    body[at] = 0xff;
    body.extend(envelope(&["", r#"{"type":"transaction"}"#, &transaction(1)]));
    check(
        &body,
        expect![[r#"
            resource shop
            1 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba90201<- server "GET /1" 1970-01-01T00:00:10.500Z+500000us ok Yes {sentry.op=Str("http.server")}
            0 rejected invalid_utf8: event is not UTF-8; send JSON as UTF-8
            event id 4bf92f3577b34da6a3ce929d0e0e4701
        "#]],
    );
}

#[test]
fn oversized_items_cost_only_themselves() {
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(16 << 20));
    let body = envelope(&[
        "{}",
        r#"{"type":"transaction"}"#,
        &large,
        r#"{"type":"attachment"}"#,
        &large,
        r#"{"type":"transaction"}"#,
        &transaction(1),
    ]);
    check(
        &body,
        expect![[r#"
            resource shop
            1 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba90201<- server "GET /1" 1970-01-01T00:00:10.500Z+500000us ok Yes {sentry.op=Str("http.server")}
            0 rejected item_too_large: transaction is over 16777216 bytes; attach less to it
            count sentry_item.attachment 1
            event id 4bf92f3577b34da6a3ce929d0e0e4701
        "#]],
    );
}

#[test]
fn empty_envelopes_are_legal() {
    for body in ["{}", "{}\n", "{}\n\n"] {
        assert_eq!(decode_envelope(body.as_bytes(), "shop"), Ok(Decoded::default()), "{body:?}");
    }
}

#[test]
fn bodies_that_are_no_envelope_are_refused() {
    for body in ["", "\n{}", "nonsense", "[]", "\"text\"\n{}"] {
        let result = decode_envelope(body.as_bytes(), "shop");
        let is_malformed = matches!(result, Err(RequestError::Malformed { .. }));
        assert!(is_malformed, "{body:?}: {result:?}");
    }
}

#[test]
fn keys() {
    for (header, key) in [
        (r#"{"dsn":"https://pub@host/1"}"#, Some("pub")),
        (r#"{"dsn":"https://pub:secret@host/1"}"#, Some("pub")),
        (r#"{"dsn":"nonsense"}"#, None),
        (r#"{"dsn":7}"#, None),
        ("{}", None),
        ("nonsense", None),
    ] {
        assert_eq!(envelope_key(header.as_bytes()).as_deref(), key, "{header}");
    }
}

#[test]
fn store_requests() {
    let decoded = decode_store(transaction(1).as_bytes(), "shop").expect("is sound");
    let expected = expect![[r#"
        resource shop
        0 4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba90201<- server "GET /1" 1970-01-01T00:00:10.500Z+500000us ok Yes {sentry.op=Str("http.server")}
        event id 4bf92f3577b34da6a3ce929d0e0e4701
    "#]];
    expected.assert_eq(&show::decoded(&decoded));
    for body in ["", "7", "{\"type\":", "[]trailing"] {
        assert!(decode_store(body.as_bytes(), "shop").is_err(), "{body:?}");
    }
}

#[test]
fn a_request_has_a_most_of_items() {
    let mut body = b"{}".to_vec();
    for _ in 0..250_001 {
        body.extend(b"\n?\n");
    }
    let refused = Err(RequestError::TooMany { what: "spans", limit: 250_000 });
    assert_eq!(decode_envelope(&body, "shop"), refused);
}

proptest! {
    #[test]
    fn damaged_captures_are_read_or_refused(
        choice in any::<prop::sample::Index>(),
        damages in generate::damages(),
    ) {
        let cases = captures::case("sentry-node-11.12.0/smoke");
        let mut body = cases[choice.index(cases.len())].body.to_vec();
        generate::apply(&mut body, &damages);
        let _ = decode_envelope(&body, "shop");
        let _ = decode_store(&body, "shop");
        let _ = envelope_key(&body);
        let _ = hotspan_wire::shape_of(&body);
    }
}
