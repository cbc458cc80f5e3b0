//! What people do with issues, by forms and by the API; deploys that are told.

use hotspan_web::security::hash_password;
use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::payload::{attribute, nanos, protobuf, span};
use crate::server::Server;

/// A request with eight credential lookups in it.
fn wasteful(trace: u8) -> Vec<u8> {
    let mut entry = span(trace, 1);
    entry.attributes =
        vec![attribute("http.route", "/things"), attribute("http.request.method", "GET")];
    let base = "http://169.254.169.254/latest";
    let roles = format!("{base}/meta-data/iam/security-credentials/");
    let calls =
        [("PUT", format!("{base}/api/token")), ("GET", roles.clone()), ("GET", roles + "app")];
    let calls = calls.into_iter().cycle().take(24).enumerate().map(|(index, (method, url))| {
        let mut call = span(trace, index as u8 + 2);
        call.parent_span_id = entry.span_id.clone();
        call.kind = 3;
        method.clone_into(&mut call.name);
        call.attributes =
            vec![attribute("http.request.method", method), attribute("url.full", url)];
        call.start_time_unix_nano = nanos(-0.999 + 0.002 * index as f64);
        call.end_time_unix_nano = nanos(-0.998 + 0.002 * index as f64);
        call
    });
    let calls: Vec<_> = calls.collect();
    protobuf([vec![entry], calls].concat())
}

