//! The decision table, a row at a time.

use expect_test::expect;

use super::draw::check;

/// `lookups` lookups 100 ms apart, each as drawn in `calls`.
fn lookups(header: &str, lookups: u32, calls: &str) -> String {
    format!("trace 1 {header}\nserver GET /r 0..1000\n  repeat ×{lookups} every 100\n{calls}")
}

const TRIPLET: &str = "
    PUT http://169.254.169.254/latest/api/token 10+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 20+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 30+10
";

const PAIR: &str = "
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 20+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 30+10
";

#[test]
fn triplets_by_language() {
    check(
        &lookups("lang=ruby", 3, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 90.0 own 910.0
          aws-imds: 3 lookups, 9 calls, 90.0 ms, hidden 0.0 ms
          -> AWS credential lookups 9.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
    check(
        &lookups("lang=ruby", 2, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 60.0 own 940.0
          aws-imds: 2 lookups, 6 calls, 60.0 ms, hidden 0.0 ms
          -> AWS credential lookups 6.0%: new_provider_per_use (likely) | Share one provider between all clients
    "#]],
    );
    check(
        &lookups("lang=go", 3, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 90.0 own 910.0
          aws-imds: 3 lookups, 9 calls, 90.0 ms, hidden 0.0 ms
          -> AWS credential lookups 9.0%: new_provider_per_use (very likely) | Load one aws.Config when the program starts
    "#]],
    );
    check(
        &lookups("lang=nodejs", 3, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 90.0 own 910.0
          aws-imds: 3 lookups, 9 calls, 90.0 ms, hidden 0.0 ms
          -> AWS credential lookups 9.0%: new_provider_or_refresh (likely) | Create the client once, or share one provider
    "#]],
    );
    check(
        &lookups("lang=python", 3, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 90.0 own 910.0
          aws-imds: 3 lookups, 9 calls, 90.0 ms, hidden 0.0 ms
          -> AWS credential lookups 9.0%: new_provider_or_refresh (likely) | Keep one boto3 session for each process
    "#]],
    );
    check(
        &lookups("", 3, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 90.0 own 910.0
          aws-imds: 3 lookups, 9 calls, 90.0 ms, hidden 0.0 ms
          -> AWS credential lookups 9.0%: new_provider_or_refresh (possible) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn one_lookup_is_a_warm_up() {
    check(
        &lookups("lang=ruby", 1, TRIPLET),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 30.0 own 970.0
          aws-imds: 1 lookups, 3 calls, 30.0 ms, hidden 0.0 ms
    "#]],
    );
}

#[test]
fn pairs_are_refreshes() {
    check(
        &lookups("lang=ruby", 5, PAIR),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 100.0 own 900.0
          aws-imds: 5 lookups, 10 calls, 100.0 ms, hidden 0.0 ms
          -> AWS credential lookups 10.0%: refresh_window (likely) | Hand out credentials that live longer than the refresh window
    "#]],
    );
    check(
        &lookups("lang=python", 5, PAIR),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 100.0 own 900.0
          aws-imds: 5 lookups, 10 calls, 100.0 ms, hidden 0.0 ms
          -> AWS credential lookups 10.0%: undetermined (undetermined) | Keep one boto3 session for each process
    "#]],
    );
}

#[test]
fn new_providers_that_refresh_as_well() {
    let calls = format!("{TRIPLET}{}", PAIR.replace(" 20+", " 50+").replace(" 30+", " 60+"));
    check(
        &lookups("lang=ruby", 4, &calls),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 200.0 own 800.0
          aws-imds: 8 lookups, 20 calls, 200.0 ms, hidden 0.0 ms
          -> AWS credential lookups 20.0%: new_provider_per_use (likely) | Share one provider between all clients
    "#]],
    );
}

#[test]
fn a_token_that_is_lost_or_refused() {
    let lost = "
    PUT http://169.254.169.254/latest/api/token 10+50 !timeout
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 60+10
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 70+10
    ";
    // 50 ms are no time-out of any SDK, whatever the span says.
    check(
        &lookups("lang=python", 3, lost),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 210.0 own 790.0
          aws-imds: 3 lookups, 9 calls, 210.0 ms, hidden 0.0 ms
          -> AWS credential lookups 21.0%: new_provider_or_refresh (likely) | Keep one boto3 session for each process
    "#]],
    );
    let refused = TRIPLET.replacen("10+10", "10+10 =403", 1);
    check(
        &lookups("lang=ruby", 3, &refused),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 90.0 own 910.0
          aws-imds: 3 lookups, 9 calls, 90.0 ms, hidden 0.0 ms
          -> AWS credential lookups 9.0%: new_provider_per_use (very likely) | Share one provider between all clients
    "#]],
    );
    check(
        "
        trace 1 lang=python
        server GET /r 0..5000
          repeat ×2 every 2000
            PUT http://169.254.169.254/latest/api/token 10+1003 !timeout
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 1014+1
            GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role 1016+1
        ",
        expect![[r#"
            http `GET /r`: 5000.0 ms = credential_lookup 2010.0 own 2990.0
              aws-imds: 2 lookups, 6 calls, 2010.0 ms, hidden 0.0 ms
              -> AWS credential lookups 40.2%: token_response_lost (very likely) | Allow the token answer one more hop
        "#]],
    );
}

#[test]
fn lookups_that_fail() {
    let calls = "
    PUT http://169.254.169.254/latest/api/token 10+5
    GET http://169.254.169.254/latest/meta-data/iam/security-credentials/ 20+5 =503
    ";
    check(
        &lookups("lang=ruby", 6, calls),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 60.0 own 940.0
              aws-imds: 6 lookups, 12 calls, 60.0 ms, hidden 0.0 ms
              -> AWS credential lookups 6.0%: lookups_fail (likely) | Give the instance a role, or tell the SDK not to ask
        "#]],
    );
}

#[test]
fn other_endpoints() {
    for call in [
        "GET http://169.254.170.2/v2/credentials/0f6c-11 10+20",
        "GET http://169.254.170.23/v1/credentials 10+20",
        "GET http://127.0.0.1:1338/creds 10+20",
        "GET http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token 10+20",
        "GET http://169.254.169.254/metadata/identity/oauth2/token?resource=x 10+20",
        "GET http://localhost:42356/msi/token?resource=x 10+20",
        "GET http://100.100.100.200/latest/meta-data/ram/security-credentials/app 10+20",
        "POST https://auth.eu-frankfurt-1.oraclecloud.com/v1/x509 10+20",
        "POST https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a:generateAccessToken 10+20",
        "POST http://vault:8200/v1/auth/approle/login 10+20",
        "aws STS.AssumeRoleWithWebIdentity 10+20",
        "aws EKS_Auth.AssumeRoleForPodIdentity 10+20 rpc.service=EKSAuth",
    ] {
        let text = lookups("lang=nodejs", 4, &format!("    {call}\n"));
        check_all(&text);
    }
    fn check_all(text: &str) {
        let records = super::draw::records(text);
        assert_eq!(records[0].findings.len(), 1, "{text}");
    }
    check(
        &lookups("lang=nodejs", 4, "    GET http://169.254.170.23/v1/credentials 10+20\n"),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 80.0 own 920.0
              aws-eks: 4 lookups, 4 calls, 80.0 ms, hidden 0.0 ms
              -> AWS credential lookups 8.0%: new_provider_or_refresh (likely) | Create the client once, or share one provider
        "#]],
    );
    check(
        &lookups(
            "lang=go",
            4,
            "    GET http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token 10+20\n",
        ),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 80.0 own 920.0
              gcp-metadata: 4 lookups, 4 calls, 80.0 ms, hidden 0.0 ms
              -> Google Cloud token lookups 8.0%: cloud_token_per_use (likely) | Create the credentials object once and share it
        "#]],
    );
}

#[test]
fn other_clouds_and_vault() {
    check(
        &lookups(
            "lang=go",
            4,
            "
    PUT http://100.100.100.200/latest/api/token 10+10
    GET http://100.100.100.200/latest/meta-data/ram/security-credentials/ 20+10
    GET http://100.100.100.200/latest/meta-data/ram/security-credentials/app 30+10
    GET http://169.254.169.254/opc/v2/identity/cert.pem 50+5
    GET http://169.254.169.254/opc/v2/identity/key.pem 56+5
    POST https://auth.eu-frankfurt-1.oraclecloud.com/v1/x509 62+20
",
        ),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 240.0 own 760.0
              alibaba-metadata: 4 lookups, 12 calls, 120.0 ms, hidden 0.0 ms
              oci-metadata: 4 lookups, 12 calls, 120.0 ms, hidden 0.0 ms
              -> Alibaba Cloud credential lookups 12.0%: cloud_credentials_per_use (likely) | Create the credentials object once and share it
              -> Oracle Cloud credential lookups 12.0%: cloud_credentials_per_use (likely) | Create the credentials object once and share it
        "#]],
    );
    check(
        &lookups(
            "lang=python",
            4,
            "
    POST http://vault:8200/v1/auth/approle/login 10+15
    GET http://vault:8200/v1/secret/data/app 26+8
",
        ),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 60.0 secret_fetch 32.0 own 908.0
              vault-auth: 4 lookups, 4 calls, 60.0 ms, hidden 0.0 ms
              vault: 4 lookups, 4 calls, 32.0 ms, hidden 0.0 ms
              -> Vault logins 6.0%: login_per_use (likely) | Log in once and keep the client
              -> Vault fetches 2.4%: same_secret_again (very likely) | Read it once, and again after some minutes
        "#]],
    );
}

#[test]
fn who_am_i() {
    let calls = "
    aws STS.GetCallerIdentity 10+40
      POST https://sts.eu-west-1.amazonaws.com/ 12+36\n";
    check(
        &lookups("lang=python", 4, calls),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 160.0 own 840.0
              aws-identity: 4 lookups, 4 calls, 160.0 ms, hidden 0.0 ms
              -> AWS identity checks 16.0%: identity_asked_per_use (likely) | Remember the account when the process starts
        "#]],
    );
    // One that checks who somebody is, and the role it then takes.
    check(
        &lookups("lang=python", 1, &format!("{calls}    aws STS.AssumeRole 60+30\n")),
        expect![[r#"
            http `GET /r`: 1000.0 ms = credential_lookup 70.0 own 930.0
              aws-identity: 1 lookups, 1 calls, 40.0 ms, hidden 0.0 ms
              aws-sts: 1 lookups, 1 calls, 30.0 ms, hidden 0.0 ms
        "#]],
    );
}

#[test]
fn an_assumed_role_is_one_call() {
    let calls = "
    aws STS.AssumeRole 10+40
      POST https://sts.eu-west-1.amazonaws.com/ 12+36
    ";
    check(
        &lookups("lang=python", 4, calls),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 160.0 own 840.0
          aws-sts: 4 lookups, 4 calls, 160.0 ms, hidden 0.0 ms
          -> AWS role assumptions 16.0%: role_assumed_per_use (likely) | Keep one boto3 session for each process
    "#]],
    );
}

#[test]
fn what_is_no_lookup() {
    for call in [
        "GET http://169.254.169.254/latest/meta-data/instance-id 10+20",
        "GET http://127.0.0.1:8080/users/7 10+20",
        "GET http://credentials.example.com/credentials 10+20",
        "aws S3.PutObject 10+20",
        "aws STS.DecodeAuthorizationMessage 10+20",
        "GET http://169.254.170.2/v4/{n}/task 10+20",
        "GET http://169.254.170.23/healthz 10+20",
        "GET http://metadata.google.internal/computeMetadata/v1/project/project-id 10+20",
        "GET http://169.254.169.254/metadata/identity/info 10+20",
        "GET http://100.100.100.200/latest/meta-data/instance-id 10+20",
        "POST https://sts.googleapis.com/v1/token 10+20",
        "PUT http://vault:8200/v1/auth/token/renew-self 10+20",
        "GET http://vault:8200/v1/auth/token/lookup-self 10+20",
        "GET http://169.254.169.254/opc/v2/identity/key.pem 10+20",
        "POST https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/a:signBlob 10+20",
    ] {
        let text = lookups("lang=ruby", 8, &format!("    {call}\n"));
        let records = super::draw::records(&text);
        assert!(records[0].findings.is_empty() && records[0].uses.is_empty(), "{call}");
    }
}

#[test]
fn too_cheap_to_mention() {
    // 9 ms of a second are below the share, 18 ms of 180 below the time.
    let cheap = TRIPLET.replace("+10", "+1");
    check(
        &lookups("lang=ruby", 3, &cheap),
        expect![[r#"
        http `GET /r`: 1000.0 ms = credential_lookup 9.0 own 991.0
          aws-imds: 3 lookups, 9 calls, 9.0 ms, hidden 0.0 ms
    "#]],
    );
    check(
        &lookups("lang=ruby", 6, &cheap)
            .replace("0..1000", "0..180")
            .replace("every 100", "every 20"),
        expect![[r#"
            http `GET /r`: 180.0 ms = credential_lookup 13.0 own 167.0
              aws-imds: 6 lookups, 18 calls, 13.0 ms, hidden 0.0 ms
        "#]],
    );
}
