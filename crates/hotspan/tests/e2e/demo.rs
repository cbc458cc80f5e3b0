//! `hotspan demo`: a newcomer sees the incident without doing anything.

use libtest_mimic::Trial;
use serde_json::Value;

use crate::incident::{check, number};
use crate::server::{Outcome, Server, list};

pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("demo::shows_the_incident", shows_the_incident)]
}

fn shows_the_incident() -> Outcome {
    let server = Server::demo()?;
    let issue = server.wait_issue(|issue| {
        issue["class"] == "credential_lookup" && issue["requests"].as_f64().unwrap_or(0.0) > 20.0
    })?;
    check(number(&issue, "share_of_wall")? > 0.2, "a large share", &issue)?;
    let home = server.get_text("/")?;
    let text = Value::from(home.as_str());
    check(
        home.to_lowercase().contains("recorded"),
        "the page says that the data is recorded",
        &text,
    )?;
    check(home.contains("credential lookups"), "the headline names the loss", &text)?;
    let endpoints = server.get("/api/v1/endpoints")?;
    check(list(&endpoints, "endpoints").len() >= 4, "quiet endpoints beside it", &endpoints)?;
    check(server.terminate() == Some(0), "SIGTERM exits with 0", &Value::Null)
}
