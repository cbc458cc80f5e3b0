//! Questions in SQL over files, what is refused, and what is too much.

use std::path::Path;
use std::time::Duration;

use expect_test::{Expect, expect};

use super::{SqlError, SqlLimits, SqlSession, SqlValue};
use crate::sample;
use crate::{Store, StoreConfig, WalPosition};

const LIMITS: SqlLimits = SqlLimits { memory_bytes: 64 << 20, timeout: Duration::from_secs(60) };

/// Eight requests of two spans in files, and one in memory of a store that
/// still runs.
async fn filled(dir: &Path) -> Store {
    let config = StoreConfig { data_dir: dir.to_owned(), flush_spans: 4, ..StoreConfig::default() };
    let store = Store::open(config).await.expect("a store").store;
    for number in 1..=9 {
        let position = WalPosition(number.into());
        store.apply_spans(position, &sample::batch(number, 2)).await.expect("room");
    }
    while store.storage_stats().await.expect("readable").span_file_rows < 16 {
        tokio::task::yield_now().await;
    }
    store
}

async fn ask(dir: &Path, limits: SqlLimits, sql: &str) -> Result<String, SqlError> {
    let session = SqlSession::open(dir, limits).await?;
    let mut rows = session.query(sql).await?;
    let names: Vec<_> = rows.columns().iter().map(|column| column.name.clone()).collect();
    let mut lines = vec![names.join(" | ")];
    while let Some(some) = rows.next().await? {
        lines.extend(some.iter().map(|row| {
            let cells: Vec<_> = row.iter().map(cell).collect();
            cells.join(" | ")
        }));
    }
    Ok(lines.join("\n"))
}

fn cell(value: &SqlValue) -> String {
    match value {
        SqlValue::Null => "-".to_owned(),
        SqlValue::Bool(truth) => truth.to_string(),
        SqlValue::Int(number) => number.to_string(),
        SqlValue::Float(number) => format!("{number:?}"),
        SqlValue::Text(text) | SqlValue::Json(text) => text.clone(),
    }
}

