//! How traces fall into segments.

use expect_test::expect;

use super::draw::check;

#[test]
fn each_service_has_its_own_segment() {
    check(
        "
        server GET /a 0..100
          POST http://b/x 10..60
            server POST /x 12..58 service=b
              SELECT 1 20..30
            server POST /x 62..64 service=shop
        ",
        expect![[r#"
            http `GET /a`: 100.0 ms = http 50.0 own 50.0
            http `POST /x`: 46.0 ms = database 10.0 own 36.0
            http `POST /x`: 2.0 ms = own 2.0
        "#]],
    );
}

#[test]
fn two_server_spans_of_one_request_are_one_segment() {
    check(
        "
        server GET /a 0..100
          server GET /a 1..99
            SELECT 1 20..30
        ",
        expect![[r#"
            http `GET /a`: 100.0 ms = database 10.0 own 90.0
        "#]],
    );
}

#[test]
fn a_service_that_calls_itself_has_two() {
    check(
        "
        server GET /a 0..100
          POST http://shop/b 10..60
            server POST /b 12..58
        ",
        expect![[r#"
            http `GET /a`: 100.0 ms = http 50.0 own 50.0
            http `POST /b`: 46.0 ms = own 46.0
        "#]],
    );
}

#[test]
fn orphans_hang_under_the_entry_that_encloses_them() {
    check(
        "
        server GET /a 0..100
          SELECT 1 20..30 orphan
          SELECT 1 200..210 orphan
        ",
        expect![[r#"
            http `GET /a`: 100.0 ms = database 10.0 own 90.0
        "#]],
    );
}

#[test]
fn without_an_entry_there_is_no_segment() {
    check("internal work 0..10 orphan\n  SELECT 1 1..2", expect![[""]]);
}

#[test]
fn time_by_class() {
    check(
        "
        server GET /a 0..100
          SELECT * FROM a 10..20
          GET http://b/c 20..40
          client GET 40..45 db.system=redis
          producer orders 50..52
          aws DynamoDB.GetItem 60..70
          aws SQS.SendMessage 70..75
          POST https://idp/oauth/token 80..90
          GET http://vault:8200/v1/secret/data/app 90..95
          internal dns.lookup 95..96
        ",
        expect![[r#"
            http `GET /a`: 100.0 ms = token_fetch 10.0 secret_fetch 5.0 dns 1.0 database 20.0 cache 5.0 http 20.0 queue 7.0 own 32.0
        "#]],
    );
}

#[test]
fn an_entry_of_no_length() {
    check(
        "server GET /a 5..5\n  SELECT 1 5..9",
        expect![[r#"
        http `GET /a`: 0.0 ms =
    "#]],
    );
}
