//! The JSON API: shapes, parameters, errors.

use serde_json::{Value, json};

use crate::client::Request;
use crate::payload::{attribute, protobuf, span};
use crate::server::Server;

/// Field names of an object, sorted.
fn fields(value: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        value.as_object().expect("an object").keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_say_what_to_do() {
    let server = Server::open().await;
    for (target, status) in [
        ("/api/v1/nothing", 404),
        ("/api/v1/endpoints?window=soon", 400),
        ("/api/v1/endpoints?from=x", 400),
        ("/api/v1/endpoints/999/profile", 404),
        ("/api/v1/endpoints/one/profile", 404),
        ("/api/v1/endpoints/1/profile?before_from=5", 400),
        ("/api/v1/endpoints/1/profile?before_from=5&before_to=5", 400),
        ("/api/v1/issues?class=slow", 400),
        ("/api/v1/issues?status=open,lost", 400),
        ("/api/v1/issues?from=2&to=1", 400),
        ("/api/v1/issues/HS-1", 404),
        ("/api/v1/issues/999", 404),
        ("/api/v1/traces/xyz", 400),
        ("/api/v1/traces/00000000000000000000000000000001", 404),
    ] {
        let answer = server.ask(&Request::get(target)).await;
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
        let body = answer.json();
        assert_eq!(fields(&body), ["error", "remedy"], "{target}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_server_answers_every_list() {
    let server = Server::open().await;
    let ask = async |target: &str| server.ask(&Request::get(target)).await.json();
    assert_eq!(ask("/api/v1/endpoints").await["endpoints"], json!([]));
    assert_eq!(ask("/api/v1/issues?status=open,regressed&class=dns").await["issues"], json!([]));
    let stats = ask("/api/v1/stats").await;
    assert_eq!(
        fields(&stats),
        [
            "accepted",
            "analysis",
            "client_losses",
            "cpu_seconds",
            "dropped",
            "dropped_parts",
            "duplicates",
            "ignored_items",
            "late",
            "log_fault",
            "now",
            "rejected",
            "rejected_requests",
            "started_at",
            "storage"
        ]
    );
    assert_eq!(stats["accepted"], json!({"requests": 0, "spans": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_is_there_once_it_is_acknowledged() {
    let server = Server::open().await;
    let mut entry = span(9, 1);
    entry.attributes = vec![attribute("http.route", "/things")];
    let mut child = span(9, 2);
    child.parent_span_id = entry.span_id.clone();
    child.kind = 3;
    child.name = "GET".to_owned();
    let body = protobuf(vec![entry, child]);
    let request =
        Request::post("/v1/traces", body).header("Content-Type", "application/x-protobuf");
    assert_eq!(request.send(server.otlp_http).await.status, 200);
    let target = format!("/api/v1/traces/{}", "09".repeat(16));
    let trace = server.ask(&Request::get(target)).await.json();
    assert_eq!((&trace["complete"], &trace["stale"]), (&json!(true), &json!(false)), "{trace}");
    let spans = trace["spans"].as_array().expect("spans");
    assert_eq!(spans.len(), 2, "{trace}");
    let child = spans
        .iter()
        .find(|span| span["span_id"] == "02".repeat(8))
        .unwrap_or_else(|| panic!("no child in {trace}"));
    assert_eq!(child["parent_span_id"], "01".repeat(8));
    assert_eq!(child["service"], "shop");
    assert_eq!(child["kind"], "client");
    assert_eq!(child["resource"]["service.name"], "shop");
    assert!(child["start_us"].as_i64().is_some_and(|start| start > 1_700_000_000_000_000));
    let millis = child["duration_ns"].as_i64().expect("a number") / 1_000_000;
    assert!((49..=50).contains(&millis), "{child}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_appears_after_the_quiet_time() {
    let server = Server::open().await;
    let mut entry = span(10, 1);
    entry.attributes =
        vec![attribute("http.route", "/things"), attribute("http.request.method", "GET")];
    let request = Request::post("/v1/traces", protobuf(vec![entry]))
        .header("Content-Type", "application/x-protobuf");
    assert_eq!(request.send(server.otlp_http).await.status, 200);
    let one = |body: &Value| body["endpoints"].as_array().is_some_and(|rows| rows.len() == 1);
    let body = server.eventually("/api/v1/endpoints?window=1h", one).await;
    let row = &body["endpoints"][0];
    assert_eq!(row["endpoint"], "GET /things");
    assert_eq!((&row["service"], &row["project"]), (&json!("shop"), &json!("default")));
    assert_eq!((&row["requests"], &row["samples"]), (&json!(1.0), &json!(1)));
    let p95 = row["p95_ms"].as_f64().expect("a number");
    assert!((49.0..=51.0).contains(&p95), "{row}");

    let profile = format!("/api/v1/endpoints/{}/profile?window=1h", row["id"]);
    let alone = server.ask(&Request::get(&profile)).await.json();
    let path = &alone["paths"][0];
    assert_eq!((&alone["requests"], &alone["before"]), (&json!(1.0), &Value::Null), "{alone}");
    assert_eq!((&path["path"], &path["calls"]), (&json!(["GET /things"]), &json!(1.0)), "{alone}");
    assert_eq!(
        fields(path),
        ["calls", "class", "path", "self_ms", "share_of_requests", "total_ms"]
    );
    // Long ago there was nothing.
    let before = format!("{profile}&before_from=1000&before_to=60000");
    let compared = server.ask(&Request::get(&before)).await.json();
    assert_eq!(compared["before"]["requests"], json!(0.0), "{compared}");
    assert_eq!(compared["paths"][0]["presence"], json!("new"), "{compared}");
    assert_eq!(compared["paths"][0]["before"]["calls"], json!(0.0), "{compared}");
}
