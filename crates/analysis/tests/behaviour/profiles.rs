//! Lookups in most requests of an endpoint, none of which repeats them.

use expect_test::{Expect, expect};
use hotspan_analysis::analyze_profile;

use super::draw::{draw_finding, profile, records};
use super::seed::seed;

const LOOKUP: &str = "
  PUT http://169.254.169.254/latest/api/token 1+1.2
  GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2.3+1.2
  GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 3.6+1.2
";

/// Some requests of 80 ms with a lookup, then some without.
fn requests(header: &str, with: u32, without: u32) -> String {
    let request = "server GET /thumbnail 0..80";
    format!(
        "trace 1 {header} ×{with} every 100\n{request}{LOOKUP}
trace 1 {header} at=1000000 ×{without} every 100\n{request}\n  SELECT 1 20+1\n"
    )
}

fn check(text: &str, expected: Expect) {
    let records = records(text);
    assert!(records.iter().all(|record| record.findings.is_empty()), "no trace shows it");
    let findings = analyze_profile(&profile(&records));
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| format!("{}\n{}\n", draw_finding(finding).trim(), finding.cause.text))
        .collect();
    expected.assert_eq(&lines.concat());
}

#[test]
fn once_in_every_request() {
    check(
        &requests("lang=php", 200, 0),
        expect![[r#"
            -> AWS credential lookups 4.5%: credentials_not_shared (very likely) | Cache credentials between requests in APCu
            200 of 200 requests looked up credentials of their own, 200 lookups in all. Credentials live for hours, so a process needs one lookup an hour, not one a request. Nothing repeats inside a request, so no single trace shows this: the provider, client or session is created for each request, or the process itself is. Nothing outlives a request unless a cache is passed in. The instance metadata service (IMDS) itself is healthy: a call takes about 1.2 ms.
        "#]],
    );
    check(
        &requests("lang=python", 40, 20),
        expect![[r#"
            -> AWS credential lookups 3.0%: credentials_not_shared (likely) | Keep one boto3 session for each process
            40 of 60 requests looked up credentials of their own, 40 lookups in all. Credentials live for hours, so a process needs one lookup an hour, not one a request. Nothing repeats inside a request, so no single trace shows this: the provider, client or session is created for each request, or the process itself is. Clients of one session share its credentials; each session resolves its own. The instance metadata service (IMDS) itself is healthy: a call takes about 1.2 ms.
        "#]],
    );
}

#[test]
fn once_in_every_request_and_lost_each_time() {
    let lost = requests("lang=php", 40, 0)
        .replace("0..80", "0..1200")
        .replace("token 1+1.2", "token 1+1002 !timeout")
        .replace(" 2.3+1.2", " 1004+1.2")
        .replace(" 3.6+1.2", " 1006+1.2");
    check(
        &lost,
        expect![[r#"
            -> AWS credential lookups 83.7%: token_lost_in_every_request (likely) | Allow the token answer one more hop
            40 of 40 requests looked up credentials of their own, 40 lookups in all, and a lookup takes 1.0 s on average: about what the token request (PUT /latest/api/token) takes to run into its time-out (its default time-out). The answer to that one request is sent with an IP hop limit, 1 by default: from inside a container it needs one hop more and is lost, so the SDK waits, gives up and goes on without a token. With the limit raised a lookup takes milliseconds; that each request needs one of its own is a second fault, and costs little then. Nothing outlives a request unless a cache is passed in.
        "#]],
    );
}

#[test]
fn warm_up_only() {
    check(&requests("lang=ruby", 1, 199), expect![[""]]);
    check(&requests("lang=ruby", 8, 92), expect![[""]]);
}

#[test]
fn too_few_requests_to_tell() {
    check(&requests("lang=php", 29, 0), expect![[""]]);
    check(
        &requests("lang=php", 30, 0),
        expect![[r#"
            -> AWS credential lookups 4.5%: credentials_not_shared (very likely) | Cache credentials between requests in APCu
            30 of 30 requests looked up credentials of their own, 30 lookups in all. Credentials live for hours, so a process needs one lookup an hour, not one a request. Nothing repeats inside a request, so no single trace shows this: the provider, client or session is created for each request, or the process itself is. Nothing outlives a request unless a cache is passed in. The instance metadata service (IMDS) itself is healthy: a call takes about 1.2 ms.
        "#]],
    );
}

#[test]
fn what_traces_show_is_left_to_them() {
    let one = records(&seed("lang=ruby", 365));
    let many: Vec<_> = std::iter::repeat_n(one[0].clone(), 40).collect();
    assert!(analyze_profile(&profile(&many)).is_empty());
}

#[test]
fn both_forms_are_one_issue() {
    let trace = &records(&seed("lang=ruby", 365).replace("POST /reports", "GET /thumbnail"))[0];
    let over_requests = analyze_profile(&profile(&records(&requests("lang=ruby", 50, 0))));
    assert_eq!(trace.findings[0].fingerprint, over_requests[0].fingerprint);
    let elsewhere = &records(&seed("lang=ruby", 365))[0].findings[0];
    assert_ne!(trace.findings[0].fingerprint, elsewhere.fingerprint);
}
