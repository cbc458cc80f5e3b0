//! Secrets, parameters and flags inside requests, and what is fine.

use expect_test::expect;

use super::draw::{check_findings, check_issues, check_words};

#[test]
fn the_same_secret_again() {
    check_findings(
        "
        trace 1 lang=java
        server GET /report 0..600
          repeat ×4 every 120
            aws Secrets_Manager.GetSecretValue 5+40 rpc.service=SecretsManager aws.secretsmanager.secret.arn=arn:aws:secretsmanager:eu-west-1:1:secret:app/db
              POST https://secretsmanager.eu-west-1.amazonaws.com/ 6+38
            SELECT * FROM rows WHERE report_id = $1 50+20
        ",
        expect![[r#"
            secret-fetch: Secrets Manager fetches, 4 of 4 calls, 120.0 ms, same_secret_again (very likely)
        "#]],
    );
}

#[test]
fn from_vault_at_one_time() {
    check_findings(
        "
        server GET /report 0..600
          GET http://vault:8200/v1/secret/data/app/db 5+60 ×5 every 2
        ",
        expect![[r#"
            secret-fetch: Vault fetches, 5 of 5 calls, 60.0 ms, same_secret_again (very likely)
        "#]],
    );
}

#[test]
fn from_consul_over_parents() {
    check_findings(
        "
        trace 1 style=sentry sdk=sentry.ruby/6.6.2
        server GET /report 0..600
          repeat ×6 every 80
            internal render row 5+60
              GET http://consul:8500/v1/kv/app/limits?raw 6+20
        ",
        expect![[r#"
            secret-fetch: Consul fetches, 6 of 6 calls, 100.0 ms, same_secret_again (very likely)
        "#]],
    );
}

#[test]
fn one_by_one() {
    check_findings(
        "
        trace 1 lang=python
        server GET /report 0..600
          aws SSM.GetParameter 5+15 ×14 every 20
        ",
        expect![[r#"
            secret-fetch: Parameter Store fetches, 14 of 14 calls, 195.0 ms, secrets_one_by_one_or_again (likely)
        "#]],
    );
    check_findings(
        "
        server GET /report 0..600
          GET https://prod.vault.azure.net/secrets/name-{n} 5+15 ×12 every 20
        ",
        expect![[r#"
            secret-fetch: Key Vault fetches, 12 of 12 calls, 165.0 ms, secrets_one_by_one (very likely)
        "#]],
    );
}

#[test]
fn old_names() {
    check_findings(
        "
        trace 1 style=sentry sdk=sentry.python/2.75.0
        server GET /report 0..900
          client aws.secretsmanager.GetSecretValue 5+40 ×12 every 60
        ",
        expect![[r#"
            secret-fetch: Secrets Manager fetches, 12 of 12 calls, 440.0 ms, secrets_one_by_one_or_again (likely)
        "#]],
    );
}

#[test]
fn a_process_that_starts() {
    check_findings(
        "
        server GET /report 0..900
          aws SSM.GetParameter 5+30 ×3 every 35
          aws Secrets_Manager.GetSecretValue 300+40 rpc.service=SecretsManager ×2 every 45
        ",
        expect![[""]],
    );
    // Their names are told, and they are different.
    check_findings(
        "
        server GET /report 0..300
          GET http://vault:8200/v1/secret/data/name-{n} 5+15 ×6 every 20
        ",
        expect![[""]],
    );
}

#[test]
fn few_that_do_not_tell_their_names() {
    check_findings(
        "
        trace 1 lang=python
        server GET /report 0..300
          aws SSM.GetParameter 5+15 ×4 every 20
          SELECT * FROM rows WHERE report_id = $1 150+20
        trace 2 lang=python
        server GET /jobs 0..400
          repeat ×8 every 40
            aws Secrets_Manager.GetSecretValue 5+20 rpc.service=SecretsManager
            SELECT * FROM rows WHERE report_id = $1 30+5
        ",
        expect![[r#"
            secret-fetch: Parameter Store fetches, 4 of 4 calls, 45.0 ms, secrets_one_by_one_or_again (likely)
            secret-fetch: Secrets Manager fetches, 8 of 8 calls, 140.0 ms, secrets_one_by_one_or_again (likely)
        "#]],
    );
    check_words(
        "
        trace 1 lang=python
        server GET /report 0..300
          aws SSM.GetParameter 5+15 ×4 every 20
        ",
        expect![[r#"
            Parameter Store fetches: 4 in one request, 15 ms each, one name at a time: 45 ms of the critical path (15.0%), one after the other. Their spans do not tell the names, so it is not known whether AWS Systems Manager Parameter Store is asked for one thing again and again, or for a different one each time. Either way the round trips are not needed: one value can be kept, different ones come in one answer. A look at the code that asks, or the audit log of AWS Systems Manager Parameter Store, decides. If this is the first request of a process, it is the start that is slow; if not, nothing keeps the values.
              4 × 15 ms: fetches and their median
              3: of them too many
        "#]],
    );
}

#[test]
fn somebody_who_waits_for_a_parameter() {
    check_findings(
        "
        server POST /deploy 0..9000
          aws SSM.GetParameter 5+150 ×8 every 1000
        ",
        expect![[""]],
    );
}

#[test]
fn a_program_that_runs_and_ends() {
    check_findings(
        "
        internal nightly 0..900
          aws SSM.GetParameter 5+30 ×20 every 35
        ",
        expect![[""]],
    );
}

#[test]
fn many_but_the_start_is_long() {
    check_findings(
        "
        server GET /report 0..9000
          aws SSM.GetParameter 5+15 ×14 every 20
        ",
        expect![[r#"
            unexplained-gap: Time without a span: GET /report, 1 of 1 calls, 8720.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn batches_and_pages() {
    check_findings(
        "
        server GET /config 0..900
          aws SSM.GetParametersByPath 5+30 ×12 every 35
          aws SSM.GetParameters 500+30 ×6 every 35
          aws Secrets_Manager.BatchGetSecretValue 800+30 ×2 every 35 rpc.service=SecretsManager
        ",
        expect![[""]],
    );
}

#[test]
fn the_cache_on_the_host() {
    check_findings(
        "
        server GET /report 0..600
          GET http://localhost:2773/secretsmanager/get?secretId=app/db 5+6 ×12 every 20
        ",
        expect![[""]],
    );
}

#[test]
fn waiting_for_a_value() {
    check_findings(
        "
        server POST /deploy 0..9000
          GET http://consul:8500/v1/kv/lock 5+20 ×8 every 1000
        ",
        expect![[""]],
    );
}

#[test]
fn a_store_that_fails() {
    check_findings(
        "
        server GET /report 0..900
          GET http://vault:8200/v1/secret/data/a 5+20 =404
          GET http://vault:8200/v1/secret/data/b 35+20 =404
          GET http://vault:8200/v1/secret/data/c 65+20 =404
          GET http://vault:8200/v1/secret/data/c 165+20
        ",
        expect![[""]],
    );
}

#[test]
fn other_operations_to_the_same_host() {
    check_findings(
        "
        server POST /run 0..900
          repeat ×12 every 60
            aws SSM.SendCommand 5+40
              POST https://ssm.eu-west-1.amazonaws.com/ 6+38
        ",
        expect![[r#"
            n-plus-one-http: N+1 calls: SSM.SendCommand, 12 of 12 calls, 480.0 ms, request_per_item (likely)
        "#]],
    );
}

/// Requests of 60 ms with `calls` in them, then some without.
fn requests(header: &str, with: u32, calls: &str, without: u32) -> String {
    let mut text =
        format!("trace 1 {header} ×{with} every 100\nserver GET /report 0..60\n{calls}\n");
    if without > 0 {
        text.push_str(&format!(
            "trace 1 {header} at=1000000 ×{without} every 100\nserver GET /report 0..60\n"
        ));
    }
    text
}

#[test]
fn one_in_every_request() {
    let text = |call: &str| requests("lang=go", 60, call, 10);
    check_issues(
        &[
            &text("  aws SSM.GetParameter 5+12"),
            &text("  aws SSM.GetParameters 5+12"),
            &text("  GET http://vault:8200/v1/secret/data/app 5+6 ×2 every 8"),
            &text("  GET http://unleash/api/client/features 5+12"),
            &text(
                "  client google.cloud.secretmanager.v1.SecretManagerService/AccessSecretVersion \
                 5+9 rpc.system=grpc",
            ),
        ],
        expect![[r#"
            secret-fetch: Parameter Store fetches, 0 traces, 60 of 70 requests 17.1%, secret_per_request (likely) | Read it when the program starts, and again after some minutes
            secret-fetch: Parameter Store fetches, 0 traces, 60 of 70 requests 17.1%, secret_per_request (likely) | Read it when the program starts, and again after some minutes
            secret-fetch: Vault fetches, 0 traces, 60 of 70 requests 17.1%, secret_per_request (likely) | Read it when the program starts, and again after some minutes
            secret-fetch: Feature-flag fetches, 0 traces, 60 of 70 requests 17.1%, secret_per_request (likely) | Make one client of the flag SDK for the process
            secret-fetch: Secret Manager fetches, 0 traces, 60 of 70 requests 12.9%, secret_per_request (likely) | Read it when the program starts, and again after some minutes
        "#]],
    );
}

#[test]
fn both_forms_are_one_issue() {
    let some = "  GET http://vault:8200/v1/secret/data/app 5+6 ×2 every 8";
    let more = "  GET http://vault:8200/v1/secret/data/app 5+12 ×4 every 13";
    let text = format!(
        "{}{}",
        requests("lang=ruby", 40, some, 0),
        requests("lang=ruby at=100000", 40, more, 0)
    );
    check_issues(
        &[&text],
        expect![[r#"
        secret-fetch: Vault fetches, 40 traces, 80 of 80 requests 50.0%, same_secret_again (very likely), secret_per_request (very likely) | Read it once, and again after some minutes
    "#]],
    );
}

#[test]
fn in_every_request_and_fine() {
    let cached = "  GET http://localhost:2773/systemsmanager/parameters/get?name=a 5+2";
    let of_one_user = "  POST https://edge.api.flagsmith.com/api/v1/identities 5+12";
    check_issues(
        &[
            &requests("", 60, "  aws SSM.GetParametersByPath 5+12 ×2 every 15", 0),
            &requests("", 60, cached, 0),
            &requests("", 6, "  aws SSM.GetParameter 5+12", 60),
            &requests("", 29, "  aws SSM.GetParameter 5+12", 0),
            &requests("", 60, "  GET http://consul/v1/kv/a 5+0.3", 0),
            &requests("", 60, of_one_user, 0),
        ],
        expect![[""]],
    );
}
