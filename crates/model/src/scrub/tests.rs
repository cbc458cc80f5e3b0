//! What scrubbing takes and what it leaves, as tables.

use proptest::prelude::*;

use super::*;
use crate::ids::{SpanId, TraceId};
use crate::span::{Door, EntryHint, Event, Resource, Scope, SpanKind, Status};
use crate::time::UnixNanos;

/// A secret access key of the shape AWS makes, never issued.
const SECRET_KEY: &str = "hK9f/Lm2QtR7z0pXvB4nYc8WsEa1Gd6Uj3IoKbTe";

fn span(name: &str, attributes: &[(&str, &str)]) -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId([2; 8]),
        parent: None,
        name: name.to_owned(),
        kind: SpanKind::Client,
        start: UnixNanos(0),
        end: UnixNanos(1),
        status: Status::Unset,
        status_message: String::new(),
        attributes: attributes
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Value::from(*value)))
            .collect(),
        events: Vec::new(),
        links: Vec::new(),
        flags: 0,
        trace_state: String::new(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        resource: Arc::default(),
        scope: Arc::default(),
        service: "shop".into(),
        weight: 1.0,
        entry: EntryHint::No,
        door: Door::Otlp,
    }
}

#[test]
fn texts_lose_their_secrets() {
    for (text, expected) in [
        (
            "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=ASIA%2F20261123&X-Amz-Security-Token=IQoJ&X-Amz-Signature=0f1e#a",
            "https://b.s3.amazonaws.com/k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=[scrubbed]&X-Amz-Security-Token=[scrubbed]&X-Amz-Signature=[scrubbed]#a",
        ),
        ("GET http://h/a?api_key=1&page=2", "GET http://h/a?api_key=[scrubbed]&page=2"),
        ("n=10&access_token=abc", "n=10&access_token=[scrubbed]"),
        ("/cb#access_token=abc&state=1", "/cb#access_token=[scrubbed]&state=1"),
        (
            "http://h/?to=http%3A%2F%2Fi%2F%3Ftoken%3Dabc%26x%3D1",
            "http://h/?to=http%3A%2F%2Fi%2F%3Ftoken%3D[scrubbed]%26x%3D1",
        ),
        ("postgres://app:pass@db:5432/shop", "postgres://[scrubbed]@db:5432/shop"),
        ("Server=db;User Id=app;Password=pass;", "Server=db;User Id=app;Password=[scrubbed];"),
        (
            "failed with Authorization: Bearer abcDEF123456.",
            "failed with Authorization: Bearer [scrubbed]",
        ),
        (
            "{\"Authorization\": \"Bearer x\", \"cookie\":[\"a=b\", \"c\"], \"n\": 1}",
            "{\"Authorization\": \"[scrubbed]\", \"cookie\":[scrubbed], \"n\": 1}",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=ASIA/x, SignedHeaders=host, Signature=0f1e",
            "AWS4-HMAC-SHA256 Credential=[scrubbed], SignedHeaders=host, Signature=[scrubbed]",
        ),
        ("key hK9f/Lm2QtR7z0pXvB4nYc8WsEa1Gd6Uj3IoKbTe leaked", "key [scrubbed] leaked"),
        ("AQAEAJ3kq0kZb7X1fVvXhq2n0T9cYt1r4yWk3mPzLx8sQvB2dGhJ5A==", "[scrubbed]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3In0.dozjgNryP4J3", "[scrubbed]"),
    ] {
        assert_eq!(text::scrubbed(text).as_deref(), Some(expected), "{text}");
    }
}

#[test]
fn texts_without_secrets_stay() {
    for text in [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/lab-upload-role",
        "PUT http://169.254.169.254/latest/api/token",
        "http://127.0.0.3:5000/lab/p/7?x-id=PutObject",
        "/files?next_token=abc&sort=asc",
        "basic auth failed for user",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "/api/Accounts/AllOfThem/ByNames/Version2",
        "a token = 3 units",
        "tokens=12",
        "ReportsController#create",
        "x",
        "",
    ] {
        assert_eq!(text::scrubbed(text), None, "{text}");
    }
}

#[test]
fn statements_lose_their_values() {
    for (attributes, expected) in [
        (
            &[
                ("db.system", "postgresql"),
                ("db.statement", "SELECT \"a\" FROM t WHERE b = 'c' AND d = 5"),
            ][..],
            "SELECT \"a\" FROM t WHERE b = ? AND d = ?",
        ),
        (
            &[("db.system", "mysql"), ("db.query.text", "SELECT a FROM t WHERE b = \"c\"")],
            "SELECT a FROM t WHERE b = ?",
        ),
        (
            &[("db.system", "redis"), ("db.statement", "SET user:7 {\"name\":\"x\"}")],
            "SET user:7 ?",
        ),
        (&[("db.system", "redis"), ("db.statement", "AUTH app pass")], "AUTH ? ?"),
        (
            &[
                ("db.system", "mongodb"),
                ("db.statement", "{\"find\":\"users\",\"filter\":{\"age\":{\"$gt\":21}}}"),
            ],
            "{\"find\":\"users\",\"filter\":{\"age\":{\"$gt\":?}}}",
        ),
        (
            &[
                ("db.system", "mongodb"),
                ("db.statement", "{\"getMore\": 5,\"collection\": \"users\",\"find\":\"x y\"}"),
            ],
            "{\"getMore\": ?,\"collection\": \"users\",\"find\":\"?\"}",
        ),
        (
            &[
                ("db.system", "mongodb"),
                ("db.statement", "{\"name\":\"ada\",\"find\":\"ada\",\"n\":[\"ada\"]}"),
            ],
            "{\"name\":\"?\",\"find\":\"?\",\"n\":[\"?\"]}",
        ),
        (&[("db.query.text", "SELECT 'x'")], "SELECT ?"),
    ] {
        let mut span = span("query", attributes);
        assert_eq!(scrub(&mut span), 1, "{attributes:?}");
        assert_eq!(span.attributes.first_str(&["db.statement", "db.query.text"]), Some(expected));
        assert_eq!(scrub(&mut span), 0, "twice: {attributes:?}");
    }
}

