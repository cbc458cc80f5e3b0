//! Checks of the embedded files: everything they name exists and is complete.

use std::collections::BTreeSet;

use super::*;

const CLASSES: [&str; 3] = ["credential_lookup", "token_fetch", "secret_fetch"];
const STEPS: [&str; 4] = ["token", "list", "credentials", "other"];
const STEPS_OF_FETCHES: [&str; 3] = ["list", "batch", "other"];
const LANGUAGES: [&str; 9] =
    ["ruby", "python", "javascript", "go", "java", "php", "dotnet", "rust", "unknown"];
const KINDS: [&str; 3] = ["code", "configuration", "broker"];

fn read() -> Knowledge {
    Knowledge::read().expect("the embedded files parse")
}

#[test]
fn families_are_complete() {
    let families = read().families;
    let ids: BTreeSet<&str> = families.all().iter().map(|f| f.id.as_str()).collect();
    assert_eq!(ids.len(), families.all().len(), "ids are unique");
    for family in families.all() {
        assert!(CLASSES.contains(&family.class.as_str()), "{}", family.id);
        assert!(!family.subject.is_empty() && !family.endpoint.is_empty());
        assert!(!(family.http.is_empty() && family.rpc.is_empty()));
        let credentials = family.class == "credential_lookup";
        let steps = family.http.iter().map(|r| &r.step);
        let known: &[&str] = if credentials { &STEPS } else { &STEPS_OF_FETCHES };
        for step in steps.chain(family.rpc.iter().map(|r| &r.step)) {
            assert!(step.is_some() || !credentials, "{}", family.id);
            assert!(step.iter().all(|s| known.contains(&s.as_str())), "{}", family.id);
        }
        let causes = [&family.per_use, &family.per_request];
        for cause in causes.into_iter().flatten() {
            assert!(read().causes.get(cause).is_some(), "{}: {cause}", family.id);
        }
        assert!(family.steps.iter().all(|s| STEPS.contains(&s.as_str())));
        assert_eq!(family.steps.last().map(String::as_str), credentials.then_some("credentials"));
        let upper = |rule: &families::HttpRule| rule.method == rule.method.to_uppercase();
        assert!(family.http.iter().all(upper), "{}", family.id);
    }
}

#[test]
fn sdks_cover_every_language() {
    let sdks = read().sdks;
    for language in LANGUAGES {
        let sdk = sdks.aws(language).expect("every language has an SDK");
        assert_eq!(sdk.language, language);
        assert!(sdk.token_timeouts_ms.iter().all(|ms| *ms > 0));
        assert!(!sdk.token_timeouts_ms.is_empty(), "{language}");
    }
    assert_eq!(sdks.aws_all().len(), LANGUAGES.len());
    let ruby = sdks.telemetry("sentry.ruby.rails").expect("a package");
    assert!(ruby.drops_timed_out("5.3.0") && !ruby.drops_timed_out("6.6.2"));
    assert!(!ruby.drops_timed_out("") && ruby.is_flat("5.28.1"));
    assert!(sdks.telemetry("sentry.rubymotion").is_none());
}

#[test]
fn causes_use_the_figures_of_their_file_only() {
    let mut codes = BTreeSet::new();
    for (file, text) in CAUSES {
        let area: causes::CausesFile = parse(file, text).expect("a file of causes");
        let figures = area.figures.iter().map(|name| (name.as_str(), String::new()));
        let figures: Vec<(&str, String)> = figures.collect();
        for cause in &area.causes {
            let filled = causes::fill(&cause.text, &figures);
            assert!(!filled.contains(['{', '}']), "{file}: unknown figure in: {}", cause.text);
            assert!(codes.insert(cause.code.clone()), "{file}: {} is there twice", cause.code);
            assert!(!cause.title.is_empty(), "{file}: {}", cause.code);
        }
        for figure in &area.figures {
            let used = text.contains(&format!("{{{figure}}}"));
            assert!(used, "{file}: no text uses the figure {figure}");
        }
    }
    assert!(read().causes.health(true).contains("slow"));
}

#[test]
fn fixes_name_what_exists() {
    let knowledge = read();
    for fix in knowledge.fixes.all() {
        assert!(KINDS.contains(&fix.kind.as_str()), "{}", fix.title);
        assert!(LANGUAGES.contains(&fix.language.as_str()), "{}", fix.title);
        assert!(!fix.title.is_empty() && !fix.note.is_empty());
        for cause in &fix.causes {
            assert!(knowledge.causes.get(cause).is_some(), "{cause}");
        }
        for family in &fix.families {
            assert!(knowledge.families.get(family).is_some(), "{family}");
        }
    }
}

