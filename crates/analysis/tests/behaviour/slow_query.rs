//! Statements that take long by themselves, and what only looks like it.

use expect_test::expect;

use super::draw::{check_findings, records};

#[test]
fn no_index_leads_to_its_rows() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE state = $1 ORDER BY created_at LIMIT 20 100+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 1 of 1 calls, 900.0 ms, slow_filter (possible)
        "#]],
    );
}

#[test]
fn a_whole_table() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT * FROM orders 100+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 1 of 1 calls, 900.0 ms, slow_whole_table (likely)
        "#]],
    );
}

#[test]
fn many_rows() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT * FROM orders WHERE shop_id = $1 100+900 db.response.returned_rows=48000
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 1 of 1 calls, 900.0 ms, slow_many_rows (likely)
        "#]],
    );
}

#[test]
fn a_page_far_down() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE shop_id = $1 ORDER BY id LIMIT 20 OFFSET 40000 100+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 1 of 1 calls, 900.0 ms, slow_offset (possible)
        "#]],
    );
}

#[test]
fn a_search_by_pattern() {
    check_findings(
        "
        trace 1 style=sentry lang=ruby
        server GET /search 0..1200
          SELECT id FROM users WHERE name ILIKE '%smith%' LIMIT 20 100+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT users, 1 of 1 calls, 900.0 ms, slow_pattern (possible)
        "#]],
    );
}

#[test]
fn a_count_of_everything() {
    check_findings(
        "
        server GET /dashboard 0..1200
          SELECT state, count(*) FROM orders GROUP BY state 100+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 1 of 1 calls, 900.0 ms, slow_over_all_rows (likely)
        "#]],
    );
}

#[test]
fn a_write_that_takes_long() {
    check_findings(
        "
        server POST /orders 0..1200
          UPDATE stock SET amount = amount - 1 WHERE sku = $1 100+900
        ",
        expect![[r#"
            slow-query: Slow query: UPDATE stock, 1 of 1 calls, 900.0 ms, slow_write (possible)
        "#]],
    );
}

#[test]
fn several_runs_of_one_statement() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE state = $1 100+250 ×3 every 300
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 3 of 3 calls, 750.0 ms, slow_filter (possible)
        "#]],
    );
}