#[test]
fn names_of_database_spans_are_statements() {
    for (name, op, expected) in [
        (
            "SELECT * FROM t WHERE a = 'x' LIMIT 3",
            "db.sql.active_record",
            "SELECT * FROM t WHERE a = ? LIMIT ?",
        ),
        ("GET 'user:7'", "db.redis", "GET user:{id}"),
        ("SET 'user:7' 'Ada L'", "db.redis", "SET user:{id} ? ?"),
        ("GET 'a b'", "db.redis", "GET ? ?"),
        ("report 42 of 'x'", "http.client", "report 42 of 'x'"),
    ] {
        let mut span = span(name, &[("sentry.op", op)]);
        scrub(&mut span);
        assert_eq!(span.name, expected);
    }
}

#[test]
fn every_part_of_a_span_is_scrubbed() {
    let secret_url = "http://h/?token=abc";
    let mut dirty = span(secret_url, &[("http.request.header.authorization", "anything")]);
    dirty.attributes.push("headers", ValueRef::Json(r#"{"Cookie":"a"}"#));
    dirty.status_message = secret_url.to_owned();
    dirty.events = vec![Event {
        name: secret_url.to_owned(),
        attributes: [("exception.message".to_owned(), Value::from(SECRET_KEY))]
            .into_iter()
            .collect(),
        ..Event::default()
    }];
    let arguments: Attributes =
        [("process.command_line".to_owned(), Value::from("app --password=abc"))]
            .into_iter()
            .collect();
    dirty.resource = Arc::new(Resource { attributes: arguments.clone() });
    dirty.scope = Arc::new(Scope { attributes: arguments, ..Scope::default() });
    assert_eq!(scrub(&mut dirty), 8);
    let shown = format!("{dirty:?}");
    for secret in ["abc", "anything", SECRET_KEY, "\\\"a\\\""] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert_eq!(scrub(&mut dirty), 0, "twice");
}

#[test]
fn spans_that_share_a_resource_share_it_afterwards() {
    let dirty = Arc::new(Resource {
        attributes: [("password".to_owned(), Value::from("abc"))].into_iter().collect(),
    });
    let mut spans = vec![span("a", &[]), span("b", &[]), span("c", &[])];
    for span in &mut spans {
        span.resource = Arc::clone(&dirty);
    }
    spans[2].scope = Arc::new(Scope { name: "other".into(), ..Scope::default() });
    assert_eq!(scrub_all(&mut spans), 1);
    for span in &spans {
        assert!(Arc::ptr_eq(&span.resource, &spans[0].resource));
        assert_eq!(span.resource.attributes.first_str(&["password"]), Some(SCRUBBED));
    }
}

proptest! {
    #[test]
    fn scrubbing_twice_changes_nothing(text in "[a-zA-Z0-9 ?&=;:/@%\"'{}\\[\\],.+-]{0,80}") {
        if let Some(once) = text::scrubbed(&text) {
            prop_assert_eq!(text::scrubbed(&once), None, "{} from {}", once, text);
        }
    }

    #[test]
    fn scrubbing_secret_shapes_twice_changes_nothing(parts in prop::collection::vec(
        prop_oneof![
            Just("token="), Just("&"), Just("?"), Just("password%3D"), Just("%26"), Just("\"secret\":"),
            Just("["), Just("]"), Just("\""), Just("://"), Just("@"), Just("Bearer "), Just("abcDEF123"),
            Just(","), Just(" "), Just("/"), Just("{"), Just("}"), Just("'"), Just(SECRET_KEY),
        ], 0..14)
    ) {
        let text = parts.concat();
        if let Some(once) = text::scrubbed(&text) {
            prop_assert_eq!(text::scrubbed(&once), None, "{} from {}", once, text);
        }
    }

    #[test]
    fn nothing_panics(name in "\\PC{0,60}", key in "\\PC{0,20}", value in "\\PC{0,80}") {
        let mut span = span(&name, &[(&key, &value), ("db.statement", &value), ("db.system", &key)]);
        scrub(&mut span);
    }

    #[test]
    fn a_token_in_a_query_never_survives(secret in "[a-zA-Z0-9%._~-]{4,40}", key in "(sig|Signature|token|API-Key|user\\[password\\])") {
        let clean = text::scrubbed(&format!("https://h/p?a=1&{key}={secret}&b=2")).expect("it has a secret");
        prop_assert_eq!(clean, format!("https://h/p?a=1&{key}={SCRUBBED}&b=2"));
    }
}