#[test]
fn every_cause_has_a_fix_in_every_family_it_can_occur_in() {
    let knowledge = read();
    let occurs = [
        ("new_provider_per_use", "aws-imds"),
        ("new_provider_or_refresh", "aws-imds"),
        ("new_provider_or_refresh", "aws-container"),
        ("refresh_window", "aws-imds"),
        ("token_response_lost", "aws-imds"),
        ("lookups_fail", "aws-ecs"),
        ("role_assumed_per_use", "aws-sts"),
        ("cloud_token_per_use", "gcp-metadata"),
        ("credentials_not_shared", "aws-imds"),
        ("undetermined", "aws-eks"),
    ];
    for (cause, family) in occurs {
        for language in LANGUAGES {
            let fixes = knowledge.fixes.against(cause, family, language);
            let role = cause == "role_assumed_per_use" || cause == "cloud_token_per_use";
            assert!(fixes.len() > usize::from(!role), "{cause} {family} {language}");
        }
    }
    for family in knowledge.families.all() {
        for cause in causes_of(family) {
            for language in LANGUAGES {
                let fixes = knowledge.fixes.against(cause, &family.id, language);
                assert!(!fixes.is_empty(), "{cause} {} {language}", family.id);
            }
        }
    }
}

/// What may be said about calls of a family.
fn causes_of(family: &Family) -> Vec<&str> {
    let own = [&family.per_use, &family.per_request].into_iter().flatten().map(String::as_str);
    let common: &[&str] = match (family.class.as_str(), family.id.as_str()) {
        (_, "aws-identity") => &["lookups_fail"],
        ("credential_lookup", _) => {
            &["lookups_fail", "credentials_not_shared", "credentials_not_shared_and_repeated"]
        }
        ("token_fetch", "oidc-keys") => &["keys_per_use", "keys_per_request"],
        ("token_fetch", _) => &["token_per_use", "token_per_request"],
        _ => &[
            "same_secret_again",
            "secrets_one_by_one",
            "secrets_one_by_one_or_again",
            "secret_per_request",
        ],
    };
    own.chain(common.iter().copied()).collect()
}

/// Requests by method, host and path, and the family and step they are of.
fn check_requests(cases: &[(&str, &str, &str, &str)]) {
    let families = read().families;
    for (method, host, path, expected) in cases {
        let found = families.http(method, host, path).map_or("none".to_owned(), |found| {
            format!("{} {}", found.family, found.step.unwrap_or("-"))
        });
        assert_eq!(found, *expected, "{method} http://{host}{path}");
    }
}

#[test]
fn credential_lookups_are_recognised() {
    check_requests(&[
        ("PUT", "169.254.169.254", "/latest/api/token", "aws-imds token"),
        ("PUT", "127.0.0.1", "//latest/api/token/", "aws-imds token"),
        ("GET", "169.254.169.254", "/latest/meta-data/iam/security-credentials/", "aws-imds list"),
        (
            "GET",
            "fd00:ec2::254",
            "/latest/meta-data/iam/security-credentials/r",
            "aws-imds credentials",
        ),
        ("GET", "169.254.169.254", "/latest/meta-data/instance-id", "none"),
        ("GET", "169.254.170.2", "/v2/credentials/1-2", "aws-ecs credentials"),
        ("GET", "169.254.170.2", "/v4/1-2/task", "none"),
        ("GET", "169.254.170.23", "/v1/credentials", "aws-eks credentials"),
        ("GET", "127.0.0.1", "/creds", "aws-container credentials"),
        ("POST", "127.0.0.1", "/creds", "none"),
        ("GET", "localhost", "/2016-11-01/credentialprovider/", "aws-container credentials"),
        ("GET", "api.example.com", "/creds", "none"),
        ("POST", "sts.eu-west-1.amazonaws.com", "/", "aws-sts credentials"),
        (
            "GET",
            "metadata.google.internal",
            "/computeMetadata/v1/instance/service-accounts/default/token",
            "gcp-metadata credentials",
        ),
        ("GET", "169.254.169.254", "/metadata/identity/oauth2/token", "azure-imds credentials"),
        ("PUT", "100.100.100.200", "/latest/api/token", "alibaba-metadata token"),
        (
            "GET",
            "100.100.100.200",
            "/latest/meta-data/ram/security-credentials/r",
            "alibaba-metadata credentials",
        ),
        ("GET", "169.254.169.254", "/opc/v2/identity/cert.pem", "oci-metadata list"),
        ("GET", "169.254.169.254", "/opc/v2/identity/key.pem", "oci-metadata other"),
        ("POST", "auth.eu-frankfurt-1.oraclecloud.com", "/v1/x509", "oci-metadata credentials"),
        ("GET", "localhost", "/MSI/token/", "azure-imds credentials"),
        (
            "POST",
            "iamcredentials.googleapis.com",
            "/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:generateAccessToken",
            "gcp-impersonation credentials",
        ),
        (
            "POST",
            "iamcredentials.googleapis.com",
            "/v1/projects/-/serviceAccounts/a@b.iam.gserviceaccount.com:signBlob",
            "none",
        ),
        ("POST", "vault", "/v1/auth/kubernetes/login", "vault-auth credentials"),
        ("PUT", "vault", "/v1/auth/userpass/login/app", "vault-auth credentials"),
        ("PUT", "vault", "/v1/auth/token/renew-self", "vault-auth other"),
    ]);
}

