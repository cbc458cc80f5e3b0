//! The incident: 365 lookups of three calls each, 1.24 ms a call, in a request
//! of 3.9 s, queries in between and no time-out anywhere.

use expect_test::expect;
use hotspan_model::Language;

use super::draw::{check, records};

/// The incident in the spelling of an instrumentation.
pub(crate) fn seed(header: &str, lookups: u32) -> String {
    format!(
        "
        trace 1 {header}
        server POST /reports 0..3912
          internal ReportsController#create 8..3904
            repeat ×{lookups} every 10.6
              PUT http://169.254.169.254/latest/api/token 10+1.24
              GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 11.3+1.24
              GET http://169.254.169.254/latest/meta-data/iam/security-credentials/app-role 12.6+1.24
            repeat ×182 every 21.2
              SELECT * FROM images WHERE report_id = 7 15+2
        "
    )
}

#[test]
fn over_otlp() {
    check(
        &seed("style=otel lang=ruby", 365),
        expect![[r#"
            http `POST /reports`: 3912.0 ms = credential_lookup 1357.8 database 364.0 own 2190.2
              aws-imds: 365 lookups, 1095 calls, 1357.8 ms, hidden 0.0 ms
              repeated-identical-query SELECT images postgresql: 181 lookups, 182 calls, 362.0 ms, hidden 0.0 ms
              -> AWS credential lookups 34.7%: new_provider_per_use (very likely) | Share one provider between all clients
              -> Repeated query: SELECT images 9.3%: same_query_again (very likely) | Keep the answer for the length of the request
        "#]],
    );
}

#[test]
fn the_words() {
    let records = records(&seed("style=otel lang=ruby", 365));
    let finding = &records[0].findings[0];
    let facts: Vec<String> =
        finding.cause.facts.iter().map(|(figure, says)| format!("{figure}: {says}")).collect();
    expect![[r#"
        365 lookups in one request, 1,095 calls in all (PUT + GET + GET each). 365 of the 365 start with a new session token, and the AWS SDK for Ruby keeps that token inside its provider object (Aws::InstanceProfileCredentials): so each of them was made by a provider of its own, built together with a client and thrown away with it. Each client resolves its own credentials. The instance metadata service (IMDS) itself is healthy: a call takes about 1.2 ms.
        365 : 365 : 365: token : role list : credentials calls; every lookup starts with a new token
        1.2 ms: median of the calls that were answered
    "#]].assert_eq(&format!("{}\n{}\n", finding.cause.text, facts.join("\n")));
    expect![[r#"
        PUT /latest/api/token
        GET /latest/meta-data/iam/security-credentials
        GET /latest/meta-data/iam/security-credentials/{role}
    "#]]
    .assert_eq(&(finding.templates.join("\n") + "\n"));
    let fixes: Vec<String> = finding
        .fixes
        .iter()
        .map(|fix| format!("{} {}: {}", fix.kind.slug(), fix.language.slug(), fix.title))
        .collect();
    expect![[r#"
        code ruby: Share one provider between all clients
        broker unknown: Serve credentials from memory on each host (coming with hotspan-agent)
    "#]]
    .assert_eq(&(fixes.join("\n") + "\n"));
    assert_eq!(finding.fixes[0].language, Language::Ruby);
    assert!(finding.fixes[0].snippet.contains("Aws.config[:credentials]"));
}

#[test]
fn every_instrumentation_tells_the_same() {
    let verdict = |header: &str| {
        let records = records(&seed(header, 271));
        let found = &records[0].findings[0];
        (found.class, found.cause.code.clone(), found.lookups, found.calls, found.wall_ns)
    };
    let expected = verdict("style=otel lang=ruby");
    for header in [
        "style=otel-old lang=ruby",
        "style=otel-ruby lang=ruby",
        "style=sentry sdk=sentry.ruby/6.6.2",
        "style=sentry-5 sdk=sentry.ruby.rails/5.3.0",
        "style=span-v2 sdk=sentry.ruby/7.0.0",
    ] {
        assert_eq!(verdict(header), expected, "{header}");
    }
}

#[test]
fn cut_by_the_sdk() {
    check(
        &seed("style=sentry sdk=sentry.ruby.rails/6.6.2", 272),
        expect![[r#"
            http `POST /reports`: 3912.0 ms = credential_lookup 1011.8 database 364.0 own 2536.2
              aws-imds: 272 lookups, 816 calls, 1011.8 ms, hidden 0.0 ms
              repeated-identical-query SELECT images: 181 lookups, 182 calls, 362.0 ms, hidden 0.0 ms
              -> AWS credential lookups 25.9%, at least: new_provider_per_use (very likely) | Share one provider between all clients
              -> Repeated query: SELECT images 9.3%, at least: same_query_again (very likely) | Keep the answer for the length of the request
        "#]],
    );
    check(
        &seed("style=sentry sdk=sentry.ruby.rails/6.6.2", 271),
        expect![[r#"
            http `POST /reports`: 3912.0 ms = credential_lookup 1008.1 database 364.0 own 2539.9
              aws-imds: 271 lookups, 813 calls, 1008.1 ms, hidden 0.0 ms
              repeated-identical-query SELECT images: 181 lookups, 182 calls, 362.0 ms, hidden 0.0 ms
              -> AWS credential lookups 25.8%: new_provider_per_use (very likely) | Share one provider between all clients
              -> Repeated query: SELECT images 9.3%: same_query_again (very likely) | Keep the answer for the length of the request
        "#]],
    );
}
