//! What agents tell: kept once, added up, and let go.

use std::fmt::Write;
use std::sync::Arc;

use expect_test::{Expect, expect};
use hotspan_model::agent::{AgentCaller, AgentFetch, AgentLookups, AgentRole};
use hotspan_model::time::{NANOS_PER_MINUTE, NANOS_PER_SECOND};
use hotspan_model::{AgentNews, AgentReport, UnixNanos};

use super::super::sample::{START, ids};
use super::super::{Filter, Horizons, SegmentCommit, TimeWindow};
use super::{Fixture, minutes};

/// The `n`-th report of `host`, told by the `n`-th span.
fn report(n: u64, host: &str, news: AgentNews) -> AgentReport {
    let (trace_id, span_id) = ids(n);
    AgentReport { project: Arc::from("default"), trace_id, span_id, host: host.to_owned(), news }
}

fn at(minute: i64) -> UnixNanos {
    START.plus(minute * NANOS_PER_MINUTE)
}

fn lookups(minute: i64, consumer: &str, answer: &str, count: u64, traces: &[u64]) -> AgentNews {
    AgentNews::Lookups(AgentLookups {
        at: at(minute),
        caller: AgentCaller {
            door: "container".to_owned(),
            role: "app".to_owned(),
            consumer: consumer.to_owned(),
            uid: Some(1_000),
            ..AgentCaller::default()
        },
        answer: answer.to_owned(),
        count,
        sum_ns: count as i64 * 100,
        max_ns: 300,
        traces: traces.iter().map(|trace| (ids(*trace).0, ids(*trace).1, 2)).collect(),
    })
}

fn role(minute: i64, started_minute: i64, attempts: i64, answered: i64) -> AgentNews {
    AgentNews::Role(AgentRole {
        at: at(minute),
        role: "app".to_owned(),
        standing: "good".to_owned(),
        seconds_left: Some(3_600 - minute * 60),
        attempts,
        failures: attempts / 2,
        started_seconds: at(started_minute).0 / NANOS_PER_SECOND,
        answered_from_memory: answered,
        ..AgentRole::default()
    })
}

fn fetch(minute: i64, outcome: &str) -> AgentNews {
    AgentNews::Fetch(AgentFetch {
        start: at(minute),
        end: at(minute).plus(1_000),
        role: "app".to_owned(),
        outcome: outcome.to_owned(),
        ..AgentFetch::default()
    })
}

/// Two hosts; the first starts its agent anew in the 20th minute.
fn told() -> Vec<AgentReport> {
    [
        ("a", lookups(1, "web", "given", 10, &[900, 901])),
        ("a", lookups(2, "web", "given", 5, &[900])),
        ("a", lookups(2, "", "denied", 3, &[])),
        ("b", lookups(3, "web", "given", 1, &[])),
        ("a", role(5, -60, 100, 1_000)),
        ("a", role(15, -60, 110, 1_500)),
        ("a", role(25, 20, 4, 40)),
        ("b", role(25, -60, 7, 70)),
        ("a", fetch(6, "failed")),
        ("a", fetch(9, "found")),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, (host, news))| report(n as u64, host, news))
    .collect()
}

fn commit(fixture: &Fixture, reports: &[AgentReport]) {
    let commit =
        SegmentCommit { covered: 1, reached: 1, records: &[], retracted: &[], reports, now: START };
    fixture.book.commit_segments(commit).expect("commits");
}

fn check(fixture: &Fixture, window: TimeWindow, expected: Expect) {
    let answer = fixture.book.agents(window, &Filter::default()).expect("reads");
    let mut said = String::new();
    for row in &answer.roles {
        let known: Vec<i64> = row.life.iter().flatten().copied().collect();
        let fetches: Vec<&str> = row.fetches.iter().map(|one| one.outcome.as_str()).collect();
        let (host, role, left) = (&row.host, &row.latest.role, row.latest.seconds_left);
        writeln!(said, "{role} on {host}: {left:?} s, {} asked, {} failed, life {known:?}, fetches {fetches:?}", row.attempts, row.failures).expect("writes");
    }
    for row in &answer.callers {
        let spark: Vec<u64> = row.spark.iter().copied().filter(|count| *count > 0).collect();
        writeln!(
            said,
            "{:?} of {}: {} lookups, {} given, mean {} ns, {} hosts, {spark:?}",
            row.caller.consumer,
            row.caller.role,
            row.lookups,
            row.given,
            row.mean_ns(),
            row.hosts
        )
        .expect("writes");
    }
    for row in &answer.traces {
        writeln!(said, "{}: {} lookups on {}", row.trace_id, row.lookups, row.host)
            .expect("writes");
    }
    writeln!(said, "{:?}", answer.totals).expect("writes");
    expected.assert_eq(&said);
}

#[test]
fn told_twice_is_told_once() {
    let fixture = Fixture::new();
    commit(&fixture, &told());
    commit(&fixture, &told());
    check(
        &fixture,
        minutes(0, 30),
        expect![[r#"
        app on a: Some(2100) s, 14 asked, 7 failed, life [3300, 2700, 2100], fetches ["failed", "found"]
        app on b: Some(2100) s, 0 asked, 0 failed, life [2100], fetches []
        "web" of app: 16 lookups, 16 given, mean 100 ns, 2 hosts, [10, 5, 1]
        "" of app: 3 lookups, 0 given, mean 100 ns, 1 hosts, [3]
        00000000000000000000000000000384: 4 lookups on a
        00000000000000000000000000000385: 2 lookups on a
        AgentTotals { hosts: 2, lookups: 19, given: 16, sum_ns: 1900, max_ns: 300, answered_from_memory: 540, attempts: 14, failures: 7, dropped: 0 }
    "#]],
    );
    check(
        &fixture,
        minutes(2, 3),
        expect![[r#"
        "web" of app: 5 lookups, 5 given, mean 100 ns, 1 hosts, [5]
        "" of app: 3 lookups, 0 given, mean 100 ns, 1 hosts, [3]
        00000000000000000000000000000384: 2 lookups on a
        AgentTotals { hosts: 0, lookups: 8, given: 5, sum_ns: 800, max_ns: 300, answered_from_memory: 0, attempts: 0, failures: 0, dropped: 0 }
    "#]],
    );
    let other = Filter { project: Some("other".to_owned()), ..Filter::default() };
    assert!(fixture.book.agents(minutes(0, 30), &other).expect("reads").callers.is_empty());
    let asked = fixture.book.agent_lookups_of(ids(900).0).expect("reads");
    assert_eq!(asked.iter().map(|row| row.lookups).collect::<Vec<_>>(), [4]);
}

#[test]
fn what_is_old_goes() {
    let fixture = Fixture::new();
    commit(&fixture, &told());
    let before = at(60);
    let horizons = Horizons { minutes: before, traces: before, hours: before };
    // Two callers of a trace go with their lookups; roles, fetches and lookups are ten.
    assert_eq!(fixture.book.expire(&horizons).expect("writable"), 10);
    check(
        &fixture,
        minutes(0, 30),
        expect![[r#"
        AgentTotals { hosts: 0, lookups: 0, given: 0, sum_ns: 0, max_ns: 0, answered_from_memory: 0, attempts: 0, failures: 0, dropped: 0 }
    "#]],
    );
    assert!(fixture.book.agent_lookups_of(ids(900).0).expect("reads").is_empty());
}
