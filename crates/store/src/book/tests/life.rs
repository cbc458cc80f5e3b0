//! What people and measurements do with an issue, and what is kept of it.

use std::sync::Arc;

use expect_test::{Expect, expect};
use hotspan_model::comparison::{Comparison, SideFigures};
use hotspan_model::life::{
    Action, ChangeReason, Deploy, DeploySource, Ignore, Ignored, Progress, StateChange,
    Verification,
};
use hotspan_model::{IssueLife, IssueStatus, SegmentRecord, UnixNanos};

use super::super::sample::{plain, with_lookups};
use super::super::{Acted, Check, IssueFilter, WatchedIssue};
use super::{Fixture, START, TimeWindow, minutes};

fn at(minute: i64) -> UnixNanos {
    minutes(minute, minute).from
}

/// An affected request in each of ten minutes, and one that is not.
fn affected() -> (Fixture, i64) {
    let fixture = Fixture::new();
    let records: Vec<SegmentRecord> = (0..10)
        .flat_map(|n| {
            let second = n as i64 * 60 + 30;
            [
                with_lookups(plain(2 * n, "GET /a", second, 1_000), 5, 400),
                plain(2 * n + 1, "GET /a", second, 600),
            ]
        })
        .collect();
    fixture.commit(1, &records);
    let issues = fixture.book.issues(TimeWindow::ALL, &IssueFilter::default()).expect("lists");
    let id = issues[0].id;
    (fixture, id)
}

fn claim(release: &str) -> Action {
    Action::ClaimFix { release: release.to_owned() }
}

fn life_of(fixture: &Fixture, id: i64) -> IssueLife {
    fixture.book.issue(id, TimeWindow::ALL).expect("reads").expect("there").issue.life
}

fn minute_of(time: UnixNanos) -> i64 {
    (time.0 - START.0).div_euclid(60_000_000_000)
}

fn told(life: &IssueLife) -> String {
    let mut lines: Vec<String> = life
        .history
        .iter()
        .map(|change| {
            format!(
                "{}: {} -> {} because {} by {:?} in {:?}{}",
                minute_of(change.at),
                change.from.slug(),
                change.to.slug(),
                change.reason.slug(),
                change.actor,
                change.release,
                change.comparison.map_or(String::new(), |figures| format!(
                    ", {} -> {}",
                    figures.before.share, figures.after.share
                )),
            )
        })
        .collect();
    lines.push(format!("since {}, {:?}", minute_of(life.since), life.ignored));
    if let Some(known) = &life.verification {
        lines.push(format!(
            "{} {:?} from {} {:?}",
            known.origin.slug(),
            known.release,
            minute_of(known.started),
            known.progress
        ));
    }
    lines.join("\n")
}

fn check_life(fixture: &Fixture, id: i64, expected: &Expect) {
    expected.assert_eq(&told(&life_of(fixture, id)));
}

fn measured(before: f64, after: f64) -> Comparison {
    let side = |share: f64| SideFigures { share, samples: 40, ..SideFigures::default() };
    Comparison { before: side(before), after: side(after), ..Comparison::default() }
}

/// The server's verdict on an issue as it is now.
fn verdict(fixture: &Fixture, id: i64, to: IssueStatus, progress: Progress, minute: i64) -> Check {
    let issue = fixture.book.issue(id, TimeWindow::ALL).expect("reads").expect("there").issue;
    let verification = issue.life.verification.clone().map(|known| Verification {
        progress,
        comparison: Some(measured(0.35, 0.0)),
        ..known
    });
    Check {
        issue_id: id,
        status: issue.status,
        since: issue.life.since,
        verification,
        change: Some(StateChange {
            at: at(minute),
            from: issue.status,
            to,
            reason: ChangeReason::Measured,
            actor: String::new(),
            release: "1.1".into(),
            comparison: Some(measured(0.35, 0.0)),
        }),
    }
}

