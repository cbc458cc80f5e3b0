//! Every door against bytes that no SDK sends: damaged requests of all forms,
//! and large ones made to be expensive. `PROPTEST_CASES` sets how many damaged
//! ones are tried.
//!
//! Nothing here asserts a duration. What is quadratic in a body of megabytes
//! does not come to an end, and what a decoder keeps is counted.

use hotspan_model::scrub::scrub_all;
use hotspan_model::{Attributes, Span};
use hotspan_testkit::traffic;
use hotspan_wire::{Decoded, RequestError, content_hashes, jaeger, otlp, sentry, shape_of, zipkin};
use proptest::prelude::*;

use crate::generate;

type Decode = fn(&[u8]) -> Result<Decoded, RequestError>;

/// A form's name, how to make a sound body of it, and its decoder.
type Door = (&'static str, fn() -> Vec<u8>, Decode);

/// Every form but protobuf, which has its own generator.
const DOORS: &[Door] = &[
    ("OTLP JSON", || traffic::otlp_json(&traffic::web(2)), otlp::decode_json),
    ("Sentry envelope", || traffic::sentry_envelopes(&traffic::web(1)).concat(), envelope),
    ("Sentry store", store_body, |body| sentry::decode_store(body, "shop")),
    ("Sentry spans", || traffic::span_v2_envelope(&traffic::web(2)), envelope),
    ("Jaeger JSON", jaeger_body, jaeger::decode_json),
    ("Zipkin JSON", zipkin_body, zipkin::decode_json),
];

fn spans() -> Vec<Span> {
    let body = traffic::otlp_json(&traffic::web(2));
    otlp::decode_json(&body).expect("is sound").spans
}

fn jaeger_body() -> Vec<u8> {
    hotspan_testkit::jaeger::jaeger_json(&spans()).to_string().into_bytes()
}

fn zipkin_body() -> Vec<u8> {
    hotspan_testkit::zipkin::zipkin_json(&spans()).to_string().into_bytes()
}

fn envelope(body: &[u8]) -> Result<Decoded, RequestError> {
    sentry::decode_envelope(body, "shop")
}

fn store_body() -> Vec<u8> {
    let envelope = traffic::sentry_envelopes(&traffic::keyed(1)).concat();
    envelope.splitn(3, |byte| *byte == b'\n').nth(2).unwrap_or_default().to_vec()
}

/// Text that JSON, URLs, SQL and secrets are made of.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let fragments: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b",",
        b":",
        b"null",
        b"true",
        b"-1",
        b"1e999",
        b"\\ud800",
        b"\\u0000",
        b"\n",
        b"{}\n",
        b"\xff",
        b"\xc3\xa9",
        b"\"spans\":",
        b"\"attributes\":[",
        b"\"value\":",
        b"{\"type\":\"transaction\"}\n",
        b"\"length\":3",
        b"token=",
        b"' OR 1=1 --",
        b"$tag$",
        b"18446744073709551616",
        b"\"data\":{}",
        b"\"resource\":{},",
        b"\"processes\":{\"p1\":{}},",
        b"\"references\":[",
        b"\"data\":[",
        b"\"shared\":true,\"kind\":\"SERVER\",",
    ];
    prop::sample::select(fragments).prop_map(<[u8]>::to_vec)
}

/// Decodes, and does with the spans what admission does.
fn check(decode: Decode, body: &[u8]) {
    let _ = shape_of(body);
    let Ok(decoded) = decode(body) else { return };
    assert_eq!(decoded.span_items().count(), decoded.spans.len());
    let again = decode(body).expect("was read before");
    // As text, because floats may be NaN, which equals nothing.
    assert_eq!(format!("{decoded:?}"), format!("{again:?}"));
    let mut spans = decoded.spans;
    assert_eq!(content_hashes(&spans), content_hashes(&again.spans));
    scrub_all(&mut spans);
    assert_eq!(scrub_all(&mut spans), 0, "nothing is left to scrub");
}

