//! Tokens and signing keys that are fetched again, and what only looks like it.

use expect_test::expect;

use super::draw::{check_findings, check_issues};

#[test]
fn a_token_for_each_call() {
    check_findings(
        "
        server POST /sync 0..900
          repeat ×8 every 100
            POST https://idp.example/oauth2/token 5+40
            GET http://stock/items/{n} 50+20
        ",
        expect![[r#"
            token-fetch: OAuth token fetches, 8 of 8 calls, 280.0 ms, token_per_use (likely)
        "#]],
    );
}

#[test]
fn from_two_providers_in_turn() {
    check_findings(
        "
        server POST /sync 0..900
          repeat ×4 every 200
            POST https://idp.example/oauth2/token 5+40
            POST https://other.example/oauth2/token 46+40
            GET http://stock/items/{n} 90+20
        ",
        expect![[r#"
            token-fetch: OAuth token fetches, 8 of 8 calls, 240.0 ms, token_per_use (likely)
        "#]],
    );
}

#[test]
fn under_a_span_for_each_item() {
    check_findings(
        "
        server POST /sync 0..500
          repeat ×5 every 3
            internal push item 5+200
              internal authorize 6+80
                POST https://idp.example/realms/shop/protocol/openid-connect/token 7+78
              POST http://stock/items 90+60
          repeat ×4 every 3
            internal push item 5+200
              POST https://idp.example/realms/shop/protocol/openid-connect/token 7+78
              POST http://stock/items 90+60
        ",
        expect![[r#"
            token-fetch: OAuth token fetches, 9 of 9 calls, 78.0 ms, token_per_use (likely)
            n-plus-one-http: N+1 calls: POST stock/items, 9 of 9 calls, 60.0 ms, request_per_item (likely)
        "#]],
    );
}

#[test]
fn old_conventions() {
    let text = |style: &str| {
        format!(
            "trace 1 style={style} lang=ruby
server POST /sync 0..900
  repeat ×4 every 200
    POST https://login.example/oauth2/default/v1/token 5+90
    GET http://stock/items/7 100+20\n"
        )
    };
    let styles = ["otel-old", "otel-ruby", "sentry sdk=sentry.ruby/6.6.2", "sentry-5", "span-v2"];
    check_findings(
        &styles.map(text).concat(),
        expect![[r#"
        token-fetch: OAuth token fetches, 4 of 4 calls, 270.0 ms, token_per_use (likely)
        token-fetch: OAuth token fetches, 4 of 4 calls, 270.0 ms, token_per_use (likely)
        token-fetch: OAuth token fetches, 4 of 4 calls, 270.0 ms, token_per_use (likely)
        token-fetch: OAuth token fetches, 4 of 4 calls, 270.0 ms, token_per_use (likely)
        token-fetch: OAuth token fetches, 4 of 4 calls, 270.0 ms, token_per_use (likely)
    "#]],
    );
}

#[test]
fn keys_for_each_check() {
    check_findings(
        "
        trace 1 lang=javascript
        server POST /batch 0..900
          repeat ×4 every 200
            GET https://idp.example/.well-known/openid-configuration 5+40
            GET https://idp.example/.well-known/jwks.json 50+40
            SELECT * FROM rights WHERE subject = $1 95+2
        ",
        expect![[r#"
            token-fetch: Signing-key fetches, 4 of 8 calls, 240.0 ms, keys_per_use (very likely)
        "#]],
    );
}

#[test]
fn many_at_the_start_of_a_request() {
    check_findings(
        "
        server POST /sync 0..900
          POST https://idp.example/oauth/token 5+40 ×12 every 45
          GET http://stock/items/7 600+20
        ",
        expect![[r#"
            token-fetch: OAuth token fetches, 12 of 12 calls, 400.0 ms, token_per_use (likely)
        "#]],
    );
}

#[test]
fn one_for_each_service() {
    check_findings(
        "
        server POST /sync 0..900
          POST https://idp.example/oauth2/token 5+90
          GET http://stock/items/7 100+20
          POST https://idp.example/oauth2/token 150+90
          GET http://prices/items/7 250+20
          POST https://idp.example/oauth2/token 300+90
          GET http://mail/templates/7 400+20
        ",
        expect![[""]],
    );
}

#[test]
fn several_at_once_when_a_process_starts() {
    check_findings(
        "
        server POST /sync 0..900
          POST https://idp.example/oauth2/token 5+90 ×5 every 1
          GET http://stock/items/7 120+20
          GET http://prices/items/7 120+20
          GET http://mail/templates/7 120+20
        ",
        expect![[""]],
    );
}

#[test]
fn refreshed_once() {
    check_findings(
        "
        server POST /sync 0..900
          GET http://stock/items/7 10+20 =401
          POST https://idp.example/oauth2/token 40+90
          GET http://stock/items/7 140+20
          POST https://idp.example/oauth2/token 340+90
          GET http://stock/items/8 440+20
        ",
        expect![[""]],
    );
}

#[test]
fn retried_until_it_succeeds() {
    check_findings(
        "
        server POST /sync 0..2000
          POST https://idp.example/oauth2/token 5+40 =503
          POST https://idp.example/oauth2/token 145+40 =503
          POST https://idp.example/oauth2/token 485+40
          GET http://stock/items/7 600+20
        ",
        expect![[""]],
    );
}

#[test]
fn failing_is_another_waste() {
    check_findings(
        "
        server POST /sync 0..900
          POST https://idp.example/oauth2/token 5+40 ×5 every 41 =503
        ",
        expect![[r#"
            retry-storm: Retries: POST idp.example/oauth2/token, 4 of 5 calls, 204.0 ms, retried_without_pause (very likely)
        "#]],
    );
}

#[test]
fn tokens_of_other_users() {
    check_findings(
        "
        server POST /digest 0..900
          repeat ×6 every 100
            internal TokenExchange.forUser 4+50
              POST https://idp.example/oauth2/token 5+40
            GET http://mail/messages 60+20
        ",
        expect![[""]],
    );
}

#[test]
fn different_audiences_in_the_query() {
    check_findings(
        "
        server POST /sync 0..900
          repeat ×6 every 100
            POST https://idp.example/oauth2/token?resource=api-{n} 5+40
            GET http://gateway/items/{n} 50+20
        ",
        expect![[""]],
    );
}

#[test]
fn the_identity_provider_itself() {
    let text = |endpoint: &str| {
        format!(
            "trace 1
server {endpoint} 0..900
  repeat ×4 every 200
    POST https://upstream.example/oauth2/token 5+90
    GET http://users/7 100+20\n"
        )
    };
    let endpoints = ["POST /oauth2/token", "POST /login", "GET /signin-oidc"];
    check_findings(&endpoints.map(text).concat(), expect![[""]]);
    // The same at an endpoint of another kind is found.
    check_findings(
        &text("GET /users"),
        expect![[r#"
        token-fetch: OAuth token fetches, 4 of 4 calls, 270.0 ms, token_per_use (likely)
    "#]],
    );
}

#[test]
fn keys_of_several_providers() {
    check_findings(
        "
        server POST /batch 0..900
          GET https://idp.example/tenants/{n}/jwks.json 50+40 ×8 every 60
        ",
        expect![[""]],
    );
}

#[test]
fn asking_about_a_token() {
    check_findings(
        "
        server POST /batch 0..900
          POST https://idp.example/oauth2/introspect 5+20 ×3 every 60
        ",
        expect![[""]],
    );
}

/// `requests` requests that have `calls`, then `without` that have none.
fn requests(endpoint: &str, header: &str, requests: u32, calls: &str, without: u32) -> String {
    let work = "  SELECT * FROM orders WHERE id = $1 60+10";
    let mut text = format!(
        "trace 1 {header} ×{requests} every 100\nserver {endpoint} 0..80\n{calls}\n{work}\n"
    );
    if without > 0 {
        let header = format!("{header} at=1000000 ×{without} every 100");
        text.push_str(&format!("trace 1 {header}\nserver {endpoint} 0..80\n{work}\n"));
    }
    text
}

const TOKEN: &str =
    "  POST https://idp.example/oauth2/token 1+30\n  GET http://stock/items/7 35+10";
const KEYS: &str = "  GET https://idp.example/.well-known/jwks.json 1+12";

#[test]
fn one_in_every_request() {
    let found = "  GET https://idp.example/.well-known/openid-configuration 1+12
  GET https://idp.example/.well-known/jwks.json 14+12";
    check_issues(
        &[
            &requests("GET /orders", "lang=php", 60, TOKEN, 0),
            &requests("GET /orders", "lang=python", 60, KEYS, 0),
            &requests("GET /orders", "lang=dotnet", 60, found, 20),
            &requests("GET /orders", "style=sentry sdk=sentry.javascript.node/11", 60, KEYS, 0),
            &requests("POST /login", "lang=go", 60, KEYS, 0),
        ],
        expect![[r#"
            token-fetch: OAuth token fetches, 0 traces, 60 of 60 requests 37.5%, token_per_request (likely) | Keep the token in a cache that outlives the request
            token-fetch: Signing-key fetches, 0 traces, 60 of 60 requests 15.0%, keys_per_request (very likely) | Make one PyJWKClient for the process
            token-fetch: Signing-key fetches, 0 traces, 60 of 80 requests 22.5%, keys_per_request (likely) | Register one ConfigurationManager
            token-fetch: Signing-key fetches, 0 traces, 60 of 60 requests 15.0%, keys_per_request (very likely) | Make the remote key set once
            token-fetch: Signing-key fetches, 0 traces, 60 of 60 requests 15.0%, keys_per_request (very likely) | Make the provider and its verifier once
        "#]],
    );
}

#[test]
fn a_token_for_each_of_several_services_in_every_request() {
    let three = "  POST https://idp.example/oauth2/token 1+10
  GET http://stock/items/7 12+5
  POST https://idp.example/oauth2/token 20+10
  GET http://prices/items/7 31+5";
    check_issues(
        &[&requests("GET /orders", "lang=java", 60, three, 0)],
        expect![[r#"
        token-fetch: OAuth token fetches, 0 traces, 60 of 60 requests 25.0%, token_per_request (likely) | Let Spring Security keep the authorized client
    "#]],
    );
}

#[test]
fn in_every_request_and_meant() {
    check_issues(
        &[
            // Logins, and an identity provider.
            &requests("POST /login", "", 60, TOKEN, 0),
            &requests("GET /auth/callback", "", 60, TOKEN, 0),
            &requests("POST /oauth/token", "", 60, TOKEN, 0),
            &requests("GET /.well-known/jwks.json", "", 60, KEYS, 0),
            // A process that starts, and too few requests to tell.
            &requests("GET /orders", "", 4, TOKEN, 96),
            &requests("GET /orders", "", 29, TOKEN, 0),
            // Too cheap: 0.5 ms of 80.
            &requests("GET /orders", "", 60, &KEYS.replace("+12", "+0.5"), 0),
            // A provider that is down.
            &requests("GET /orders", "", 60, &TOKEN.replace("1+30", "1+30 =503"), 0),
            // So seldom that the last one has expired.
            &requests("GET /orders", "", 40, TOKEN, 0).replace("every 100", "every 400000"),
            // Runs of a program, each a process of its own.
            &requests("GET /orders", "", 60, TOKEN, 0).replace("server GET", "internal GET"),
        ],
        expect![[""]],
    );
}