#[test]
fn tokens_and_keys_are_recognised() {
    check_requests(&[
        ("GET", "idp.example", "/realms/x/.well-known/openid-configuration", "oidc-keys list"),
        ("GET", "idp.example", "/realms/x/protocol/openid-connect/certs", "oidc-keys -"),
        ("POST", "idp.example", "/realms/x/protocol/openid-connect/token", "oauth-token -"),
        ("POST", "idp.example", "/oauth2/default/v1/token", "oauth-token -"),
        ("POST", "idp.example", "/realms/x/protocol/openid-connect/token/introspect", "none"),
        ("GET", "idp.example", "/realms/x/protocol/openid-connect/userinfo", "none"),
        ("GET", "idp.example", "/oauth2/token", "none"),
    ]);
}

#[test]
fn secrets_are_recognised() {
    check_requests(&[
        ("GET", "vault", "/v1/secret/data/app", "vault -"),
        ("GET", "vault.service.consul", "/v1/team/data/app", "vault -"),
        ("GET", "vault", "/v1/sys/health", "vault other"),
        ("GET", "api.example.com", "/v1/team/data/app", "none"),
        ("GET", "api.example.com", "/v1/files/metadata/7", "none"),
        (
            "GET",
            "secretmanager.googleapis.com",
            "/v1/projects/p/secrets/s/versions/latest:access",
            "gcp-secrets -",
        ),
        ("GET", "secretmanager.googleapis.com", "/v1/projects/p/secrets", "gcp-secrets other"),
        ("GET", "prod.vault.azure.net", "/secrets/db/0123", "azure-key-vault -"),
        ("GET", "prod.vault.azure.net", "/secrets", "azure-key-vault other"),
        ("GET", "prod.vault.azure.net", "/keys/db", "none"),
        ("GET", "consul", "/v1/kv/app/db", "consul-kv -"),
        ("GET", "consul", "/v1/health/service/web", "none"),
        ("POST", "secretsmanager.eu-west-1.amazonaws.com", "/", "aws-secrets -"),
        ("GET", "localhost", "/secretsmanager/get", "aws-secrets other"),
        ("GET", "unleash", "/api/client/features", "feature-flags batch"),
        ("POST", "unleash", "/api/client/metrics", "none"),
        ("POST", "edge.api.flagsmith.com", "/api/v1/identities", "none"),
        ("GET", "api.example.com", "/users/1", "none"),
    ]);
}

#[test]
fn operations_are_recognised() {
    let families = read().families;
    let assumed = families.rpc("STS", "AssumeRole").expect("an SDK operation");
    assert_eq!((assumed.step, assumed.template.as_str()), (Some("credentials"), "STS.AssumeRole"));
    for (service, method, expected) in [
        ("STS", "GetCallerIdentity", Some(("aws-identity", Some("credentials")))),
        ("Secrets Manager", "GetSecretValue", Some(("aws-secrets", None))),
        ("SSM", "GetParameters", Some(("aws-parameters", Some("batch")))),
        ("SSM", "GetParametersByPath", Some(("aws-parameters", Some("other")))),
        ("SSM", "SendCommand", None),
    ] {
        let found = families.rpc(service, method).map(|found| (found.family, found.step));
        assert_eq!(found, expected, "{service}.{method}");
    }
}

