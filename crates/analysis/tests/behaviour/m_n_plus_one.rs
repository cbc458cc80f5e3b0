//! Different calls that repeat together, and what only looks like it.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn a_query_and_a_request() {
    check_findings(
        "
        server POST /sync 0..600
          repeat ×4 every 50
            SELECT * FROM users WHERE id = $1 10+10
            GET http://prices/items/{n} 25+15
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, 4 of 8 calls, 100.0 ms, calls_per_item (likely)
        "#]],
    );
}

#[test]
fn three_calls_with_others_in_between() {
    check_findings(
        "
        server POST /sync 0..900
          repeat ×5 every 90
            SELECT * FROM users WHERE id = $1 10+10
            GET http://prices/items/{n} 25+15
            UPDATE users SET price = $1 WHERE id = $2 45+10
          GET http://rates/today 60+5
          SELECT * FROM flags WHERE name = $1 350+5
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, UPDATE users, 5 of 15 calls, 175.0 ms, calls_per_item (very likely)
        "#]],
    );
}

#[test]
fn under_a_span_for_each_item_and_in_parallel() {
    check_findings(
        "
        server GET /feed 0..600
          repeat ×4 every 10
            internal resolve post 10+80
              SELECT * FROM users WHERE id = $1 15+30
              GET http://prices/items/{n} 50+30
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, 4 of 8 calls, 85.0 ms, calls_per_item (likely)
        "#]],
    );
}

#[test]
fn in_parallel_under_one_span() {
    check_findings(
        "
        server GET /feed 0..600
          SELECT * FROM users WHERE id = $1 10+30 ×6 every 3
          GET http://prices/items/{n} 41+40 ×6 every 3
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, 6 of 12 calls, 86.0 ms, calls_per_item (very likely)
        "#]],
    );
}

#[test]
fn one_of_them_twice_a_turn() {
    check_findings(
        "
        server POST /sync 0..600
          repeat ×4 every 50
            SELECT * FROM users WHERE id = $1 10+10
            GET http://prices/items/1{n} 22+10
            GET http://prices/items/2{n} 34+10
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, 4 of 12 calls, 120.0 ms, calls_per_item (likely)
        "#]],
    );
}

#[test]
fn the_last_turn_is_cut_short() {
    check_findings(
        "
        server POST /sync 0..600
          repeat ×5 every 50
            SELECT * FROM users WHERE id = $1 10+10
            GET http://prices/items/{n} 25+15
          SELECT * FROM users WHERE id = $1 260+10
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT users, GET prices/items/{id}, 6 of 11 calls, 135.0 ms, calls_per_item (very likely)
        "#]],
    );
}

#[test]
fn two_turns() {
    check_findings(
        "
        server POST /sync 0..600
          repeat ×2 every 50
            SELECT * FROM users WHERE id = $1 10+10
            GET http://prices/items/{n} 25+15
        ",
        expect![[""]],
    );
}

#[test]
fn one_loop_after_the_other() {
    check_findings(
        "
        server POST /sync 0..600
          SELECT * FROM users WHERE id = $1 10+10 ×4 every 12
          GET http://prices/items/{n} 100+15 ×4 every 20
        ",
        expect![[""]],
    );
}

#[test]
fn pages_and_lists() {
    check_findings(
        "
        server GET /export 0..900
          GET http://crm/contacts?page=1 20+30
          INSERT INTO contacts (a) VALUES ($1), ($2) 60+20
          GET http://crm/contacts?page=2 100+30
          INSERT INTO contacts (a) VALUES ($1), ($2) 140+20
          GET http://crm/contacts?page=3 180+30
          INSERT INTO contacts (a) VALUES ($1), ($2) 220+20
        ",
        expect![[""]],
    );
}

#[test]
fn transactions() {
    check_findings(
        "
        server POST /save 0..900
          repeat ×4 every 60
            client BEGIN 10+9 db.system=postgresql db.statement=BEGIN
            INSERT INTO logs (a) VALUES ($1) 20+2
            client COMMIT 30+15 db.system=postgresql db.statement=COMMIT
        ",
        expect![[""]],
    );
}

#[test]
fn they_cost_next_to_nothing() {
    check_findings(
        "
        server POST /sync 0..600
          repeat ×8 every 50
            SELECT * FROM users WHERE id = $1 10+1
            GET http://prices/items/{n} 25+1
        ",
        expect![[""]],
    );
}

#[test]
fn calls_that_do_not_repeat_together() {
    check_findings(
        "
        server POST /sync 0..600
          SELECT * FROM users WHERE id = $1 10+10 ×4 every 100
          GET http://prices/items/{n} 115+15 ×3 every 22
        ",
        expect![[""]],
    );
}

#[test]
fn by_two_workers() {
    check_findings(
        "
        server GET /cards 0..600
          SELECT * FROM orders WHERE id = $1 2+4
          repeat ×8 every 40
            SELECT * FROM items WHERE order_id = $1 10+4
            GET http://parcels/parcels/1{n} 16+12
            SELECT * FROM items WHERE order_id = $1 15+4
            GET http://parcels/parcels/2{n} 21+22
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT items, GET parcels/parcels/{id}, 16 of 32 calls, 256.0 ms, calls_per_item (very likely)
        "#]],
    );
}

#[test]
fn two_loops_beside_each_other() {
    check_findings(
        "
        server GET /cards 0..900
          SELECT * FROM orders WHERE id = $1 2+4
          SELECT * FROM items WHERE order_id = $1 10+19 ×16 every 20
          GET http://parcels/parcels/1{n} 12+29 ×16 every 30
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 16 of 16 calls, 72.0 ms, query_per_row (very likely)
            n-plus-one-http: N+1 calls: GET parcels/parcels/{id}, 16 of 16 calls, 404.0 ms, request_per_row (very likely)
        "#]],
    );
}

#[test]
fn a_read_after_each_change() {
    check_findings(
        "
        server POST /cart 0..600
          repeat ×6 every 40
            UPDATE carts SET total = total + $1 WHERE id = $2 10+12
            SELECT total FROM carts WHERE id = $1 24+12
        ",
        expect![[""]],
    );
}

#[test]
fn a_change_after_each_read() {
    check_findings(
        "
        server POST /carts 0..600
          repeat ×6 every 40
            SELECT total FROM carts WHERE id = $1 10+12
            UPDATE carts SET total = $1 WHERE id = $2 24+12
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: SELECT carts, UPDATE carts, 6 of 12 calls, 144.0 ms, calls_per_item (very likely)
        "#]],
    );
}

#[test]
fn so_many_reads_after_changes_that_it_is_a_loop() {
    check_findings(
        "
        server POST /carts 0..900
          repeat ×12 every 40
            UPDATE carts SET total = $1 WHERE id = $2 10+12
            SELECT total FROM carts WHERE id = $1 24+12
        ",
        expect![[r#"
            m-n-plus-one: Calls for each item: UPDATE carts, SELECT carts, 12 of 24 calls, 288.0 ms, calls_per_item (very likely)
        "#]],
    );
}