/// A server with one issue, and the issue's number.
async fn with_issue(server: &Server) -> i64 {
    let request =
        Request::post("/v1/traces", wasteful(11)).header("Content-Type", "application/x-protobuf");
    assert_eq!(request.send(server.otlp_http).await.status, 200);
    for _ in 0..600 {
        let all = hotspan_store::IssueFilter::default();
        let ever = hotspan_store::TimeWindow::ALL;
        let found = server.state.store.issues(ever, &all).await.expect("issues");
        if let Some(issue) = found.first() {
            return issue.id;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("no issue was raised");
}

fn form(id: i64, fields: &str) -> Request {
    Request::post(format!("/issues/{id}/state"), fields.to_owned())
        .header("Content-Type", "application/x-www-form-urlencoded")
}

fn api(target: &str, body: &Value) -> Request {
    Request::post(target.to_owned(), body.to_string()).header("Content-Type", "application/json")
}

async fn issue(server: &Server, id: i64) -> Value {
    server.ask(&Request::get(format!("/api/v1/issues/{id}"))).await.json()["issue"].clone()
}

async fn page(server: &Server, id: i64) -> String {
    server.ask(&Request::get(format!("/issues/{id}"))).await.text()
}

fn told(answer: &Answer) -> (u16, Option<&str>) {
    (answer.status, answer.header("location"))
}

#[tokio::test(flavor = "multi_thread")]
async fn buttons_change_the_state_and_lead_back() {
    let server = Server::open().await;
    let id = with_issue(&server).await;
    let back = format!("/issues/{id}?window=1h&theme=dark");
    for (fields, location, state, says) in [
        ("state=fix_claimed&release=", None, "fix_claimed", "Comparing before and after"),
        ("state=ignored&until=grown", None, "ignored", "twice the"),
        ("state=open&window=1h&theme=dark", Some(back.as_str()), "open", "reopened"),
        ("state=fix_claimed&release=2.4.1", None, "fix_claimed", "first request of release 2.4.1"),
        ("state=ignored&until=date&date=2199-01-31", None, "ignored", "until 2199-01-31"),
        ("state=ignored&until=forever&date=", None, "ignored", "for ever"),
        ("state=open", None, "open", "I deployed a fix"),
    ] {
        let answer = server.ask(&form(id, fields)).await;
        let plain = format!("/issues/{id}");
        assert_eq!(told(&answer), (303, Some(location.unwrap_or(&plain))), "{fields}");
        let known = issue(&server, id).await;
        assert_eq!(known["status"], state, "{fields}");
        assert_eq!(known["history"][0]["to"], state, "{fields}");
        assert_eq!(known["history"][0]["at"], known["state_since"], "{fields}");
        let html = page(&server, id).await;
        assert!(html.contains(says), "after {fields} the page does not say {says:?}");
    }
    assert_eq!(issue(&server, id).await["history"].as_array().map(Vec::len), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_changes_nothing() {
    let server = Server::open().await;
    let id = with_issue(&server).await;
    for (fields, status) in [
        ("state=open", 409),
        ("state=verified", 409),
        ("state=ignored&until=date&date=2001-01-01", 409),
        ("state=ignored&until=date&date=", 409),
        ("stat=open", 409),
        ("", 409),
    ] {
        let answer = server.ask(&form(id, fields)).await;
        assert_eq!(answer.status, status, "{fields}: {}", answer.text());
    }
    assert_eq!(server.ask(&form(99, "state=ignored")).await.status, 404);
    let target = format!("/api/v1/issues/{id}/state");
    for (target, body, status) in [
        (target.as_str(), json!({"state": "open"}), 409),
        (&target, json!({"state": "regressed"}), 400),
        (&target, json!({"state": "ignored", "until": "soon"}), 400),
        (&target, json!({"status": "ignored"}), 422),
        (&target, json!("ignored"), 422),
        ("/api/v1/issues/99/state", json!({"state": "ignored"}), 404),
        ("/api/v1/issues/x/state", json!({"state": "ignored"}), 404),
    ] {
        let answer = server.ask(&api(target, &body)).await;
        assert_eq!(answer.status, status, "{target} {body}: {}", answer.text());
        assert!(answer.json()["remedy"].is_string(), "{target} {body}");
    }
    assert_eq!(issue(&server, id).await["history"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_change_nothing() {
    let server = Server::open().await;
    let id = with_issue(&server).await;
    let target = format!("/api/v1/issues/{id}/state");
    for request in [
        form(id, "state=ignored").header("Origin", "https://evil.example"),
        form(id, "state=ignored").header("Sec-Fetch-Site", "cross-site"),
        form(id, "state=ignored").header("Origin", "null"),
        api(&target, &json!({"state": "ignored"})).header("Sec-Fetch-Site", "same-site"),
        api("/api/v1/deploys", &json!({"service": "shop", "release": "1"}))
            .header("Origin", "https://evil.example"),
    ] {
        assert_eq!(server.ask(&request).await.status, 403, "{request:?}");
    }
    let known = issue(&server, id).await;
    assert_eq!((&known["status"], &known["history"]), (&json!("open"), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_changes_states_and_tells_lives() {
    let server = Server::open().await;
    let id = with_issue(&server).await;
    let target = format!("/api/v1/issues/{id}/state");
    let set = async |body: Value| server.ask(&api(&target, &body)).await.status;
    assert_eq!(set(json!({"state": "fix_claimed", "release": "2.4.1"})).await, 204);
    let known = issue(&server, id).await;
    let verification = &known["verification"];
    assert_eq!(
        (&verification["origin"], &verification["release"], &verification["progress"]),
        (&json!("claim"), &json!("2.4.1"), &json!("awaiting_release"))
    );
    assert_eq!(set(json!({"state": "ignored", "until": "2199-01-31"})).await, 204);
    let known = issue(&server, id).await;
    assert_eq!(known["ignored"], json!({"until": "date", "at": "2199-01-31T00:00:00.000Z"}));
    assert_eq!(known["verification"], Value::Null);
    let list = server.ask(&Request::get("/api/v1/issues?status=ignored&window=1h")).await.json();
    assert_eq!(list["issues"][0]["id"], id);
    assert_eq!(list["issues"][0]["history"][1]["reason"], "claimed");
    for (state, shown) in [("ignored", true), ("verified", false), ("open", false)] {
        let html = server.ask(&Request::get(format!("/issues?state={state}"))).await.text();
        assert_eq!(html.contains(&format!("\"/issues/{id}")), shown, "{state}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deploys_are_told_once() {
    let server = Server::open().await;
    let id = with_issue(&server).await;
    let tell = async |body: Value| server.ask(&api("/api/v1/deploys", &body)).await;
    let deploy = json!({"service": "shop", "release": "2.4.1", "environment": "production"});
    let answer = tell(deploy.clone()).await;
    assert_eq!((answer.status, &answer.json()["source"]), (201, &json!("told")));
    assert_eq!(tell(deploy).await.status, 200);
    for (body, status) in [
        (json!({"service": "shop"}), 422),
        (json!({"service": " ", "release": "1"}), 400),
        (json!({"service": "shop", "release": ""}), 400),
        (json!({"service": "shop", "release": "1", "at": "now"}), 400),
        (json!({"service": "shop", "release": "1", "at": "2001-01-01"}), 400),
        (json!({"service": "shop", "release": "1", "project": "nobody"}), 404),
        (json!({"service": "shop", "release": "1", "when": 1}), 422),
    ] {
        let answer = tell(body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let detail = server.ask(&Request::get(format!("/api/v1/issues/{id}"))).await.json();
    assert_eq!(detail["deploys"].as_array().map(Vec::len), Some(1));
    assert_eq!(detail["deploys"][0]["release"], "2.4.1");
    assert!(page(&server, id).await.contains("release 2.4.1 to production"));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_change_nothing_and_people_are_named() {
    let server = Server::start(|config| config.login_required = true).await;
    let hash = hash_password("correct horse battery").expect("a good password");
    server.state.catalogue.set_user("ann", &hash).await.expect("a user");
    let id = with_issue(&server).await;
    let target = format!("/api/v1/issues/{id}/state");
    for request in [
        form(id, "state=ignored"),
        api(&target, &json!({"state": "ignored"})),
        api("/api/v1/deploys", &json!({"service": "shop", "release": "1"})),
    ] {
        assert_eq!(server.ask(&request).await.status, 401, "{request:?}");
    }
    let login = Request::post("/login", "user=ann&password=correct+horse+battery")
        .header("Content-Type", "application/x-www-form-urlencoded");
    let answer = server.ask(&login).await;
    let set = answer.header("set-cookie").expect("a cookie").to_owned();
    let cookie = set.split(';').next().expect("a pair").to_owned();
    let claim = form(id, "state=fix_claimed").header("Cookie", &cookie);
    assert_eq!(server.ask(&claim).await.status, 303);
    let detail = Request::get(format!("/api/v1/issues/{id}")).header("Cookie", &cookie);
    let known = server.ask(&detail).await.json();
    assert_eq!(known["issue"]["history"][0]["actor"], "ann");
}