#[test]
fn rows_that_are_copied_are_written() {
    check_findings(
        "
        server POST /archive 0..1200
          INSERT INTO archive SELECT * FROM orders 100+900
        ",
        expect![[r#"
            slow-query: Slow query: INSERT archive SELECT orders, 1 of 1 calls, 900.0 ms, slow_write (possible)
        "#]],
    );
}

#[test]
fn a_function_knows_what_it_reads() {
    check_findings(
        "
        server GET /report 0..1200
          SELECT * FROM monthly_report($1) 100+900
        ",
        expect![[r#"
            slow-query: Slow query: SELECT monthly_report, 1 of 1 calls, 900.0 ms, slow_statement (undetermined)
        "#]],
    );
}

#[test]
fn few_rows_of_a_small_table() {
    check_findings(
        "
        server GET /settings 0..1200
          SELECT * FROM settings 100+900 db.response.returned_rows=12
        ",
        expect![[r#"
            slow-query: Slow query: SELECT settings, 1 of 1 calls, 900.0 ms, slow_statement (undetermined)
        "#]],
    );
}

#[test]
fn a_document_store() {
    check_findings(
        "
        server GET /users 0..1200
          client find 100+900 db.system=mongodb db.operation=find db.collection.name=users
        ",
        expect![[r#"
            slow-query: Slow query: find users, 1 of 1 calls, 900.0 ms, slow_statement (undetermined)
        "#]],
    );
}

#[test]
fn inside_a_remote_call() {
    check_findings(
        "
        server rpc Orders/List 0..900 rpc.system=grpc
          internal load 10..880
            SELECT id FROM orders WHERE state = $1 ORDER BY created_at 20+850
        ",
        expect![[r#"
            slow-query: Slow query: SELECT orders, 1 of 1 calls, 850.0 ms, slow_filter (possible)
        "#]],
    );
}

#[test]
fn fast_ones() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE state = $1 100+450
        ",
        expect![[""]],
    );
}

#[test]
fn short_ones_that_add_up() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE state = $1 100+180 ×4 every 250
        ",
        expect![[""]],
    );
}

#[test]
fn a_small_part_of_a_long_request() {
    check_findings(
        "
        server GET /report 0..9000
          SELECT id FROM orders WHERE state = $1 100+700
        ",
        expect![[""]],
    );
}

#[test]
fn nothing_waits_for_it() {
    check_findings(
        "
        server GET /orders 0..1200
          GET http://prices/all 90+1000
          SELECT id FROM orders WHERE state = $1 100+900
        ",
        expect![[""]],
    );
}

#[test]
fn a_job() {
    check_findings(
        "
        internal nightly report 0..1200
          SELECT * FROM orders 100+900
        ",
        expect![[""]],
    );
}

#[test]
fn a_message() {
    check_findings(
        "
        consumer orders process 0..1200 messaging.system=kafka
          SELECT * FROM orders 100+900
        ",
        expect![[""]],
    );
}

#[test]
fn what_builds_tables() {
    check_findings(
        "
        server POST /migrate 0..9000
          client CREATE 100+900 db.system=postgresql db.statement='CREATE INDEX a ON orders (b)'
          client VACUUM 1100+900 db.system=postgresql db.statement='VACUUM orders'
          client COPY 2100+900 db.system=postgresql db.statement='COPY orders FROM STDIN'
          client ALTER 3100+900 db.system=postgresql db.statement='ALTER TABLE orders ADD COLUMN c int'
          client REFRESH 4100+900 db.system=postgresql db.statement='REFRESH MATERIALIZED VIEW v'
        ",
        expect![[""]],
    );
}

#[test]
fn what_waits_by_nature() {
    check_findings(
        "
        server POST /jobs 0..9000
          SELECT pg_sleep($1) 100+900
          SELECT id FROM jobs WHERE state = $1 FOR UPDATE SKIP LOCKED 1100+900
          SELECT pg_advisory_lock($1) 2100+900
          client FETCH 3100+900 db.system=postgresql db.statement='FETCH 100 FROM c'
          client LISTEN 4100+900 db.system=postgresql db.statement='LISTEN changes'
          client BLPOP 5100+900 db.system=redis
          client XREAD 6100+900 db.system=redis db.statement='XREAD BLOCK 900 STREAMS s 0'
          client getMore 7100+900 db.system=mongodb db.operation=getMore db.collection.name=c
        ",
        expect![[r#"
            pool-wait: Waiting for a lock: SELECT (a lock by name), 1 of 1 calls, 900.0 ms, lock_wait (very likely)
        "#]],
    );
}

#[test]
fn a_commit() {
    check_findings(
        "
        server POST /orders 0..1200
          client COMMIT 100+900 db.system=postgresql db.statement=COMMIT
        ",
        expect![[""]],
    );
}

#[test]
fn it_failed() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE state = $1 100+900 !error
        ",
        expect![[""]],
    );
}

#[test]
fn explained_as_a_loop() {
    check_findings(
        "
        server GET /orders 0..3000
          SELECT id FROM orders WHERE state = $1 10+20
          SELECT * FROM items WHERE order_id = $1 40+220 ×10 every 230
        ",
        expect![[r#"
            n-plus-one-query: N+1 query: SELECT items, 10 of 10 calls, 2200.0 ms, query_per_row (very likely)
        "#]],
    );
}

#[test]
fn a_connection_was_made_first() {
    check_findings(
        "
        server GET /orders 0..1200
          SELECT id FROM orders WHERE state = $1 100+900
            client pg.connect 110+800 db.system=postgresql server.address=db
        ",
        expect![[""]],
    );
}

/// The cause in words, its facts and its fixes.
#[test]
fn what_is_said() {
    let record = &records(
        "
        trace 1 lang=python
        server GET /orders 0..1200
          SELECT * FROM orders o WHERE o.state = $1 AND o.at > $2 ORDER BY o.at 100+300 ×3 every 310 db.response.returned_rows=12
        ",
    )[0];
    let finding = &record.findings[0];
    let facts = finding.cause.facts.iter();
    let facts: String = facts.map(|(figure, meaning)| format!("\n- {figure}: {meaning}")).collect();
    let fixes = finding.fixes.iter().map(|fix| format!("\n* {}", fix.title)).collect::<String>();
    expect![[r#"
        SELECT orders takes 900 ms of the request's critical path (75.0%, 3 times 300 ms). It has WHERE state, at ORDER BY at. It brought 12 rows. Most likely no index leads to them, or one that leads to far more rows than are wanted; waiting for a lock or for a busy disk would look the same. EXPLAIN (ANALYZE, BUFFERS) decides: a sequential scan, or many rows removed by a filter, is a missing index.
        - 12: rows in its answer
        - WHERE state, at ORDER BY at: columns that it compares with values and orders by
        - SELECT *: every column is read and sent
        - no LIMIT: nothing bounds the answer
        * Ask the database for its plan
        * Give it an index on what it compares and orders by
    "#]].assert_eq(&format!("{}{facts}{fixes}\n", finding.cause.text));
}