proptest! {
    #![proptest_config(ProptestConfig::default())]

    #[test]
    fn damaged_bodies_are_read_or_refused(
        door in 0..DOORS.len(),
        damages in generate::damages(),
        fragments in prop::collection::vec((any::<prop::sample::Index>(), fragment()), 0..4),
    ) {
        let (_, body, decode) = DOORS[door];
        let mut body = body();
        for (at, fragment) in fragments {
            let at = at.index(body.len() + 1);
            body.splice(at..at, fragment);
        }
        generate::apply(&mut body, &damages);
        check(decode, &body);
    }

    #[test]
    fn fragments_are_read_or_refused(
        door in 0..DOORS.len(),
        fragments in prop::collection::vec(fragment(), 0..40),
    ) {
        check(DOORS[door].2, &fragments.concat());
    }

    #[test]
    fn damaged_protobuf_is_read_or_refused(
        request in generate::request(),
        damages in generate::damages(),
    ) {
        let mut body = prost::Message::encode_to_vec(&request);
        generate::apply(&mut body, &damages);
        check(otlp::decode_protobuf, &body);
    }
}

/// What the spans keep, counting what they share once for each of them only
/// where it is not shared.
fn kept_bytes(spans: &[Span]) -> usize {
    let of_list = |list: &Attributes| list.text_bytes() + 32 * list.len();
    let of_span = |span: &Span| {
        let events = span.events.iter().map(|event| 64 + of_list(&event.attributes));
        let links = span.links.iter().map(|link| 96 + of_list(&link.attributes));
        size_of::<Span>()
            + span.name.len()
            + of_list(&span.attributes)
            + events.chain(links).sum::<usize>()
    };
    spans.iter().map(of_span).sum()
}

/// A length-delimited field of number 1.
fn field(payload: &[u8]) -> Vec<u8> {
    numbered(1, payload)
}

fn numbered(number: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = payload.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(payload);
    bytes
}

/// A request with one span that has these fields.
fn protobuf_with(fields: &[u8]) -> Vec<u8> {
    let ids = [&[0x0a, 16][..], &[7; 16], &[0x12, 8], &[7; 8]].concat();
    let span = [&ids[..], fields].concat();
    field(&numbered(2, &numbered(2, &span)))
}

#[test]
fn large_protobuf_costs_what_it_weighs() {
    const SIZE: usize = 2 << 20;
    let attribute = |value: &[u8]| numbered(9, &[field(b"k"), numbered(2, value)].concat());
    let deep = (0..20_000).fold(field(b"x"), |inner, _| numbered(5, &field(&inner)));
    // Each merges into the one before, so each pass over them must be the last.
    let split = numbered(5, &field(&field(b"x"))).repeat(SIZE / 16);
    let bodies = [
        ("spans of two bytes", field(&numbered(2, &[0x12, 0].repeat(100_000)))),
        ("groups in groups", vec![0x0b; SIZE]),
        ("attributes without end", protobuf_with(&attribute(&field(b"v")).repeat(SIZE / 10))),
        ("a deep value", protobuf_with(&attribute(&deep))),
        ("a value in many pieces", protobuf_with(&attribute(&split))),
        ("events of two bytes", protobuf_with(&[0x5a, 0].repeat(SIZE / 2))),
        ("a long name", protobuf_with(&numbered(5, &vec![b'n'; SIZE]))),
        ("many names", protobuf_with(&numbered(5, b"name").repeat(SIZE / 6))),
    ];
    for (name, body) in bodies {
        let kept = otlp::decode_protobuf(&body).map_or(0, |decoded| kept_bytes(&decoded.spans));
        assert!(kept <= body.len() * 4 + 4_096, "{name}: {kept} bytes kept of {}", body.len());
    }
}