#[test]
fn a_life() {
    let (fixture, id) = affected();
    check_life(&fixture, id, &expect!["since 0, None"]);
    let act = |action: &Action, minute: i64| {
        fixture.book.act_on_issue(id, action, "ann", at(minute)).expect("answers")
    };
    assert_eq!(act(&Action::Reopen, 1), Acted::NotFrom(IssueStatus::Open));
    assert_eq!(act(&claim("1.1"), 20), Acted::Done);
    check_life(
        &fixture,
        id,
        &expect![[r#"
        20: open -> fix_claimed because claimed by "ann" in "1.1"
        since 20, None
        claim "1.1" from 20 AwaitingRelease"#]],
    );
    let check = verdict(&fixture, id, IssueStatus::Verified, Progress::Verified, 30);
    assert!(fixture.book.keep_check(&check).expect("keeps"));
    // The same again, as after a crash: the issue is not any more as it was.
    assert!(!fixture.book.keep_check(&check).expect("keeps"));
    check_life(
        &fixture,
        id,
        &expect![[r#"
        30: fix_claimed -> verified because measured by "" in "1.1", 0.35 -> 0
        20: open -> fix_claimed because claimed by "ann" in "1.1"
        since 30, None
        claim "1.1" from 20 Verified"#]],
    );
    assert_eq!(act(&claim(""), 31), Acted::NotFrom(IssueStatus::Verified));
    let check = verdict(&fixture, id, IssueStatus::Regressed, Progress::Verified, 40);
    assert!(fixture.book.keep_check(&check).expect("keeps"));
    assert_eq!(act(&Action::Ignore(Ignore::Until(at(90))), 50), Acted::Done);
    assert_eq!(act(&claim(""), 60), Acted::Done);
    check_life(
        &fixture,
        id,
        &expect![[r#"
        60: ignored -> fix_claimed because claimed by "ann" in ""
        50: regressed -> ignored because ignored by "ann" in ""
        40: verified -> regressed because measured by "" in "1.1", 0.35 -> 0
        30: fix_claimed -> verified because measured by "" in "1.1", 0.35 -> 0
        20: open -> fix_claimed because claimed by "ann" in "1.1"
        since 60, None
        claim "" from 60 Waiting(Needs { requests: 0, minutes: 0, before: false })"#]],
    );
    assert_eq!(act(&Action::Reopen, 70), Acted::Done);
    assert_eq!(life_of(&fixture, id).verification, None);
    assert_eq!(
        fixture.book.act_on_issue(99, &Action::Reopen, "", at(70)).expect("answers"),
        Acted::NoSuchIssue
    );
}

#[test]
fn a_person_who_was_faster_wins() {
    let (fixture, id) = affected();
    fixture.book.act_on_issue(id, &claim(""), "ann", at(20)).expect("answers");
    let check = verdict(&fixture, id, IssueStatus::NotFixed, Progress::NotFixed, 30);
    fixture.book.act_on_issue(id, &Action::Reopen, "ann", at(29)).expect("answers");
    assert!(!fixture.book.keep_check(&check).expect("keeps"));
    let life = life_of(&fixture, id);
    assert_eq!((life.history.len(), life.verification), (2, None));
}

#[test]
fn ignoring_remembers_what_a_day_cost() {
    for (ignore, kept) in [
        (Ignore::Forever, Ignored::Forever),
        (Ignore::Until(at(500)), Ignored::Until(at(500))),
        // Ten requests that lost 400 ms each.
        (Ignore::UntilGrown, Ignored::UntilGrown { day_wall_ns: 4_000_000_000 }),
    ] {
        let (fixture, id) = affected();
        fixture.book.act_on_issue(id, &Action::Ignore(ignore), "", at(20)).expect("answers");
        assert_eq!(life_of(&fixture, id).ignored, Some(kept));
        let watched = fixture.book.watched_issues(at(21)).expect("lists");
        assert_eq!(watched.len(), usize::from(kept != Ignored::Forever), "{kept:?}");
        fixture.book.act_on_issue(id, &Action::Reopen, "", at(22)).expect("answers");
        assert_eq!(life_of(&fixture, id).ignored, None);
    }
}

#[test]
fn minutes_tell_requests_from_what_the_issue_cost_them() {
    let (fixture, id) = affected();
    // The third minute again, with a request of another release.
    let mut other = plain(90, "GET /a", 3 * 60 + 30, 800);
    other.release = Arc::from("1.1");
    fixture.commit(2, &[other]);
    let windows = [minutes(2, 5), minutes(11, 60)];
    let sides = fixture.book.issue_minutes(id, &windows).expect("reads");
    let told: Vec<Vec<String>> = sides
        .iter()
        .map(|side| {
            side.iter()
                .map(|minute| {
                    format!(
                        "{}: {} of {} requests, {} of {} ms, p100 {} ms",
                        minute.minute - START.minute(),
                        minute.samples_affected,
                        minute.samples,
                        minute.lost_ns / 1_000_000,
                        minute.wall_ns / 1_000_000,
                        minute.sketch.quantile_ns(1.0).unwrap_or_default() / 10_000_000 * 10,
                    )
                })
                .collect()
        })
        .collect();
    expect![[r#"
        [
            [
                "2: 1 of 2 requests, 400 of 1600 ms, p100 990 ms",
                "3: 1 of 3 requests, 400 of 2400 ms, p100 990 ms",
                "4: 1 of 2 requests, 400 of 1600 ms, p100 990 ms",
            ],
            [],
        ]"#]]
    .assert_eq(&format!("{told:#?}"));
    // A minute that began before the window belongs to it no more.
    let part = TimeWindow { from: at(2).plus(1), to: at(4).plus(1) };
    let sides = fixture.book.issue_minutes(id, &[part]).expect("reads");
    let numbers: Vec<i64> =
        sides[0].iter().map(|figures| figures.minute - START.minute()).collect();
    assert_eq!(numbers, [3, 4]);
    assert_eq!(fixture.book.issue_minutes(99, &windows).expect("reads"), [vec![], vec![]]);
}

fn deploys(fixture: &Fixture, id: i64) -> Vec<String> {
    let detail = fixture.book.issue(id, TimeWindow::ALL).expect("reads").expect("there");
    let line = |deploy: &Deploy| {
        format!("{} {} {}", minute_of(deploy.at), deploy.release, deploy.source.slug())
    };
    detail.deploys.iter().map(line).collect()
}

fn told_deploy(release: &str, minute: i64) -> Deploy {
    Deploy {
        project: "default".into(),
        service: "shop".into(),
        release: release.into(),
        environment: "production".into(),
        at: at(minute),
        source: DeploySource::Told,
    }
}

#[test]
fn releases_are_seen_once_at_their_first_request() {
    let (fixture, id) = affected();
    assert_eq!(deploys(&fixture, id), ["0 1.0 seen"]);
    let released = |n: u64, minute: i64| {
        let mut record = plain(n, "GET /a", minute * 60, 100);
        record.release = Arc::from("1.1");
        record
    };
    // The later request is committed first, and everything twice.
    for _ in 0..2 {
        fixture.commit(2, &[released(101, 21)]);
        fixture.commit(3, &[released(100, 20)]);
    }
    assert_eq!(deploys(&fixture, id), ["0 1.0 seen", "20 1.1 seen"]);
    for (release, minute, new) in
        [("1.2", 30, true), ("1.2", 35, false), ("1.2", 45, true), ("1.3", 45, true)]
    {
        let kept = fixture.book.add_deploy(&told_deploy(release, minute)).expect("keeps");
        assert_eq!(kept, new, "{release} at {minute}");
    }
    assert_eq!(deploys(&fixture, id)[2..], ["30 1.2 told", "45 1.2 told", "45 1.3 told"]);
}

fn watched(fixture: &Fixture, now: i64) -> Vec<WatchedIssue> {
    fixture.book.watched_issues(at(now)).expect("lists")
}

#[test]
fn open_issues_are_watched_once_a_release_went_out() {
    let (fixture, id) = affected();
    assert_eq!(watched(&fixture, 60), []);
    fixture.book.add_deploy(&told_deploy("1.1", 20)).expect("keeps");
    assert_eq!(watched(&fixture, 19), []);
    let listed = watched(&fixture, 60);
    assert_eq!(listed.len(), 1);
    let deploy = listed[0].deploy.as_ref().expect("a deploy");
    assert_eq!((listed[0].id, deploy.release.as_str()), (id, "1.1"));
    assert_eq!(minute_of(listed[0].last_seen), 9);
}

#[test]
fn a_claimed_release_is_awaited_until_it_went_out() {
    let (fixture, id) = affected();
    fixture.book.act_on_issue(id, &claim("1.1"), "", at(20)).expect("answers");
    assert_eq!(watched(&fixture, 60)[0].awaited, None);
    fixture.book.add_deploy(&told_deploy("1.1", 22)).expect("keeps");
    assert_eq!(watched(&fixture, 60)[0].awaited, Some(at(22)));
    let mut record = plain(100, "GET /a", 25 * 60, 100);
    record.release = Arc::from("1.1");
    fixture.commit(2, &[record]);
    assert_eq!(watched(&fixture, 60)[0].awaited, Some(at(25)));
    assert_eq!(
        watched(&fixture, 60)[0].verification.as_ref().map(|known| known.progress),
        Some(Progress::AwaitingRelease)
    );
}

#[test]
fn history_is_bounded() {
    let (fixture, id) = affected();
    for minute in 0..600 {
        fixture.book.act_on_issue(id, &claim(""), "", at(minute)).expect("answers");
    }
    let history = life_of(&fixture, id).history;
    assert_eq!((history.len(), minute_of(history[0].at)), (50, 599));
}
