//! Issues that looks over time raise, and what such a look reads.

use hotspan_model::{Finding, HistoryFinding, IssueStatus, MinuteCost};

use super::super::sample::plain;
use super::super::{IssueFilter, TimeWindow};
use super::history::{id_of, of_endpoint};
use super::{Fixture, START, minutes};

/// Three hours and a bit of an endpoint, a request each minute.
fn endpoint() -> (Fixture, i64) {
    let fixture = Fixture::new();
    let records: Vec<_> =
        (0..200).map(|n| plain(n, "GET /a", n as i64 * 60, 100 + n as i64)).collect();
    fixture.commit(1, &records);
    let id = id_of(&fixture, "GET /a");
    (fixture, id)
}

fn slower(minute: i64) -> Finding {
    let mut finding = of_endpoint(&plain(1, "GET /a", minute * 60, 100));
    finding.detector = "slow-dependency".into();
    finding.family = "slow-dependency SELECT a".into();
    finding.fingerprint = "slower".into();
    finding.start = START.plus(minute * 60_000_000_000);
    finding
}

fn costs(first: i64, wall_ns: &[i64]) -> Vec<MinuteCost> {
    let minute = |nth: usize| START.minute() + first + nth as i64;
    let cost = |(nth, wall_ns): (usize, &i64)| MinuteCost {
        minute: minute(nth),
        samples: 1,
        requests: 1.0,
        wall_ns: *wall_ns,
    };
    wall_ns.iter().enumerate().map(cost).collect()
}

#[test]
fn a_later_look_replaces_an_earlier_one() {
    let (fixture, id) = endpoint();
    let keep = |last: i64, minutes: Vec<MinuteCost>| {
        let found = HistoryFinding { finding: slower(last), minutes };
        fixture.book.record_history_findings(id, &[found]).expect("keeps");
        let issues = fixture.book.issues(minutes_of_all(), &IssueFilter::default());
        let issues = issues.expect("lists");
        assert_eq!(issues.len(), 1);
        (issues[0].requests_affected, issues[0].wall_ns)
    };
    assert_eq!(keep(62, costs(60, &[10, 10, 10])), (3.0, 30));
    assert_eq!(keep(62, costs(60, &[10, 10, 10])), (3.0, 30), "the same again");
    assert_eq!(keep(64, costs(61, &[20, 20, 20, 20])), (5.0, 90), "what was seen better");
    let window = minutes(62, 64);
    let issues = fixture.book.issues(window, &IssueFilter::default()).expect("lists");
    assert_eq!((issues[0].requests_affected, issues[0].wall_ns), (2.0, 40), "by minute");

    let since = |detectors: &[&str], from: i64| {
        let from = minutes(from, from).from;
        let since = fixture.book.open_since(id, detectors, from).expect("reads");
        since.map(|at| (at.0 - START.0) / 60_000_000_000)
    };
    assert_eq!(since(&["slow-dependency"], 0), Some(60));
    assert_eq!(since(&["slow-dependency"], 62), Some(62));
    assert_eq!(since(&["endpoint-regression"], 0), None);
    assert!(fixture.set_status(issues[0].id, IssueStatus::Verified));
    assert_eq!(since(&["slow-dependency"], 0), None, "what is mended is over");
}

fn minutes_of_all() -> TimeWindow {
    minutes(-600, 600)
}

/// Every request is in one stretch: hours long ago, minutes of late, and five
/// minutes or hours for call trees.
#[test]
fn windows_of_a_history() {
    let (fixture, id) = endpoint();
    let book = &fixture.book;
    let (earlier, recent) = (minutes(-10_000, 140), minutes(140, 200));
    let history = book.endpoint_history(id, earlier, recent).expect("reads").expect("there");
    let sums = |window: &hotspan_model::HistoryWindow| {
        let samples: u64 = window.requests.iter().map(|stretch| stretch.samples).sum();
        let in_order = window.requests.windows(2).all(|two| two[0].end() <= two[1].start);
        (samples, in_order)
    };
    assert_eq!((sums(&history.earlier), sums(&history.recent)), ((140, true), (60, true)));
    assert!(history.recent.requests.iter().all(|stretch| stretch.width_ns == 60_000_000_000));
    assert_eq!(history.deploys.iter().map(|deploy| &*deploy.release).collect::<Vec<_>>(), ["1.0"]);
    let example = history.example.expect("a slow request");
    assert_eq!(example.entry_span, plain(199, "GET /a", 0, 1).entry_span);

    let trees = book.history_trees(id, earlier, recent).expect("reads");
    let requests = trees.each_ref().map(|trees| {
        let roots = trees.iter().flat_map(|stretch| stretch.tree.roots.values());
        roots.map(|root| root.requests).sum::<i64>()
    });
    assert_eq!(requests, [140_000, 60_000]);
    assert!(trees[1].iter().all(|stretch| stretch.width_ns == 5 * 60_000_000_000));
    assert!(book.endpoint_history(999, earlier, recent).expect("reads").is_none());
}