#[test]
fn large_json_costs_what_it_weighs() {
    const SIZE: usize = 2 << 20;
    let span = |attributes: &str| {
        format!(
            r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{:032x}","spanId":"{:016x}",
            "startTimeUnixNano":1,"endTimeUnixNano":2,"attributes":[{attributes}]}}]}}]}}]}}"#,
            7, 7
        )
    };
    let text = |text: &str| span(&format!(r#"{{"key":"k","value":{{"stringValue":"{text}"}}}}"#));
    let nested = |open: &str, close: &str, depth: usize| {
        span(&format!(r#"{{"key":"k","value":{}1{}}}"#, open.repeat(depth), close.repeat(depth)))
    };
    let bodies = [
        (
            "empty spans",
            format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}{{}}]}}]}}]}}"#,
                "{},".repeat(100_000)
            ),
        ),
        (
            "a bad span at the end of many",
            format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}7]}}]}}]}}"#,
                "{},".repeat(100_000)
            ),
        ),
        (
            "many bad spans",
            format!(
                r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}7]}}]}}]}}"#,
                "7,".repeat(100_000)
            ),
        ),
        ("brackets", "[".repeat(SIZE)),
        (
            "objects in objects",
            r#"{"resourceSpans":[{"a":"#.to_owned() + &r#"{"a":"#.repeat(SIZE / 5),
        ),
        ("deep lists", nested(r#"{"arrayValue":{"values":["#, "]}}", 10_000)),
        ("escapes", text(&"\\u00e9".repeat(SIZE / 6))),
        ("many attributes", span(&(r#"{"key":"k"},"#.repeat(SIZE / 12) + "{}"))),
    ];
    for (name, body) in bodies {
        let kept =
            otlp::decode_json(body.as_bytes()).map_or(0, |decoded| kept_bytes(&decoded.spans));
        assert!(kept <= body.len() * 4 + 4_096, "{name}: {kept} bytes kept of {}", body.len());
    }
}

#[test]
fn large_jaeger_and_zipkin_bodies_cost_what_they_weigh() {
    const SIZE: usize = 2 << 20;
    let jaeger = |span: &str, processes: &str| {
        format!(
            r#"{{"data":[{{"spans":[{{"traceID":"7","spanID":"7","startTime":1,"processID":"p"{span}}}],
            "processes":{{{processes}}}}}]}}"#
        )
    };
    let zipkin = |rest: &str| format!(r#"[{{"traceId":"7","id":"7","timestamp":1{rest}}}]"#);
    let tag = r#"{"key":"k","value":"v"},"#;
    let many = |item: &str| format!("{}{{}}", item.repeat(SIZE / item.len()));
    let numbered = |of: &str| -> String {
        (0..100_000).map(|i| format!("\"{i}\":{of},")).collect::<String>() + "\"z\":{}"
    };
    let bodies = [
        ("brackets", "[".repeat(SIZE)),
        ("empty traces", format!("[{}{{}}]", "{},".repeat(100_000))),
        ("traces that are none", format!("{{\"data\":[{}7]}}", "7,".repeat(100_000))),
        ("spans that are none", format!("{{\"spans\":[{}7]}}", "7,".repeat(100_000))),
        ("tags", jaeger(&format!(",\"tags\":[{}]", many(tag)), "")),
        ("logs", jaeger(&format!(",\"logs\":[{}]", many("{},")), "")),
        ("references", jaeger(&format!(",\"references\":[{}]", many("{},")), "")),
        ("processes", jaeger("", &numbered("{}"))),
        ("tags of a process", jaeger("", &format!("\"p\":{{\"tags\":[{}]}}", many(tag)))),
        (
            "a deep tag",
            jaeger(
                &format!(
                    ",\"tags\":[{{\"key\":\"k\",\"value\":{}{}}}]",
                    "[".repeat(20_000),
                    "]".repeat(20_000)
                ),
                "",
            ),
        ),
        (
            "a process in every span",
            format!(
                "{{\"spans\":[{}{{}}]}}",
                (0..20_000)
                    .map(|i| format!(
                        "{{\"traceID\":\"1\",\"spanID\":\"1\",\"startTime\":1,\
                         \"process\":{{\"serviceName\":\"{i}\"}}}},"
                    ))
                    .collect::<String>()
            ),
        ),
        ("tags of Zipkin", zipkin(&format!(",\"tags\":{{{}}}", numbered("\"v\"")))),
        ("annotations", zipkin(&format!(",\"annotations\":[{}]", many("{},")))),
        ("spans of Zipkin that are none", format!("[{{}},{}7]", "7,".repeat(100_000))),
        ("lists in lists", format!("[[],{}7]", "[[]],".repeat(100_000))),
    ];
    for (name, body) in bodies {
        for decode in [jaeger::decode_json, zipkin::decode_json] {
            let kept = decode(body.as_bytes()).map_or(0, |decoded| kept_bytes(&decoded.spans));
            assert!(kept <= body.len() * 4 + 4_096, "{name}: {kept} bytes kept of {}", body.len());
        }
    }
}

