//! Calls that move so much that it takes time, and what only looks like it.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn an_answer_of_megabytes() {
    check_findings(
        "
        server GET /page 0..600
          GET http://catalog/items 100+300 http.response.body.size=3200000
        ",
        expect![[r#"
            large-payload: Large payload: GET catalog/items, 1 of 1 calls, 300.0 ms, large_body (possible)
        "#]],
    );
}

#[test]
fn as_headers_tell() {
    check_findings(
        "
        trace 1 style=otel-old
        server GET /page 0..600
          GET http://catalog/items 100+300 http.response.header.content-length=[\"900000\"]
        ",
        expect![[r#"
            large-payload: Large payload: GET catalog/items, 1 of 1 calls, 300.0 ms, large_body (possible)
        "#]],
    );
}

#[test]
fn several_of_them() {
    check_findings(
        "
        server GET /page 0..600
          GET http://catalog/items/{n} 100+70 ×4 every 80 http.response.body.size=700000
        ",
        expect![[r#"
            large-payload: Large payload: GET catalog/items/{id}, 4 of 4 calls, 280.0 ms, large_body (possible)
        "#]],
    );
}

#[test]
fn a_cached_value() {
    check_findings(
        "
        trace 1 style=sentry
        server GET /page 0..600
          client settings 100+150 sentry.op=cache.get cache.key=settings cache.item_size=400000
        ",
        expect![[r#"
            large-payload: Large payload: GET settings, 1 of 1 calls, 150.0 ms, large_cached_value (likely)
        "#]],
    );
}

#[test]
fn a_request_that_sends_much() {
    check_findings(
        "
        server POST /import 0..600
          POST http://search/bulk 100+300 http.request.body.size=2500000
        ",
        expect![[r#"
            large-payload: Large payload: POST search/bulk, 1 of 1 calls, 300.0 ms, large_body (possible)
        "#]],
    );
}

#[test]
fn a_message() {
    check_findings(
        "
        server POST /orders 0..600
          producer orders 100+200 messaging.system=rabbitmq messaging.destination.name=orders messaging.message.body.size=4000000
        ",
        expect![[r#"
            large-payload: Large payload: publish orders, 1 of 1 calls, 200.0 ms, large_message (possible)
        "#]],
    );
}

#[test]
fn rows_before_they_are_slow() {
    check_findings(
        "
        server GET /export 0..600
          SELECT * FROM orders WHERE shop_id = $1 100+300 db.response.returned_rows=20000
        ",
        expect![[r#"
            large-payload: Large payload: SELECT orders, 1 of 1 calls, 300.0 ms, large_result (likely)
        "#]],
    );
}

#[test]
fn json_of_a_graph() {
    check_findings(
        "
        server GET /page 0..600
          POST http://api/graphql 100+300 http.response.body.size=900000
        ",
        expect![[r#"
            large-payload: Large payload: POST api/graphql, 1 of 1 calls, 300.0 ms, large_body (possible)
        "#]],
    );
}

#[test]
fn two_instrumentations_of_one_call() {
    check_findings(
        "
        server GET /page 0..600
          GET http://catalog/items 100+300 http.response.body.size=3200000
            GET http://catalog/items 101+298 http.response.body.size=3200000
        ",
        expect![[r#"
            large-payload: Large payload: GET catalog/items, 1 of 1 calls, 300.0 ms, large_body (possible)
        "#]],
    );
}

#[test]
fn a_page_of_items() {
    check_findings(
        "
        server GET /page 0..600
          GET http://catalog/items 100+300 http.response.body.size=90000
        ",
        expect![[""]],
    );
}

#[test]
fn it_takes_no_time() {
    check_findings(
        "
        server GET /page 0..600
          GET http://catalog/items 100+40 http.response.body.size=3200000
        ",
        expect![[""]],
    );
}

#[test]
fn nothing_waits_for_it() {
    check_findings(
        "
        server GET /page 0..600
          GET http://slow/x 90+400
          GET http://catalog/items 100+300 http.response.body.size=3200000
        ",
        expect![[""]],
    );
}

#[test]
fn files_and_images() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://cdn/logo.png 100+300 http.response.body.size=3200000
          GET http://api/exports/7 500+300 http.response.body.size=3200000
          GET http://api/reports/7/download 900+300 http.response.body.size=3200000
          GET http://bucket.s3.amazonaws.com/a 1300+300 http.response.body.size=3200000
          GET http://api/invoice 1700+300 http.response.body.size=3200000 http.response.header.content-type=[\"application/pdf\"]
          PUT http://api/things/7 2100+300 http.request.body.size=3200000
          aws S3.GetObject 2500+300 http.response.body.size=3200000
        ",
        expect![[""]],
    );
}

#[test]
fn streams() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://api/stream 100+3000 http.response.body.size=3200000
          GET http://api/events 3200+3000 http.response.body.size=3200000 http.response.header.content-type=[\"text/event-stream\"]
        ",
        expect![[""]],
    );
}

#[test]
fn no_body_came() {
    check_findings(
        "
        server GET /page 0..9000
          HEAD http://catalog/items 100+300 http.response.header.content-length=[\"3200000\"]
          GET http://catalog/a 500+300 http.response.header.content-length=[\"3200000\"] =304
          GET http://catalog/b 900+300 http.response.header.content-length=[\"3200000\"] =206
        ",
        expect![[""]],
    );
}

#[test]
fn it_failed() {
    check_findings(
        "
        server GET /page 0..600
          GET http://catalog/items 100+300 http.response.body.size=3200000 =500
        ",
        expect![[""]],
    );
}

#[test]
fn a_job() {
    check_findings(
        "
        internal nightly import 0..600
          GET http://catalog/items 100+300 http.response.body.size=3200000
        ",
        expect![[""]],
    );
}

#[test]
fn a_small_part_of_a_long_request() {
    check_findings(
        "
        server GET /page 0..9000
          GET http://catalog/items 100+300 http.response.body.size=3200000
        ",
        expect![[""]],
    );
}

#[test]
fn a_small_cached_value() {
    check_findings(
        "
        trace 1 style=sentry
        server GET /page 0..600
          client settings 100+150 sentry.op=cache.get cache.key=settings cache.item_size=4000
        ",
        expect![[""]],
    );
}
