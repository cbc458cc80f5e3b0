//! What is looked at next, and what follows: one line a case.

use expect_test::{Expect, expect};
use hotspan_model::comparison::SideFigures;
use hotspan_model::life::{Deploy, DeploySource};

use super::*;

/// The tests' day 0.
const START: UnixNanos = UnixNanos(1_795_392_000_000_000_000);

/// A moment, in minutes after [`START`].
fn at(minute: i64) -> UnixNanos {
    START.plus(minute * NANOS_PER_MINUTE)
}

fn after(time: UnixNanos) -> i64 {
    time.since(START) / NANOS_PER_MINUTE
}

fn issue(status: IssueStatus, since: i64) -> WatchedIssue {
    WatchedIssue {
        id: 7,
        endpoint_id: 1,
        status,
        since: at(since),
        last_seen: at(since),
        verification: None,
        ignored: None,
        deploy: None,
        awaited: None,
    }
}

fn claim(release: &str, minute: i64, progress: Progress) -> Option<Verification> {
    Some(Verification {
        origin: Origin::Claim,
        release: release.to_owned(),
        before_to: at(minute),
        started: at(minute),
        checked: at(minute),
        progress,
        comparison: None,
    })
}

fn deploy(release: &str, minute: i64) -> Option<Deploy> {
    Some(Deploy {
        project: "default".into(),
        service: "shop".into(),
        release: release.to_owned(),
        environment: String::new(),
        at: at(minute),
        source: DeploySource::Seen,
    })
}

fn waiting() -> Progress {
    Progress::Waiting(Needs::default())
}

fn window(window: &TimeWindow) -> String {
    format!("{}..{}", after(window.from), after(window.to))
}

fn told(plan: &Plan) -> String {
    match plan {
        Plan::Nothing => "nothing".to_owned(),
        Plan::Change(check) => change_of(check),
        Plan::Compare { verification, before, after: since, again } => format!(
            "compare {} with {}{} for {} {:?}",
            window(before),
            window(since),
            if *again { " again" } else { "" },
            verification.origin.slug(),
            verification.release,
        ),
        Plan::Return { windows, .. } => {
            format!("return in {}", windows.iter().map(window).collect::<Vec<_>>().join(", "))
        }
        Plan::Growth { day_wall_ns, day } => {
            format!("growth from {day_wall_ns} in {}", window(day))
        }
    }
}

fn change_of(check: &Check) -> String {
    let progress = check.verification.as_ref().map_or("kept", |known| known.progress.slug());
    match &check.change {
        None => format!("stays {}, comparison {progress}", check.status.slug()),
        Some(change) => format!(
            "{} -> {} because {} ({:?}), comparison {progress}",
            change.from.slug(),
            change.to.slug(),
            change.reason.slug(),
            change.release,
        ),
    }
}

fn check_plan(issue: &WatchedIssue, now: i64, expected: &Expect) {
    expected.assert_eq(&told(&plan(issue, at(now), true)));
}

