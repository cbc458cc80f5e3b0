//! The Sentry doors: who gets in, in which wrapping, and what bad input comes to.

use crate::client::{Answer, Request};
use crate::payload::{
    MIB, brotli, deflate, envelope, envelope_with, gzip, now, recent, transaction, zstd,
};
use crate::server::Server;

/// `200 moved counters`, for one line of a table.
fn told(answer: &Answer, moved: &str) -> String {
    format!("{} {moved}", answer.status).trim_end().to_owned()
}

/// Sends a request and compares status and counters with a table's line.
async fn check(server: &Server, name: &str, request: Request, expected: &str) -> Answer {
    let (answer, moved) = server.moved(server.ask(&request)).await;
    assert_eq!(told(&answer, &moved), expected, "{name}: {}", answer.text());
    if answer.status != 200 {
        let body = answer.json();
        assert!(body["detail"].is_string() && body["causes"].is_array(), "{name}: {body}");
        assert!(answer.header("x-sentry-error").is_some(), "{name}");
    }
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{name}");
    answer
}

const TAKEN: &str = "200 accepted.requests+1 accepted.spans+1";

#[tokio::test(flavor = "multi_thread")]
async fn keys_where_they_are_required() {
    let server = Server::start(|config| config.keys_required = true).await;
    let shop = server.state.catalogue.add_project("shop").await.expect("a project");
    let other = server.state.catalogue.add_project("other").await.expect("a project");
    let (id, key, wrong) = (shop.id, shop.key.as_str(), "0".repeat(32));
    let header =
        |key: &str| format!("Sentry sentry_version=7, sentry_key={key}, sentry_client=x/1");
    let dsn = |key: &str| format!(r#"{{"dsn":"http://{key}@127.0.0.1/{id}"}}"#);
    let body = |trace: &str| envelope(&recent(trace));
    let path = format!("/api/{id}/envelope/");
    let query = |key: &str| format!("{path}?sentry_version=7&sentry_key={key}");
    let denied = |reason: &str| format!("403 rejected_requests.{reason}+1");
    let in_body = |trace: &str, key: &str| envelope_with(&dsn(key), &[&recent(trace)]);

    for (name, request, expected) in [
        (
            "header",
            Request::post(&path, body("a1")).header("X-Sentry-Auth", &header(key)),
            TAKEN.to_owned(),
        ),
        (
            "authorization",
            Request::post(&path, body("a2")).header("Authorization", &header(key)),
            TAKEN.to_owned(),
        ),
        ("query", Request::post(query(key), body("a3")), TAKEN.to_owned()),
        ("envelope", Request::post(&path, in_body("a4", key)), TAKEN.to_owned()),
        (
            "all of them",
            Request::post(query(key), in_body("a5", key)).header("X-Sentry-Auth", &header(key)),
            TAKEN.to_owned(),
        ),
        (
            "project by name",
            Request::post("/api/shop/envelope/", body("a6")).header("X-Sentry-Auth", &header(key)),
            TAKEN.to_owned(),
        ),
        ("no key", Request::post(&path, body("a7")), denied("key_missing")),
        ("unknown key", Request::post(query(&wrong), body("a7")), denied("key_unknown")),
        (
            "key of another project",
            Request::post(query(&other.key), body("a7")),
            denied("key_of_other_project"),
        ),
        (
            "header and query disagree",
            Request::post(query(key), body("a7")).header("X-Sentry-Auth", &header(&other.key)),
            denied("keys_disagree"),
        ),
        (
            "header and envelope disagree",
            Request::post(&path, in_body("a7", &other.key)).header("X-Sentry-Auth", &header(key)),
            denied("keys_disagree"),
        ),
        (
            "unknown project",
            Request::post("/api/99/envelope/", body("a7")).header("X-Sentry-Auth", &header(key)),
            denied("key_of_other_project"),
        ),
        (
            "unknown project and key",
            Request::post(format!("/api/99/envelope/?sentry_key={wrong}"), body("a7")),
            denied("key_unknown"),
        ),
        (
            "no key at the store door",
            Request::post(format!("/api/{id}/store/"), recent("a7")),
            denied("key_missing"),
        ),
    ] {
        check(&server, name, request, &expected).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_added_later_is_known_soon() {
    let server = Server::start(|config| config.keys_required = true).await;
    let path = |key: &str| format!("/api/late/envelope/?sentry_key={key}");
    check(
        &server,
        "before",
        Request::post(path("x"), envelope(&recent("c1"))),
        "403 rejected_requests.key_unknown+1",
    )
    .await;
    let late = server.state.catalogue.add_project("late").await.expect("a project");
    // The list may have been read less than a second ago.
    for _ in 0..100 {
        let request = Request::post(path(&late.key), envelope(&recent("c1")));
        if server.ask(&request).await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the project stayed unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_required_keys_projects_are_made() {
    let server = Server::start(|config| config.projects_max = 3).await;
    let send = |path: &str, trace: &str| Request::post(path, envelope(&recent(trace)));
    for (name, request, expected) in [
        ("default", send("/api/1/envelope/", "b1"), TAKEN),
        ("a new one", send("/api/42/envelope/", "b2"), TAKEN),
        ("the same again, any key", send("/api/42/envelope/?sentry_key=whatever", "b3"), TAKEN),
        ("by name", send("/api/web/envelope/", "b4"), TAKEN),
        ("no name", send("/api/%20/envelope/", "b5"), "400 rejected_requests.invalid_project+1"),
        (
            "one too many",
            send("/api/43/envelope/", "b5"),
            "403 rejected_requests.too_many_projects+1",
        ),
    ] {
        check(&server, name, request, expected).await;
    }
    let projects = server.state.catalogue.projects().await.expect("a list");
    let names: Vec<&str> = projects.iter().map(|project| project.name.as_str()).collect();
    assert_eq!(names, ["default", "project-42", "project-web"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrappings() {
    let server = Server::open().await;
    let post = |trace: &str| Request::post("/api/1/envelope/", envelope(&recent(trace)));
    let packed = |trace: &str, pack: fn(&[u8]) -> Vec<u8>, encoding: &str| {
        Request::post("/api/1/envelope/", pack(&envelope(&recent(trace))))
            .header("Content-Encoding", encoding)
    };
    for (name, request) in [
        ("plain", post("d1")),
        ("no slash at the end", Request::post("/api/1/envelope", envelope(&recent("d2")))),
        ("empty encoding", post("d3").header("Content-Encoding", "")),
        ("identity", post("d4").header("Content-Encoding", "identity")),
        ("gzip", packed("d5", gzip, "gzip")),
        ("deflate", packed("d6", deflate, "deflate")),
        ("brotli", packed("d7", brotli, "br")),
        ("zstd", packed("d8", zstd, "zstd")),
        ("encoding in capitals", packed("d9", gzip, "GZIP")),
        ("gzip and identity", packed("da", gzip, "gzip, identity")),
        ("chunked", post("db").chunked()),
        ("chunked gzip", packed("dc", gzip, "gzip").chunked()),
        ("as SDKs say", post("dd").header("Content-Type", "application/x-sentry-envelope")),
        ("as browsers say", post("de").header("Content-Type", "text/plain;charset=UTF-8")),
        ("as a form", post("df").header("Content-Type", "application/x-www-form-urlencoded")),
        ("as nonsense", post("e1").header("Content-Type", "multipart/form-data")),
        ("store", Request::post("/api/1/store/", recent("e2"))),
        ("store without slash", Request::post("/api/1/store", recent("e3"))),
        (
            "store gzip",
            Request::post("/api/1/store/", gzip(recent("e4").as_bytes()))
                .header("Content-Encoding", "gzip"),
        ),
    ] {
        let answer = check(&server, name, request, TAKEN).await;
        assert_eq!(answer.json()["id"].as_str().map(str::len), Some(32), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn items() {
    let server = Server::open().await;
    let good = recent("01");
    let no_length = format!("{{}}\n{{\"type\":\"transaction\"}}\n{}", recent("02"));
    let session = "{}\n{\"type\":\"session\"}\n{\"sid\":\"x\",\"init\":true}\n";
    let losses = concat!(
        "{}\n{\"type\":\"client_report\"}\n",
        r#"{"discarded_events":[{"reason":"sample_rate","category":"transaction","quantity":7}]}"#
    );
    for (name, body, expected) in [
        ("empty envelope", b"{}".to_vec(), "200 accepted.requests+1"),
        ("no length", no_length.into_bytes(), TAKEN),
        (
            "a session",
            session.into(),
            "200 accepted.requests+1 ignored_items.sentry_item.session+1",
        ),
        (
            "a client report",
            losses.into(),
            "200 accepted.requests+1 client_losses.transaction.sample_rate+7",
        ),
        (
            "two items",
            envelope_with("{}", &[&good, &recent("03")]),
            "200 accepted.requests+1 accepted.spans+2",
        ),
    ] {
        let request = Request::post("/api/1/envelope/", body);
        let answer = check(&server, name, request, expected).await;
        assert!(answer.json()["rejected"].is_null(), "{name}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input() {
    let server = Server::open().await;
    let (now, day) = (now(), 86_400.0);
    let long = "x".repeat(MIB);
    let with_long = recent("31")
        .replace("\"spans\":[]", &format!("\"tags\":{{\"long\":\"{long}\"}},\"spans\":[]"));
    let mut not_utf8 = envelope(&recent("32"));
    let at = not_utf8.windows(6).position(|six| six == b"things").expect("the name");
    not_utf8[at] = 0xff;
    let half = gzip(&envelope(&recent("33")));
    let bomb = gzip(&vec![b' '; 80 * MIB]);
    let mixed =
        envelope_with("{}", &[&transaction("34", "00", now - 1.0, now), "{", &recent("35")]);
    let encoded = |body: &[u8], encoding: &str| {
        Request::post("/api/1/envelope/", body).header("Content-Encoding", encoding)
    };
    let post = |body: Vec<u8>| Request::post("/api/1/envelope/", body);
    let one = |id: &str, start: f64, end: f64| post(envelope(&transaction("36", id, start, end)));
    let rejected = |reason: &str| format!("400 accepted.requests+1 rejected.{reason}+1");
    let refused = |status: u16, reason: &str| format!("{status} rejected_requests.{reason}+1");

    for (name, request, expected) in [
        ("header is no JSON", post(b"hello\n".to_vec()), refused(400, "malformed_request")),
        (
            "item header is no JSON",
            post(b"{}\n{\"type\"\n{}\n".to_vec()),
            rejected("malformed_item"),
        ),
        (
            "length beyond the end",
            post(b"{}\n{\"type\":\"transaction\",\"length\":99}\n{}".to_vec()),
            rejected("malformed_item"),
        ),
        (
            "length too short",
            post(
                format!("{{}}\n{{\"type\":\"transaction\",\"length\":5}}\n{}", recent("37"))
                    .into_bytes(),
            ),
            rejected("malformed_item"),
        ),
        ("not UTF-8", post(not_utf8), rejected("invalid_utf8")),
        ("truncated gzip", encoded(&half[..half.len() / 2], "gzip"), refused(400, "corrupt_body")),
        ("not gzip at all", encoded(b"{}", "gzip"), refused(400, "corrupt_body")),
        ("unknown encoding", encoded(b"{}", "rot13"), refused(400, "unknown_encoding")),
        ("zip bomb", encoded(&bomb, "gzip"), refused(413, "body_too_large")),
        ("65 MiB", post(vec![b' '; 65 * MIB]), refused(413, "body_too_large")),
        ("65 MiB in chunks", post(vec![b' '; 65 * MIB]).chunked(), refused(413, "body_too_large")),
        ("zero span id", one("00", now - 1.0, now), rejected("zero_span_id")),
        ("end before start", one("01", now, now - 1.0), rejected("end_before_start")),
        ("clock 2 days ahead", one("01", now + 2.0 * day, now + 2.0 * day), rejected("too_new")),
        ("from last year", one("01", now - 365.0 * day, now - 365.0 * day), rejected("too_old")),
        (
            "1 MiB attribute",
            post(envelope(&with_long)),
            "200 accepted.requests+1 accepted.spans+1 dropped_parts.attribute_too_large+1"
                .to_owned(),
        ),
        (
            "store with a broken body",
            Request::post("/api/1/store/", "{"),
            refused(400, "malformed_request"),
        ),
    ] {
        check(&server, name, request, &expected).await;
    }
    let expected = "200 accepted.requests+1 accepted.spans+1 rejected.malformed_item+1 rejected.zero_span_id+1";
    let answer = check(&server, "good among bad", post(mixed), expected).await;
    let reasons: Vec<String> = answer.json()["rejected"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|item| item["reason"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(reasons, ["zero_span_id", "malformed_item"]);
    let answer = server.ask(&Request::get("/healthz")).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "ok\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn duplicates_are_kept_once() {
    let server = Server::open().await;
    let body = envelope(&recent("77"));
    for _ in 0..3 {
        check(&server, "again", Request::post("/api/1/envelope/", body.clone()), TAKEN).await;
    }
    let twice = |stats: &serde_json::Value| stats["duplicates"] == 2;
    server.eventually("/api/v1/stats", twice).await;
    let target = format!("/api/v1/traces/{}", "77".repeat(16));
    let trace = server.eventually(&target, |trace| trace["spans"].is_array()).await;
    assert_eq!(trace["spans"].as_array().map(Vec::len), Some(1), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_room_says_when_to_come_back() {
    let server = Server::start(|config| {
        config.receiving_bytes_max = MIB;
        config.sentry_patience = std::time::Duration::from_millis(20);
    })
    .await;
    let request = Request::post("/api/1/envelope/", vec![b' '; 2 * MIB]);
    let answer = check(&server, "no room", request, "429 rejected_requests.busy+1").await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("x-sentry-rate-limits"), Some("1::organization:busy"));
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_told_that_they_may() {
    let server = Server::open().await;
    let answer = server
        .ask(
            &Request::options("/api/1/envelope/")
                .header("Origin", "https://app.example")
                .header("Access-Control-Request-Method", "POST")
                .header("Access-Control-Request-Headers", "content-type,x-sentry-auth"),
        )
        .await;
    assert_eq!(answer.status, 204);
    for (name, part) in [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-methods", "POST"),
        ("access-control-allow-headers", "x-sentry-auth"),
        ("access-control-allow-headers", "content-encoding"),
        ("access-control-expose-headers", "x-sentry-rate-limits"),
        ("access-control-expose-headers", "retry-after"),
        ("access-control-max-age", "3600"),
    ] {
        let value = answer.header(name).unwrap_or_default();
        assert!(value.contains(part), "{name}: {value:?} lacks {part}");
    }
    // A foreign Host is no matter here: browsers use whatever the DSN says.
    let request = Request::post("/api/1/envelope/", envelope(&recent("88")))
        .header("Host", "apm.example.org")
        .header("Origin", "https://app.example");
    check(&server, "foreign host", request, TAKEN).await;
    let wrong_method = server.ask(&Request::get("/api/1/envelope/")).await;
    assert_eq!(wrong_method.status, 405);
}
