//! Calls that fail and are repeated, and what retries are for.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn at_once_and_then_it_works() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items 10+20 ×3 every 22 =503
          GET http://stock/items 76+20
        ",
        expect![[r#"
            retry-storm: Retries: GET stock/items, 3 of 4 calls, 66.0 ms, retried_without_pause (very likely)
        "#]],
    );
}

#[test]
fn at_once_and_never() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items/7 10+20 ×6 every 21 =503
        ",
        expect![[r#"
            retry-storm: Retries: GET stock/items/{id}, 5 of 6 calls, 125.0 ms, retried_without_pause (very likely)
        "#]],
    );
}

#[test]
fn with_pauses_and_given_up() {
    check_findings(
        "
        server GET /page 0..3000
          GET http://stock/items/7 10+20 =503
          GET http://stock/items/7 130+20 =503
          GET http://stock/items/7 350+20 =503
          GET http://stock/items/7 770+20 =503
        ",
        expect![[r#"
            retry-storm: Retries: GET stock/items/{id}, 3 of 4 calls, 780.0 ms, retried_in_vain (very likely)
        "#]],
    );
}

#[test]
fn no_answer_at_all() {
    check_findings(
        "
        server GET /page 0..4000
          GET http://stock/items/7 10+1000 ×3 every 1001 !timeout
        ",
        expect![[r#"
            retry-storm: Retries: GET stock/items/{id}, 2 of 3 calls, 3002.0 ms, retried_without_pause (very likely)
        "#]],
    );
}

#[test]
fn call_after_call_needs_another_attempt() {
    check_findings(
        "
        server GET /page 0..2000
          repeat ×6 every 200
            internal load item 10+150
              GET http://stock/items 10+20 =429
              GET http://stock/items 90+20
        ",
        expect![[r#"
            retry-storm: Retries: GET stock/items, 6 of 12 calls, 480.0 ms, retried_often (likely)
        "#]],
    );
}

#[test]
fn a_statement() {
    check_findings(
        "
        server POST /save 0..400
          UPDATE stock SET n = $1 WHERE sku = $2 10+30 ×4 every 31 !error
        ",
        expect![[r#"
            retry-storm: Retries: UPDATE stock, 3 of 4 calls, 123.0 ms, retried_without_pause (very likely)
        "#]],
    );
}

#[test]
fn inside_an_operation_of_an_sdk() {
    check_findings(
        "
        server POST /up 0..900
          aws S3.PutObject 10+500
            PUT http://bucket.s3.amazonaws.com/a 12+100 ×4 every 101 =503
        ",
        expect![[r#"
            retry-storm: Retries: PUT bucket.s3.amazonaws.com/a, 3 of 4 calls, 403.0 ms, retried_without_pause (very likely)
        "#]],
    );
}

#[test]
fn one_failure() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items/7 10+50 =503
          GET http://stock/items/7 62+50
        ",
        expect![[""]],
    );
}

#[test]
fn pauses_and_a_success_in_the_end() {
    check_findings(
        "
        server GET /page 0..2000
          GET http://stock/items/7 10+50 =503
          GET http://stock/items/7 160+50 =503
          GET http://stock/items/7 510+50 =503
          GET http://stock/items/7 1160+50
        ",
        expect![[""]],
    );
}

#[test]
fn items_that_fail_one_by_one() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items/1 10+20 =503
          GET http://stock/items/2 32+20 =503
          GET http://stock/items/3 54+20 =503
          GET http://stock/items/4 76+20 =503
        ",
        expect![[""]],
    );
}

#[test]
fn no_is_an_answer() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items/7 10+20 ×4 every 25 =404
        ",
        expect![[""]],
    );
}

#[test]
fn failures_at_one_time() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items/7 10+80 =503
          GET http://stock/items/7 11+80 =503
        ",
        expect![[""]],
    );
}

#[test]
fn they_cost_next_to_nothing() {
    check_findings(
        "
        server GET /page 0..400
          GET http://stock/items/7 10+1 ×4 every 2 =503
        ",
        expect![[""]],
    );
}
