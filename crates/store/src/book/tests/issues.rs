//! What queries answer about issues.

use expect_test::expect;
use hotspan_model::{Class, Issue, IssueStatus};

use super::super::sample::{plain, with_lookups};
use super::super::{Filter, IssueFilter, TimeWindow};
use super::history::{check, history, id_of, ms, of_endpoint};
use super::{Fixture, START, minutes};

fn of_issue(issue: &Issue) -> String {
    format!(
        "{} at {} ({}): {} occurrences, {} of {} requests, {:.1} lookups and {:.1} calls each, \
         {:.1}% of wall, {} ms hidden, cause {}, {} fixes, {:?}, seen after {}..{} s",
        issue.subject,
        issue.endpoint,
        issue.status.slug(),
        issue.occurrences,
        issue.requests_affected,
        issue.requests,
        issue.lookups_per_request(),
        issue.calls_per_request(),
        issue.share_of_wall() * 100.0,
        ms(issue.hidden_ns),
        issue.cause.code,
        issue.fixes.len(),
        issue.templates,
        (issue.first_seen.0 - START.0) / 1_000_000_000,
        (issue.last_seen.0 - START.0) / 1_000_000_000,
    )
}

#[test]
fn issues() {
    let fixture = history();
    let all = IssueFilter::default();
    for (window, filter, expected) in [
        (
            minutes(0, 60),
            all.clone(),
            expect![[r#"
                AWS credential lookups at GET /a (open): 10 occurrences, 10 of 10 requests, 5.0 lookups and 15.0 calls each, 40.0% of wall, 400 ms hidden, cause new_provider_per_use, 1 fixes, ["PUT token", "GET credentials"], seen after 0..540 s
                AWS credential lookups at GET /c (open): 40 occurrences, 40 of 40 requests, 1.0 lookups and 3.0 calls each, 34.3% of wall, 48 ms hidden, cause not_shared, 1 fixes, ["PUT token", "GET credentials"], seen after 180..270 s
            "#]],
        ),
        (
            minutes(0, 180),
            all.clone(),
            expect![[r#"
                AWS credential lookups at GET /a (open): 10 occurrences, 10 of 15 requests, 5.0 lookups and 15.0 calls each, 30.8% of wall, 400 ms hidden, cause new_provider_per_use, 1 fixes, ["PUT token", "GET credentials"], seen after 0..540 s
                AWS credential lookups at GET /c (open): 40 occurrences, 40 of 40 requests, 1.0 lookups and 3.0 calls each, 34.3% of wall, 48 ms hidden, cause not_shared, 1 fixes, ["PUT token", "GET credentials"], seen after 180..270 s
            "#]],
        ),
        (minutes(60, 180), all.clone(), expect![[""]]),
        (
            minutes(0, 60),
            IssueFilter { endpoint_id: Some(id_of(&fixture, "GET /c")), ..all.clone() },
            expect![[r#"
                AWS credential lookups at GET /c (open): 40 occurrences, 40 of 40 requests, 1.0 lookups and 3.0 calls each, 34.3% of wall, 48 ms hidden, cause not_shared, 1 fixes, ["PUT token", "GET credentials"], seen after 180..270 s
            "#]],
        ),
        (
            minutes(0, 60),
            IssueFilter { statuses: vec![IssueStatus::Verified], ..all.clone() },
            expect![[""]],
        ),
        (
            minutes(0, 60),
            IssueFilter { class: Some(Class::Database), ..all.clone() },
            expect![[""]],
        ),
        (
            minutes(0, 60),
            IssueFilter { service: Some("billing".into()), ..all.clone() },
            expect![[""]],
        ),
    ] {
        let issues = fixture.book.issues(window, &filter).expect("lists");
        check(issues.iter().map(of_issue), &expected);
    }
}

#[test]
fn one_issue() {
    let fixture = history();
    let window = minutes(0, 60);
    let issues = fixture.book.issues(window, &IssueFilter::default()).expect("lists");
    let mut lines = Vec::new();
    for issue in &issues {
        let detail = fixture.book.issue(issue.id, window).expect("reads").expect("there");
        assert_eq!(&detail.issue, issue);
        lines.push(of_issue(issue));
        lines.extend(detail.occurrences.iter().take(2).map(|occurrence| {
            format!(
                "  {} lost {} of {} ms in {} lookups, {} calls, spans {:?}",
                occurrence.entry_span,
                ms(occurrence.wall_ns),
                ms(occurrence.duration_ns),
                occurrence.lookups,
                occurrence.calls,
                occurrence.evidence,
            )
        }));
        lines.extend(detail.days.iter().map(|day| {
            format!("  day {}: {} ms in {} requests", day.day, ms(day.wall_ns), day.occurrences)
        }));
        lines.extend(detail.others.iter().map(|other| format!("  also at {}", other.endpoint)));
    }
    check(
        lines,
        &expect![[r#"
            AWS credential lookups at GET /a (open): 10 occurrences, 10 of 10 requests, 5.0 lookups and 15.0 calls each, 40.0% of wall, 400 ms hidden, cause new_provider_per_use, 1 fixes, ["PUT token", "GET credentials"], seen after 0..540 s
              0000000000000009 lost 400 of 1000 ms in 5 lookups, 15 calls, spans [0505050505050505]
              0000000000000008 lost 400 of 1000 ms in 5 lookups, 15 calls, spans [0505050505050505]
              day 20780: 4000 ms in 10 requests
              also at GET /c
            AWS credential lookups at GET /c (open): 40 occurrences, 40 of 40 requests, 1.0 lookups and 3.0 calls each, 34.3% of wall, 48 ms hidden, cause not_shared, 1 fixes, ["PUT token", "GET credentials"], seen after 180..270 s
              0000000000000014 lost 12 of 35 ms in 1 lookups, 3 calls, spans [0101010101010101]
              0000000000000015 lost 12 of 35 ms in 1 lookups, 3 calls, spans [0101010101010101]
              day 20780: 480 ms in 40 requests
              also at GET /a
        "#]],
    );
    assert_eq!(fixture.book.issue(99, window).expect("reads"), None);
}

#[test]
fn an_ignored_issue_costs_nothing_and_a_verified_one_is_not_open() {
    let fixture = history();
    let id = fixture.book.issues(minutes(0, 60), &IssueFilter::default()).expect("lists")[0].id;
    for (status, lost, issues) in [
        (IssueStatus::Open, 4_000, 1),
        (IssueStatus::Ignored, 0, 0),
        (IssueStatus::Verified, 4_000, 0),
        (IssueStatus::Regressed, 4_000, 1),
    ] {
        assert!(fixture.set_status(id, status));
        let list = fixture.book.endpoints(minutes(0, 60), &Filter::default()).expect("lists");
        let row = list.rows.iter().find(|row| &*row.endpoint.name == "GET /a").expect("there");
        assert_eq!((ms(row.lost_ns), row.issues), (lost, issues), "{}", status.slug());
    }
}

/// What happens to a cause when both forms of a detector see an issue.
#[test]
fn the_cause_seen_in_a_trace_wins() {
    let fixture = Fixture::new();
    let record = with_lookups(plain(1, "GET /a", 0, 100), 3, 40);
    let later = plain(2, "GET /a", 600, 100);
    fixture.commit(1, &[record.clone(), later.clone()]);
    let id = id_of(&fixture, "GET /a");
    fixture.book.record_endpoint_findings(id, &[of_endpoint(&later)]).expect("keeps");
    let issues = fixture.book.issues(TimeWindow::ALL, &IssueFilter::default()).expect("lists");
    check(
        issues.iter().map(of_issue),
        &expect![[r#"
        AWS credential lookups at GET /a (open): 1 occurrences, 1 of 2 requests, 3.0 lookups and 9.0 calls each, 20.0% of wall, 4 ms hidden, cause new_provider_per_use, 1 fixes, ["PUT token", "GET credentials"], seen after 0..600 s
    "#]],
    );

    // When the trace turns out harmless, what the endpoint form said is left.
    let mut harmless = plain(1, "GET /a", 0, 100);
    harmless.trace_spans = 2;
    fixture.commit(2, &[harmless]);
    let issues = fixture.book.issues(TimeWindow::ALL, &IssueFilter::default()).expect("lists");
    check(
        issues.iter().map(of_issue),
        &expect![[r#"
        AWS credential lookups at GET /a (open): 0 occurrences, 0 of 2 requests, 0.0 lookups and 0.0 calls each, 0.0% of wall, 0 ms hidden, cause not_shared, 1 fixes, ["PUT token", "GET credentials"], seen after 600..600 s
    "#]],
    );
}