#[test]
fn what_repeats_by_nature_is_recognised() {
    let natural = read().natural;
    for (operation, by_nature) in [
        ("SELECT orders", false),
        ("SELECT", true),
        ("BEGIN", true),
        ("commit", true),
        ("getMore orders", true),
        ("find users", false),
        ("SET", true),
        ("", true),
    ] {
        assert_eq!(natural.is_statement(operation), by_nature, "{operation}");
    }
    for (host, operation, by_nature) in [
        ("api", "GET /users/{id}", false),
        ("api", "GET /healthz/", true),
        ("api", "POST /graphql", true),
        ("api", "POST /graphql (query GetUser)", false),
        ("bucket.s3.eu-west-1.amazonaws.com", "PUT /{id}", true),
        ("s3.eu-west-1.amazonaws.com", "PUT /b/{id}", true),
        ("docs3.example.com", "GET /{id}", false),
        ("127.0.0.3", "PUT /bucket/{id}", true),
        ("127.0.0.3", "PUT /bucket/{id}/page-{id}.html", true),
        ("minio.internal", "PUT /v1/{id}/letter", true),
        ("docs", "PUT /v1/letters/{id}.pdf", true),
        ("users", "PUT /v1/users/{id}/avatar", true),
        ("stock", "PUT /v1/stock/{id}/reservation", false),
        ("stock", "PUT /orders/{id}/state", false),
        ("shop", "PUT /api/carts/{id}", false),
        ("api", "GET /items?page", false),
    ] {
        assert_eq!(natural.is_request(host, operation), by_nature, "{host} {operation}");
    }
    for (operation, list) in [
        ("GET /v1/reviews", true),
        ("GET /v1/search", true),
        ("GET /v1/me", false),
        ("GET /v1/users/{id}", false),
        ("GET /v1/status", false),
    ] {
        assert_eq!(natural.is_list(operation), list, "{operation}");
    }
    assert!(natural.is_operation("S3.PutObject") && !natural.is_operation("DynamoDB.GetItem"));
}

#[test]
fn what_is_long_or_large_by_nature_is_recognised() {
    let natural = read().natural;
    for (operation, long) in [
        ("CREATE INDEX", true),
        ("vacuum", true),
        ("COPY orders", true),
        ("SELECT orders", false),
        ("INSERT orders", false),
    ] {
        assert_eq!(natural.is_long_statement(operation), long, "{operation}");
    }
    for (host, operation, file) in [
        ("api", "GET /items", false),
        ("api", "GET /reports/{id}.PDF", true),
        ("api", "GET /files/{id}", true),
        ("api", "GET /profiles/{id}", false),
        ("api", "GET /items?download", false),
        ("bucket.s3.eu-west-1.amazonaws.com", "GET /{id}", true),
    ] {
        assert_eq!(natural.is_file_request(host, operation), file, "{host} {operation}");
    }
    assert!(natural.is_file_type(" Image/PNG") && !natural.is_file_type("application/json"));
    assert!(natural.is_waiting_word("PG_SLEEP") && !natural.is_waiting_word("orders"));
}

#[test]
fn logins_are_recognised() {
    let logins = read().logins;
    for (name, is_login) in [
        ("POST /login", true),
        ("POST /users/sign-in", true),
        ("SignInController#create", true),
        ("GET /oauth/callback", true),
        ("POST /realms/{realm}/protocol/openid-connect/token", true),
        ("SessionsController#create", true),
        ("GET /authors/{id}", false),
        ("GET /associations", false),
        ("POST /orders", false),
        ("tokenise", false),
    ] {
        assert_eq!(logins.is_login(name), is_login, "{name}");
    }
    for (name, is_exchange) in [
        ("TokenExchange.forUser", true),
        ("impersonate user", true),
        ("on-behalf-of", true),
        ("call api", false),
        ("robot", false),
    ] {
        assert_eq!(logins.is_exchange(name), is_exchange, "{name}");
    }
}

