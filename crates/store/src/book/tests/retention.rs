//! What goes as it gets old, and what stays.

use hotspan_model::time::NANOS_PER_MINUTE;
use rusqlite::Connection;

use super::super::sample::{START, plain, with_lookups};
use super::super::{Filter, Horizons, IssueFilter};
use super::{Fixture, minutes};

const HOUR_NS: i64 = 60 * NANOS_PER_MINUTE;

fn rows(fixture: &Fixture, sql: &str) -> i64 {
    Connection::open(fixture.book.path())
        .and_then(|connection| connection.query_row(sql, [], |row| row.get(0)))
        .expect("counts")
}

/// One request a minute for two hours, each with lookups, later ones dearer.
fn two_hours() -> Fixture {
    let fixture = Fixture::new();
    let records: Vec<_> = (0..120)
        .map(|n| with_lookups(plain(n, "GET /a", n as i64 * 60, 100 + n as i64), 3, 40 + n as i64))
        .collect();
    fixture.commit(1, &records);
    fixture
}

fn requests(fixture: &Fixture, from: i64, to: i64) -> f64 {
    let list = fixture.book.endpoints(minutes(from, to), &Filter::default()).expect("lists");
    list.rows.iter().map(|row| row.requests).sum()
}

#[test]
fn minutes_go_and_hours_answer_for_them() {
    let fixture = two_hours();
    assert_eq!(requests(&fixture, 10, 20), 10.0);
    let horizons = Horizons { minutes: START.plus(HOUR_NS), traces: START, hours: START };
    assert!(fixture.book.expire(&horizons).expect("writable") > 0);
    // The hour is all that is known of its minutes; the next one has minutes.
    assert_eq!(requests(&fixture, 10, 20), 60.0);
    assert_eq!(requests(&fixture, 0, 120), 120.0);
    assert_eq!(requests(&fixture, 70, 80), 10.0);
    let issues = fixture.book.issues(minutes(10, 20), &IssueFilter::default()).expect("lists");
    assert_eq!(issues[0].requests_affected, 60.0);
    assert_eq!(fixture.book.expire(&horizons).expect("writable"), 0, "nothing is left to do");
}

#[test]
fn lists_occurrences_and_hours_go_but_the_evidence_stays() {
    let fixture = two_hours();
    let lists_before = rows(&fixture, "SELECT count(*) FROM trace_summary");
    assert!(lists_before > 0);
    let (later, never) = (START.plus(2 * HOUR_NS), START.plus(-HOUR_NS));
    let dearest = (117..120).map(|n| plain(n, "GET /a", 0, 1).trace_id).collect();
    for (horizons, hours, lists) in [
        (Horizons { minutes: never, traces: never, hours: never }, 2, lists_before),
        (Horizons { minutes: later, traces: later, hours: never }, 2, 0),
        (Horizons { minutes: later, traces: later, hours: later }, 0, 0),
    ] {
        fixture.book.expire(&horizons).expect("writable");
        assert_eq!(rows(&fixture, "SELECT count(*) FROM rollup WHERE grain = 60"), hours);
        assert_eq!(rows(&fixture, "SELECT count(*) FROM trace_summary"), lists);
        let occurrences = if lists == 0 { 3 } else { 120 };
        assert_eq!(rows(&fixture, "SELECT count(*) FROM occurrence"), occurrences);
        assert_eq!(fixture.book.evidence_traces().expect("readable"), dearest);
    }
    let issues = fixture.book.issues(minutes(0, 120), &IssueFilter::default()).expect("lists");
    assert_eq!(issues[0].first_seen, START, "what went is remembered");
}

#[test]
fn where_minutes_begin_is_known_after_a_restart() {
    let fixture = two_hours();
    let horizons = Horizons { minutes: START.plus(HOUR_NS), traces: START, hours: START };
    fixture.book.expire(&horizons).expect("writable");
    let book = super::super::Book::open(fixture.book.path(), START).expect("opens");
    let list = book.endpoints(minutes(10, 20), &Filter::default()).expect("lists");
    assert_eq!(list.rows[0].requests, 60.0);
}
