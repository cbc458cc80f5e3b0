//! Queries that run once for each row, and what only looks like it.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn a_query_for_each_row() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+5 ×12 every 8
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 12 of 12 calls, 60.0 ms, query_per_row (very likely)
        "#]],
    );
}

#[test]
fn each_row_is_rendered_in_its_own_span() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          repeat ×8 every 20
            internal render order 20+18
              SELECT * FROM items WHERE order_id = $1 22+6
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 8 of 8 calls, 48.0 ms, query_per_row (likely)
        "#]],
    );
}

#[test]
fn spans_that_name_the_row_are_one_place() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          internal render order 1 20+18
            SELECT * FROM items WHERE order_id = $1 22+6
          internal render order 2 40+18
            SELECT * FROM items WHERE order_id = $1 42+6
          internal render order 3 60+18
            SELECT * FROM items WHERE order_id = $1 62+6
          internal render order 14 80+18
            SELECT * FROM items WHERE order_id = $1 82+6
          internal render order 15 100+18
            SELECT * FROM items WHERE order_id = $1 102+6
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 5 of 5 calls, 30.0 ms, query_per_row (likely)
        "#]],
    );
}

#[test]
fn all_of_them_at_one_time() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+40 ×10 every 2
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 10 of 10 calls, 58.0 ms, query_per_row (very likely)
        "#]],
    );
}

#[test]
fn other_calls_in_between() {
    check_findings(
        "
        server GET /orders 0..600
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+5 ×10 every 40
          SELECT * FROM stock WHERE sku = $1 30+3 ×4 every 90
          GET http://rates/today 200+10
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 10 of 10 calls, 50.0 ms, query_per_row (very likely)
        "#]],
    );
}

#[test]
fn known_values_that_differ() {
    check_findings(
        "
        trace 1 style=sentry
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = 9 5+10
          SELECT * FROM items WHERE order_id = 1 20+6
          SELECT * FROM items WHERE order_id = 2 30+6
          SELECT * FROM items WHERE order_id = 3 40+6
          SELECT * FROM items WHERE order_id = 4 50+6
          SELECT * FROM items WHERE order_id = 5 60+6
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 5 of 5 calls, 30.0 ms, query_per_row (likely)
        "#]],
    );
}

#[test]
fn a_row_for_each_statement() {
    check_findings(
        "
        server POST /import 0..600
          INSERT INTO rows (a, b) VALUES ($1, $2) 10+4 ×60 every 9
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: INSERT rows, 60 of 60 calls, 240.0 ms, write_per_row (very likely)
        "#]],
    );
}

#[test]
fn ten_without_anything_before_them() {
    check_findings(
        "
        server POST /check 0..400
          SELECT * FROM skus WHERE id = $1 10+4 ×10 every 9
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT skus, 10 of 10 calls, 40.0 ms, query_per_item (likely)
        "#]],
    );
}

#[test]
fn one_table_but_two_statements() {
    check_findings(
        "
        server GET /orders 0..600
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+5 ×6 every 20
          SELECT count(*) FROM items WHERE sku = $1 28+5 ×6 every 33
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 12 of 12 calls, 56.0 ms, query_per_row (likely)
        "#]],
    );
}

#[test]
fn four_are_too_few() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+9 ×4 every 10
        ",
        expect![[""]],
    );
}

#[test]
fn nine_without_anything_before_them() {
    check_findings(
        "
        server POST /check 0..400
          SELECT * FROM skus WHERE id = $1 10+4 ×9 every 9
        ",
        expect![[""]],
    );
}

#[test]
fn they_cost_next_to_nothing() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+0.3 ×40 every 2
        ",
        expect![[""]],
    );
}

#[test]
fn of_a_long_request_they_are_no_share() {
    check_findings(
        "
        server GET /orders 0..40000
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id = $1 20+5 ×12 every 8
        ",
        expect![[r#"
            unexplained-gap: Time without a span: GET /orders, 1 of 1 calls, 39887.0 ms, time_without_span (undetermined)
        "#]],
    );
}

#[test]
fn nothing_waits_for_them() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          GET http://slow/report 16+300
          SELECT * FROM items WHERE order_id = $1 20+5 ×12 every 8
        ",
        expect![[""]],
    );
}

#[test]
fn pages_by_offset() {
    check_findings(
        "
        server GET /export 0..900
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items ORDER BY id LIMIT 100 OFFSET ? 20+30 ×10 every 40
        ",
        expect![[""]],
    );
}

#[test]
fn pages_by_key() {
    check_findings(
        "
        server GET /export 0..900
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE id > $1 ORDER BY id LIMIT $2 20+30 ×10 every 40
        ",
        expect![[""]],
    );
}

#[test]
fn lists_of_ids() {
    check_findings(
        "
        server GET /export 0..900
          SELECT * FROM orders WHERE user_id = $1 5+10
          SELECT * FROM items WHERE order_id IN (?, ?, ?) 20+30 ×10 every 40
        ",
        expect![[""]],
    );
}

#[test]
fn many_rows_a_statement() {
    check_findings(
        "
        server POST /import 0..900
          INSERT INTO rows (a, b) VALUES ($1, $2), ($3, $4) 20+30 ×10 every 40
        ",
        expect![[""]],
    );
}

#[test]
fn statements_about_the_connection() {
    check_findings(
        "
        server POST /import 0..900
          SELECT * FROM orders WHERE user_id = $1 5+10
          client SAVEPOINT 20+9 ×12 every 20 db.system=postgresql db.statement=SAVEPOINT
          SELECT 1 30+9 ×12 every 20
        ",
        expect![[""]],
    );
}

#[test]
fn a_cache_is_asked_again_and_again() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          client GET 20+5 ×12 every 8 db.system=redis
        ",
        expect![[""]],
    );
}

#[test]
fn asking_until_a_state_changes() {
    check_findings(
        "
        server POST /pay 0..3000
          INSERT INTO payments (id) VALUES ($1) 5+10
          SELECT state FROM payments WHERE id = $1 20+5 ×12 every 200
        ",
        expect![[""]],
    );
}

#[test]
fn the_same_query_at_different_places() {
    check_findings(
        "
        server GET /orders 0..400
          SELECT * FROM orders WHERE user_id = $1 5+10
          internal header 20..60
            SELECT * FROM users WHERE id = $1 25+9
            SELECT * FROM users WHERE id = $1 45+9
          internal body 70..100
            SELECT * FROM users WHERE id = $1 75+9
          internal footer 110..160
            SELECT * FROM users WHERE id = $1 115+9
            SELECT * FROM users WHERE id = $1 135+9
        ",
        expect![[""]],
    );
}