#[test]
fn open_issues_wait_for_a_release() {
    use IssueStatus::{NotFixed, Open, Regressed};
    for (status, known, released, expected) in [
        (Open, None, None, expect!["nothing"]),
        (Open, None, deploy("1.1", 500), expect!["nothing"]),
        (
            Open,
            None,
            deploy("1.1", 5_000),
            expect![[r#"compare 3560..5000 with 5000..5010 for release "1.1""#]],
        ),
        (Regressed, claim("", 900, Progress::Verified), deploy("1.1", 950), expect!["nothing"]),
        (
            Regressed,
            claim("", 900, Progress::Verified),
            deploy("1.1", 5_000),
            expect![[r#"compare 3560..5000 with 5000..5010 for release "1.1""#]],
        ),
        (
            NotFixed,
            claim("", 4_000, Progress::NotFixed),
            None,
            expect![[r#"compare 2560..4000 with 4950..5010 again for claim """#]],
        ),
        (
            NotFixed,
            claim("", 4_000, Progress::NotFixed),
            deploy("1.1", 5_000),
            expect![[r#"compare 3560..5000 with 5000..5010 for release "1.1""#]],
        ),
        (Open, claim("", 4_000, Progress::Lapsed), None, expect!["nothing"]),
    ] {
        let mut issue = issue(status, 1_000);
        (issue.verification, issue.deploy, issue.last_seen) = (known, released, at(5_000));
        check_plan(&issue, 5_010, &expected);
    }
}

#[test]
fn claims_wait_for_evidence_or_their_release() {
    let awaiting = || claim("1.1", 4_000, Progress::AwaitingRelease);
    let day = 24 * 60;
    for (known, released, awaited, now, expected) in [
        (
            claim("", 4_000, waiting()),
            None,
            None,
            4_010,
            expect![[r#"compare 2560..4000 with 4000..4010 for claim """#]],
        ),
        (
            claim("", 4_000, waiting()),
            deploy("1.1", 4_005),
            None,
            4_010,
            expect![[r#"compare 2560..4000 with 4005..4010 for claim "1.1""#]],
        ),
        (
            claim("1.1", 4_000, waiting()),
            deploy("1.2", 4_005),
            Some(4_000),
            4_010,
            expect![[r#"compare 2560..4000 with 4000..4010 for claim "1.1""#]],
        ),
        (awaiting(), deploy("1.0", 4_005), None, 4_010, expect!["nothing"]),
        (
            awaiting(),
            deploy("1.1", 4_007),
            Some(4_007),
            4_010,
            expect![[r#"compare 2560..4000 with 4007..4010 for claim "1.1""#]],
        ),
        (
            awaiting(),
            deploy("1.1", 3_990),
            Some(3_990),
            4_010,
            expect![[r#"compare 2550..3990 with 3990..4010 for claim "1.1""#]],
        ),
        (
            claim("", 4_000, waiting()),
            None,
            None,
            4_001 + 7 * day,
            expect![[r#"fix_claimed -> open because lapsed (""), comparison lapsed"#]],
        ),
        (
            awaiting(),
            None,
            None,
            4_001 + 7 * day,
            expect![[r#"fix_claimed -> open because lapsed ("1.1"), comparison lapsed"#]],
        ),
    ] {
        let mut issue = issue(IssueStatus::FixClaimed, 4_000);
        (issue.verification, issue.deploy) = (known, released);
        (issue.awaited, issue.last_seen) = (awaited.map(at), at(3_999));
        check_plan(&issue, now, &expected);
    }
}

#[test]
fn an_issue_not_seen_for_days_is_compared_with_its_last_day() {
    let mut issue = issue(IssueStatus::FixClaimed, 9_000);
    (issue.verification, issue.last_seen) = (claim("", 9_000, waiting()), at(5_000));
    check_plan(&issue, 9_010, &expect![[r#"compare 3561..5001 with 9000..9010 for claim """#]]);
}

#[test]
fn ignoring_ends() {
    for (ignored, expected) in [
        (None, expect!["nothing"]),
        (Some(Ignored::Forever), expect!["nothing"]),
        (Some(Ignored::Until(at(5_011))), expect!["nothing"]),
        (
            Some(Ignored::Until(at(5_010))),
            expect![[r#"ignored -> open because due (""), comparison kept"#]],
        ),
        (Some(Ignored::UntilGrown { day_wall_ns: 40 }), expect!["growth from 40 in 3570..5010"]),
    ] {
        let mut issue = issue(IssueStatus::Ignored, 1_000);
        issue.ignored = ignored;
        check_plan(&issue, 5_010, &expected);
    }
    let issue = issue(IssueStatus::Ignored, 1_000);
    for (then, now, ends) in [(40, 79, false), (40, 80, true), (0, 0, false), (0, 1, true)] {
        assert_eq!(grown(&issue, then, now, at(0)).is_some(), ends, "{then} -> {now}");
    }
}

#[test]
fn verified_issues_may_return() {
    let measured = Comparison {
        before: SideFigures { share: 0.35, ..SideFigures::default() },
        ..Comparison::default()
    };
    let mut issue = issue(IssueStatus::Verified, 5_000);
    check_plan(&issue, 5_010, &expect!["nothing"]);
    issue.verification = claim("1.1", 4_000, Progress::Verified)
        .map(|known| Verification { comparison: Some(measured), ..known });
    check_plan(&issue, 5_010, &expect!["return in 5000..5010"]);
    check_plan(&issue, 5_100, &expect!["return in 5070..5100, 5000..5100"]);
    issue.deploy = deploy("1.2", 5_050);
    expect![[r#"verified -> regressed because returned ("1.2"), comparison kept"#]]
        .assert_eq(&change_of(&regressed(&issue, measured, at(5_100))));
}

#[test]
fn verdicts() {
    use IssueStatus::{FixClaimed, NotFixed, Open};
    let needs = Verdict::NotYet(Needs { requests: 3, ..Needs::default() });
    for (status, verdict, again, expected) in [
        (
            FixClaimed,
            Verdict::Verified,
            false,
            expect![[r#"fix_claimed -> verified because measured ("1.1"), comparison verified"#]],
        ),
        (
            Open,
            Verdict::Verified,
            false,
            expect![[r#"open -> verified because measured ("1.1"), comparison verified"#]],
        ),
        (
            FixClaimed,
            Verdict::NotFixed,
            false,
            expect![[r#"fix_claimed -> not_fixed because measured ("1.1"), comparison not_fixed"#]],
        ),
        (Open, Verdict::NotFixed, false, expect!["stays open, comparison not_fixed"]),
        (FixClaimed, needs, false, expect!["stays fix_claimed, comparison waiting"]),
        (NotFixed, needs, true, expect!["no news"]),
        (NotFixed, Verdict::NotFixed, true, expect!["no news"]),
        (
            NotFixed,
            Verdict::Verified,
            true,
            expect![[r#"not_fixed -> verified because measured ("1.1"), comparison verified"#]],
        ),
    ] {
        let issue = issue(status, 1_000);
        let known = claim("1.1", 1_000, waiting()).expect("a claim");
        let judgement = Judgement { verdict, comparison: Comparison::default() };
        let check = conclude(&issue, known, &judgement, again, at(1_010));
        expected.assert_eq(&check.as_ref().map_or("no news".to_owned(), change_of));
    }
}
