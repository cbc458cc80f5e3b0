//! Queries that ask again for what is known, and what only looks like it.

use expect_test::expect;

use super::draw::check_findings;

#[test]
fn the_same_values() {
    check_findings(
        "
        trace 1 style=sentry
        server GET /page 0..400
          SELECT * FROM settings WHERE shop = 7 5+10 ×6 every 30
        ",
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT settings, 5 of 6 calls, 50.0 ms, same_query_again (very likely)
        "#]],
    );
}

#[test]
fn no_values_at_all() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM features 5+10 ×4 every 30
        ",
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT features, 3 of 4 calls, 30.0 ms, same_query_again (very likely)
        "#]],
    );
}

#[test]
fn over_parents_and_interleaved() {
    check_findings(
        "
        server GET /page 0..600
          repeat ×5 every 60
            internal render row 5+50
              SELECT * FROM settings WHERE shop = 7 10+8
              SELECT * FROM prices WHERE sku = $1 25+3
        ",
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT settings, 4 of 5 calls, 32.0 ms, same_query_again (very likely)
        "#]],
    );
}

#[test]
fn at_one_time() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM settings WHERE shop = 7 5+30
          SELECT * FROM settings WHERE shop = 7 40+30 ×5 every 1
        ",
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT settings, 5 of 6 calls, 34.0 ms, same_query_again (very likely)
        "#]],
    );
}

#[test]
fn few_rows_asked_for_often() {
    check_findings(
        "
        trace 1 style=sentry
        server GET /posts 0..600
          SELECT * FROM posts 5+10
          SELECT * FROM users WHERE id = 1 20+5 ×6 every 30
          SELECT * FROM users WHERE id = 2 30+5 ×6 every 30
        ",
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT users, 10 of 12 calls, 50.0 ms, same_query_again (very likely)
        "#]],
    );
}

#[test]
fn a_write_to_another_table() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM settings WHERE shop = 7 5+10 ×3 every 60
          INSERT INTO visits (page) VALUES ($1) 30+5
          SELECT * FROM settings WHERE shop = 7 200+10 ×3 every 30
        ",
        expect![[r#"
            repeated-identical-query: Repeated query: SELECT settings, 5 of 6 calls, 50.0 ms, same_query_again (very likely)
        "#]],
    );
}

#[test]
fn twice() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM settings WHERE shop = 7 5+40 ×2 every 50
        ",
        expect![[""]],
    );
}

#[test]
fn a_write_in_between() {
    check_findings(
        "
        server GET /page 0..400
          repeat ×3 every 80
            SELECT * FROM stock WHERE sku = 7 5+20
            UPDATE stock SET n = $1 WHERE sku = 7 30+2
        ",
        expect![[""]],
    );
}

#[test]
fn a_procedure_may_write_anywhere() {
    check_findings(
        "
        server GET /page 0..400
          repeat ×3 every 80
            SELECT * FROM stock WHERE sku = 7 5+20
            client CALL refill 30+2 db.system=postgresql db.query.summary=CALL
        ",
        expect![[""]],
    );
}

#[test]
fn values_are_not_told() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM settings WHERE shop = $1 5+20 ×4 every 30
        ",
        expect![[""]],
    );
}

#[test]
fn they_cost_next_to_nothing() {
    check_findings(
        "
        server GET /page 0..400
          SELECT * FROM settings WHERE shop = 7 5+0.4 ×20 every 5
        ",
        expect![[""]],
    );
}

#[test]
fn asking_until_a_state_changes() {
    check_findings(
        "
        server POST /pay 0..3000
          SELECT state FROM payments WHERE id = 7 20+15 ×12 every 200
        ",
        expect![[""]],
    );
}

#[test]
fn different_statements() {
    check_findings(
        "
        server GET /page 0..400
          SELECT a FROM settings WHERE shop = 7 5+20
          SELECT b FROM settings WHERE shop = 7 45+20
          SELECT c FROM settings WHERE shop = 7 85+20
        ",
        expect![[""]],
    );
}

#[test]
fn polling_in_transactions() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×12 every 60
            BEGIN 5+1
            SELECT state FROM jobs WHERE id = 7 7+4
            COMMIT 12+1
        ",
        expect![[""]],
    );
}
