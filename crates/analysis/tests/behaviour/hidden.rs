//! Calls that no well-named span shows.

use expect_test::expect;

use super::draw::check;

const GETS: &str = "
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2060+5
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 2066+4";

/// Three uploads; `before` is what each lookup starts with.
fn uploads(header: &str, before: &str) -> String {
    format!(
        "
        trace 1 {header}
        server POST /up 0..7500
          internal UploadsController#up 10..7490
           repeat ×3 every 2200
            {before}{GETS}
            PUT https://bucket.s3.amazonaws.com/k 2100+80
        "
    )
}

#[test]
fn a_nameless_span_before_the_list_call() {
    let header = "style=sentry sdk=sentry.ruby/6.6.2";
    check(
        &uploads(header, "client - 20+2035 !error =500"),
        expect![[r#"
        http `POST /up`: 7500.0 ms = credential_lookup 6132.0 http 240.0 own 1128.0
          aws-imds: 3 lookups, 9 calls, 6132.0 ms, hidden 6105.0 ms
          -> AWS credential lookups 81.8%: token_response_lost (very likely) | Allow the token answer one more hop
    "#]],
    );
    // Somebody else's nameless call does not belong to the lookup.
    check(
        &uploads(header, "client - 20+1000 !error"),
        expect![[r#"
            http `POST /up`: 7500.0 ms = credential_lookup 27.0 http 3240.0 own 4233.0
              aws-imds: 3 lookups, 6 calls, 27.0 ms, hidden 0.0 ms
              -> Time-outs: a call without a name 40.0%: calls_time_out (likely) | Set time-outs that fit what the user waits for
        "#]],
    );
}

#[test]
fn a_gap_where_the_sdk_drops_the_span() {
    check(
        &uploads("style=sentry-5 sdk=sentry.ruby/5.3.0", "# nothing"),
        expect![[r#"
        http `POST /up`: 7500.0 ms = credential_lookup 6027.0 http 240.0 own 1233.0
          aws-imds: 3 lookups, 9 calls, 6027.0 ms, hidden 6000.0 ms
          -> AWS credential lookups 80.4%: token_response_lost (likely) | Allow the token answer one more hop
    "#]],
    );
    // The same gap means nothing where spans of time-outs are kept.
    check(
        &uploads("style=sentry sdk=sentry.ruby/6.6.2", "# nothing"),
        expect![[r#"
        http `POST /up`: 7500.0 ms = credential_lookup 27.0 http 240.0 own 7233.0
          aws-imds: 3 lookups, 6 calls, 27.0 ms, hidden 0.0 ms
    "#]],
    );
    check(
        &uploads("style=otel lang=ruby", "# nothing"),
        expect![[r#"
        http `POST /up`: 7500.0 ms = credential_lookup 27.0 http 240.0 own 7233.0
          aws-imds: 3 lookups, 6 calls, 27.0 ms, hidden 0.0 ms
    "#]],
    );
}

#[test]
fn work_before_the_lookup_is_not_a_gap() {
    let header = "style=sentry-5 sdk=sentry.ruby/5.3.0";
    check(
        &uploads(header, "SELECT 1 20+1000"),
        expect![[r#"
        http `POST /up`: 7500.0 ms = credential_lookup 27.0 database 3000.0 http 240.0 own 4233.0
          aws-imds: 3 lookups, 6 calls, 27.0 ms, hidden 0.0 ms
    "#]],
    );
}

#[test]
fn early_refreshes_are_not_time_outs() {
    // One slow stretch among many refreshes does not make a lost token.
    check(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server POST /up 0..4000
          internal UploadsController#up 0..3990
            repeat ×8 every 150
              GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 2460+20
              GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 2490+20
        ",
        expect![[r#"
            http `POST /up`: 4000.0 ms = credential_lookup 320.0 own 3680.0
              aws-imds: 8 lookups, 16 calls, 320.0 ms, hidden 0.0 ms
              -> AWS credential lookups 8.0%: refresh_window (likely) | Hand out credentials that live longer than the refresh window
        "#]],
    );
}

#[test]
fn several_time_outs_fit_a_longer_gap() {
    check(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server POST /up 0..18000
          repeat ×2 every 8600
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 8200+5
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 8210+5
            PUT https://bucket.s3.amazonaws.com/k 8220+300
        ",
        expect![[r#"
            http `POST /up`: 18000.0 ms = credential_lookup 16020.0 http 600.0 own 1380.0
              aws-imds: 2 lookups, 6 calls, 16020.0 ms, hidden 16000.0 ms
              -> AWS credential lookups 89.0%: token_response_lost (likely) | Allow the token answer one more hop
        "#]],
    );
}
