//! What endpoints are called.

use expect_test::expect;

use super::draw::check;

#[test]
fn over_otlp() {
    check(
        "
        trace 1
        server GET /users/{id} 0..1
        trace 1 style=otel-old
        server GET /users/7 0..1 http.route=
        trace 1 style=otel-ruby
        server HTTP GET 0..1 http.method=GET http.target=/up/17?n=1 http.route=
        trace 1
        consumer orders process 0..1 messaging.system=kafka
        trace 1
        server shop.Cart/Add 0..1 rpc.system=grpc
        trace 1
        internal nightly 0..1
        ",
        expect![[r#"
            http `GET /users/{id}`: 1.0 ms = own 1.0
            http `GET /users/{id}`: 1.0 ms = own 1.0
            http `GET /up/{id}`: 1.0 ms = own 1.0
            message `orders process`: 1.0 ms = own 1.0
            rpc `shop.Cart/Add`: 1.0 ms = own 1.0
            job `nightly`: 1.0 ms = own 1.0
        "#]],
    );
}

#[test]
fn over_sentry() {
    check(
        "
        trace 1 style=sentry
        server UploadsController#up 0..1 sentry.transaction.source=view
        trace 1 style=sentry
        server /users/7/edit 0..1 sentry.transaction.source=url
        trace 1 style=sentry
        server GET /users/7 0..1 sentry.transaction.source=url
        trace 1 style=sentry
        server GET 0..1 sentry.transaction.source=url http.request.method=GET url.path=/users/7
        trace 1 style=sentry
        internal ReportsJob 0..1 sentry.op=queue.active_job sentry.transaction.source=task
        trace 1 style=sentry
        internal UploadsController#up 0..1 sentry.op=rails.request sentry.transaction.source=view
        trace 1 style=sentry
        internal cron 0..1
        ",
        expect![[r#"
            http `UploadsController#up`: 1.0 ms = own 1.0
            http `/users/{id}/edit`: 1.0 ms = own 1.0
            http `GET /users/{id}`: 1.0 ms = own 1.0
            http `GET /users/{id}`: 1.0 ms = own 1.0
            message `ReportsJob`: 1.0 ms = own 1.0
            http `UploadsController#up`: 1.0 ms = own 1.0
            job `cron`: 1.0 ms = own 1.0
        "#]],
    );
}
