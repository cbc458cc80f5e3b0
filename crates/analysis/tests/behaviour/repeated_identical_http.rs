//! Requests that ask again for what is known, and what only looks like it.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn the_same_address() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/tenants/7 5+20 ×4 every 40
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET config/tenants/{id}, 3 of 4 calls, 60.0 ms, same_request_again (very likely)
        "#]],
    );
}

#[test]
fn with_a_query() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/tenants?id=7 5+20 ×4 every 40
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET config/tenants?id, 3 of 4 calls, 60.0 ms, same_request_again (very likely)
        "#]],
    );
}

#[test]
fn over_parents() {
    check_findings(
        "
        server GET /page 0..600
          repeat ×5 every 60
            internal render row 5+50
              GET http://config/tenants/7 10+30
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET config/tenants/{id}, 4 of 5 calls, 120.0 ms, same_request_again (very likely)
        "#]],
    );
}

#[test]
fn at_one_time() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/tenants/7 5+80 ×6 every 2
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET config/tenants/{id}, 5 of 6 calls, 80.0 ms, same_request_again (very likely)
        "#]],
    );
}

#[test]
fn old_conventions() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server GET /page 0..400
          GET http://config/tenants/7 5+20 ×4 every 40
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET config/tenants/{id}, 3 of 4 calls, 60.0 ms, same_request_again (likely)
        "#]],
    );
}

#[test]
fn a_change_at_another_host() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/tenants/7 5+20 ×4 every 40
          POST http://audit/entries 30+5 ×3 every 40
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET config/tenants/{id}, 3 of 4 calls, 60.0 ms, same_request_again (very likely)
        "#]],
    );
}

#[test]
fn twice() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/tenants/7 5+80 ×2 every 90
        ",
        expect![[""]],
    );
}

#[test]
fn a_change_in_between() {
    check_findings(
        "
        server GET /page 0..400
          repeat ×4 every 80
            GET http://cart/carts/7 5+20
            POST http://cart/carts/7/items 30+10
        ",
        expect![[""]],
    );
}

#[test]
fn posts_may_be_different() {
    check_findings(
        "
        server GET /page 0..400
          POST http://search/query 5+20 ×4 every 30
        ",
        expect![[""]],
    );
}

#[test]
fn polling_at_even_pauses() {
    check_findings(
        "
        server GET /page 0..4000
          GET http://jobs/7 5+40 ×9 every 400
        ",
        expect![[""]],
    );
}

#[test]
fn polling_on_a_busy_machine() {
    check_findings(
        "
        server GET /page 0..400
          GET http://jobs/7 5+12
          GET http://jobs/7 59+10
          GET http://jobs/7 142+14
          GET http://jobs/7 228+11
          GET http://jobs/7 280+12
        ",
        expect![[""]],
    );
}

#[test]
fn polling_with_growing_pauses() {
    check_findings(
        "
        server GET /page 0..4000
          GET http://jobs/7 5+60
          GET http://jobs/7 165+60
          GET http://jobs/7 425+60
          GET http://jobs/7 885+60
        ",
        expect![[""]],
    );
}

#[test]
fn the_answer_changes_its_status() {
    check_findings(
        "
        server GET /page 0..1000
          GET http://jobs/7 5+20 =202
          GET http://jobs/7 30+20 =202
          GET http://jobs/7 55+20 =200
        ",
        expect![[r#"
            unexplained-gap: Time without a span: GET /page, 1 of 1 calls, 925.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn different_addresses() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/tenants/7 5+20
          GET http://config/tenants/8 35+20
          GET http://config/tenants/9 65+20
        ",
        expect![[""]],
    );
}

#[test]
fn health_checks() {
    check_findings(
        "
        server GET /page 0..400
          GET http://config/healthz 5+20 ×4 every 30
        ",
        expect![[""]],
    );
}

#[test]
fn pages_whose_number_the_sdk_leaves_out() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server GET /page 0..400
          GET http://reviews/v1/reviews 5+20 ×8 every 40
        ",
        expect![[""]],
    );
}

#[test]
fn one_thing_whose_query_the_sdk_leaves_out() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server GET /page 0..400
          GET http://profiles/v1/me 5+20 ×8 every 40
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET profiles/v1/me, 7 of 8 calls, 140.0 ms, same_request_again (likely)
        "#]],
    );
}

#[test]
fn so_many_that_they_are_no_pages() {
    check_findings(
        "
        trace 1 style=sentry-5 sdk=sentry.ruby/5.3.0
        server GET /page 0..600
          GET http://shipping/v1/carriers 5+20 ×15 every 30
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET shipping/v1/carriers, 14 of 15 calls, 280.0 ms, same_request_again (likely)
        "#]],
    );
}
