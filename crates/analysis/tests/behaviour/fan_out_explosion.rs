//! Too many calls at one time, and a number that is fine.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn a_call_for_each_item() {
    check_findings(
        "
        server GET /page 0..400
          GET http://prices/items/{n} 10+80 ×60 every 0.5
        ",
        expect![[r#"
            fan-out-explosion: Fan-out: prices, 60 of 60 calls, 109.5 ms, unbounded_fan_out (very likely)
        "#]],
    );
}

#[test]
fn different_operations_of_one_target() {
    check_findings(
        "
        server GET /page 0..400
          GET http://prices/items/{n} 10+80 ×30 every 0.5
          GET http://prices/taxes/{n} 12+80 ×30 every 0.5
        ",
        expect![[r#"
            fan-out-explosion: Fan-out: prices, 60 of 60 calls, 96.5 ms, unbounded_fan_out (very likely)
        "#]],
    );
}

#[test]
fn over_parents() {
    check_findings(
        "
        server GET /page 0..400
          repeat ×60 every 0.5
            internal price 10+85
              GET http://prices/items/{n} 12+80
        ",
        expect![[r#"
            fan-out-explosion: Fan-out: prices, 60 of 60 calls, 107.5 ms, unbounded_fan_out (very likely)
        "#]],
    );
}

#[test]
fn queries() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM items WHERE id = $1 10+80 ×60 every 0.5
        ",
        expect![[r#"
            fan-out-explosion: Fan-out: postgresql, 60 of 60 calls, 109.5 ms, unbounded_fan_out (very likely)
        "#]],
    );
}

#[test]
fn files() {
    check_findings(
        "
        server GET /page 0..400
          PUT http://bucket.s3.amazonaws.com/a 10+80 ×60 every 0.5
        ",
        expect![[r#"
            fan-out-explosion: Fan-out: bucket.s3.amazonaws.com, 60 of 60 calls, 109.5 ms, unbounded_fan_out (very likely)
        "#]],
    );
}

#[test]
fn a_pool_of_ten() {
    check_findings(
        "
        server GET /page 0..900
          PUT http://bucket.s3.amazonaws.com/a 10+80 ×100 every 8
        ",
        expect![[""]],
    );
}

#[test]
fn sixty_one_after_the_other() {
    check_findings(
        "
        server GET /page 0..900
          PUT http://bucket.s3.amazonaws.com/a 10+8 ×60 every 9
        ",
        expect![[""]],
    );
}

#[test]
fn at_as_many_targets() {
    check_findings(
        "
        server GET /page 0..400
          GET http://a/x 10+80 ×25 every 0.5
          GET http://b/x 10+80 ×25 every 0.5
        ",
        expect![[r#"
            repeated-identical-http: Repeated request: GET a/x, 24 of 25 calls, 80.0 ms, same_request_again (very likely)
        "#]],
    );
}

#[test]
fn nothing_waits_for_them() {
    check_findings(
        "
        server GET /page 0..400
          GET http://slow/x 5+390
          PUT http://bucket.s3.amazonaws.com/a 10+80 ×60 every 0.5
        ",
        expect![[""]],
    );
}

#[test]
fn they_take_no_time() {
    check_findings(
        "
        server GET /page 0..400
          PUT http://bucket.s3.amazonaws.com/a 10+12 ×60 every 0.05
        ",
        expect![[""]],
    );
}

#[test]
fn the_rest_of_a_crowd_is_no_loop_beside_it() {
    check_findings(
        "
        server POST /tell 0..900
          SELECT * FROM customers 1+5
          POST http://mail/v1/messages 10+80 ×60 every 0.5
          POST http://mail/v1/messages 200+8 ×12 every 10
        ",
        expect![[r#"
            fan-out-explosion: Fan-out: mail, 60 of 60 calls, 109.5 ms, unbounded_fan_out (very likely)
        "#]],
    );
}
