//! The incident rebuilt: the shape that made the story, and its quiet forms.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::otlp::{CLIENT, Trace, request};
use crate::server::{Outcome, Server, now_ns};

const MS: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MS;

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("incident::three_hundred_sixty_five_lookups", lookup_per_record),
        Trial::test("incident::one_lookup_in_every_request", lookup_per_request),
        Trial::test("incident::one_lookup_after_start", lookup_after_start),
    ]
}

/// 365 lookups of three 1.24 ms calls in a request of 3.913 s, with a
/// statement now and then between them: 1,357.8 ms or 34.7% of the request.
pub(crate) fn picture(number: u64, start_ns: i64) -> Trace {
    let mut trace = Trace::new(number, "POST /reports", start_ns, 3_913 * MS);
    let mut at = 40 * MS;
    for record in 0..365 {
        at = trace.push_lookup(at, 1_240_000);
        if record % 2 == 0 {
            let statement = [
                ("db.system.name", "mysql"),
                ("db.query.text", "SELECT * FROM report_files WHERE id = 7"),
            ];
            trace.push("SELECT report_files", CLIENT, at, 1_850_000, &statement);
        }
        at += 6_700_000;
    }
    trace
}

fn lookup_per_record() -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(folder.path())?;
    let trace = picture(1, now_ns() - 20 * SECOND);
    let id = trace.id();
    server.post_otlp(&request("report-api", "ruby", vec![trace]))?;
    let issue = server.wait_issue(|_| true)?;
    let share = number(&issue, "share_of_wall")?;
    check((share - 0.347).abs() <= 0.01, "share of wall is 35% ± 1", &issue)?;
    check(number(&issue, "lookups_per_request")? == 365.0, "365 lookups", &issue)?;
    check(number(&issue, "calls_per_request")? == 1_095.0, "1,095 calls", &issue)?;
    check(
        issue["cause"]["code"] == "new_provider_per_use",
        "cause is a new provider per use",
        &issue,
    )?;
    let fix = issue["fix"].to_string();
    check(fix.contains("Aws.config[:credentials]"), "the Ruby fix is shown", &issue)?;
    let page = server.get_text(&format!("/traces/{id}"))?;
    check(page.contains("365"), "the trace page folds the run", &Value::Null)?;
    check(server.terminate() == Some(0), "SIGTERM exits with 0", &Value::Null)
}

/// 200 requests with a single lookup each: no trace repeats anything, and it
/// is still an issue of the endpoint.
fn lookup_per_request() -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(folder.path())?;
    let begin = now_ns() - 300 * SECOND;
    for batch in 0..10u64 {
        let traces = (0..20u64)
            .map(|index| {
                let number = batch * 20 + index;
                let mut trace =
                    Trace::new(number, "GET /avatar", begin + number as i64 * SECOND, 200 * MS);
                trace.push_lookup(10 * MS, 20 * MS);
                trace
            })
            .collect();
        server.post_otlp(&request("php-shop", "php", traces))?;
    }
    let issue =
        server.wait_issue(|issue| issue["requests"] == 200.0 || issue["requests"] == 200)?;
    check(issue["class"] == "credential_lookup", "a credential lookup issue", &issue)?;
    check(number(&issue, "requests_affected")? == 200.0, "all requests are affected", &issue)?;
    check((number(&issue, "share_of_wall")? - 0.30).abs() < 0.01, "30% of the time", &issue)
}

/// The first request of a process looks up once, the others do not: no issue.
fn lookup_after_start() -> Outcome {
    let folder = tempfile::tempdir()?;
    let server = Server::serve(folder.path())?;
    let begin = now_ns() - 100 * SECOND;
    let traces = (0..50u64)
        .map(|number| {
            let mut trace =
                Trace::new(number, "GET /avatar", begin + number as i64 * SECOND, 200 * MS);
            if number == 0 {
                trace.push_lookup(10 * MS, 20 * MS);
            }
            trace
        })
        .collect();
    server.post_otlp(&request("quiet", "ruby", traces))?;
    server.wait("/api/v1/endpoints", |document| {
        let row = crate::server::list(document, "endpoints").first()?;
        (row["requests"].as_f64() == Some(50.0)).then_some(())
    })?;
    let issues = server.get("/api/v1/issues")?;
    check(crate::server::list(&issues, "issues").is_empty(), "no issue", &issues)
}

/// A field that must be a number.
pub(crate) fn number(document: &Value, field: &str) -> Result<f64, libtest_mimic::Failed> {
    document[field]
        .as_f64()
        .ok_or_else(|| format!("{field} is not a number in {document:#}").into())
}

/// Fails with what was expected and the document that says otherwise.
pub(crate) fn check(holds: bool, expected: &str, document: &Value) -> Outcome {
    if holds { Ok(()) } else { Err(format!("expected: {expected}\nin: {document:#}").into()) }
}
