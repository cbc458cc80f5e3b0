//! What agents on hosts tell over OTLP, as the page and the API show it.

use expect_test::expect;
use serde_json::{Value, json};

use crate::client::Request;
use crate::payload::nanos;
use crate::server::Server;

fn attributes(told: &Value) -> Vec<Value> {
    let told = told.as_object().expect("an object");
    told.iter()
        .map(|(key, value)| match value.as_i64() {
            Some(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
            None => json!({"key": key, "value": {"stringValue": value}}),
        })
        .collect()
}

/// A span of an agent; `id` is repeated to the length of its ids.
fn span(id: &str, name: &str, seconds: [f64; 2], told: &Value, links: &Value) -> Value {
    json!({
        "traceId": id.repeat(16), "spanId": id.repeat(8), "name": name, "kind": 1,
        "startTimeUnixNano": nanos(seconds[0]).to_string(),
        "endTimeUnixNano": nanos(seconds[1]).to_string(),
        "attributes": attributes(told), "links": links,
    })
}

/// A minute of one agent: two callers, one failed fetch, one role.
fn report() -> String {
    let lookups = |answer: &str, consumer: &str, count: i64| {
        json!({
            "hotspan.lookup.door": "container", "hotspan.lookup.role": "app",
            "hotspan.lookup.consumer": consumer, "hotspan.lookup.answer": answer,
            "hotspan.lookup.count": count, "hotspan.lookup.sum_ns": count * 20_000,
            "hotspan.lookup.max_ns": 50_000, "hotspan.caller.uid": 1_000,
            "hotspan.caller.cgroup": "/system.slice/web.service",
        })
    };
    let asked = json!([{
        "traceId": "ab".repeat(16), "spanId": "ab".repeat(8),
        "attributes": attributes(&json!({"hotspan.lookup.count": 365})),
    }]);
    let fetch = json!({
        "hotspan.role.name": "app", "hotspan.fetch.outcome": "failed",
        "hotspan.fetch.reason": "role list: status 503",
    });
    let role = json!({
        "hotspan.role.name": "app", "hotspan.role.upstream": "app-role",
        "hotspan.role.standing": "failing", "hotspan.role.reason": "role list: status 503",
        "hotspan.role.seconds_left": 20_000, "hotspan.role.life_seconds": 21_600,
        "hotspan.role.attempts": 7, "hotspan.role.failures": 1, "hotspan.role.renewals": 1,
        "hotspan.agent.answered_from_memory": 1_200, "hotspan.agent.passed_to_upstream": 0,
        "hotspan.agent.started_unix_seconds": (nanos(-600.0) / 1_000_000_000) as i64,
        "hotspan.report.dropped": 2,
    });
    let none = json!([]);
    let spans = [
        span("01", "credential.lookup", [-3.0, -2.9], &lookups("given", "web", 1_000), &asked),
        span("02", "credential.lookup", [-2.0, -1.9], &lookups("denied", "", 4), &none),
        span("03", "credential.fetch", [-5.0, -4.0], &fetch, &none),
        span("04", "credential.role", [-1.0, -1.0], &role, &none),
        span("05", "credential.something", [-1.0, -1.0], &json!({}), &none),
    ];
    let resource = json!({"service.name": "hotspan-agent", "host.name": "web-1"});
    json!({"resourceSpans": [{
        "resource": {"attributes": attributes(&resource)},
        "scopeSpans": [{"scope": {"name": "hotspan.credentials", "version": "1"}, "spans": spans}],
    }]})
    .to_string()
}

/// Times are of the moment the test runs.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let is_time = ["from", "to", "told_at", "start", "duration_ms", "last_seen"]
                    .contains(&key.as_str());
                if is_time { *value = json!("a moment") } else { without_times(value) }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(without_times),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_and_the_api_show_it() {
    let server = Server::open().await;
    let report = report();
    // A client that tries again tells nothing twice.
    for _ in 0..2 {
        let request = Request::post("/v1/traces", report.clone());
        let sent = request.header("Content-Type", "application/json").send(server.otlp_http).await;
        assert_eq!(sent.status, 200, "{:?}", sent.text());
    }
    let target = "/api/v1/credentials?window=1h";
    let mut told = server.eventually(target, |told| told["lookups"] != json!(0)).await;
    without_times(&mut told);
    expect![[r#"
        {
          "answered_from_memory": 1200,
          "callers": [
            {
              "cgroup": "/system.slice/web.service",
              "consumer": "web",
              "door": "container",
              "executable": "",
              "given": 1000,
              "hosts": 1,
              "lookups": 1000,
              "mean_ms": 0.02,
              "role": "app",
              "slowest_ms": 0.05,
              "uid": 1000
            },
            {
              "cgroup": "/system.slice/web.service",
              "consumer": "",
              "door": "container",
              "executable": "",
              "given": 0,
              "hosts": 1,
              "lookups": 4,
              "mean_ms": 0.02,
              "role": "app",
              "slowest_ms": 0.05,
              "uid": 1000
            }
          ],
          "dropped": 2,
          "fetches": 7,
          "fetches_failed": 1,
          "from": "a moment",
          "given": 1000,
          "hosts": 1,
          "lookups": 1004,
          "mean_ms": 0.02,
          "roles": [
            {
              "clock_skew_seconds": null,
              "fetches": 7,
              "fetches_failed": 1,
              "history": [
                {
                  "duration_ms": "a moment",
                  "key_last_four": "",
                  "outcome": "failed",
                  "reason": "role list: status 503",
                  "start": "a moment"
                }
              ],
              "host": "web-1",
              "life_seconds": 21600,
              "reason": "role list: status 503",
              "role": "app",
              "seconds_left": 20000,
              "standing": "failing",
              "told_at": "a moment",
              "upstream_role": "app-role"
            }
          ],
          "slowest_ms": 0.05,
          "to": "a moment",
          "traces": [
            {
              "cgroup": "/system.slice/web.service",
              "consumer": "web",
              "door": "container",
              "executable": "",
              "host": "web-1",
              "last_seen": "a moment",
              "lookups": 365,
              "role": "app",
              "span_id": "abababababababab",
              "trace_id": "abababababababababababababababab",
              "uid": 1000
            }
          ]
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&told).expect("JSON"));
    let page = server.ask(&Request::get("/credentials?window=1h")).await;
    let text = page.text();
    for wanted in ["cannot be fetched anew", "role list: status 503", "web-1", "web.service"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    // They are no requests of anybody.
    let endpoints = server.ask(&Request::get("/api/v1/endpoints")).await.json();
    assert_eq!(endpoints["endpoints"], json!([]));
    let other = server.ask(&Request::get("/api/v1/credentials?project=other")).await.json();
    assert_eq!(other["callers"], json!([]));
}