#[test]
fn time_outs_are_complete_and_found() {
    const CALLS: [&str; 7] = ["http", "rpc", "database", "cache", "queue", "connect", "dns"];
    let timeouts = read().timeouts;
    for timeout in timeouts.all() {
        assert!(timeout.ms >= 500 && !timeout.kinds.is_empty(), "{}", timeout.what);
        assert!(
            timeout.kinds.iter().all(|kind| CALLS.contains(&kind.as_str())),
            "{}",
            timeout.what
        );
        let known = timeout.languages.iter().all(|slug| LANGUAGES.contains(&slug.as_str()));
        assert!(known, "{}", timeout.what);
        assert!(!timeout.what.ends_with('.') && !timeout.what.is_empty(), "{}", timeout.what);
    }
    let what = |language, kind, goes_on, wanted| {
        let found = timeouts.find(language, kind, goes_on, |ms| ms == wanted);
        found.map_or("-", |found| found.what.split(' ').nth(3).unwrap_or("-"))
    };
    assert_eq!(what("ruby", "http", false, 60_000), "Net::HTTP");
    assert_eq!(what("go", "http", false, 60_000), "nginx");
    assert_eq!(what("java", "cache", false, 2_000), "Jedis");
    assert_eq!(what("php", "cache", false, 2_000), "-");
    assert_eq!(what("python", "http", true, 60_000), "-");
    assert!(timeouts.find("python", "dns", true, |ms| ms == 5_000).is_some());
    assert_eq!(timeouts.round(|ms| (4_900..5_100).contains(&ms)), Some(5_000));
    assert!(timeouts.says_so("Net::ReadTimeout") && timeouts.says_so("context deadline exceeded"));
    assert!(!timeouts.says_so("connection refused") && timeouts.is_status(504));
}

#[test]
fn calls_that_wait_by_nature_are_recognised() {
    let timeouts = read().timeouts;
    for (operation, waits) in [
        ("GET /orders/{id}", false),
        ("GET /v1/kv/leader?index&wait", true),
        ("GET /jobs/{id}/events", true),
        ("POST /events", false),
        ("BLPOP jobs", true),
        ("GET user:{id}", false),
        ("SQS.ReceiveMessage orders", true),
        ("shop.Orders/WatchOrders", true),
        ("shop.Watches/List", false),
        ("SELECT events", false),
        ("", false),
    ] {
        assert_eq!(timeouts.waits_by_nature(operation), waits, "{operation}");
    }
}

#[test]
fn connections_and_locks_are_recognised() {
    let connections = read().connections;
    assert!(connections.steps().all(|s| ["acquire", "resolve", "tls", "connect"].contains(&s)));
    let scope = "opentelemetry.instrumentation.sqlalchemy";
    for (name, scope, database, target, step) in [
        ("connect", "", true, true, "connect"),
        ("connect", scope, true, true, "acquire"),
        ("connect", "", false, false, "-"),
        ("pg-pool.connect", "", true, true, "acquire"),
        ("pg.connect", "", true, true, "connect"),
        ("pg.connect", "", false, true, "-"),
        ("HTTP wait_for_connection api:443", "", false, false, "acquire"),
        ("BasicDataSource.getConnection", "", false, false, "acquire"),
        ("SELECT a.connect", "", true, true, "-"),
    ] {
        let candidate = connections::Candidate { name, scope, database, target };
        assert_eq!(connections.step(&candidate).map_or("-", |found| found.0), step, "{name}");
    }
    for (name, lock) in [
        ("mutex.lock", true),
        ("acquire lock", true),
        ("RedisLock.acquire", true),
        ("inventorySemaphore", true),
        ("lock", true),
        ("unlock", false),
        ("block.acquire", false),
        ("lock order", false),
        ("release lock", false),
        ("with_lock", false),
    ] {
        assert_eq!(connections.is_lock(name), lock, "{name}");
    }
    assert!(connections.is_lock_procedure("v3lockpb.Lock/Lock"));
}

#[test]
fn gates_and_shapes_of_answers_are_recognised() {
    let order = read().order;
    for (operation, gate) in [
        ("GET /users/{id}", false),
        ("GET /oauth2/userinfo", true),
        ("GET /users/{id}/permissions", true),
        ("GET /checkout/{id}", false),
        ("GET /orders?token", false),
    ] {
        assert_eq!(order.is_gate(operation), gate, "{operation}");
    }
    assert!(order.is_shaping("per_page") && !order.is_shaping("user_id"));
}
