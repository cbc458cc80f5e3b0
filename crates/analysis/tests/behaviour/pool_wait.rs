//! Waits for connections of a pool and for locks.

use expect_test::expect;

use super::draw::{check_findings, check_words};

#[test]
fn a_long_wait_for_a_connection() {
    check_findings(
        "
        trace 1 lang=javascript
        server GET /page 0..900
          client pg-pool.connect 10+640 db.system=postgresql net.peer.name=db
          SELECT * FROM users WHERE id = 7 652+4
        ",
        expect![[r#"
            pool-wait: Waiting for a connection: db, 1 of 1 calls, 640.0 ms, pool_exhausted (possible)
        "#]],
    );
}

#[test]
fn several_long_waits() {
    check_findings(
        "
        trace 1 lang=java
        server GET /page 0..2000
          internal HikariDataSource.getConnection 10+240
          SELECT * FROM users WHERE id = 7 252+4
          internal HikariDataSource.getConnection 300+410
          SELECT * FROM orders WHERE id = 7 712+4
        ",
        expect![[r#"
            pool-wait: Waiting for a connection: a pool, 2 of 2 calls, 650.0 ms, pool_exhausted (likely)
        "#]],
    );
}

#[test]
fn a_wait_that_was_given_up() {
    check_findings(
        "
        trace 1 lang=javascript
        server GET /page 0..10200
          client pg-pool.connect 10+10003 !error error.type=timeout db.system=postgresql net.peer.name=db
        ",
        expect![[r#"
            pool-wait: Waiting for a connection: db, 1 of 1 calls, 10003.0 ms, pool_exhausted (likely)
        "#]],
    );
}

#[test]
fn many_waits_of_some_length() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×5 every 100
            internal HTTP wait_for_connection api:443 10+35
            GET http://api/a{n} 46+20
        ",
        expect![[r#"
            pool-wait: Waiting for a connection: api, 5 of 5 calls, 175.0 ms, pool_exhausted (possible)
        "#]],
    );
}

#[test]
fn a_lock_by_name() {
    check_findings(
        "
        server POST /import 0..4000
          SELECT pg_advisory_lock($1) 10+2100
          UPDATE imports SET state = $1 2120+4
        ",
        expect![[r#"
            pool-wait: Waiting for a lock: SELECT (a lock by name), 1 of 1 calls, 2100.0 ms, lock_wait (very likely)
        "#]],
    );
}

#[test]
fn a_row_that_is_locked() {
    check_findings(
        "
        server POST /order 0..4000
          SELECT * FROM stock WHERE sku = $1 FOR UPDATE 10+2100
          UPDATE stock SET n = $1 WHERE sku = $2 2120+4
        ",
        expect![[r#"
            pool-wait: Waiting for a lock: SELECT stock, 1 of 1 calls, 2100.0 ms, row_lock_wait (possible)
        "#]],
    );
}

#[test]
fn a_lock_in_the_process() {
    check_findings(
        "
        server POST /order 0..4000
          internal RateLimiterMutex.acquire 10+600
          SELECT * FROM stock WHERE sku = $1 620+4
        ",
        expect![[r#"
            pool-wait: Waiting for a lock: RateLimiterMutex.acquire, 1 of 1 calls, 600.0 ms, lock_wait (likely)
        "#]],
    );
}

#[test]
fn a_connection_that_is_free() {
    check_findings(
        "
        server GET /page 0..900
          repeat ×20 every 40
            client pg-pool.connect 10+0.2 db.system=postgresql net.peer.name=db
            SELECT * FROM users{n} WHERE id = 7 11+4
        ",
        expect![[""]],
    );
}

#[test]
fn a_connection_that_is_opened_meanwhile() {
    check_findings(
        "
        server GET /page 0..900
          client pg-pool.connect 10+640 db.system=postgresql net.peer.name=db
            client pg.connect 11+635 db.system=postgresql net.peer.name=db
          SELECT * FROM users WHERE id = 7 652+4
        ",
        expect![[""]],
    );
}

#[test]
fn a_connection_that_may_be_opened_meanwhile() {
    check_findings(
        "
        server GET /page 0..400
          client pg-pool.connect 10+160 db.system=postgresql net.peer.name=db
          SELECT * FROM users WHERE id = 7 175+4
        ",
        expect![[""]],
    );
}

#[test]
fn a_row_that_is_free() {
    check_findings(
        "
        server POST /order 0..400
          SELECT * FROM stock WHERE sku = $1 FOR UPDATE 10+30
          UPDATE stock SET n = $1 WHERE sku = $2 45+4
        ",
        expect![[""]],
    );
}

#[test]
fn statements_that_do_not_wait() {
    check_findings(
        "
        consumer jobs 0..4000
          SELECT * FROM jobs LIMIT 1 FOR UPDATE SKIP LOCKED 10+900
          SELECT pg_try_advisory_lock($1) 920+300
        ",
        expect![[""]],
    );
}

#[test]
fn work_under_a_lock() {
    check_findings(
        "
        server POST /order 0..4000
          internal acquire lock and reserve 10+2000
            SELECT * FROM stock WHERE sku = $1 20+4
            UPDATE stock SET n = $1 WHERE sku = $2 30+1900
          internal unlock 2011+500
        ",
        expect![[r#"
            slow-query: Slow query: UPDATE stock, 1 of 1 calls, 1900.0 ms, slow_write (possible)
        "#]],
    );
}

#[test]
fn nobody_waited_for_it() {
    check_findings(
        "
        server POST /order 0..4000
          POST http://render/pages 1+3990
          client pg-pool.connect 10+900 db.system=postgresql net.peer.name=db
        ",
        expect![[""]],
    );
}

#[test]
fn the_words() {
    check_words(
        "
        server GET /page 0..5000
          client pg-pool.connect 10+640 db.system=postgresql net.peer.name=db
          SELECT * FROM stock WHERE sku = $1 FOR UPDATE 652+2100
          SELECT GET_LOCK('import', 10) 2760+1200
        ",
        expect![[r#"
            The request waited for a connection once, in the pool of db, up to 640 ms: 640 ms of the critical path (12.8%). A connection that is free is handed out within microseconds, so all were taken, or new ones had to be opened. The pool's own figures decide which: how many are in use, how many wait, how many are opened.
              1: waits
              640 ms: the longest of them
            SELECT stock ran once and took up to 2.1 s, and it locks what it reads: 2.1 s of the critical path (42.0%). If it finds its rows by an index, it waited for another transaction that has locked them; if it reads a whole table, it may be slow by itself. Its plan decides that, and so do the locks the database shows while it runs.
              1: waits
              2.1 s: the longest of them
            The request waited for a lock once, in SELECT (a lock by name), up to 1.2 s: 1.2 s of the critical path (24.0%). Nothing else is done there: somebody else held the lock all the while.
              1: waits
              1.2 s: the longest of them
        "#]],
    );
}