async fn check(dir: &Path, limits: SqlLimits, questions: &[&str], expected: Expect) {
    let mut told = Vec::new();
    for sql in questions {
        let answer = match ask(dir, limits, sql).await {
            Ok(answer) => answer,
            Err(error) => format!("error: {error}"),
        };
        told.push(format!("> {sql}\n{answer}"));
    }
    expected.assert_eq(&told.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _running = filled(dir.path()).await;
    check(
        dir.path(),
        LIMITS,
        &[
            "SELECT count(*) AS spans FROM spans",
            "SELECT name, trace_id, parent_span_id, start, duration_ns, is_entry, weight FROM spans ORDER BY start DESC LIMIT 2",
            "SELECT attribute('nth') AS nth, attribute_number('nth') AS number, count(*) FROM spans GROUP BY 1, 2 ORDER BY 1",
            "SELECT name FROM spans s WHERE s.kind = 'client' AND attribute_number('nth') >= 1 AND attribute('none') IS NULL ORDER BY start LIMIT 1",
            "SELECT attributes_int['nth'] AS nth, attributes_int, events, resource_attribute('x') FROM spans WHERE hex(span_id) = '0000000200000001'",
            "SELECT max(n) FROM (SELECT attribute_number('nth') AS n FROM spans)",
            "SHOW TABLES",
        ],
        expect![[r#"
            > SELECT count(*) AS spans FROM spans
            spans
            16
            > SELECT name, trace_id, parent_span_id, start, duration_ns, is_entry, weight FROM spans ORDER BY start DESC LIMIT 2
            name | trace_id | parent_span_id | start | duration_ns | is_entry | weight
            request 8 span 0 | f1bbcdc8abababababababababababab | - | 2026-11-23T16:40:00.000000Z | 9000000000 | true | 1.0
            request 8 span 1 | f1bbcdc8abababababababababababab | 0000000900000000 | 2026-11-23T16:40:00.000000Z | 8999999999 | false | 1.0
            > SELECT attribute('nth') AS nth, attribute_number('nth') AS number, count(*) FROM spans GROUP BY 1, 2 ORDER BY 1
            nth | number | count(*)
            0 | 0.0 | 8
            1 | 1.0 | 8
            > SELECT name FROM spans s WHERE s.kind = 'client' AND attribute_number('nth') >= 1 AND attribute('none') IS NULL ORDER BY start LIMIT 1
            name
            request 1 span 1
            > SELECT attributes_int['nth'] AS nth, attributes_int, events, resource_attribute('x') FROM spans WHERE hex(span_id) = '0000000200000001'
            nth | attributes_int | events | resource_attribute(Utf8("x"))
            1 | {"nth":1} | [] | -
            > SELECT max(n) FROM (SELECT attribute_number('nth') AS n FROM spans)
            max(n)
            1.0
            > SHOW TABLES
            table_catalog | table_schema | table_name | table_type
            datafusion | public | spans | BASE TABLE
            datafusion | information_schema | tables | VIEW
            datafusion | information_schema | views | VIEW
            datafusion | information_schema | columns | VIEW
            datafusion | information_schema | df_settings | VIEW
            datafusion | information_schema | schemata | VIEW
            datafusion | information_schema | routines | VIEW
            datafusion | information_schema | parameters | VIEW"#]],
    )
    .await;
    let described = ask(dir.path(), LIMITS, "DESCRIBE spans").await.expect("described");
    assert!(described.contains("attributes_str"), "{described}");
    let explained = ask(dir.path(), LIMITS, "EXPLAIN SELECT 1").await.expect("explained");
    assert!(explained.contains("plan"), "{explained}");
}

/// Statements that write or make no sense.
const REFUSED: &[&str] = &[
    "INSERT INTO spans SELECT * FROM spans",
    "DELETE FROM spans",
    "update spans SET name = ''",
    "DROP TABLE spans",
    "CREATE TABLE t AS SELECT 1",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "COPY spans TO 'out.csv'",
    "SET datafusion.execution.batch_size = 1",
    "EXPLAIN ANALYZE INSERT INTO spans SELECT * FROM spans",
    "SELECT 1; DROP TABLE spans",
    "",
    "SELEC 1",
    "SELECT nam FROM spans",
    "SELECT * FROM span",
    "SELECT attribute(name) FROM spans",
    "SELECT attribute('x')",
    "SELECT attribute('x') FROM spans a JOIN spans b ON a.trace_id = b.trace_id",
    "SELECT hex(name) FROM spans",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _running = filled(dir.path()).await;
    check(
        dir.path(),
        LIMITS,
        REFUSED,
        expect![[r#"
            > INSERT INTO spans SELECT * FROM spans
            error: spans are read here and never changed: INSERT is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > DELETE FROM spans
            error: spans are read here and never changed: DELETE is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > update spans SET name = ''
            error: spans are read here and never changed: UPDATE is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > DROP TABLE spans
            error: spans are read here and never changed: DROP is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > CREATE TABLE t AS SELECT 1
            error: spans are read here and never changed: CREATE is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'
            error: spans are read here and never changed: CREATE is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > COPY spans TO 'out.csv'
            error: spans are read here and never changed: COPY is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > SET datafusion.execution.batch_size = 1
            error: spans are read here and never changed: SET is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > EXPLAIN ANALYZE INSERT INTO spans SELECT * FROM spans
            error: spans are read here and never changed: INSERT is refused; SELECT, EXPLAIN, SHOW and DESCRIBE are understood
            > SELECT 1; DROP TABLE spans
            error: The context currently only supports a single SQL statement
            > 
            error: No SQL statements were provided in the query string
            > SELEC 1
            error: ParserError("Expected: an SQL statement, found: SELEC at Line: 1, Column: 1")
            > SELECT nam FROM spans
            error: No field named nam. Did you mean 'spans.name'?
            Valid fields are spans.project, spans.service, spans.trace_id, spans.span_id, spans.parent_span_id, spans.name, spans.kind, spans.status, spans.status_message, spans.start, spans.start_ns, spans.duration_ns, spans.weight, spans.is_entry, spans.environment, spans.release, spans.http_status, spans.attributes_str, spans.attributes_int, spans.attributes_float, spans.attributes_json, spans.resource_str, spans.resource_int, spans.resource_float, spans.resource_json, spans.scope_name, spans.scope_version, spans.scope_str, spans.scope_int, spans.scope_float, spans.scope_json, spans.events, spans.links, spans.flags, spans.trace_state, spans.dropped_attributes, spans.dropped_events, spans.dropped_links, spans.door, spans.received_at.
            > SELECT * FROM span
            error: table 'datafusion.public.span' not found
            > SELECT attribute(name) FROM spans
            error: attribute() takes the name of an attribute in quotes
            > SELECT attribute('x')
            error: attribute() works beside the table spans itself: use it in the innermost SELECT and give it a name
            > SELECT attribute('x') FROM spans a JOIN spans b ON a.trace_id = b.trace_id
            error: attribute() cannot tell which table is meant: use it in a SELECT from one of them
            > SELECT hex(name) FROM spans
            error: hex() takes an id such as trace_id"#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let _running = filled(dir.path()).await;
    let huge = "SELECT count(DISTINCT value || 'x') FROM generate_series(1, 2000000000)";
    check(dir.path(), SqlLimits { memory_bytes: 2 << 20, ..LIMITS }, &[huge], expect![[r#"
        > SELECT count(DISTINCT value || 'x') FROM generate_series(1, 2000000000)
        error: the query needs more than the 2 MiB of memory it may use: narrow it down, for example to an hour of `start`, or allow more"#]])
        .await;
    check(
        dir.path(),
        SqlLimits { timeout: Duration::ZERO, ..LIMITS },
        &["SELECT count(*) FROM spans"],
        expect![[r#"
            > SELECT count(*) FROM spans
            error: the query took longer than 0ns: narrow it down, for example to an hour of `start`, or allow more time"#]],
    )
    .await;
}

/// As a merge does it: the manifest first, the file after it.
fn take_away(running: &Store, dir: &Path) -> u64 {
    let gone = running.inner.book.files().expect("readable").remove(0);
    running.inner.book.commit_flush(&[], std::slice::from_ref(&gone.path), 0).expect("committed");
    std::fs::remove_file(dir.join(&gone.path)).expect("removed");
    gone.rows
}

async fn count(session: &SqlSession) -> SqlValue {
    let asked = session.query("SELECT count(*) FROM spans WHERE duration_ns > 0").await;
    let row = asked.expect("begun").next().await.expect("readable").expect("a row").remove(0);
    row.into_iter().next().expect("a cell")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sees_what_was_there_when_it_began() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let running = filled(dir.path()).await;
    let session = SqlSession::open(dir.path(), LIMITS).await.expect("open");
    let rows = take_away(&running, dir.path());
    assert_eq!(count(&session).await, SqlValue::Int(16));
    let later = SqlSession::open(dir.path(), LIMITS).await.expect("open");
    assert_eq!(count(&later).await, SqlValue::Int(16 - rows as i64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_missing_is_said_and_the_rest_is_seen() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let running = filled(dir.path()).await;
    let gone = running.inner.book.files().expect("readable").remove(0);
    std::fs::remove_file(dir.path().join(&gone.path)).expect("removed");
    let session = SqlSession::open(dir.path(), LIMITS).await.expect("open");
    assert_eq!(session.missing(), [gone.path]);
    assert_eq!(count(&session).await, SqlValue::Int(16 - gone.rows as i64));
}

#[tokio::test]
async fn directories_that_are_not_ours() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let error = SqlSession::open(dir.path(), LIMITS).await.expect_err("empty");
    assert!(
        error.to_string().ends_with("is not a hotspan data directory: it has no file FORMAT"),
        "{error}"
    );
    std::fs::write(dir.path().join("FORMAT"), "hotspan 99\n").expect("written");
    let error = SqlSession::open(dir.path(), LIMITS).await.expect_err("newer");
    assert!(error.to_string().contains("has format 99, this version reads up to"), "{error}");
    let error = SqlSession::open(&dir.path().join("none"), LIMITS).await.expect_err("none");
    assert!(error.to_string().starts_with("cannot find "), "{error}");
}