#[test]
fn large_envelopes_cost_what_they_weigh() {
    const SIZE: usize = 2 << 20;
    let transaction = |rest: &str| {
        format!(
            "{{}}\n{{\"type\":\"transaction\"}}\n{{\"type\":\"transaction\",\"timestamp\":2,\
             \"start_timestamp\":1,\"contexts\":{{\"trace\":{{\"trace_id\":\"{:032x}\",\
             \"span_id\":\"{:016x}\"}}}},{rest}}}",
            7, 7
        )
    };
    let items = "application/vnd.sentry.items.span.v2+json";
    let bodies = [
        ("newlines", "{}".to_owned() + &"\n".repeat(SIZE)),
        ("broken items", "{}\n".to_owned() + &"x\n".repeat(100_000)),
        (
            "items that lie about their length",
            "{}\n".to_owned() + &"{\"type\":\"event\",\"length\":99999999}\n".repeat(40_000),
        ),
        ("empty children", transaction(&format!("\"spans\":[{}{{}}]", "{},".repeat(100_000)))),
        ("children that are none", transaction(&format!("\"spans\":[{}7]", "7,".repeat(100_000)))),
        (
            "tags as pairs",
            transaction(&format!("\"tags\":[{}[]]", "[\"a\",\"b\"],".repeat(SIZE / 10))),
        ),
        (
            "tags as an object",
            transaction(&format!(
                "\"tags\":{{{}\"z\":1}}",
                (0..100_000).map(|i| format!("\"{i}\":1,")).collect::<String>()
            )),
        ),
        (
            "second version",
            format!(
                "{{}}\n{{\"type\":\"span\",\"content_type\":\"{items}\"}}\n{{\"items\":[{}7]}}",
                "{},".repeat(100_000)
            ),
        ),
    ];
    for (name, body) in bodies {
        let kept = envelope(body.as_bytes()).map_or(0, |decoded| kept_bytes(&decoded.spans));
        assert!(kept <= body.len() * 4 + 4_096, "{name}: {kept} bytes kept of {}", body.len());
    }
}

/// Values as large as they may be, each made so that a scrubber which reads on
/// from every sign to the end would read a hundred times a body of this size.
#[test]
fn scrubbing_hostile_text_comes_to_an_end() {
    const VALUE: usize = 60_000;
    const SPANS: usize = 40;
    let unit: &[&str] = &[
        "token%3D",
        "a%3D",
        "token=",
        "token='",
        "{\"a_token\":",
        "{'token':",
        "\"token\":[",
        "[[",
        "[a",
        "%(",
        "$a$",
        "$",
        "a$",
        "://",
        "://@",
        "bearer ",
        "eyJ.",
        "/*",
        "--",
        "'\\",
        "\"a\".",
        "1a",
        "-1",
        "#",
        "0x",
        "%3d%26",
        "(((",
        "values(",
        "<",
        "\u{e9}'",
    ];
    let spans = |unit: &str| -> Vec<Span> {
        let text = unit.repeat(VALUE / unit.len());
        let mut spans = otlp::decode_json(&traffic::otlp_json(&traffic::web(SPANS / 10)))
            .expect("is sound")
            .spans;
        for (nth, span) in spans.iter_mut().enumerate() {
            let key = ["db.query.text", "message", "db.statement"][nth % 3];
            span.attributes.set("db.system.name", ["mysql", "redis", "mongodb"][nth % 3]);
            span.attributes.set(key, text.as_str());
            span.name.clone_from(&text);
        }
        spans
    };
    for unit in unit {
        let mut spans = spans(unit);
        let before = kept_bytes(&spans);
        scrub_all(&mut spans);
        assert!(kept_bytes(&spans) <= before * 4, "{unit} grew");
    }
}
