//! Lookups in every request of an endpoint that answers fast, from one that no
//! trace shows as repeated to several: one issue each, whatever form finds it,
//! with the cause that is right for it.

use expect_test::expect;

use super::draw::check_issues;

/// 40 requests with `lookups` lookups of three calls each, 23 ms of work, and a
/// token call of `token_ms`, which is an answer or, with `lost`, a time-out.
fn requests(header: &str, lookups: u32, token_ms: f64, lost: &str) -> String {
    let each = token_ms + 8.2;
    let whole = 23.0 + f64::from(lookups) * each;
    let (list, credentials) = (token_ms + 5.1, token_ms + 9.1);
    format!(
        "trace 1 {header} ×40 every 10000
server GET /thumbnail 0..{whole}
  repeat ×{lookups} every {each}
    PUT http://169.254.169.254/latest/api/token 5+{token_ms}{lost}
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ {list}+4
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/app {credentials}+4
"
    )
}

#[test]
fn answered_at_once() {
    let texts = [1, 2, 4].map(|lookups| requests("lang=ruby", lookups, 4.0, ""));
    check_issues(
        &texts.each_ref().map(String::as_str),
        expect![[r#"
            credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 34.1%, credentials_not_shared (very likely) | Share one provider between all clients
            credential-lookup: AWS credential lookups, 40 traces, 40 of 40 requests 50.6%, new_provider_per_use (likely), credentials_not_shared_and_repeated (very likely) | Share one provider between all clients
            credential-lookup: AWS credential lookups, 40 traces, new_provider_per_use (very likely) | Share one provider between all clients
        "#]],
    );
    let texts = [1, 2, 4].map(|lookups| requests("lang=python", lookups, 4.0, ""));
    check_issues(
        &texts.each_ref().map(String::as_str),
        expect![[r#"
            credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 34.1%, credentials_not_shared (very likely) | Keep one boto3 session for each process
            credential-lookup: AWS credential lookups, 40 traces, 40 of 40 requests 50.6%, new_provider_or_refresh (likely), credentials_not_shared_and_repeated (very likely) | Keep one boto3 session for each process
            credential-lookup: AWS credential lookups, 40 traces, new_provider_or_refresh (likely) | Keep one boto3 session for each process
        "#]],
    );
}

#[test]
fn waiting_a_second_for_each_token() {
    let texts = [1, 2, 4].map(|lookups| requests("lang=python", lookups, 1002.0, " !timeout"));
    check_issues(
        &texts.each_ref().map(String::as_str),
        expect![[r#"
            credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 97.8%, token_lost_in_every_request (likely) | Allow the token answer one more hop
            credential-lookup: AWS credential lookups, 40 traces, 40 of 40 requests 98.9%, token_response_lost (very likely), token_lost_in_every_request (likely) | Allow the token answer one more hop
            credential-lookup: AWS credential lookups, 40 traces, token_response_lost (very likely) | Allow the token answer one more hop
        "#]],
    );
    let texts = [1, 2, 4].map(|lookups| requests("lang=php", lookups, 1002.0, " !timeout"));
    check_issues(
        &texts.each_ref().map(String::as_str),
        expect![[r#"
            credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 97.8%, token_lost_in_every_request (likely) | Allow the token answer one more hop
            credential-lookup: AWS credential lookups, 40 traces, 40 of 40 requests 98.9%, token_response_lost (very likely), token_lost_in_every_request (likely) | Allow the token answer one more hop
            credential-lookup: AWS credential lookups, 40 traces, token_response_lost (very likely) | Allow the token answer one more hop
        "#]],
    );
}

#[test]
fn waiting_where_the_spans_are_missing_or_nameless() {
    let nameless = requests("style=sentry sdk=sentry.ruby/6.6.2", 1, 2003.0, " !error")
        .replace("PUT http://169.254.169.254/latest/api/token", "client -");
    let missing = requests("style=sentry-5 sdk=sentry.ruby/5.3.0", 1, 2003.0, "");
    let missing: Vec<&str> = missing.lines().filter(|line| !line.contains("PUT")).collect();
    check_issues(
        &[&nameless, &missing.join("\n")],
        expect![[r#"
        credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 98.9%, token_lost_in_every_request (likely) | Allow the token answer one more hop
        credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 98.7%, token_lost_in_every_request (likely) | Allow the token answer one more hop
    "#]],
    );
}

/// A request of two lookups, each with calls to a service behind it.
fn two_clients(calls: [&str; 2]) -> String {
    let lookup = |at: u32, call: &str| {
        format!(
            "  PUT http://169.254.169.254/latest/api/token {at}+4
  GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ {}+4
  GET http://169.254.169.254/latest/meta-data/iam/security-credentials/app {}+4
  {call} {}+8
",
            at + 5,
            at + 10,
            at + 15
        )
    };
    format!("server GET /start 0..60\n{}{}", lookup(2, calls[0]), lookup(30, calls[1]))
}

#[test]
fn the_first_use_of_two_clients() {
    let apart = two_clients(["aws STS.GetCallerIdentity", "aws S3.PutObject"]);
    let hosts = two_clients(["GET http://sqs.eu-west-1.amazonaws.com/", "PUT http://s3/a"]);
    let one = two_clients(["aws S3.PutObject", "aws S3.GetObject"]);
    let untold = two_clients(["SELECT 7", "SELECT 8"]);
    check_issues(
        &[&apart, &hosts, &one, &untold]
            .map(|text| format!("trace 1 lang=python\n{text}"))
            .each_ref()
            .map(String::as_str),
        expect![[r#"
            credential-lookup: AWS credential lookups, 1 traces, new_provider_or_refresh (likely) | Keep one boto3 session for each process
            credential-lookup: AWS credential lookups, 1 traces, new_provider_or_refresh (likely) | Keep one boto3 session for each process
        "#]],
    );
    // In every request it is no first use.
    let always = format!("trace 1 lang=python ×40 every 10000\n{apart}");
    check_issues(
        &[&always],
        expect![[r#"
        credential-lookup: AWS identity checks, 0 traces, 40 of 40 requests 13.3%, identity_asked_per_request (likely) | Remember the account when the process starts
        credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 40.0%, credentials_not_shared_and_repeated (very likely) | Keep one boto3 session for each process
    "#]],
    );
}

#[test]
fn several_that_are_fast() {
    let fast = requests("lang=javascript", 3, 1.2, "").replace("+4\n", "+1.2\n");
    check_issues(
        &[&fast],
        expect![[r#"
        credential-lookup: AWS credential lookups, 0 traces, 40 of 40 requests 21.1%, credentials_not_shared_and_repeated (very likely) | Create the client once, or share one provider
    "#]],
    );
}

#[test]
fn some_that_traces_show_and_some_that_none_does() {
    let some = requests("lang=ruby", 1, 4.0, "");
    let more = requests("lang=ruby at=1000000", 3, 4.0, "").replace("×40", "×5");
    check_issues(
        &[&format!("{some}{more}")],
        expect![[r#"
        credential-lookup: AWS credential lookups, 5 traces, 45 of 45 requests 38.7%, new_provider_per_use (very likely), credentials_not_shared (very likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn what_nothing_could_have_kept() {
    let lookup = requests("lang=python", 1, 4.0, "");
    // A program that runs and ends, and a request every two hours.
    let runs = lookup.replace("server GET", "internal GET");
    let seldom = lookup.replace("every 10000", "every 7200000");
    check_issues(&[&runs, &seldom], expect![[""]]);
}

#[test]
fn somebody_logs_in_with_each_request() {
    let text = |endpoint: &str, call: &str| {
        format!("trace 1 ×40 every 100\nserver {endpoint} 0..60\n  {call} 5+15")
    };
    let calls = [
        "PUT http://vault:8200/v1/auth/ldap/login/{n}",
        "POST https://sts.eu-west-1.amazonaws.com/",
        "aws STS.GetCallerIdentity",
    ];
    let logins = calls.map(|call| text("POST /v1/sessions", call));
    check_issues(&logins.each_ref().map(String::as_str), expect![[""]]);
    let others = calls.map(|call| text("GET /files", call));
    check_issues(
        &others.each_ref().map(String::as_str),
        expect![[r#"
        credential-lookup: Vault logins, 0 traces, 40 of 40 requests 25.0%, credentials_not_shared (very likely) | Log in once and keep the client
        credential-lookup: AWS role assumptions, 0 traces, 40 of 40 requests 25.0%, credentials_not_shared (very likely) | Assume the role once and share the provider
        credential-lookup: AWS identity checks, 0 traces, 40 of 40 requests 25.0%, identity_asked_per_request (likely) | Remember the account when the process starts
    "#]],
    );
}

#[test]
fn who_am_i_in_every_request() {
    let text = "trace 1 lang=python ×40 every 100
server GET /files 0..60
  aws STS.GetCallerIdentity 5+15
    POST https://sts.eu-west-1.amazonaws.com/ 6+13";
    check_issues(
        &[text],
        expect![[r#"
            credential-lookup: AWS identity checks, 0 traces, 40 of 40 requests 25.0%, identity_asked_per_request (likely) | Remember the account when the process starts
        "#]],
    );
}
