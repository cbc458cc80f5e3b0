//! Every recorded case is sent to the real server, its times moved to now, and
//! raises the issue it should, or none.

use hotspan_model::UnixNanos;
use hotspan_testkit::{fixtures, retime::retimed};
use libtest_mimic::Trial;
use serde_json::Value;

use crate::incident::{check, number};
use crate::server::{Outcome, Server, list};

/// Gives the replayed requests ids of their own.
const SALT: u64 = 7;

/// What a case must raise.
pub(crate) enum Expected {
    /// No issue at all.
    Quiet,
    /// A credential-lookup issue: cause code and language of the first code fix.
    Lookup(&'static str, &'static str),
}

use Expected::{Lookup, Quiet};

/// Each folder of `fixtures/captures` with what it must raise. A token answer
/// that is lost costs a time-out; a client per record costs three calls each.
pub(crate) const CASES: [(&str, Expected); 50] = [
    ("otel-node-0.223.0-proto/full-uri", Quiet),
    ("otel-node-0.223.0-proto/healthy-a", Quiet),
    ("otel-node-0.223.0-proto/healthy-b", Lookup("new_provider_or_refresh", "javascript")),
    ("otel-node-0.223.0-proto/smoke", Lookup("new_provider_or_refresh", "javascript")),
    ("otel-node-0.223.0-proto/token_swallow-b", Lookup("token_response_lost", "javascript")),
    ("otel-node-0.223.1-json/healthy-a", Quiet),
    ("otel-node-0.223.1-json/healthy-b", Lookup("new_provider_or_refresh", "javascript")),
    ("otel-node-0.223.1-json/smoke", Lookup("new_provider_or_refresh", "javascript")),
    ("otel-node-0.223.1-json/token_swallow-b", Lookup("token_response_lost", "javascript")),
    ("otel-python-1.45.1/full-uri", Quiet),
    ("otel-python-1.45.1/healthy-a", Quiet),
    ("otel-python-1.45.1/healthy-c", Lookup("new_provider_or_refresh", "python")),
    ("otel-python-1.45.1/smoke", Quiet),
    ("otel-python-1.45.1/token_swallow-c", Lookup("token_response_lost", "python")),
    ("otel-ruby-sdk-1.6.0-exporter-0.29.1/healthy-a", Quiet),
    ("otel-ruby-sdk-1.6.0-exporter-0.29.1/healthy-b", Lookup("new_provider_per_use", "ruby")),
    ("otel-ruby-sdk-1.6.0-exporter-0.29.1/smoke", Lookup("new_provider_per_use", "ruby")),
    ("otel-ruby-sdk-1.6.0-exporter-0.29.1/token_swallow-b", Lookup("token_response_lost", "ruby")),
    ("sentry-node-11.12.0/client_report", Lookup("new_provider_or_refresh", "javascript")),
    ("sentry-node-11.12.0/errors", Lookup("new_provider_or_refresh", "javascript")),
    ("sentry-node-11.12.0/full-uri", Quiet),
    ("sentry-node-11.12.0/healthy-a", Quiet),
    ("sentry-node-11.12.0/healthy-b", Lookup("new_provider_or_refresh", "javascript")),
    ("sentry-node-11.12.0/smoke", Lookup("new_provider_or_refresh", "javascript")),
    ("sentry-node-11.12.0/static_tx", Lookup("new_provider_or_refresh", "javascript")),
    ("sentry-node-11.12.0/token_swallow-b", Lookup("token_response_lost", "javascript")),
    ("sentry-python-2.75.0/client_report", Quiet),
    ("sentry-python-2.75.0/errors", Quiet),
    ("sentry-python-2.75.0/full-uri", Quiet),
    ("sentry-python-2.75.0/healthy-a", Quiet),
    ("sentry-python-2.75.0/healthy-b", Quiet),
    ("sentry-python-2.75.0/healthy-c", Lookup("new_provider_or_refresh", "python")),
    ("sentry-python-2.75.0/smoke", Quiet),
    ("sentry-python-2.75.0/token_swallow-b", Quiet),
    ("sentry-python-2.75.0/token_swallow-c", Lookup("token_response_lost", "python")),
    ("sentry-ruby-5.3.0/client_report", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-5.3.0/errors", Quiet),
    ("sentry-ruby-5.3.0/healthy-a", Quiet),
    ("sentry-ruby-5.3.0/healthy-b", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-5.3.0/seedrep-presign100-b-IPR0-0", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-5.3.0/smoke", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-5.3.0/token_swallow-b", Lookup("token_response_lost", "ruby")),
    ("sentry-ruby-6.6.2/client_report", Quiet),
    ("sentry-ruby-6.6.2/errors", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-6.6.2/full-uri", Quiet),
    ("sentry-ruby-6.6.2/healthy-a", Quiet),
    ("sentry-ruby-6.6.2/healthy-b", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-6.6.2/seedrep-presign100-b-IPR0-0", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-6.6.2/smoke", Lookup("new_provider_per_use", "ruby")),
    ("sentry-ruby-6.6.2/token_swallow-b", Lookup("token_response_lost", "ruby")),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials: Vec<Trial> = CASES
        .iter()
        .map(|(case, expected)| {
            Trial::test(format!("captures::{case}"), move || replay(case, expected))
        })
        .collect();
    trials.push(Trial::test("captures::every_folder_is_in_the_table", every_folder));
    trials
}

fn replay(case: &str, expected: &Expected) -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(folder.path())?;
    send_case(&server, case)?;
    settled(&server)?;
    let issues = server.get("/api/v1/issues")?;
    let issues = list(&issues, "issues");
    match expected {
        Quiet => check(issues.is_empty(), "no issue", &Value::from(issues)),
        Lookup(cause, language) => {
            let issue = issues.first().cloned().unwrap_or_default();
            check(issues.len() == 1, "one issue", &Value::from(issues))?;
            check(issue["class"] == "credential_lookup", "a credential lookup", &issue)?;
            check(issue["cause"]["code"] == *cause, &format!("cause {cause}"), &issue)?;
            let fix = issue["fix"][0]["language"].as_str().unwrap_or_default();
            let known = [*language, "any", "unknown"].contains(&fix);
            check(known, &format!("a fix for {language}"), &issue)?;
            check(number(&issue, "share_of_wall")? > 0.01, "a share of the time", &issue)
        }
    }
}

/// Sends a case's requests as their SDK did, to this server and this moment.
pub(crate) fn send_case(server: &Server, case: &str) -> Outcome {
    let latest = UnixNanos(crate::server::now_ns());
    for request in retimed(&fixtures::case(case), latest, SALT) {
        let base = match request.path.as_str() {
            "/v1/traces" => server.otlp_http().to_owned(),
            _ => server.url(""),
        };
        let url = format!("{}{}", base.trim_end_matches('/'), request.path);
        let status = server.post(&url, &request.headers, &request.body)?;
        check(
            status == 200,
            &format!("{case} {} is accepted, not {status}", request.path),
            &Value::Null,
        )?;
    }
    Ok(())
}

/// Waits until everything that was sent has been put together and analysed.
pub(crate) fn settled(server: &Server) -> Outcome {
    server.wait("/api/v1/stats", |stats| {
        let waiting = ["open_traces", "apply_queue", "analysis_queue", "profile_queue"];
        let none = |name: &str| stats["analysis"][name].as_u64() == Some(0);
        waiting.into_iter().all(none).then_some(())
    })
}

fn every_folder() -> Outcome {
    let mut folders = fixtures::cases();
    folders.sort();
    let mut table: Vec<String> = CASES.iter().map(|(case, _)| (*case).to_owned()).collect();
    table.sort();
    check(folders == table, "the table names every recorded case", &Value::from(folders.clone()))
}
